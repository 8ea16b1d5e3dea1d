# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Orders as the supplier sees them: the pull queue, statuses and line edits.

Choice where the contract is silent: what the supplier changes does not queue the order again; what the retailer or the
marketplace's staff change does.
"""

import copy
import re
from datetime import date

from .answers import bulk_answer
from .catalogue import find_by_keys
from .state import Order, Refused, State, total_of

#: Status → the states from which the supplier may set it.
SUPPLIER_STEPS = {
    "approved": ("pending",),
    "assigned_to_salesman": ("approved",),
    "delivered": ("approved", "assigned_to_salesman"),
    "cancelled_by_supplier": ("pending", "approved", "assigned_to_salesman"),
    "returned": ("assigned_to_salesman",),
}

CANCELLATION_REASONS = frozenset(
    [
        "out_of_stock",
        "cannot_deliver_the_order",
        "supplier_asked_me_to_cancel",
        "delayed_order",
        "pending_order_without_action",
        "removed_items",
        "supplier_attitude",
        "missing_items",
        "expired_products",
        "different_prices",
        "different_products",
    ]
)

_EDITABLE = ("pending", "approved", "assigned_to_salesman")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def pull(state: State, query) -> list[dict]:
    """``GET order/pull-orders``: what waits to be acknowledged. Page numbers count in the queue as it is now."""
    limit = _whole(query.get("limit"), 0) or _whole(query.get("per_page"), 0) or 100
    page, per_page = 1, limit
    if state.options.honours_paging:
        page = max(_whole(query.get("page"), 1), 1)
        per_page = min(_whole(query.get("per_page"), limit) or limit, limit)
    with state.lock:
        orders = state.queue()[(page - 1) * per_page : page * per_page]
        for order in orders:
            order.handed_out = order.version
        return [copy.deepcopy(order.document) for order in orders]


def update_statuses(state: State, rows: list) -> list:
    """``POST order/update-order-status``: the bulk form, which hides what failed."""
    for row in rows:
        try:
            _update_status(state, row)
        except Refused:
            continue
    return []


def update_status(state: State, hashed_id: str, values) -> dict:
    """``POST order/update-order-status/<hashed_id>``: the single form, which raises ``Refused`` for what failed."""
    if not isinstance(values, dict):
        raise Refused("an object is expected", 400)
    if values.get("hashed_id") not in (None, hashed_id):
        raise Refused("hashed_id differs from the path")
    with state.lock:
        _update_status(state, {**values, "hashed_id": hashed_id})
        return {"hashed_id": hashed_id, "status": state.orders[hashed_id].document["status"]}


def update_details(state: State, rows: list):
    """``POST order/update-order-details``: each order as a whole or not at all, all answered with 200."""
    outcomes, extras = [], []
    for row in rows:
        extra = {}
        try:
            added = _update_lines(state, row)
            if state.options.returns_new_ids:
                extra = {"order_details": added}
            outcomes.append(None)
        except Refused as refusal:
            outcomes.append(refusal.message)
        extras.append(extra)
    return bulk_answer(state.options, rows, outcomes, ("hashed_id",), extras)


# === status ===


def _update_status(state, values):
    if not isinstance(values, dict):
        raise Refused("a row must be an object")
    with state.lock:
        order = _order(state, values)
        status = values.get("status")
        if status == "synced":
            state.settle(order)
            return
        days = _days(values)
        if status == order.document["status"] and not state.options.refuses_repeats:
            order.document.update(days)
            return
        _check_step(state, order, status)
        if status == "delivered":
            _check_otp(order, values)
        if status == "cancelled_by_supplier" and values.get("cancellation_reason"):
            days["cancellation_reason"] = _reason(values["cancellation_reason"])
        order.document.update(days, status=status)


def _order(state, values) -> Order:
    order = state.orders.get(str(values.get("hashed_id")))
    if order is None:
        raise Refused("order not found", 404)
    return order


def _check_step(state, order, status):
    current = order.document["status"]
    allowed = SUPPLIER_STEPS.get(status) if isinstance(status, str) else None
    if allowed is None or (status == "returned" and not state.options.accepts_returned):
        raise Refused(f"status {status} can't be set by the supplier")
    if order.document.get("delivered_by") == "delivered_by_cartona" and status != "cancelled_by_supplier":
        raise Refused("the order is delivered by cartona, the supplier may only cancel it")
    if current not in allowed:
        raise Refused(f"status can't change from {current} to {status}")


def _check_otp(order, values):
    money = (order.document.get("installment_cost"), order.document.get("wallet_top_up"))
    if not any(float(amount or 0) > 0 for amount in money):
        return
    if not values.get("retailer_otp"):
        raise Refused("retailer_otp is required")
    if str(values["retailer_otp"]) != order.retailer_otp:
        raise Refused("retailer_otp is wrong")


def _days(values):
    days = {}
    for field in ("estimated_delivery_day", "delivery_day"):
        if values.get(field) is None:
            continue
        days[field] = _day(values[field], field)
    return days


def _day(value, field):
    try:
        if not _DAY.fullmatch(value):
            raise ValueError
        date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Refused(f"{field} must be a day as 2026-06-30") from None
    return value


def _reason(reason):
    if not isinstance(reason, str) or reason not in CANCELLATION_REASONS:
        raise Refused("cancellation_reason is not in the list")
    return reason


# === lines ===


def _update_lines(state, row) -> list[dict]:
    """Apply all changes of one order; gives the added lines as ``{id, supplier_product_id, internal_product_id}``."""
    if not isinstance(row, dict) or not isinstance(row.get("order_details"), list):
        raise Refused("a row must be an object with hashed_id and order_details")
    with state.lock:
        order = _order(state, row)
        if order.document["status"] not in _EDITABLE:
            raise Refused(f"lines can't change while the order is {order.document['status']}")
        lines = copy.deepcopy(order.document["order_details"])
        added = [_apply(state, lines, change) for change in row["order_details"]]
        order.document["order_details"] = lines
        order.document["total_price"] = total_of(order.document)
    return [line for line in added if line]


def _apply(state, lines, change):
    if not isinstance(change, dict):
        raise Refused("a line must be an object")
    if change.get("id") is None:
        line = _new_line(state, change)
        lines.append(line)
        return {key: line[key] for key in ("id", "supplier_product_id", "internal_product_id")}
    line = next((line for line in lines if str(line["id"]) == str(change["id"])), None)
    if line is None:
        raise Refused(f"line {change['id']} not found")
    if change.get("cancelled") is True:
        _remove(state, lines, line)
        return None
    line.update(_line_values(change))
    return None


def _remove(state, lines, line):
    if state.options.keeps_removed_lines:
        line["cancelled"] = True
    else:
        lines.remove(line)


def _new_line(state, change):
    if "amount" not in change or "price" not in change:
        raise Refused("a new line needs amount and price")
    products = find_by_keys(state, change)
    if not products:
        raise Refused("product of the new line not found")
    product = products[0]
    return {
        "id": state.new_line_id(),
        "supplier_product_id": product.id,
        "internal_product_id": product.card["internal_product_id"],
        "base_product_id": product.card["base_product_id"],
        "unit": product.card["unit"],
        "unit_count": product.card["unit_count"],
        "product_name": product.card["name"],
        "applied_supplier_discount": 0,
        "applied_cartona_discount": 0,
        "comment": None,
        **_line_values(change),
    }


def _line_values(change):
    values = {}
    if "amount" in change:
        values["amount"] = _positive(change["amount"], "amount")
    if "price" in change:
        values["selling_price"] = _positive(change["price"], "price")
    if "comment" in change:
        values["comment"] = change["comment"]
    return values


def _positive(value, field):
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not 0 < number < float("inf"):
        raise Refused(f"{field} must be a number greater than 0")
    return value if isinstance(value, (int, float)) else number


def _whole(text, default):
    return int(text) if text and text.isascii() and text.isdigit() else default
