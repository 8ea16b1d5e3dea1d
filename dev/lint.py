"""`make lint`: the gates, each by its name; `.pre-commit-config.yaml` calls the same ones.

`python -m dev lint` runs all, `python -m dev lint prettier` one; FIX=1 lets the tools repair what they can.
"""

import os
import subprocess

from . import npm
from .addon import addons_path
from .common import MODULE, ROOT, Stop, say, state_dir, tracked
from .dist import files
from .odoo_source import WRITTEN_FOR
from .port import write
from .python_env import environment

PRETTIER = ["prettier@3.9.7", "@prettier/plugin-xml@3.4.2"]
ESLINT = "eslint@9.39.1"
PRETTIER_FILES = (".xml", ".js", ".mjs", ".css", ".scss", ".json", ".yml")
BINARY = (".png", ".po", ".pot")  # Odoo writes its catalogues as it likes
# README.md is the user's document; Odoo reads headers in any case, numbers by the field's type, and titles its lists.
NOT_OURS = (
    "prefer-readme-rst", "xml-header-wrong", "xml-field-numeric-without-eval", "xml-deprecated-tree-attribute",
)  # fmt: skip


def main(*names):
    unknown = set(names) - set(GATES)
    if unknown:
        raise Stop(f"no gate {', '.join(unknown)}: choose from {', '.join(GATES)}")
    failed = [name for name in names or GATES if not GATES[name]()]
    say(f"lint: {', '.join(failed)} failed" if failed else "lint: all gates passed")
    return 1 if failed else 0


def fixing():
    return bool(os.environ.get("FIX"))


def gate(command, **kwargs):
    return not subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, **kwargs).returncode


def tool(name):
    return environment("lint").parent / name


def ruff():
    return gate([tool("ruff"), "check", *(["--fix"] if fixing() else []), "."], cwd=ROOT)


def ruff_format():
    return gate([tool("ruff"), "format", *([] if fixing() else ["--diff"]), "."], cwd=ROOT)


def pylint():
    """Through the link, since pylint-odoo takes a module's name from its folder."""
    command = [tool("pylint"), f"--rcfile={ROOT / '.pylintrc'}", MODULE]
    return gate(command, cwd=addons_path(WRITTEN_FOR))


def prettier():
    files = [name for name in tracked() if name.endswith(PRETTIER_FILES) and "/lib/" not in name]
    if not files:
        say("prettier: no XML or JavaScript yet")
        return True
    modules = npm.modules("prettier", *PRETTIER)
    plugin = modules / "@prettier" / "plugin-xml" / "src" / "plugin.js"
    mode = "--write" if fixing() else "--check"
    return gate([modules / ".bin" / "prettier", mode, "--log-level=warn", f"--plugin={plugin}", *files], cwd=ROOT)


def eslint():
    tool = npm.modules("eslint", ESLINT) / ".bin" / "eslint"
    config = ROOT / "eslint.config.mjs"
    return gate([tool, "--max-warnings=0", "-c", config, *(["--fix"] if fixing() else []), "static"], cwd=ROOT)


def oca():
    """OCA's checks of views, data and translations, on the addon as it is packed: where a repository's root is the
    module they find none, and say that all is well."""
    folder = state_dir() / "oca" / MODULE
    write(folder, files(WRITTEN_FOR))
    module = gate([tool("oca-checks-odoo-module"), f"--disable={','.join(NOT_OURS)}", MODULE], cwd=folder.parent)
    translations = sorted((ROOT / "i18n").glob("*.po*"))
    return gate([tool("oca-checks-po"), "--disable=po-pretty-format", *translations]) and module


def text():
    """Small things of all text files."""
    names = [name for name in tracked() if not name.endswith(BINARY)]
    checks = ("trailing-whitespace-fixer", "end-of-file-fixer", "mixed-line-ending", "check-case-conflict",
              "check-merge-conflict")  # fmt: skip
    kinds = {"check-json": ".json", "check-yaml": (".yml", ".yaml"), "check-toml": ".toml", "check-xml": ".xml",
             "debug-statement-hook": ".py"}  # fmt: skip
    commands = [[check, *names] for check in checks]
    commands += [[check, *(name for name in names if name.endswith(kind))] for check, kind in kinds.items()]
    return all([gate([tool(check), *of], cwd=ROOT) for check, *of in commands])


GATES = {
    "ruff": ruff, "format": ruff_format, "pylint": pylint, "oca": oca, "prettier": prettier, "eslint": eslint,
    "text": text,
}  # fmt: skip
