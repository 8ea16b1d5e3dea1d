"""The addon for a newer Odoo: a copy with the rewrites of `port_rules.py`, refused while an old word is left.

The source is written for 17.0. Some old words would not fail on newer series but be passed over in silence (a
constraint that is never made, a kanban view that opens empty), hence the refusal.

    make port      writes the addon for 19.0 (SERIES=18.0: for that) and says where
"""

import ast
import fnmatch
import os
import re
import shutil
from pathlib import Path

from .common import MODULE, ROOT, Stop, say, state_dir
from .port_rules import OLD_WORDS, RULES, TRANSFORMATIONS, until

# Not part of the addon; `sandbox` stays, since the tests use it.
LEFT_OUT = {"dev", "tests_plain", "tests_e2e", "docs", "readme", "node_modules", "Makefile", "eslint.config.mjs"}
TEXT = {".py", ".xml", ".js", ".csv", ".scss", ".css", ".sql", ".md"}


def main():
    newest = max(RULES)
    series = os.environ.get("SERIES") or newest
    if series not in RULES:
        raise Stop(f"SERIES={series}: ported to {' and '.join(RULES)}")
    folder = state_dir() / f"addons-{series}" / MODULE
    folder.parent.mkdir(exist_ok=True)
    port(ROOT, folder, series)
    print(folder)
    return 0


def port(source, target, series):
    """Make `target` the port of `source`; files that did not change keep their date."""
    if target.is_symlink():
        target.unlink()
    write(target, rewritten(source, addon_files(source), series))
    say(f"ported to {target}")
    return target


def rewritten(source, names, series):
    """Content of the files by their names, refused while an old word is left."""
    wanted = {name: content(Path(source) / name, name, series) for name in names}
    left = [
        complaint
        for name, data in wanted.items()
        if is_text(name)
        for complaint in old_words(name, data.decode(), series)
    ]
    if left:
        raise Stop("\n".join(left) + f"\nthe port to {series} leaves old words: add a rule to dev/port_rules.py")
    return wanted


def addon_files(source):
    """Names of the addon's files, below `source`."""
    for folder, folders, files in os.walk(source):
        inside = os.path.relpath(folder, source)
        hidden = {name for name in folders if name.startswith(".") or name == "__pycache__"}
        folders[:] = sorted(set(folders) - hidden - (LEFT_OUT if inside == "." else set()))
        for name in sorted(files):
            if not name.startswith(".") and name not in LEFT_OUT and not name.endswith((".pyc", ".md")):
                yield os.path.normpath(os.path.join(inside, name))


def is_text(name):
    return Path(name).suffix in TEXT


def content(path, name, series):
    data = path.read_bytes()
    return rewrite(name, data.decode(), series).encode() if is_text(name) else data


def rewrite(name, text, series):
    """One file's text after all transformations and rules that apply to its name."""
    for files, transformation in until(TRANSFORMATIONS, series):
        if fnmatch.fnmatch(name, files):
            text = transformation(text)
    for rule in until(RULES, series):
        if any(fnmatch.fnmatch(name, files) for files in rule.files):
            text = re.sub(rule.pattern, rule.replacement.replace("{series}", series), text, flags=re.M | re.S)
    if name.endswith(".py"):
        check_syntax(name, text)
    return text


def check_syntax(name, text):
    try:
        ast.parse(text, name)
    except SyntaxError as error:
        raise Stop(f"{name}:{error.lineno}: is no Python any more after the rewrites: {error.msg}") from error


def old_words(name, text, series):
    """Complaints, one a line of `file:line: word (reason)`."""
    for rule in until(OLD_WORDS, series):
        if not any(fnmatch.fnmatch(name, files) for files in rule.files):
            continue
        for found in re.finditer(rule.pattern, text, re.M):
            line = text.count("\n", 0, found.start()) + 1
            yield f"{name}:{line}: {found[0].strip()!r} is left ({rule.reason})"


def write(target, wanted):
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(target.rglob("*"), reverse=True):
        name = str(path.relative_to(target))
        if path.is_file() and name not in wanted and path.suffix != ".pyc":
            path.unlink()
        elif path.is_dir() and path.name != "__pycache__" and not has_files(name, wanted):
            shutil.rmtree(path)
    for name, data in wanted.items():
        path = target / name
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def has_files(folder, wanted):
    return any(name.startswith(f"{folder}{os.sep}") for name in wanted)
