"""A short run of `make chaos`, always the same decisions; the long one draws its own."""

from dev.chaos.plan import SHORT
from dev.chaos.run import run


def test_nothing_is_lost_doubled_or_shown_while_workers_and_database_are_killed():
    report = run("make test", SHORT, "short")
    print(report.table())
    assert report.done["RPC calls answered"], report.table()
    assert any(what.startswith("SIGKILL") for what in report.done), report.table()
    assert report.kept, report.table()
