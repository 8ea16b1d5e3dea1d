# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What `make chaos` decides and judges, without breaking anything."""

import base64
from pathlib import Path
from types import SimpleNamespace

import pytest
from cartona_integration.dev.chaos.canary import Canaries, search
from cartona_integration.dev.chaos.logbook import judge
from cartona_integration.dev.chaos.people import REFUSED, Notes, Person
from cartona_integration.dev.chaos.plan import FULL, SHORT, STRIKE_RATE, Plan
from cartona_integration.dev.chaos.truth import Truth
from cartona_integration.dev.rpc import RpcError

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


@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
def test_a_secret_is_found_within_what_was_encoded(before):
    canaries = Canaries()
    text = f"{before}{canaries.token}:more".encode()
    assert canaries.within(base64.b64encode(text).decode()) == ["token"]
    assert canaries.within(text.hex()) == ["token"]
    assert canaries.within(base64.b64encode(text[:-16]).decode()) == []


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


def test_only_what_a_driver_proves_himself_by_may_stand_readable_anywhere(tmp_path):
    canaries, system = Canaries(), SimpleNamespace(database="x")
    dump = f"""COPY public.marketplace_config (id, auth_token) FROM stdin;
1\t{canaries.token}
\\.
COPY public.marketplace_inbox (id, private) FROM stdin;
1\t{canaries.pickup_otp}
\\.
"""
    (tmp_path / "log").write_text(canaries.webhook_secret)
    system.cluster = SimpleNamespace(tool=lambda *words: Path(words[3]).write_text(dump))
    system.stack = SimpleNamespace(log=tmp_path / "log", instance=SimpleNamespace(data_dir=tmp_path))
    looked_at, wrong, kept = search(system, canaries)
    assert (looked_at, wrong) == (
        3, ["token in marketplace_config.auth_token, 1 times", f"webhook_secret in {tmp_path / 'log'}"]
    )  # fmt: skip
    assert [(what, count) for what, count, _why in kept] == [("planted pickup_otp in marketplace_inbox.private", 1)]


@pytest.mark.parametrize(
    ("raised", "plain"),
    [("UserError: No", True), ("ValidationError: No", True), ("AccessError: No", False), ("MissingError: No", False)],
)
def test_of_what_is_refused_only_the_plain_reason_is_an_answer(raised, plain):
    notes = Notes()
    details = f"odoo.exceptions.UserError: before\nTraceback (most recent call last):\nodoo.exceptions.{raised}\nmore"
    Person(None, notes, "chaos0")._judge("sale.order.action_confirm", RpcError("No S00012", details))
    assert (len(notes.tracebacks), sum(notes.counts.values())) == ((0, 1) if plain else (1, 0))


def test_many_refusals_are_a_fault_and_a_few_are_none():
    notes = Notes()
    notes.count("RPC calls answered", 1000)
    notes.count(f"{REFUSED}Try again", 5)
    assert notes.refusals() == (5, [])
    notes.count(f"{REFUSED}Never", 1)
    assert notes.refusals() == (6, [f"5 × {REFUSED}Try again", f"1 × {REFUSED}Never"])


class Here:
    """Odoo with three confirmed orders and one that was cancelled, each of one line; something is asked about two."""

    rows = [
        {"id": n, "cartona_id": f"o{n}", "state": state, "order_line": [n], "activity_ids": activities}
        for n, state, activities in ((1, "sale", []), (2, "sale", [7]), (3, "sale", [8]), (4, "cancel", []))
    ]

    def call(self, model, _method, ids, _fields):
        if model == "mail.activity":
            causes = {7: (2, "changed"), 8: (3, "quantities")}
            return [{"res_id": causes[each][0], "marketplace_cause": causes[each][1]} for each in ids]
        return [{"order_id": [each, ""], "cartona_line_id": f"l{each}", "product_uom_qty": 1.0} for each in ids]


def test_lines_are_compared_unless_a_person_is_asked_about_just_these():
    there = {f"o{n}": {"order_details": [{"id": f"l{n}", "amount": amount}]} for n, amount in enumerate("1252", 1)}
    stack = SimpleNamespace(odoo=Here())
    truth = Truth(SimpleNamespace(stack=stack, sandbox=None), None, None, None)
    assert truth.lines(there, Here.rows) == (2, ["o3: there {'l3': 5.0}, here {'l3': 1.0}"])
    assert truth.lines(there, Here.rows[3:]) == (0, ["no order could be compared"])
