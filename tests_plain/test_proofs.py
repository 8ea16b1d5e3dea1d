# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What `make coverage` and `make mutants` take for a raise, and for the same mutant, and which tests they run."""

import pytest
from cartona_integration.dev import test as dev_test
from cartona_integration.dev.common import Stop
from cartona_integration.dev.coverage import PRODUCT, ROOT, STAGES, folder_of, raises_in
from cartona_integration.dev.mutants import TARGETS, change, judges_of

CODE = "def check(value):\n    if value > 1:\n        raise ValueError(\n            value\n        )\n"


def test_a_raise_is_named_by_the_line_where_it_begins(tmp_path):
    (tmp_path / "code.py").write_text(CODE + "# raise nothing\n\ntext = 'raise nothing'\n")
    assert raises_in(tmp_path / "code.py") == [(3, "raise ValueError(")]


def test_every_folder_of_the_product_is_measured():
    dirs = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    outside = {"dev", "sandbox", "tests", "tests_plain", "tests_e2e"}
    assert dirs - outside <= set(PRODUCT)
    assert folder_of("models/sale_order.py") == "models"


def test_an_accepted_mutant_is_known_wherever_its_line_stands():
    mutant = CODE.replace("value > 1", "value >= 1")
    known = ("schemas.py", "if value > 1:", "if value >= 1:")
    assert change(CODE, mutant, "schemas.py") == known
    assert change("import os\n" + CODE, "import os\n" + mutant, "schemas.py") == known


def test_what_is_mutated_and_the_tests_that_judge_it_are_there():
    for name, words in TARGETS.items():
        for path in (name, *judges_of(words)):
            assert (ROOT / path).is_file(), path


def test_a_part_of_a_file_is_chosen_for_coverage_as_for_the_tests(monkeypatch):
    monkeypatch.setenv("T", "tests/test_a.py tests_e2e/test_b.py -k part")
    assert dev_test.chosen(STAGES) == {"tests": ["tests/test_a.py", "-k", "part"]}
    monkeypatch.setenv("T", "")
    assert dev_test.chosen(STAGES) == {"tests_plain": [], "tests": []}
    monkeypatch.setenv("T", "tests_e2e/test_b.py")
    with pytest.raises(Stop, match="name a file or folder"):
        dev_test.chosen(STAGES)
