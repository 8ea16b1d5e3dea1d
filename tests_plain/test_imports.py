# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Imports run one way; nothing here may need Odoo."""

import ast
import sys

import pytest
from conftest import ROOT

STANDARD = set(sys.stdlib_module_names)
#: Part → what it may import beside the standard library and itself.
ALLOWED = {"schemas.py": set(), "transport": {"requests"}, "sandbox": {"werkzeug", "cryptography"}}


def files(part):
    path = ROOT / part
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def imported(path):
    """``(line, name)`` of every import; a relative one has its dots."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("__import__", "import_module"):
            yield node.lineno, ast.unparse(node)


def wrong(path, name, part):
    depth = len(path.relative_to(ROOT).parts) - 1
    if name.startswith("."):
        return len(name) - len(name.lstrip(".")) > max(depth, 0)
    top = name.partition(".")[0]
    return top not in STANDARD and top not in ALLOWED[part]


@pytest.mark.parametrize("part", list(ALLOWED))
def test_each_part_imports_only_what_it_may(part):
    found = files(part)
    assert found
    bad = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in found
        for line, name in imported(path)
        if wrong(path, name, part)
    ]
    assert not bad, "\n".join(bad)


def test_the_check_itself_sees_a_wrong_import(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "transport").mkdir()
    path = tmp_path / "transport" / "x.py"
    path.write_text("from odoo import api\nimport json\nfrom ..models import x\nfrom . import y\nimport werkzeug\n")
    found = [name for _line, name in imported(path) if wrong(path, name, "transport")]
    assert found == ["odoo", "..models", "werkzeug"]


def marked(path):
    """The lines of the texts that are found for translation."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if getattr(call.func, "id", "") == "_"]


def test_no_text_of_the_sandbox_is_marked_for_translation():
    for path in files("sandbox"):
        assert not marked(path), path


def test_what_the_transport_marks_for_translation_keeps_what_it_is_made_of():
    for path in files("transport"):
        names = [name for _line, name in imported(path)]
        assert not marked(path) or path.name == "words.py" or ".words" in names, path


def test_the_addon_imports_neither_sandbox_nor_dev():
    parts = ("models", "marketplaces", "controllers", "wizards", "transport", "schemas.py", "__init__.py")
    bad = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for part in parts
        for path in files(part)
        for line, name in imported(path)
        if {"sandbox", "dev"} & set(name.strip(".").split("."))
    ]
    assert not bad, "\n".join(bad)


def test_odoo_was_not_loaded_by_these_tests():
    assert "odoo" not in sys.modules
