# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""eBay's documents as the neutral forms, and our answers in eBay's: plain functions, no records."""

import re
from contextlib import suppress
from datetime import datetime, timedelta

from ..schemas import ROUNDING_LINE, Customer, Order, OrderLine, RemoteProduct, RowResult
from ..transport import errors
from ..transport.reading import identifier, items, moment, number, text, under
from ..transport.text import storable
from ..transport.words import _

# eBay's words. Unknown ones are refused by name, never guessed.
PAYMENTS = {
    "PAID": "paid",
    "PARTIALLY_REFUNDED": "paid",
    "FULLY_REFUNDED": "refunded",
    "PENDING": "open",
    "FAILED": "open",
}
FULFILMENTS = {"NOT_STARTED": "approved", "IN_PROGRESS": "approved", "FULFILLED": "shipped"}
CANCELLATIONS = {"NONE_REQUESTED": "", "IN_PROGRESS": "asked", "CANCELED": "cancelled", "CANCELLED": "cancelled"}
STATUS_TABLES = (
    (("orderFulfillmentStatus",), FULFILMENTS),
    (("orderPaymentStatus",), PAYMENTS),
    (("cancelStatus", "cancelState"), CANCELLATIONS),
)
# What tells who ordered, wherever it stands.
PERSONAL_KEYS = {
    *("user", "username", "userid", "eiastoken", "shipto", "fullname", "companyname", "contactaddress"),
    *("primaryphone", "buyerregistrationaddress", "taxaddress", "taxidentifier", "buyercheckoutnotes"),
    *("finaldestinationaddress", "giftdetails"),
}
# The lines that are not of a product have no id of eBay's; these are none either.
DELIVERY = "delivery"

# The offer is not there (any more): looked up anew with the next attempt.
STALE_ERRORS = {"25713"}
# Statuses of a row that pass, beside 500 and above; and eBay's own "a system error has occurred".
PASSING, PASSING_ERRORS = {409, 429}, {"25001"}

# How far pages and windows of orders overlap: orders that come again cost nothing.
PAGE_OVERLAP, OVERLAP = 10, timedelta(minutes=10)

_STAMP = "%Y-%m-%dT%H:%M:%S"


def stamp(when: datetime) -> str:
    """A naive UTC time as eBay writes it."""
    return f"{when.strftime(_STAMP)}.{when.microsecond // 1000:03}Z"


def unstamp(written: str) -> datetime:
    return datetime.strptime(written, f"{_STAMP}.%fZ")


# === orders ===


def listed_at(raw) -> str:
    """The eBay marketplace on which the order's first line was listed; ``""`` where the order does not tell."""
    rows = raw.get("lineItems") if isinstance(raw, dict) else None
    row = rows[0] if isinstance(rows, list) and rows else None
    return identifier(row.get("listingMarketplaceId")) if isinstance(row, dict) else ""


def status_of(raw) -> tuple[str, str]:
    """``(neutral status, status as sent)`` of an order. Before it is paid an order is pending: only what is paid is
    safe to ship. What is refunded before all of it has left counts as cancelled."""
    words, meanings = [], []
    for path, table in STATUS_TABLES:
        word = text(raw, *path, required=table is not CANCELLATIONS) or "NONE_REQUESTED"
        if word.upper() not in table:
            raise errors.MappingError(".".join(path), _("unknown order status %(status)s", status=repr(word)))
        words.append(word)
        meanings.append(table[word.upper()])
    shown = " ".join(word for word in words if word != "NONE_REQUESTED")
    return _neutral(*meanings), shown


def _neutral(fulfilment, payment, cancellation):
    if cancellation == "cancelled" or (payment == "refunded" and fulfilment != "shipped"):
        return "cancelled"
    if fulfilment == "shipped":
        return "shipped"
    if cancellation == "asked":
        return "editing"  # nothing is confirmed or shipped until the seller has answered
    return "pending" if payment == "open" else fulfilment


def order_of(raw, digits: int, rounding_name: str) -> Order:
    """The neutral order. ``digits`` are those that a price can have here; what discounts leave beyond them becomes a
    line of its own, called ``rounding_name``, so that the sums agree to the last coin."""
    status, raw_status = status_of(raw)
    rows = _numbered(raw)
    lines = [*_product_lines(rows, digits), *_other_lines(raw, rows, digits, rounding_name)]
    total, refunded = number(raw, "pricingSummary", "total", "value", default=None), _refunded(raw, rows)
    asked = sum(line.quantity * line.price_unit for line in lines) if total is None else total
    return Order(
        external_id=text(raw, "orderId", required=True),
        status=status,
        raw_status=raw_status,
        customer=_customer(raw),
        lines=lines,
        total=total,
        account_code=listed_at(raw),
        reference=text(raw, "orderId"),
        ordered_at=moment(raw, "creationDate"),
        currency=text(raw, "pricingSummary", "total", "currency"),
        ship_by=min(filter(None, (_ship_by(row) for row in rows)), default=None),
        credit=max(0.0, asked - refunded),  # buyers pay to eBay alone
        refunded=refunded,
        note=text(raw, "buyerCheckoutNotes"),
    )


def _numbered(raw):
    rows = items(raw, "lineItems")
    for index, row in enumerate(rows):
        with under(f"lineItems[{index}]"):
            text(row, "lineItemId", required=True), number(row, "quantity"), _cost(row)
    return rows


def _cost(row):
    """What is charged for the line, after its discounts; eBay's amounts are texts, and of all units."""
    return number(row, ("discountedLineItemCost", "lineItemCost"), "value")


def _product_lines(rows, digits):
    return [_product_line(row, digits) for row in rows]


def _product_line(row, digits):
    quantity = number(row, "quantity")
    price = round(_cost(row) / quantity, digits) if quantity else 0.0
    before = number(row, "lineItemCost", "value", default=_cost(row)) / quantity if quantity else 0.0
    return OrderLine(
        external_id=text(row, "lineItemId"),
        quantity=quantity,
        price_unit=price,
        product_external_id=text(row, "sku"),
        product_sku=text(row, "sku"),
        name=text(row, "title"),
        supplier_discount=max(0.0, round(before - price, digits)),
    )


def _other_lines(raw, rows, digits, rounding_name):
    """What is charged for the delivery, and what is left of discounts that do not divide."""
    left = sum(_cost(row) - number(row, "quantity") * _product_line(row, digits).price_unit for row in rows)
    before = number(raw, "pricingSummary", "deliveryCost", "value", default=0.0)
    # A discount is told as a negative number.
    delivery = before - abs(number(raw, "pricingSummary", "deliveryDiscount", "value", default=0.0))
    lines = []
    if round(delivery, digits):
        lines.append(OrderLine(DELIVERY, 1.0, round(delivery, digits), kind="delivery"))
    if round(left, digits):
        lines.append(OrderLine(ROUNDING_LINE, 1.0, round(left, digits), name=rounding_name, kind="delivery"))
    return lines


def _refunded(raw, rows):
    """What was given back: of the order as a whole, and line by line; eBay tells neither in the other."""
    payment = raw.get("paymentSummary")
    found = [refund for row in (payment, *rows) if row for refund in items(row, "refunds", default=[])]
    found = [refund for refund in found if text(refund, "refundStatus") != "FAILED"]
    total = sum(number(refund, "amount", "value", default=0.0) for refund in found)
    if not total and PAYMENTS.get(text(raw, "orderPaymentStatus").upper()) == "refunded":
        return number(raw, "pricingSummary", "total", "value", default=0.0)
    return total


def _ship_by(row):
    return moment(row, "lineItemFulfillmentInstructions", "shipByDate")


def _customer(raw):
    """Who ordered. Names, phones and addresses are left out of older orders; phones also come as ``{}``."""
    step = _shipping_step(raw)
    ship_to = step.get("shipTo", {})
    username = text(raw, "buyer", "username")
    name, company = text(ship_to, "fullName"), text(ship_to, "companyName")
    street, *more = _address_lines(step, ship_to, company if name else "")
    return Customer(
        name=name or company or username,
        code=username,
        phone=text(ship_to, "primaryPhone", "phoneNumber"),
        email=text(ship_to, "email"),
        street=street,
        street2=", ".join(more),
        city=text(ship_to, "contactAddress", "city"),
        zip=text(ship_to, "contactAddress", "postalCode"),
        state=text(ship_to, "contactAddress", "stateOrProvince"),
        country=text(ship_to, "contactAddress", "countryCode"),
    )


def _address_lines(step, ship_to, company):
    """The street and what stands below it on the label. The hub of an international shipment knows it by its reference,
    which has to stand right above the street."""
    street = text(ship_to, "contactAddress", "addressLine1")
    below = [company, text(ship_to, "contactAddress", "addressLine2")]
    reference = text(step, "shipToReferenceId")
    lines = [f"Reference #{reference}", street, *below] if reference and street else [street, *below]
    return [lines[0], *filter(None, lines[1:])]


def _shipping_step(raw):
    for instruction in items(raw, "fulfillmentStartInstructions", default=[]):
        found = instruction.get("shippingStep")
        if isinstance(found, dict) and isinstance(found.get("shipTo"), dict):
            return found
    return {}


# === products ===


def product_of(item, offer) -> RemoteProduct:
    """One inventory item with its offer on the account's marketplace. The listing shows the lesser of both
    quantities."""
    quantities = [
        number(item, "availability", "shipToLocationAvailability", "quantity", default=None),
        number(offer, "availableQuantity", default=None),
    ]
    codes = [codes[0] for key in ("ean", "upc", "isbn") if (codes := (item.get("product") or {}).get(key))]
    return RemoteProduct(
        external_id=text(item, "sku", required=True),
        name=text(item, "product", "title"),
        sku=text(item, "sku"),
        barcode=identifier(codes[0]) if codes else "",
        price=number(offer, "pricingSummary", "price", "value", default=None),
        quantity=min((one for one in quantities if one is not None), default=None),
        published=text(offer, "status") == "PUBLISHED",
        remote=remote_of(offer),
    )


def remote_of(offer) -> dict:
    """What a push has to know of an offer: its id, its listing, which limits revisions, and its currency."""
    return {
        "offer": text(offer, "offerId", required=True),
        "listing": text(offer, "listing", "listingId"),
        "currency": text(offer, "pricingSummary", "price", "currency"),
        "published": text(offer, "status") == "PUBLISHED",
    }


# === answers ===


def row_results(wire, answer) -> list[RowResult]:
    """One result for each row of a bulk update: of all responses about it, the worst counts."""
    responses = answer.get("responses") if isinstance(answer, dict) else None
    if not isinstance(responses, list):
        raise errors.InvalidResponse(_("eBay did not answer for each product; check the API URL"))
    responses = [one for one in responses if isinstance(one, dict)]
    results = []
    for row in wire:
        mine = [one for one in responses if _is_about(one, row)]
        worst = max(mine, key=_status, default=None)
        results.append(_judged(worst) if worst else RowResult.retry(_("eBay said nothing of this product.")))
    return results


def _is_about(response, row):
    offer = identifier(response.get("offerId"))
    if offer:
        return offer == row["offers"][0]["offerId"]
    return identifier(response.get("sku")) == row.get("sku")


def _status(response):
    status = response.get("statusCode")
    return status if isinstance(status, int) else 0


def _judged(response):
    status = _status(response)
    found = [one for one in response.get("errors") or [] if isinstance(one, dict)]
    code = identifier(found[0].get("errorId")) if found else ""
    message = "; ".join(storable(str(one.get("longMessage") or one.get("message") or "")) for one in found)
    if 200 <= status < 300:
        return RowResult.accepted(message)
    message = message or _("eBay answered for this product without saying why (status %(status)s).", status=status)
    if status == 404 or code in STALE_ERRORS:
        return RowResult.retry(message, code="stale")
    if status in PASSING or status >= 500 or not status or code in PASSING_ERRORS:
        return RowResult.retry(message, code=code)
    return RowResult.rejected(code or str(status), message)


# === shipments ===


def tracking_number(written: str) -> str:
    """Letters and digits are all that eBay takes."""
    return re.sub(r"[^A-Za-z0-9]", "", written)


def is_told(fulfilment, wire) -> bool:
    """Whether a shipment that eBay has is the one that we are about to tell: by its tracking number, which eBay makes
    its id, and what it holds (a second delivery may go under the same number); without one, by its lines and its time.
    """
    there = identifier(fulfilment.get("shipmentTrackingNumber")) or ""
    if wire.get("trackingNumber"):
        known = {tracking_number(there).upper(), identifier(fulfilment.get("fulfillmentId")).upper()}
        return wire["trackingNumber"].upper() in known and _holds(_contents(fulfilment), _contents(wire))
    if there:
        return False
    same_time = moment(fulfilment, "shippedDate") == moment(wire, "shippedDate")
    return same_time and _contents(fulfilment) == _contents(wire)


def _contents(package):
    return {
        identifier(row.get("lineItemId")): number(row, "quantity", default=1.0)
        for row in items(package, "lineItems", default=[])
    }


def _holds(contents, wanted):
    """Whether all that is wanted is among the contents; where those are not told, nothing speaks against it."""
    return not contents or all(contents.get(line_id, 0.0) >= quantity for line_id, quantity in wanted.items())


# === a walk through orders ===


def next_place(place: dict, ids: list[str], newest: str, more: bool, page: int) -> dict:
    """Where the walk through a list of orders goes on.

    The list is numbered from its beginning and changes while it is read: an order that is modified leaves its place,
    and all behind it move up. So pages overlap, and where nothing of the end of the last page is met again, the walk
    goes back by a page. After the last page the next window begins a little before the newest change that was seen.

    :param place: ``since``, ``offset``, ``tail`` (ids at the end of the last page), ``seen`` (newest change so far)
    :param ids: of the orders on this page
    :param newest: change of an order on this page, ``""`` where there is none
    :param page: how many orders were asked for
    """
    newest = max(place.get("seen") or "", newest)
    here = {"since": place["since"], "seen": newest}
    offset, tail = place.get("offset") or 0, place.get("tail") or []
    if tail and not set(tail) & set(ids):
        return {**here, "offset": max(0, offset - page)}
    if more and ids:
        again = min(PAGE_OVERLAP, len(ids) // 2)
        return {**here, "offset": offset + len(ids) - again, "tail": ids[len(ids) - again :]}
    return {"since": max(place["since"], stamp(unstamp(newest) - OVERLAP)) if newest else place["since"]}


def newest_change(orders: list) -> str:
    """When the order that was changed last was changed, ``""`` where none tells."""
    found = []
    for raw in orders:
        with suppress(errors.MappingError):
            if when := moment(raw, "lastModifiedDate"):
                found.append(stamp(when))
    return max(found, default="")
