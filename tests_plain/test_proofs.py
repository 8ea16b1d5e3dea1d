# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What `make coverage` and `make mutants` take for a raise, for the same mutant and for noticed, and which tests they
run."""

import os
import sys

import pytest
from cartona_integration.dev import test as dev_test
from cartona_integration.dev.common import Stop
from cartona_integration.dev.coverage import PRODUCT, ROOT, STAGES, folder_of, raises_in
from cartona_integration.dev.mutants import ENDLESS, KILLED, SURVIVED, TARGETS, change, judge_all, judges_of
from cartona_integration.dev.mutants_accepted import reason
from cartona_integration.dev.mutants_judge import FAIL, LATE, PASS, run

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
    decorated = "# === hooks\n\n@cached\n" + CODE
    assert change(decorated, CODE, "schemas.py") == ("schemas.py", "@cached", "")


@pytest.mark.parametrize(
    ("before", "after", "may"),
    [
        ("a = fields.Char(readonly=True, copy=False)", "a = fields.Char(readonly=False, copy=False)", True),
        ("a = fields.Char(readonly=True, copy=False)", "a = fields.Char(readonly=True, copy= True)", False),
        ("@dataclass(frozen=True)", "@dataclass(frozen=False)", True),
        ("if a > 1:", "if a >= 1:", False),
    ],
)
def test_what_the_database_is_made_of_may_survive_and_other_mutants_only_with_a_reason(before, after, may):
    assert bool(reason("models/any.py", before, after)) is may


def test_what_is_mutated_and_the_tests_that_judge_it_are_there():
    for name, words in TARGETS.items():
        for path in (name, *judges_of(words)):
            assert (ROOT / path).is_file(), path


@pytest.mark.parametrize(("code", "verdict"), [("0", PASS), ("1", FAIL), ("__import__('time').sleep(60)", LATE)])
def test_tests_that_come_to_no_end_are_told_apart_from_those_that_fail(tmp_path, code, verdict):
    command = [sys.executable, "-c", f"raise SystemExit({code})"]
    assert run(command, dict(os.environ), tmp_path, seconds=2 if verdict == LATE else 60) == verdict


class Verdicts:
    """In place of tests that read `code.py`: a verdict for each time that they run, the mutant of it kept."""

    def __init__(self, path, *verdicts):
        self.path, self.verdicts, self.judged = path, list(verdicts), []

    def verdict(self, _words):
        self.judged.append(self.path.read_text())
        return self.verdicts.pop(0)


def test_a_mutant_whose_tests_come_to_no_end_is_judged_again_when_all_others_are_done(tmp_path, capsys):
    path = tmp_path / "code.py"
    path.write_text(CODE)
    mutants = [CODE.replace("> 1", f"> {number}") for number in (2, 3, 4, 5)]
    tests = Verdicts(path, LATE, LATE, FAIL, LATE, PASS, FAIL, LATE)
    counted = judge_all(tests, tmp_path, {"code.py": []}, {"code.py": mutants})
    assert tests.judged == [*mutants, mutants[0], mutants[1], mutants[3]]
    assert (counted[KILLED], counted[SURVIVED], counted[ENDLESS], path.read_text()) == (2, 1, 1, CODE)
    told = capsys.readouterr()
    assert "+    if value > 2:" in told.out, "the one that survived"
    assert "4 mutants, 1 killed, 0 accepted, 0 survived, 3 without an end" in told.out + told.err


def test_a_part_of_a_file_is_chosen_for_coverage_as_for_the_tests(monkeypatch):
    monkeypatch.setenv("T", "tests/test_a.py tests_e2e/test_b.py -k part")
    assert dev_test.chosen(STAGES) == {"tests": ["tests/test_a.py", "-k", "part"]}
    monkeypatch.setenv("T", "")
    assert dev_test.chosen(STAGES) == {"tests_plain": [], "tests": []}
    monkeypatch.setenv("T", "tests_e2e/test_b.py")
    with pytest.raises(Stop, match="name a file or folder"):
        dev_test.chosen(STAGES)
