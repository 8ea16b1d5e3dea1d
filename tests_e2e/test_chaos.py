"""A short run of `make chaos`, always the same decisions; the long one draws its own."""

import os

import pytest

from dev.chaos.plan import SHORT
from dev.chaos.run import run
from dev.odoo_source import WRITTEN_FOR


@pytest.mark.skipif(
    not os.environ.get("CHAOS") or os.environ.get("SERIES") != WRITTEN_FOR,
    reason="what it draws by chance may still meet what it can't explain: CHAOS=1 runs it, on the series of the source",
)
def test_nothing_is_lost_doubled_or_shown_while_workers_and_database_are_killed():
    report = run("make test", SHORT, "short")
    print(report.table())
    assert report.done["RPC calls answered"], report.table()
    assert any(what.startswith("SIGKILL") for what in report.done), report.table()
    assert report.kept, report.table()
