# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import pytest
from cartona_integration.sandbox import Options, Refused, Sandbox
from cartona_integration.sandbox.orders import CANCELLATION_REASONS
from cartona_integration.sandbox.state import State
from cartona_integration.transport.auth import HeaderToken
from cartona_integration.transport.client import Client
from cartona_integration.transport.errors import RequestRejected

STATUS = "order/update-order-status"
DETAILS = "order/update-order-details"
LINES = [{"supplier_product_id": "100001", "amount": 4, "selling_price": 10}, {"internal_product_id": "SKU-00002"}]


def pull(client, **params):
    return [order["hashed_id"] for order in client.request("GET", "order/pull-orders", params=params).json()]


def acknowledge(client, *ids):
    return client.request("POST", STATUS, json=[{"hashed_id": one, "status": "synced"} for one in ids])


def send(client, hashed_id, status, **values):
    return client.request("POST", f"{STATUS}/{hashed_id}", json={"status": status, **values})


def place(box, status="pending", **values):
    values = {"installment_cost": 0, "wallet_top_up": 0, "order_details": LINES, **values}
    return box.add_order(status=status, **values)["hashed_id"]


# === the queue ===


def test_an_order_keeps_coming_until_it_is_acknowledged(client, box):
    one, two = place(box), place(box)
    assert pull(client) == pull(client) == [one, two] == box.queued()
    acknowledge(client, one)
    assert pull(client) == [two] == box.queued()
    send(client, two, "synced")
    assert pull(client) == []
    assert box.order(one)["status"] == "pending", "synced is no state"


def test_pages_count_in_the_queue_as_it_is_now(client, box):
    ids = [place(box) for _order in range(5)]
    assert pull(client, page=1, per_page=2) == ids[:2]
    assert pull(client, page=2, per_page=2) == ids[2:4]
    acknowledge(client, *ids[:2])
    assert pull(client, page=2, per_page=2) == ids[4:]
    assert pull(client, limit=1) == ids[2:3]
    assert pull(client, limit=2, page=2, per_page=100) == ids[4:]
    box.options.honours_paging = False
    assert pull(client, page=2, per_page=2) == ids[2:4]


@pytest.mark.parametrize("by", ["retailer", "admin"])
def test_what_the_retailer_or_the_staff_change_comes_again(client, box, by):
    one = place(box)
    pull(client)
    acknowledge(client, one)
    box.edit_order(one, by=by, note_message="بسرعة")
    assert pull(client) == [one]


def test_what_the_supplier_changes_does_not_come_again(client, box):
    one = place(box)
    pull(client)
    acknowledge(client, one)
    send(client, one, "approved")
    line = box.order(one)["order_details"][0]["id"]
    client.request("POST", DETAILS, json=[{"hashed_id": one, "order_details": [{"id": line, "amount": 2}]}])
    assert pull(client) == []


def test_an_acknowledgement_covers_only_what_was_handed_out(client, box):
    one = place(box)
    pull(client)
    box.cancel_order(one)
    acknowledge(client, one)
    assert pull(client) == [one], "the cancellation was not seen yet"
    acknowledge(client, one)
    assert pull(client) == []


def test_an_acknowledgement_may_cover_what_was_never_handed_out(client, box):
    box.options.acknowledges_unseen = True
    one = place(box)
    pull(client)
    box.cancel_order(one)
    acknowledge(client, one)
    assert pull(client) == []


def test_a_removed_line_may_stay_as_cancelled(client, box):
    box.options.keeps_removed_lines = True
    one = place(box)
    first, second = box.order(one)["order_details"]
    change(client, one, {"id": second["id"], "cancelled": True})
    lines = box.order(one)["order_details"]
    assert [line.get("cancelled", False) for line in lines] == [False, True]
    assert box.order(one)["total_price"] == first["amount"] * first["selling_price"]


def test_an_order_that_was_never_pulled_can_be_acknowledged(client, box):
    one = place(box)
    acknowledge(client, one)
    assert pull(client) == []


def test_orders_of_several_accounts_come_together():
    with Sandbox(products=5, orders=4, supplier_codes=("1", "2")) as box:
        client = Client(box.url, HeaderToken("AuthorizationToken", box.token))
        codes = {order["supplier_code"] for order in client.request("GET", "order/pull-orders").json()}
    assert codes == {"1", "2"}


def test_the_answer_is_a_copy(client, box):
    one = place(box)
    box.order(one)["status"] = "approved"
    assert box.order(one)["status"] == "pending"


# === made-up orders ===


def test_made_up_orders_have_what_real_ones_have():
    orders = [order.document for order in State(Options(), products=40, orders=300).orders.values()]
    lines = [line for order in orders for line in order["order_details"]]
    assert len({order["hashed_id"] for order in orders}) == 300
    assert len({line["id"] for line in lines}) == len(lines)
    assert {"pending", "approved"} == {order["status"] for order in orders}
    assert {int, float, str} <= {type(line["amount"]) for line in lines}
    assert {float, str} <= {type(line["selling_price"]) for line in lines}
    assert None in {line["applied_cartona_discount"] for line in lines}
    assert None in {order["retailer"]["retailer_code"] for order in orders}
    assert None in {order["wallet_top_up"] for order in orders}
    assert any(order["installment_cost"] for order in orders)
    assert not orders[0]["retailer"]["retailer_name"].isascii()
    assert {len(order["order_details"]) for order in orders} >= {1, 2, 3, 4, 5}
    split = [order for order in orders if len({row["supplier_product_id"] for row in order["order_details"]}) == 1]
    assert any(len(order["order_details"]) == 2 for order in split), "an offer splits a product over two lines"


def test_the_total_is_the_sum_of_the_lines(box):
    document = box.order(place(box))
    price = box.product("100002")["selling_price"]
    assert document["total_price"] == round(4 * 10 + price, 2)
    assert [line["internal_product_id"] for line in document["order_details"]] == ["SKU-00001", "SKU-00002"]


def test_an_order_may_be_given_in_full_and_name_a_product_nobody_has(box):
    document = box.add_order(
        hashed_id="pPX2wRNM",
        retailer={"retailer_name": "x"},
        total_price=1,
        order_details=[{"id": 5, "supplier_product_id": "404", "amount": 1}, {"amount": 2}],
    )
    assert document["hashed_id"] == "pPX2wRNM"
    assert document["retailer"] == {"retailer_name": "x"}
    assert document["total_price"] == 1
    assert document["order_details"][0]["supplier_product_id"] == "404"
    assert document["order_details"][1]["supplier_product_id"] in box.state.products
    with pytest.raises(ValueError, match="exists"):
        box.add_order(hashed_id="pPX2wRNM")


def test_orders_can_be_placed_without_any_product():
    assert len(State(Options(), orders=3).queue()) == 3


# === the retailer ===


@pytest.mark.parametrize("status", ["approved", "assigned_to_salesman", "delivered"])
def test_a_retailer_edits_only_what_is_pending(box, status):
    with pytest.raises(Refused, match="can't edit"):
        box.edit_order(place(box, status), note_message="x")


@pytest.mark.parametrize("status", ["editing", "assigned_to_salesman", "delivered", "cancelled_by_supplier"])
def test_a_retailer_cancels_only_what_is_pending_or_approved(box, status):
    with pytest.raises(Refused, match="can't cancel"):
        box.cancel_order(place(box, status))
    assert box.cancel_order(place(box, "approved"))["status"] == "cancelled_by_retailer"


def test_a_retailer_edits_amounts_and_lines(box):
    one = place(box)
    first, second = (line["id"] for line in box.order(one)["order_details"])
    edited = box.edit_order(one, amounts={first: 7, second: 0})
    assert [(line["id"], line["amount"]) for line in edited["order_details"]] == [(first, 7)]
    assert edited["total_price"] == 70
    assert edited["edited_by_admin"] is False
    edited = box.edit_order(one, by="admin", order_details=[*edited["order_details"], {**LINES[0]}])
    assert len({line["id"] for line in edited["order_details"]}) == 2
    assert edited["edited_by_admin"] is True


# === statuses ===


def test_the_supplier_takes_an_order_all_the_way(client, box):
    one = place(box)
    for status in ("approved", "assigned_to_salesman", "delivered"):
        assert send(client, one, status).json() == {"hashed_id": one, "status": status}
        assert box.order(one)["status"] == status


@pytest.mark.parametrize(
    ("current", "status"),
    [
        ("pending", "assigned_to_salesman"),
        ("pending", "delivered"),
        ("pending", "returned"),
        ("editing", "approved"),
        ("editing", "cancelled_by_supplier"),
        ("assigned_to_salesman", "approved"),
        ("delivered", "approved"),
        ("delivered", "cancelled_by_supplier"),
        ("cancelled_by_retailer", "approved"),
        ("cancelled_by_supplier", "approved"),
        ("returned", "delivered"),
    ],
)
def test_a_step_that_is_not_allowed_is_refused_and_changes_nothing(client, box, current, status):
    one = place(box, current)
    with pytest.raises(RequestRejected, match=f"can't change from {current} to {status}") as caught:
        send(client, one, status)
    assert caught.value.status == 422
    assert box.order(one)["status"] == current


@pytest.mark.parametrize("status", ["pending", "editing", "cancelled_by_retailer", "teleported", None, 5, ["a"]])
def test_a_status_that_is_not_the_suppliers_is_refused(client, box, status):
    one = place(box, "approved")
    with pytest.raises(RequestRejected, match="can't be set by the supplier"):
        send(client, one, status)


def test_the_bulk_form_hides_what_failed(client, box):
    one, two = place(box), place(box, "delivered")
    sent = [
        {"hashed_id": two, "status": "approved"},
        {"hashed_id": "nobody", "status": "approved"},
        "no object",
        {"hashed_id": one, "status": "approved"},
    ]
    answer = client.request("POST", STATUS, json=sent)
    assert (answer.status, answer.json()) == (200, [])
    assert [box.order(each)["status"] for each in (one, two)] == ["approved", "delivered"]


def test_the_single_form_tells_an_unknown_order_and_an_odd_body(client, box):
    with pytest.raises(RequestRejected, match="order not found") as caught:
        send(client, "nobody", "approved")
    assert caught.value.status == 404
    one = place(box)
    with pytest.raises(RequestRejected, match="differs from the path"):
        client.request("POST", f"{STATUS}/{one}", json={"hashed_id": "other", "status": "approved"})
    with pytest.raises(RequestRejected, match="an object is expected"):
        client.request("POST", f"{STATUS}/{one}", json=[{"status": "approved"}])


def test_the_same_status_again_is_done_or_refused_as_set(client, box):
    one = place(box)
    send(client, one, "approved")
    send(client, one, "approved", delivery_day="2026-07-01")
    assert box.order(one)["delivery_day"] == "2026-07-01"
    box.options.refuses_repeats = True
    with pytest.raises(RequestRejected, match="from approved to approved"):
        send(client, one, "approved")


def test_returned_may_be_written_or_not_as_set(client, box):
    one = place(box, "assigned_to_salesman")
    box.options.accepts_returned = False
    with pytest.raises(RequestRejected, match="can't be set"):
        send(client, one, "returned")
    box.options.accepts_returned = True
    send(client, one, "returned")


def test_of_what_cartona_delivers_the_supplier_may_only_cancel(client, box):
    one = place(box, delivered_by="delivered_by_cartona")
    with pytest.raises(RequestRejected, match="may only cancel"):
        send(client, one, "approved")
    box.edit_order(one, by="admin", status="approved")
    assert box.order(one)["edited_by_admin"] is False
    send(client, one, "synced")
    send(client, one, "cancelled_by_supplier")


@pytest.mark.parametrize("money", [{"installment_cost": 150}, {"wallet_top_up": "100"}])
def test_money_to_collect_asks_for_the_otp_at_delivery(client, box, money):
    one = place(box, "approved", **money)
    with pytest.raises(RequestRejected, match="retailer_otp is required"):
        send(client, one, "delivered")
    with pytest.raises(RequestRejected, match="retailer_otp is wrong"):
        send(client, one, "delivered", retailer_otp="0")
    assert box.order(one)["status"] == "approved"
    send(client, one, "delivered", retailer_otp=box.otp(one))
    assert box.order(one)["status"] == "delivered"


def test_days_are_kept_or_refused(client, box):
    one = place(box)
    for value in ("01-07-2026", "2026-02-30", "2026-07-01T00:00:00Z", 20260701):
        with pytest.raises(RequestRejected, match="estimated_delivery_day must be a day"):
            send(client, one, "approved", estimated_delivery_day=value)
    send(client, one, "approved", estimated_delivery_day="2026-07-01", delivery_day=None)
    assert box.order(one)["estimated_delivery_day"] == "2026-07-01"


def test_a_cancellation_reason_is_out_of_the_list(client, box):
    one = place(box)
    for reason in ("no mood", ["out_of_stock"], 5):
        with pytest.raises(RequestRejected, match="not in the list"):
            send(client, one, "cancelled_by_supplier", cancellation_reason=reason)
    send(client, one, "cancelled_by_supplier", cancellation_reason="out_of_stock")
    assert box.order(one)["cancellation_reason"] == "out_of_stock"
    assert len(CANCELLATION_REASONS) == 11


# === lines ===


def change(client, hashed_id, *lines):
    return client.request("POST", DETAILS, json=[{"hashed_id": hashed_id, "order_details": list(lines)}]).json()[0]


def test_lines_are_changed_added_and_removed_together(client, box):
    one = place(box)
    first, second = (line["id"] for line in box.order(one)["order_details"])
    answer = change(
        client,
        one,
        {"id": first, "amount": 2, "price": 11, "comment": "أقل"},
        {"id": second, "cancelled": True},
        {"supplier_product_id": "100003", "amount": 1, "price": "5.5"},
        {"internal_product_id": "SKU-00004", "amount": 1, "price": 1},
    )
    lines = box.order(one)["order_details"]
    assert [(line["supplier_product_id"], line["amount"], line["selling_price"]) for line in lines] == [
        ("100001", 2, 11),
        ("100003", 1, 5.5),
        ("100004", 1, 1),
    ]
    assert lines[0]["comment"] == "أقل"
    assert box.order(one)["total_price"] == 28.5
    assert [line["id"] for line in answer["order_details"]] == [line["id"] for line in lines[1:]]
    box.options.returns_new_ids = False
    assert "order_details" not in change(client, one, {"supplier_product_id": "100003", "amount": 1, "price": 1})


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ({"id": 1, "amount": 2}, "line 1 not found"),
        ({"id": 1, "cancelled": True}, "line 1 not found"),
        ({"supplier_product_id": "100001", "amount": 1}, "needs amount and price"),
        ({"supplier_product_id": "x", "amount": 1, "price": 1}, "product of the new line not found"),
        ({"amount": 1, "price": 1}, "product of the new line not found"),
        ({"supplier_product_id": "100001", "amount": 0, "price": 1}, "amount must be a number greater than 0"),
        ({"supplier_product_id": "100001", "amount": True, "price": 1}, "amount must be a number greater than 0"),
        ({"supplier_product_id": "100001", "amount": "x", "price": 1}, "amount must be a number greater than 0"),
        ({"supplier_product_id": "100001", "amount": 1, "price": -1}, "price must be a number greater than 0"),
        ("no object", "a line must be an object"),
    ],
)
def test_an_order_is_changed_as_a_whole_or_not_at_all(client, box, line, error):
    one = place(box)
    before = box.order(one)
    first = before["order_details"][0]["id"]
    assert error in change(client, one, {"id": first, "amount": 1}, line)["error"]
    assert box.order(one) == before


@pytest.mark.parametrize(
    "status", ["editing", "delivered", "cancelled_by_retailer", "cancelled_by_supplier", "returned"]
)
def test_lines_of_a_settled_order_can_not_change(client, box, status):
    assert f"while the order is {status}" in change(client, place(box, status))["error"]


@pytest.mark.parametrize("row", ["x", {}, {"hashed_id": "nobody", "order_details": []}, {"order_details": 5}])
def test_an_odd_row_of_line_changes_fails_alone(client, box, row):
    one = place(box)
    first = box.order(one)["order_details"][0]["id"]
    good = {"hashed_id": one, "order_details": [{"id": first, "amount": 9}]}
    answer = client.request("POST", DETAILS, json=[row, good]).json()
    assert answer[0]["error"]
    assert box.order(one)["order_details"][0]["amount"] == 9
