"""`make coverage`: which lines and branches the tests run, by folder, and each `raise` that none of them reaches.

The plain tests and the Odoo tests run under coverage.py, on the series the source is written in; T= chooses tests as in
`make test`. REPORT=1 prints the figures of the last run again.
"""

import ast
import json
import os
import shutil
from pathlib import Path

from . import test
from .common import ROOT, Stop, call, digest, say, state_dir
from .odoo_source import WRITTEN_FOR, resolve
from .python_env import DEV, cache_dir, environment, install

PINS = DEV / "requirements-coverage.txt"
PRODUCT = (
    "schemas.py", "encryption.py", "database.py", "hooks.py", "compat.py", "screen.py",
    "transport", "marketplaces", "models", "controllers", "wizards",
)  # fmt: skip
# Those of `make test` that run in one process.
STAGES = {test.PLAIN: test.plain, test.ODOO: test.odoo}
FIGURES = ("num_statements", "covered_lines", "num_branches", "covered_branches")


def main():
    folder = state_dir() / "coverage"
    if not os.environ.get("REPORT"):
        chosen = test.chosen(STAGES)
        os.environ["SERIES"] = WRITTEN_FOR
        if test.ODOO in chosen:
            resolve()  # said now, not after the plain tests
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        failed = run(folder, chosen)
        tool("combine", "--quiet", f"--data-file={folder}/all", folder)
    elif not (folder / "all").exists():
        raise Stop("nothing was measured yet: make coverage")
    else:
        failed = []
    tool("json", "--quiet", f"--data-file={folder}/all", "-o", folder / "all.json")
    report(json.loads((folder / "all.json").read_text())["files"])
    say(f"{', '.join(failed)} failed" if failed else f"line by line: {folder / 'all.json'}")
    return 1 if failed else 0


def run(folder, chosen):
    """Run what is chosen of the stages; each leaves a file of data. Gives those that failed."""
    measured = ("run", "--branch", "--parallel-mode", f"--data-file={folder}/all", f"--source={ROOT}")
    test.RUN = (*start(), *measured, "--omit=*/tests*/*,*/dev/*,*/__manifest__.py", "-m", "pytest")
    return [stage for stage, words in chosen.items() if STAGES[stage](words)]


def start():
    """What starts coverage.py from a folder of its own, in the Python that has the tests' requirements.

    The folder comes last on the path, so that nothing of Odoo is shadowed; and another tool in the pins of a series
    would have every checkout install Odoo anew.
    """
    python = environment(WRITTEN_FOR)
    folder = cache_dir() / f"coverage-{digest(PINS.read_text(), python)}"
    if not folder.exists():
        install(python, ["--no-deps", "--target", folder, "-r", PINS])
    return "-c", f"import sys; sys.path.append({str(folder)!r}); from coverage.cmdline import main; sys.exit(main())"


def tool(*arguments):
    call([environment(WRITTEN_FOR), *start(), *arguments], cwd=ROOT)


def report(files):
    files = {name: content for name, content in files.items() if folder_of(name) in (*PRODUCT, "sandbox")}
    print(f"\n{'':20}{'lines':>8}{'run':>8}{'%':>8}{'branches':>10}{'run':>8}{'%':>8}")
    for folder in sorted(set(map(folder_of, files)), key=lambda name: (*PRODUCT, "sandbox").index(name)):
        row(folder, [files[name]["summary"] for name in files if folder_of(name) == folder])
    product = {name: content for name, content in files.items() if folder_of(name) in PRODUCT}
    row("product", [content["summary"] for content in product.values()])
    raises = {name: raises_in(ROOT / name) for name in product}
    missed = [
        (name, line, text)
        for name, lines in sorted(raises.items())
        for line, text in lines
        if line in product[name]["missing_lines"]
    ]
    print(f"\n{sum(map(len, raises.values()))} raises, {len(missed)} that no test reaches")
    for name, line, text in missed:
        print(f"  {name}:{line}  {text}")


def folder_of(name):
    return Path(name).parts[0]


def row(title, summaries):
    lines, ran, branches, taken = (sum(summary[figure] for summary in summaries) for figure in FIGURES)
    print(f"{title:20}{lines:8}{ran:8}{share(ran, lines)}{branches:10}{taken:8}{share(taken, branches)}")


def share(part, whole):
    return f"{100 * part / whole:8.1f}" if whole else f"{'':8}"


def raises_in(path):
    """Number and text of each line of a file where a `raise` begins, but for what a contract leaves to others."""
    source = path.read_text()
    lines = source.splitlines()
    found = sorted(node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Raise))
    texts = ((number, lines[number - 1].strip()) for number in found)
    return [(number, text) for number, text in texts if text != "raise NotImplementedError"]
