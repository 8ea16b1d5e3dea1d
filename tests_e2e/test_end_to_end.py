"""What only whole processes can prove: commits, the job runner, HTTP on both sides."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import urlsplit

PROMISE = 5.0
SLOW = 8
SECRET = "secret of the end-to-end test"


def test_a_changed_price_is_at_the_marketplace_within_the_promised_time(trip):
    sku = next(iter(trip.products))
    start = time.monotonic()
    trip.odoo.call("product.product", "write", [trip.products[sku]], {"list_price": 123.25})
    trip.until(lambda: trip.matching("selling_price", {sku: 123.25}), 1)
    assert time.monotonic() - start < PROMISE


def test_a_counted_stock_is_at_the_marketplace_within_the_promised_time(trip):
    sku = list(trip.products)[1]
    start = time.monotonic()
    trip.set_stock({trip.products[sku]: 7})
    trip.until(lambda: trip.matching("available_stock_quantity", {sku: 7}), 1)
    assert time.monotonic() - start < PROMISE


def test_orders_come_in_confirmed_once_each_and_the_marketplace_is_told(trip):
    trip.pull_orders()
    trip.confirm_orders()
    trip.send_statuses()
    trip.pull_orders()
    ids = [row["cartona_id"] for row in trip.odoo.call("sale.order", "search_read", trip.ours(), fields=["cartona_id"])]
    assert len(ids) == len(set(ids)) == trip.sandbox.get("state")["orders"]


def test_an_order_takes_what_it_sold_from_the_stock_that_is_offered(trip):
    sku = list(trip.products)[2]
    trip.set_stock({trip.products[sku]: 50})
    trip.until(lambda: trip.matching("available_stock_quantity", {sku: 50}), 1)
    line = {"internal_product_id": sku, "amount": 8, "selling_price": 10}
    trip.sandbox.post("orders", {"order": {"order_details": [line]}})
    trip.pull_orders()
    trip.until(lambda: trip.matching("available_stock_quantity", {sku: 42}), 1)


def webhook_address(trip):
    """Where deliveries go; the account takes those that are signed with SECRET."""
    trip.odoo.call("marketplace.config", "write", [trip.account], {"webhook_secret": SECRET})
    url = trip.odoo.call("marketplace.config", "read", [trip.account], ["webhook_url"])[0]["webhook_url"]
    return trip.stack.url + url[url.index("/marketplace_integration") :]


def deliver(trip, address, hashed_id):
    return trip.sandbox.post("deliver", {"url": address, "kind": "orders", "hashed_id": hashed_id, "secret": SECRET})


def test_a_signed_delivery_makes_the_order_without_any_pull(trip):
    address = webhook_address(trip)
    document = trip.sandbox.post("orders", {"count": 1})[0]
    start = time.monotonic()
    answer = deliver(trip, address, document["hashed_id"])
    assert answer["status"] == 200, answer
    domain = [*trip.ours(), ("cartona_id", "=", document["hashed_id"]), ("state", "=", "sale")]
    trip.until(lambda: trip.odoo.call("sale.order", "search_count", domain), 1)
    assert time.monotonic() - start < PROMISE


def test_deliveries_whose_senders_stop_halfway_keep_no_other_from_being_taken(trip):
    address = webhook_address(trip)
    parts = urlsplit(address)
    head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
    half = f'{head}Content-Length: 400\r\n\r\n{{"hashed_id": "half'.encode()
    document = trip.sandbox.post("orders", {"count": 1})[0]
    with ExitStack() as senders:
        for _number in range(SLOW):
            sender = senders.enter_context(socket.create_connection((parts.hostname, parts.port), timeout=10))
            sender.sendall(half)
        assert deliver(trip, address, document["hashed_id"])["status"] == 200
        domain = [*trip.ours(), ("cartona_id", "=", document["hashed_id"]), ("state", "=", "sale")]
        trip.until(lambda: trip.odoo.call("sale.order", "search_count", domain), 1)
    assert not trip.odoo.call("marketplace.inbox", "search_count", [("external_id", "=like", "half%")])


def test_the_same_orders_by_pulls_and_deliveries_at_once_are_there_once_and_nobody_sees_an_error(trip):
    """Four pulls and two hundred deliveries of the same fifty orders."""
    address = webhook_address(trip)
    ids = [document["hashed_id"] for document in trip.sandbox.post("orders", {"count": 50})]
    with ThreadPoolExecutor(12) as pool:
        deliveries = [pool.submit(deliver, trip, address, hashed_id) for hashed_id in ids * 4]
        pulls = [
            pool.submit(trip.odoo.call, "marketplace.config", "action_pull_orders", [trip.account]) for _n in range(4)
        ]
        answers = [delivery.result() for delivery in deliveries]
        for pull in pulls:
            pull.result()
    assert {answer["status"] for answer in answers} == {200}
    ours = [*trip.ours(), ("cartona_id", "in", ids)]
    trip.until(lambda: trip.odoo.call("sale.order", "search_count", [*ours, ("state", "=", "sale")]), len(ids))
    trip.until(lambda: trip.sandbox.get("state")["queued"], 0)
    assert trip.odoo.call("sale.order", "search_count", ours) == len(ids)
    open_states = ["waiting", "imported", "failed"]
    trip.until(lambda: trip.odoo.call("marketplace.inbox", "search_count", [("state", "in", open_states)]), 0)
    assert not trip.odoo.call("queue.job", "search_count", [("state", "=", "failed")])


def test_the_server_wrote_no_error_into_its_log(stack, trip):
    errors = [line for line in stack.log.read_text().splitlines() if " ERROR " in line or " CRITICAL " in line]
    assert not errors, f"see {stack.log}"
