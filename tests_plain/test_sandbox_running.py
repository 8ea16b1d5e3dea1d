# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Faults, journal, admin side, webhook deliveries, and the process."""

import json
import signal
import subprocess
import sys
import threading
import time
from email.utils import parsedate_to_datetime

import pytest
import requests
from cartona_integration.sandbox import Sandbox, deliver
from cartona_integration.sandbox.journal import Journal
from cartona_integration.transport import signatures
from cartona_integration.transport.auth import HeaderToken
from cartona_integration.transport.client import Client
from cartona_integration.transport.errors import MarketplaceError, RateLimited, TemporaryFailure
from conftest import ROOT
from raw_server import http

UPDATE = "supplier-product/bulk-update"
PRICE = [{"supplier_product_id": "100001", "selling_price": 5}]


@pytest.fixture
def admin(box):
    """Calls of the admin side: ``admin("GET", "state")`` gives the status and the parsed answer."""
    with requests.Session() as session:
        session.trust_env = False

        def call(method, path, body=None):
            answer = session.request(method, box.admin_url + path, json=body, timeout=5)
            return answer.status_code, answer.json()

        yield call


# === going back ===


def test_it_goes_back_to_what_it_was():
    with Sandbox(products=[{"id": 1, "selling_price": 10.0}], orders=1) as box:
        client = Client(box.url, HeaderToken("AuthorizationToken", box.token))
        document = box.order(box.queued()[0])
        kept = box.keep({"product": box.state.products["1"]})
        for _round in range(2):
            box.options.row_answer = "silent"
            box.fail(path=UPDATE, times=None, status=500, skip=1)
            client.request("POST", UPDATE, json=[{"supplier_product_id": "1", "selling_price": 5}])
            box.cancel_order(document["hashed_id"])
            later = box.add_order(order_details=[{"supplier_product_id": "1"}])
            box.later = "not there before"
            box.stop()
            beside = box.restore(kept)
            assert beside["product"] is box.state.products["1"]
            assert (box.product(1)["selling_price"], box.options.row_answer) == (10.0, "error")
            assert box.order(document["hashed_id"]) == document
            assert (box.journal, box.faults.all(), hasattr(box, "later")) == ([], [], False)
            with pytest.raises(KeyError):
                box.order(later["hashed_id"])
            client.request("POST", UPDATE, json=[{"supplier_product_id": "1", "selling_price": 6}])
            assert box.product(1)["selling_price"] == 6
            box.restore(kept)


# === faults ===


def test_a_fault_strikes_as_often_as_said_and_only_where_it_matches(client, box):
    fault = box.fail("bulk-update$", method="post", status=429, retry_after="2", times=2)
    client.request("GET", "supplier-product")
    for _call in range(2):
        with pytest.raises(RateLimited):
            client.request("POST", UPDATE, json=[])
    client.request("POST", UPDATE, json=[])
    assert fault.hits == 2
    assert [entry.fault for entry in box.journal] == ["", "status", "status", ""]
    assert [entry.status for entry in box.journal] == [200, 429, 429, 200]


def test_a_fault_may_wait_for_a_row(client, box):
    box.fail("bulk-update", content="SKU-00003", status=422, times=None, body={"error": "bad batch"})
    with pytest.raises(MarketplaceError, match="bad batch"):
        client.request("POST", UPDATE, json=[{"internal_product_id": "SKU-00003", "selling_price": 1}])
    client.request("POST", UPDATE, json=[{"internal_product_id": "SKU-00002", "selling_price": 1}])
    assert box.product("100002")["selling_price"] == 1


def test_a_fault_may_skip_and_may_be_a_matter_of_chance(client, box):
    box.fail(skip=2, status=500)
    statuses = []
    for _call in range(4):
        try:
            statuses.append(client.request("GET", "supplier-product").status)
        except TemporaryFailure as error:
            statuses.append(error.status)
    assert statuses == [200, 200, 500, 200]
    chance = box.fail(probability=0.5, times=None)
    for _call in range(40):
        try:
            client.request("GET", "supplier-product")
        except TemporaryFailure:
            continue
    assert 5 < chance.hits < 35


def test_of_a_status_nothing_is_applied(client, box):
    before = box.product("100001")
    box.fail(status=500, body="plain words")
    with pytest.raises(TemporaryFailure, match="plain words"):
        client.request("POST", UPDATE, json=PRICE)
    assert box.product("100001") == before


@pytest.mark.parametrize(
    ("kind", "applied"),
    [("html", False), ("reset", False), ("hang", False), ("drop", True), ("truncated", True), ("broken_json", True)],
)
def test_each_kind_applies_the_change_or_not(client, box, kind, applied):
    box.fail(kind=kind, seconds=0.1)
    with pytest.raises(MarketplaceError):
        client.request("POST", UPDATE, json=PRICE).json()
    assert (box.product("100001")["selling_price"] == 5) is applied
    assert box.journal[-1].status == (0 if kind in ("reset", "hang", "drop") else 200)
    client.request("POST", UPDATE, json=PRICE)


def test_a_delay_only_delays(client, box):
    box.fail(kind="delay", seconds=0.2)
    client.request("POST", UPDATE, json=PRICE)
    assert box.journal[0].seconds >= 0.2
    assert box.product("100001")["selling_price"] == 5


def test_clearing_the_faults_lets_go_of_who_waits(client, box):
    box.fail(kind="hang", seconds=30, times=None)
    threading.Timer(0.2, box.clear_faults).start()
    started = time.monotonic()
    with pytest.raises(TemporaryFailure):
        client.request("GET", "supplier-product")
    assert time.monotonic() - started < 3
    assert client.request("GET", "supplier-product").status == 200


@pytest.mark.parametrize("values", [{"kind": "earthquake"}, {"path": "("}, {"content": "["}])
def test_a_fault_that_makes_no_sense_is_refused(box, values):
    with pytest.raises(Exception, match="kind must be one of|unterminated|missing"):
        box.fail(**values)


# === journal ===


def test_the_journal_tells_what_came_and_when(client, box):
    before = time.monotonic(), time.time()
    client.request("GET", "supplier-product", params={"page": 1, "per_page": 3})
    client.request("POST", UPDATE, json=PRICE * 2)
    first, second = box.journal
    assert (first.method, first.path, first.query, first.rows) == (
        "GET",
        "supplier-product",
        {"page": "1", "per_page": "3"},
        3,
    )
    assert (second.rows, second.body, second.status) == (2, PRICE * 2, 200)
    assert first.body is None
    assert before[0] <= first.monotonic <= second.monotonic <= time.monotonic()
    assert before[1] <= first.time <= time.time()
    assert "secret-token" not in repr(box.journal)


def test_calls_can_be_chosen_awaited_and_forgotten(client, box):
    client.request("GET", "supplier-product")
    threading.Timer(0.1, lambda: client.request("POST", UPDATE, json=PRICE)).start()
    assert box.wait_for("bulk-update")[0].body == PRICE
    assert len(box.calls("supplier-product")) == 2
    assert len(box.calls("supplier-product", "get")) == 1
    with pytest.raises(TimeoutError, match="0 of 1 calls to 'pull' .*POST supplier-product/bulk-update"):
        box.wait_for("pull", timeout=0.05)
    box.clear_journal()
    assert box.journal == []
    with pytest.raises(TimeoutError, match="none"):
        box.wait_for("pull", timeout=0)


def test_the_journal_is_bounded():
    journal = Journal(limit=3, max_bytes=10)
    values = {
        "monotonic": 0,
        "time": 0,
        "seconds": 0,
        "method": "GET",
        "query": {},
        "status": 200,
        "rows": 0,
        "fault": "",
    }
    for number in range(5):
        journal.add(path=str(number), text="", **values)
    assert [entry.path for entry in journal.entries()] == ["2", "3", "4"]
    journal.add(path="5", text="x" * 9, **values)
    journal.add(path="6", text="x" * 9, **values)
    assert [entry.path for entry in journal.entries()] == ["6"]
    assert [entry.seq for entry in journal.entries()] == [7]
    assert len(journal) == 1


# === admin ===


def test_the_admin_side_looks_into_the_state(admin, box, client):
    client.request("POST", UPDATE, json=PRICE)
    order = box.add_order()
    assert admin("GET", "health") == (200, {"ok": True})
    _status, state = admin("GET", "state")
    assert (state["products"], state["orders"], state["queued"], state["calls"]) == (10, 1, 1, 1)
    assert admin("GET", "products/100001")[1]["selling_price"] == 5
    shown = admin("GET", f"orders/{order['hashed_id']}")[1]
    assert shown["order"] == order
    assert shown["inside"]["retailer_otp"] == box.otp(order["hashed_id"])
    assert [entry["body"] for entry in admin("GET", "journal?path=bulk")[1]] == [PRICE]
    assert admin("GET", "journal?since=1")[1] == []
    assert admin("DELETE", "journal")[0] == 200
    assert box.journal == []


def test_the_admin_side_acts_as_the_retailer(admin, box):
    assert len(admin("POST", "orders", {"count": 3})[1]) == 3
    status, placed = admin("POST", "orders", {"order": {"hashed_id": "abc", "status": "pending"}})
    assert (status, placed[0]["hashed_id"]) == (200, "abc")
    line = placed[0]["order_details"][0]["id"]
    edited = admin("POST", "orders/abc", {"values": {"note_message": "x"}, "amounts": {str(line): 9}})[1]
    assert (edited["note_message"], edited["order_details"][0]["amount"]) == ("x", 9)
    assert admin("POST", "orders/abc", {"action": "edit", "by": "admin", "values": {"status": "editing"}})[0] == 200
    assert admin("POST", "orders/abc", {"action": "cancel"}) == (
        422,
        {"error": "a retailer can't cancel an order that is editing"},
    )
    admin("POST", "products", {"id": "new", "selling_price": 3})
    assert box.product("new")["selling_price"] == 3


def test_the_admin_side_sets_faults_and_options(admin, box, client):
    assert admin("POST", "faults", {"path": "pull", "status": 500})[1]["hits"] == 0
    with pytest.raises(TemporaryFailure):
        client.request("GET", "order/pull-orders")
    assert admin("GET", "faults")[1][0]["hits"] == 1
    admin("DELETE", "faults")
    assert admin("GET", "faults")[1] == []
    assert admin("POST", "options", {"row_answer": "silent"})[1]["row_answer"] == "silent"
    assert client.request("POST", UPDATE, json=PRICE).json() == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "nothing", None, 404),
        ("PUT", "orders", {}, 404),
        ("GET", "orders/nobody", None, 404),
        ("GET", "products/nothing", None, 404),
        ("POST", "orders/nobody", {"action": "cancel"}, 404),
        ("POST", "orders", {"count": 0}, 400),
        ("POST", "orders", {"count": "x"}, 400),
        ("POST", "orders", [1], 400),
        ("POST", "faults", {"kind": "x"}, 400),
        ("POST", "faults", {"unknown": 1}, 400),
        ("POST", "options", {"supplier_codes": []}, 400),
        ("POST", "options", {"row_answer": "x"}, 400),
        ("POST", "deliver", {}, 404),
        ("POST", "deliver", {"url": "http://127.0.0.1:1/", "kind": "x", "secret": "s"}, 400),
        ("POST", "deliver", {"url": "http://127.0.0.1:1/", "kind": "orders", "secret": "s"}, 400),
        ("POST", "deliver", {"url": "http://127.0.0.1:1/", "kind": "test", "secret": "s"}, 400),
        ("POST", "deliver", {"url": "http://192.0.2.1/", "kind": "test", "secret": "s"}, 400),
        ("POST", "deliver", {"url": "https://127.0.0.1/", "kind": "test", "secret": "s"}, 400),
    ],
)
def test_admin_calls_that_can_not_be_done_are_told(admin, box, method, path, body, status):
    answered, answer = admin(method, path, body)
    assert answered == status
    assert answer["error"]


@pytest.mark.parametrize("url", ["http://192.0.2.1/", "https://127.0.0.1/", "http://shop.example/", "file:///x", ""])
def test_deliveries_leave_this_machine_never(url):
    with pytest.raises(ValueError, match="this machine only"):
        deliver.deliver(url, "test", None, "s")


def test_an_unknown_action_is_told(admin, box):
    order = box.add_order()
    assert admin("POST", f"orders/{order['hashed_id']}", {"action": "eat"})[0] == 400
    raw = requests.post(box.admin_url + "orders", data=b"{", timeout=5)
    assert raw.status_code == 400


def test_other_addresses_are_web_pages(box):
    root = box.url.removesuffix("api/v1/")
    for path, status in (("", 200), ("shop", 404)):
        answer = requests.get(root + path, timeout=5)
        assert answer.status_code == status
        assert answer.text.startswith("<!DOCTYPE html>")


# === deliveries ===


@pytest.mark.parametrize("kind", deliver.KINDS)
def test_a_delivery_is_signed_as_our_default_scheme_wants(admin, box, raw, kind):
    receiver = raw(http(b'"thanks"', "202 Accepted"))
    order = box.add_order()
    status, answer = admin(
        "POST",
        "deliver",
        {"url": receiver.url + "hook?a=1", "kind": kind, "hashed_id": order["hashed_id"], "secret": "s"},
    )
    assert (status, answer["status"], answer["body"]) == (200, 202, '"thanks"')
    head, _gap, body = receiver.requests[0].partition("\r\n\r\n")
    assert head.startswith("POST /api/hook?a=1 HTTP/1.1")
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    body = body.encode("latin-1")
    signatures.verify("hmac", headers, body, ["s"], time.time())
    sent = json.loads(body)
    expected = {
        "orders": order,
        "status": {"hashed_id": order["hashed_id"], "status": order["status"]},
        "test": {"test": True},
    }
    assert sent == expected[kind]


def test_a_clock_that_is_ahead_dates_answers_and_deliveries(admin, box, raw):
    admin("POST", "clock", {"ahead": 3600})
    answer = requests.get(box.url + "supplier-product", headers={"AuthorizationToken": box.token}, timeout=5)
    assert parsedate_to_datetime(answer.headers["Date"]).timestamp() > time.time() + 3000
    receiver = raw(http(b"{}"))
    admin("POST", "deliver", {"url": receiver.url, "kind": "test", "secret": "s"})
    headers = dict(line.split(": ", 1) for line in receiver.requests[0].split("\r\n\r\n")[0].split("\r\n")[1:])
    assert int(headers["X-Marketplace-Timestamp"]) > time.time() + 3000


def test_the_headers_of_a_delivery_can_be_spoiled(box, raw):
    receiver = raw(http(b""))
    deliver.deliver(receiver.url, "test", None, "s", {"X-Marketplace-Signature": "sha256=0"})
    assert "X-Marketplace-Signature: sha256=0\r\n" in receiver.requests[0]


def test_both_signers_agree():
    body = "ملاحظة".encode()
    assert deliver.signature(body, "s", 1_700_000_000.9) == signatures.sign("hmac", body, "s", 1_700_000_000.9)


# === the server ===


def test_the_sandbox_stops_with_its_connections_and_twice():
    box = Sandbox(products=1).start()
    client = Client(box.url, HeaderToken("AuthorizationToken", box.token), timeout=2)
    client.request("GET", "supplier-product")
    box.stop()
    box.stop()
    with pytest.raises(TemporaryFailure):
        client.request("GET", "supplier-product")
    never_started = Sandbox()
    never_started.stop()


def test_stopping_lets_go_of_who_is_held_up():
    box = Sandbox(products=1).start()
    box.fail(kind="hang", seconds=120)
    before = set(threading.enumerate())
    client = Client(box.url, timeout=110)
    waiting = threading.Thread(target=lambda: pytest.raises(TemporaryFailure, client.request, "GET", "x"))
    waiting.start()
    while not box.faults.held:
        time.sleep(0.01)
    box.stop()
    held_up = set(threading.enumerate()) - before
    for thread in held_up:
        thread.join(20)  # less than the fault would hold it
    assert not [thread for thread in held_up if thread.is_alive()]


def test_chunked_and_expected_bodies_are_read(box):
    headers = {"AuthorizationToken": box.token}
    with requests.Session() as session:
        parts = iter([b"[", json.dumps(PRICE[0]).encode(), b"]"])
        assert session.post(box.url + UPDATE, data=parts, headers=headers, timeout=5).status_code == 200
        headers["Expect"] = "100-continue"
        assert session.post(box.url + UPDATE, json=PRICE, headers=headers, timeout=5).status_code == 200
        answer = session.head(box.url + "supplier-product", headers=headers, timeout=5)
        assert (answer.status_code, answer.content) == (405, b"")
        assert session.get(box.url + "supplier-product", headers=headers, timeout=5).status_code == 200
    assert [entry.rows for entry in box.journal[:2]] == [1, 1]


def test_a_failure_of_the_sandbox_itself_is_a_500_and_is_logged(client, box, monkeypatch, caplog):
    monkeypatch.setattr(box.state, "rows", None)
    with pytest.raises(TemporaryFailure, match="sandbox itself failed"):
        client.request("GET", "supplier-product")
    assert "sandbox itself failed" in caplog.text


def test_many_clients_at_once_lose_nothing(box):
    def work():
        with Client(box.url, HeaderToken("AuthorizationToken", box.token)) as client:
            for _call in range(20):
                client.request("POST", UPDATE, json=PRICE)

    threads = [threading.Thread(target=work) for _thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(box.journal) == 160
    assert sorted(entry.seq for entry in box.journal) == list(range(1, 161))


@pytest.fixture
def process():
    command = [sys.executable, "-m", "sandbox", "--products", "3", "--orders", "2", "--token", "t", "--seed", "4"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_tells_where_it_is_and_ends_on_a_signal(process, number):
    told = json.loads(process.stdout.readline())
    assert set(told) == {"url", "admin", "token"}
    with Client(told["url"], HeaderToken("AuthorizationToken", told["token"])) as client:
        assert len(client.request("GET", "supplier-product").json()) == 3
        assert len(client.request("GET", "order/pull-orders").json()) == 2
    assert requests.get(told["admin"] + "health", timeout=5).json() == {"ok": True}
    process.send_signal(number)
    assert process.wait(5) == 0
    assert process.stdout.read() == process.stderr.read() == ""


@pytest.mark.parametrize("arguments", [["--host", "0.0.0.0"], ["--host", "shop.example"], ["--row-answer", "x"]])
def test_the_process_listens_on_this_machine_only(arguments, capsys):
    from cartona_integration.sandbox.__main__ import main

    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "error" in capsys.readouterr().err
