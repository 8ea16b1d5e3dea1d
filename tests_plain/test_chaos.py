# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What `make chaos` decides and judges, without breaking anything."""

from cartona_integration.dev.chaos.canary import Canaries
from cartona_integration.dev.chaos.logbook import judge
from cartona_integration.dev.chaos.plan import FULL, SHORT, STRIKE_RATE, Plan

NOON = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC
LOST = (
    "2023-11-14 22:13:{:02d},000 7 ERROR db odoo.sql_db: bad query: SELECT 1\nERROR: terminating connection due to x\n"
)


def decisions(plan):
    return plan.orders, plan.users, plan.strikes(), [plan.generator("kill").random() for _n in range(3)]


def test_a_seed_decides_the_same_again_and_another_one_something_else():
    assert decisions(Plan("one", SHORT)) == decisions(Plan("one", SHORT))
    assert decisions(Plan("one", SHORT)) != decisions(Plan("two", SHORT))


def test_the_plan_holds_what_is_promised():
    plan = Plan("any", FULL)
    assert len(plan.orders) == 200
    assert sum(plan.summary().values()) >= 2000
    assert {order.way for order in plan.orders} == {"pull", "webhook", "webhooks"}
    assert {order.fate for order in plan.orders} >= {"deliver", "cancel", "customer_cancels", "customer_edits", "otp"}


def test_no_two_people_change_the_same_product():
    owners = {}
    for user, changes in enumerate(Plan("any", FULL).users):
        for change in changes:
            for index, _value in change.items:
                assert owners.setdefault(index, user) == user


def test_the_sandbox_strikes_as_many_calls_as_said():
    spared = 1.0
    for strike in Plan("any", FULL).strikes():
        spared *= 1 - strike["probability"]
    assert abs(1 - spared - STRIKE_RATE) < 1e-9


def test_an_error_is_explained_by_what_was_broken_shortly_before_and_by_nothing_else(tmp_path):
    log = tmp_path / "log"
    log.write_text(LOST.format(25) + LOST.format(50) + "2023-11-14 22:13:51,000 7 INFO db x: fine\n")
    assert judge(log, [(NOON, "PostgreSQL restarted (fast)")]) == ({"PostgreSQL went away": 2}, [])
    assert len(judge(log, [(NOON + 25, "SIGKILL WorkerHTTP")])[1]) == 2
    assert len(judge(log, [(NOON - 30, "PostgreSQL restarted (fast)")])[1]) == 1


def test_errors_of_our_own_are_explained_by_nothing(tmp_path):
    log = tmp_path / "log"
    log.write_text(
        "2023-11-14 22:13:21,000 7 ERROR db odoo.addons.x: failed\nTraceback (most recent call last):\nKeyError: 'x'\n"
        "2023-11-14 22:13:22,000 7 ERROR db odoo.sql_db: bad query: UPDATE marketplace_listing SET x\n"
        "ERROR: could not serialize access due to concurrent update\n"
    )
    everything = [(NOON, "PostgreSQL restarted (fast)"), (NOON, "SIGKILL WorkerHTTP")]
    assert len(judge(log, everything)[1]) == 2


def test_a_secret_is_found_with_its_table_and_column():
    canaries = Canaries()
    dump = [
        "COPY public.mail_message (id, body) FROM stdin;\n",
        f"1\t<p>{canaries.otp}</p>\n",
        "\\.\n",
        "COPY public.marketplace_config (id, auth_token) FROM stdin;\n",
        f"1\t{canaries.token}\n",
    ]
    assert canaries.places(dump) == {
        ("otp", "mail_message", "body"): 1,
        ("token", "marketplace_config", "auth_token"): 1,
    }


def test_a_cursor_that_was_never_opened_is_explained_whenever_it_is_collected(tmp_path):
    log = tmp_path / "log"
    head = "2023-11-14 22:13:21,000 7 WARNING db odoo.sql_db: Cursor not closed explicitly\n"
    ignored = "Exception ignored in: <function Cursor.__del__ at 0x7f>\nTraceback (most recent call last):\n"
    log.write_text(f"{head}{ignored}RecursionError: maximum recursion depth exceeded\n{head}{ignored}KeyError: 1\n")
    explained, unexplained = judge(log, [])
    assert explained == {"a cursor that was never opened": 1}
    assert len(unexplained) == 1
    cut_off = '  File "sql_db.py", line 494, in __getattr__\n    return getattr(self._obj, name)\n'
    log.write_text(f"{head}{ignored}{cut_off}{head}{ignored}KeyError: 1\n")
    explained, unexplained = judge(log, [])
    assert (explained, len(unexplained)) == ({"a cursor that was never opened": 1}, 1)
