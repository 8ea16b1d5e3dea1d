# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""No file is longer than a reader can hold, and each test file is one that Odoo loads."""

import re

import pytest
from conftest import ROOT

LONGEST = 500
#: Folders of this repository; what is generated or vendored stands elsewhere.
OURS = ("controllers", "data", "demo", "dev", "marketplaces", "models", "sandbox", "security", "static", "tests")
OURS += ("tests_e2e", "tests_plain", "transport", "views", "wizards")


def files(folder):
    found = folder.glob("*") if folder == ROOT else folder.rglob("*")
    return sorted(path for path in found if path.suffix in (".py", ".js", ".xml") and "node_modules" not in path.parts)


def too_long(paths):
    lengths = {path: path.read_text().count("\n") for path in paths}
    return [f"{path}: {length} lines" for path, length in lengths.items() if length > LONGEST]


@pytest.mark.parametrize("folder", [".", *OURS])
def test_no_file_has_more_lines_than_one_can_hold(folder):
    found = files(ROOT / folder)
    assert found, folder
    assert not too_long(found), f"more than {LONGEST} lines: move whole classes to a file named after what they do"


def test_a_file_that_is_too_long_is_found(tmp_path):
    for name, lines in (("good.py", LONGEST), ("long.js", LONGEST + 1), ("long.xml", 999), ("long.po", 9999)):
        (tmp_path / name).write_text("x\n" * lines)
    assert [line.split("/")[-1] for line in too_long(files(tmp_path))] == ["long.js: 501 lines", "long.xml: 999 lines"]


def test_each_test_file_is_loaded_by_odoo():
    loaded = re.findall(r"^from \. import (\w+)$", (ROOT / "tests/__init__.py").read_text(), re.MULTILINE)
    assert sorted(loaded) == sorted(path.stem for path in (ROOT / "tests").glob("test_*.py"))
