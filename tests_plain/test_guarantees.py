# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""docs/GUARANTEES.md names the tests that keep its promises: they are there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROMISES = (ROOT / "docs" / "GUARANTEES.md").read_text(encoding="utf-8")
FOLDERS = ("tests", "tests_plain", "tests_e2e")


def source_of(name):
    found = [path for folder in FOLDERS if (path := ROOT / folder / name).exists()]
    assert found, f"{name} is in none of {', '.join(FOLDERS)}"
    return found[0].read_text(encoding="utf-8")


def test_every_promise_names_tests_that_exist():
    named = re.findall(r"`((?:test_\w+|contract)\.py)(?:::(test_\w+))?`", PROMISES)
    assert len(named) > 40
    for name, test in named:
        source = source_of(name)
        assert not test or re.search(rf"def {test}\(", source), f"{name} has no {test}"


def test_every_promise_is_shown_by_something():
    rows = [line for line in PROMISES.splitlines() if line.startswith("| ") and not line.startswith("| promise")]
    assert len(rows) > 20
    for row in rows:
        _left, _promise, _how, shown, measured, _right = row.split("|")
        assert "`" in shown, row
        assert measured.strip(), f"what was measured last, or –: {row}"
