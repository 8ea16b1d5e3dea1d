# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Between Amazon's documents and the neutral forms: pure functions, no calls, nothing of Odoo.

Source: the vendor's models of Orders 2026-01-01, Orders v0, Listings Items 2021-08-01 and the listings feed, version 2.
"""

import json
import re
import zlib
from datetime import timedelta

import pytz

from ..schemas import UNLIMITED, Customer, OrderLine, RemoteProduct
from ..transport.errors import MappingError
from ..transport.reading import first, items, moment, number, text, under
from ..transport.words import _
from .amazon_marketplaces import decimals

#: Amazon's words and ours; its notifications still use the spelling of the API before.
STATUS_FROM_AMAZON = {
    **{"UNSHIPPED": "approved", "Unshipped": "approved"},
    **{"PARTIALLY_SHIPPED": "approved", "PartiallyShipped": "approved"},
    **{"SHIPPED": "shipped", "Shipped": "shipped"},
    **{"CANCELLED": "cancelled", "Canceled": "cancelled"},
}
#: Orders that are not paid yet: Amazon tells no prices of them, and changes them again when they are.
UNPAID = {"PENDING", "PENDING_AVAILABILITY", "Pending", "PendingAvailability"}
#: What is charged besides the goods, as a line of its own each.
EXTRA_CHARGES = {
    "SHIPPING": "Shipping",
    "GIFT_WRAP": "Gift wrap",
    "COD_FEE": "Cash on delivery fee",
    "OTHER": "Other charges",
    "DELIVERY_TIP": "Delivery tip",
    "ROUNDING": "Rounding",
}
#: Orders of these programs are fetched and delivered by Amazon, which then says itself that they have left.
DELIVERED_BY_AMAZON = {"AMAZON_EASY_SHIP", "DELIVERY_BY_AMAZON"}
#: What an order is to an earlier one, where Amazon may tell no price of it.
REPLACEMENTS = {"REPLACEMENT_ORIGINAL_ID", "EXCHANGE_ORIGINAL_ID"}
#: What Amazon shows of a quantity without end.
MOST = 99_999
#: Carriers that Amazon knows by a code. Every other one is named.
CARRIERS = ("UPS", "USPS", "FedEx", "DHL", "DPD", "GLS", "TNT", "Royal Mail", "Aramex")
_CARRIERS = {code.casefold(): code for code in CARRIERS}
#: A number that leads to the buyer by an extension is Amazon's own, shared by many buyers.
_EXTENSION = re.compile(r"\b(?:ext|x)\.?\s*\d+", re.IGNORECASE)
_PENNY = 0.005
#: Orders appear in a search a little after they were changed.
OVERLAP = timedelta(minutes=2)
#: A search of the catalogue leads no further than to so many products.
REACH = 1000
REPORT_BYTES = 64 * 2**20
_GZIP = b"\x1f\x8b"


# === offers ===


def patch_of(data, marketplace, product_type):
    """The wire form of an offer: what of it is told, as patches that leave everything else as it is."""
    patches = []
    if "quantity" in data:
        quantity = min(data["quantity"], MOST) if data["quantity"] != UNLIMITED else MOST
        patches.append(_merge("fulfillment_availability", fulfillment_channel_code="DEFAULT", quantity=quantity))
    if "price" in data:
        price = round(data["price"], decimals(marketplace.currency))
        patches.append(
            _merge(
                "purchasable_offer",
                marketplace_id=marketplace.id,
                currency=marketplace.currency,
                audience="ALL",
                our_price=[{"schedule": [{"value_with_tax": price}]}],
            )
        )
    return {"productType": product_type, "patches": patches}


def _merge(attribute, **value):
    return {"op": "merge", "path": f"/attributes/{attribute}", "value": [value]}


def feed_of(seller_id, rows):
    """The feed of many offers; a message's number is the row's place, from 1."""
    messages = [
        {"messageId": place, "sku": row["external_id"], "operationType": "PATCH", **row["wire"]}
        for place, row in enumerate(rows, 1)
    ]
    return {"header": {"sellerId": seller_id, "version": "2.0"}, "messages": messages}


def errors_of(issues):
    """``(code, words)`` of what is an error among the issues of an answer; ``None``: nothing is."""
    found = [issue for issue in issues if isinstance(issue, dict) and issue.get("severity") == "ERROR"]
    if not found:
        return None
    return text(found[0], "code"), "; ".join(dict.fromkeys(text(issue, "message") for issue in found))


def product_of(raw, marketplace_id):
    """One row of the seller's catalogue."""
    summary = _here(items(raw, "summaries", default=[]), marketplace_id)
    offers = [row for row in items(raw, "offers", default=[]) if text(row, "offerType", default="B2C") == "B2C"]
    stock = items(raw, "fulfillmentAvailability", default=[])
    own = [row for row in stock if text(row, "fulfillmentChannelCode") == "DEFAULT"]
    return RemoteProduct(
        external_id=text(raw, "sku", required=True),
        name=text(summary, "itemName"),
        sku=text(raw, "sku"),
        price=number(_here(offers, marketplace_id), "price", "amount", default=None),
        quantity=number(own[0], "quantity", default=None) if own else None,
        remote=remote_of(raw),
    )


def remote_of(raw):
    """Who stores a product and sends it to the buyer: Amazon where it has a stock in Amazon's warehouses alone."""
    channels = {text(row, "fulfillmentChannelCode") for row in items(raw, "fulfillmentAvailability", default=[])}
    return {"fulfilled_by": "AMAZON" if channels and "DEFAULT" not in channels else "MERCHANT"}


def next_products(place, rows, answer, marketplace_id):
    """Return where the catalogue goes on, ``None`` at its end: with the next page (``token``), or, where the search
    shows no more, with a new one from when the last product was created (``after``).

    Products come as they were created. ``count`` is how many the search has shown, ``last`` when the last of them was
    created and ``skus`` which were created at that moment: the new search begins with them.

    :raise MappingError: more were created at one moment than any search shows
    """
    after, last, skus = place.get("after", ""), place.get("last", ""), place.get("skus", [])
    for sku, created in (_created(row, marketplace_id) for row in rows):
        if created not in ("", last):
            last, skus = created, []
        skus = [*skus, sku]
    count = place.get("count", 0) + len(rows)
    token = text(answer, "pagination", "nextToken")
    if token and count < REACH:
        return {"after": after, "token": token, "count": count, "last": last, "skus": skus}
    if count >= REACH and last == after:
        problem = _("is %(moment)s of 1,000 products, and Amazon shows no more of them", moment=last)
        raise MappingError("createdDate", problem)
    is_cut = count >= REACH or rows and number(answer, "numberOfResults", default=0) > count
    return {"after": last, "last": last, "skus": skus} if is_cut and last != after else None


def _created(row, marketplace_id):
    """``(SKU, when it was created)``, ``""`` for what makes no sense."""
    try:
        return text(row, "sku"), text(_here(items(row, "summaries", default=[]), marketplace_id), "createdDate")
    except MappingError:
        return "", ""


def _here(rows, marketplace_id):
    return next((row for row in rows if text(row, "marketplaceId") == marketplace_id), {})


# === orders ===


def status_of(raw):
    """Return ``(neutral status, status as sent)``."""
    return _known(text(raw, "fulfillment", "fulfillmentStatus", required=True))


def _known(sent):
    if sent in UNPAID:
        raise MappingError(
            "fulfillment.fulfillmentStatus",
            _("is %(status)s: Amazon tells no prices before the order is paid, and then sends it again", status=sent),
        )
    if sent not in STATUS_FROM_AMAZON:
        raise MappingError("fulfillment.fulfillmentStatus", _("unknown order status %(status)s", status=repr(sent)))
    return STATUS_FROM_AMAZON[sent], sent


def is_ours(raw, marketplace_ids):
    """Tell whether this order is to be imported: paid, delivered by us, and of a marketplace of ours."""
    status = text(raw, "fulfillment", "fulfillmentStatus")
    by = text(raw, "fulfillment", "fulfilledBy", default="MERCHANT")
    there = text(raw, "salesChannel", "marketplaceId")
    return status not in UNPAID and by == "MERCHANT" and (not there or there in marketplace_ids)


def change_of(notification):
    """Return what a notification of the type ORDER_CHANGE says of an order."""
    return first(first(notification, "Payload", default={}), "OrderChangeNotification", default={})


def told_status(raw):
    """Return ``(order id, neutral status, status as sent)`` of an order, or of a notification about one."""
    if "Payload" not in raw:
        return text(raw, "orderId", required=True), *status_of(raw)
    change = change_of(raw)
    return text(change, "AmazonOrderId", required=True), *_known(text(change, "Summary", "OrderStatus", required=True))


def is_about_ours(change, marketplace_ids):
    """Tell whether a notification is about an order that is imported."""
    there = text(change, "Summary", "MarketplaceId")
    by_amazon = text(change, "Summary", "FulfillmentType") == "AFN"
    unpaid = text(change, "Summary", "OrderStatus") in UNPAID
    return not by_amazon and not unpaid and (not there or there in marketplace_ids)


def customer_of(raw):
    """Who ordered; Amazon may tell nothing of that. The address of the buyer's mail is Amazon's own, and the same for
    all his orders with us."""
    place = first(first(raw, "recipient", default={}), "deliveryAddress", default={})
    mail = text(raw, "buyer", "buyerEmail").lower()
    phone = text(place, "phone")
    shared = bool(_EXTENSION.search(phone))
    second = (text(place, key) for key in ("addressLine2", "addressLine3", "districtOrCounty"))
    return Customer(
        name=text(place, "name") or text(raw, "buyer", "buyerName") or f"Amazon {text(raw, 'orderId')}",
        code=mail.partition("@")[0] if "@marketplace.amazon." in mail else "",
        phone="" if shared else phone,
        phone2=phone if shared else "",
        email=mail,
        street=text(place, "addressLine1"),
        street2=", ".join(filter(None, (text(place, "companyName"), *second))),
        city=text(place, "city") or text(place, "municipality"),
        zip=text(place, "postalCode"),
        state=text(place, "stateOrRegion"),
        country=text(place, "countryCode"),
        notes=text(raw, "recipient", "deliveryPreference", "addressInstruction"),
    )


def lines_of(raw, currency, with_tax=True, priced=True):
    """The lines of an order, which come to exactly what Amazon says the items come to: the goods, then a line for each
    kind of what is charged besides.

    :param with_tax: whether tax that Amazon charges on top of its prices is part of them here
    :param priced: whether each item has to have a price; one that was cancelled unpaid has none
    """
    lines, extras, charged = [], {}, 0.0
    digits = decimals(currency)
    for index, item in enumerate(items(raw, "orderItems")):
        with under(f"orderItems[{index}]"):
            line, more, total = _line_of(item, digits, with_tax, priced)
        lines.append(line)
        charged += total
        for kind, amount in more.items():
            extras[kind] = extras.get(kind, 0.0) + amount
    tip = _tip_of(raw, charged)
    if tip:
        extras["DELIVERY_TIP"] = tip
    for kind, amount in extras.items():
        if abs(amount) >= _PENNY:
            name = EXTRA_CHARGES[kind]
            lines.append(OrderLine(kind, 1.0, round(amount, digits), name=name, kind="delivery"))
    return lines


def total_of(raw):
    """What the seller receives for the whole order, ``None`` where that is not told."""
    return number(raw, "proceeds", "grandTotal", "amount", default=None)


def currency_of(raw):
    """The currency of the order's first amount, ``""`` where it has none."""
    amounts = [first(first(raw, "proceeds", default={}), "grandTotal", default={})]
    for item in items(raw, "orderItems"):
        amounts.append(first(first(item, "proceeds", default={}), "proceedsTotal", default={}))
        amounts.append(first(first(first(item, "product", default={}), "price", default={}), "unitPrice", default={}))
    return next(filter(None, (text(amount, "currencyCode") for amount in amounts)), "")


def _line_of(item, digits, with_tax, priced):
    """Return ``(line, {kind: amount} of what is charged besides, all of it)``."""
    quantity = _quantity_of(item)
    charges, discount, total = _charges_of(item, with_tax)
    if priced and total is None:
        raise MappingError("proceeds", _("is missing, and so is the price: Amazon has told neither"))
    total = total or 0.0
    goods = charges.pop("ITEM", 0.0)
    price = round(goods / quantity, digits) if quantity else 0.0
    if quantity and abs(goods - price * quantity) >= _PENNY:
        charges["ROUNDING"] = goods - price * quantity
    line = OrderLine(
        external_id=text(item, "orderItemId", required=True),
        quantity=quantity,
        price_unit=price,
        product_external_id=text(item, "product", "sellerSku"),
        product_sku=text(item, "product", "sellerSku"),
        name=text(item, "product", "title") or text(item, "product", "asin"),
        supplier_discount=round(discount / quantity, digits) if quantity else 0.0,
        comment=text(item, "fulfillment", "packing", "giftOption", "giftMessage"),
        cancelled=not quantity,
    )
    return line, charges, total


def _quantity_of(item):
    """What is left of the item after a cancellation."""
    ordered = number(item, "quantityOrdered")
    left = [number(item, "fulfillment", key, default=None) for key in ("quantityFulfilled", "quantityUnfulfilled")]
    cancelled = first(first(item, "cancellation", default={}), "cancellationExecution")
    return sum(left) if cancelled and None not in left else ordered


def _charges_of(item, with_tax):
    """Return ``({kind: what is charged}, discount on the goods, all of it)``, the last ``None`` where no price is told.

    Whether tax stands on top of the prices or is part of them is told by nothing but the sum: both kinds of
    marketplaces use one form.
    """
    charges, discounts, taxes = {}, {}, {}
    for row in items(first(item, "proceeds", default={}), "breakdowns", default=[]):
        kind, amount = text(row, "type"), number(row, "subtotal", "amount", default=0.0)
        if kind == "DISCOUNT":
            _spread(discounts, row, abs(amount))
        elif kind == "TAX":
            _spread(taxes, row, amount)
        else:
            kind = kind if kind in EXTRA_CHARGES or kind == "ITEM" else "OTHER"
            charges[kind] = charges.get(kind, 0.0) + amount
    told = number(item, "proceeds", "proceedsTotal", "amount", default=None)
    price = number(item, "product", "price", "unitPrice", "amount", default=None)
    if not charges and price is None and told is None:
        return {}, 0.0, None
    charges.setdefault("ITEM", (price or 0.0) * _quantity_of(item))
    for kind, amount in discounts.items():
        charges[kind] = charges.get(kind, 0.0) - amount
    plain, tax = sum(charges.values()), sum(taxes.values())
    on_top = told is not None and abs(told - plain - tax) < _PENNY
    if on_top and with_tax:
        for kind, amount in taxes.items():
            charges[kind] = charges.get(kind, 0.0) + amount
    if told is not None and not on_top:
        charges["ITEM"] += told - plain
    return charges, discounts.get("ITEM", 0.0), plain if told is None else told


def _spread(amounts, row, whole):
    """Add to ``amounts`` what of a tax or a discount falls upon what; what is not said falls upon the goods."""
    left = whole
    for detail in items(row, "detailedBreakdowns", default=[]):
        kind, amount = text(detail, "subtype"), abs(number(detail, "value", "amount", default=0.0))
        if kind in EXTRA_CHARGES and amount <= left + _PENNY:
            amounts[kind] = amounts.get(kind, 0.0) + amount
            left -= amount
    amounts["ITEM"] = amounts.get("ITEM", 0.0) + left


def _tip_of(raw, charged):
    """A tip for the delivery, where it is what the total holds besides the items."""
    total = total_of(raw)
    rows = items(first(raw, "proceeds", default={}), "breakdowns", default=[])
    tip = sum(number(row, "subtotal", "amount") for row in rows if text(row, "type") == "DELIVERY_TIP")
    return tip if total is not None and abs(total - charged - tip) < _PENNY else 0.0


def reason_of(raw):
    """Why the order was cancelled, in Amazon's words."""
    reasons = [text(item, "cancellation", "cancellationExecution", "cancelReason") for item in items(raw, "orderItems")]
    return "; ".join(dict.fromkeys(filter(None, reasons)))


def request_of(raw):
    """Why the buyer asks to cancel, in Amazon's words, as long as nobody has done it; ``""``: the buyer does not."""
    words = []
    for item in items(raw, "orderItems"):
        cancellation = first(item, "cancellation", default={})
        if first(cancellation, "cancellationRequest") and not first(cancellation, "cancellationExecution"):
            words.append(text(cancellation, "cancellationRequest", ("cancelReason", "requester")) or "-")
    return "; ".join(dict.fromkeys(words))


def is_delivered_by_amazon(raw):
    """Tell whether Amazon fetches the order from the seller and brings it to the buyer."""
    programs = first(raw, "programs", default=[])
    return isinstance(programs, list) and any(program in programs for program in DELIVERED_BY_AMAZON)


def replaced_by(raw):
    """The order that this one replaces, where no price is told of it; ``""``: it is an order like others."""
    rows = items(raw, "associatedOrders", default=[])
    original = next((row for row in rows if text(row, "associationType") in REPLACEMENTS), None)
    if original is None or all(_charges_of(item, True)[2] is not None for item in items(raw, "orderItems")):
        return ""
    return text(original, "orderId") or "-"


def day_in(zone, at):
    """The day that a naive UTC time falls on in a time zone."""
    return pytz.utc.localize(at).astimezone(pytz.timezone(zone)).date()


def changed_at(raw):
    """When the order was last changed, as a text that sorts; ``""`` where that can't be told."""
    try:
        at = moment(raw, "lastUpdatedTime")
    except MappingError:
        return ""
    return at.isoformat(timespec="microseconds") if at else ""


# === where a search goes on ===


def next_place(place, answer):
    """Return where the next search begins, or this one goes on: ``after``, Amazon's own time up to which all was seen;
    within a search of several pages ``token``, and ``next``, what ``after`` will be when it is over.

    The first page says up to when the search looks; orders that change meanwhile come with the next one.
    """
    until = moment(answer, "lastUpdatedBefore")
    after = place.get("next") or (zulu(until - OVERLAP) if until else place["after"])
    after = max(after, place["after"])
    token = text(answer, "pagination", "nextToken")
    return {"after": place["after"], "token": token, "next": after} if token else {"after": after}


# === reports on feeds ===


def report_of(body):
    """Return the report on a feed, unpacked, but no more of it than any report can be.

    :raise MappingError: it can't be read, and would be the same if it were asked for again
    """
    try:
        if body[:2] == _GZIP:
            body = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, REPORT_BYTES)
        report = json.loads(body)
    except (ValueError, RecursionError, zlib.error):
        report = None
    if not isinstance(report, dict):
        raise MappingError("", _("Amazon's report on a feed can't be read. What it is about is sent again."))
    return report


def judged(skus, report):
    """Return ``({place in the feed, from 1: (code, words)} of what was refused, the same of the whole feed or None)``.
    A row is known by its SKU, else by its place; what names neither is about the whole feed."""
    places = {sku: place for place, sku in enumerate(skus, 1)}
    issues = {}
    for issue in items(report, "issues", default=[]):
        place = places.get(text(issue, "sku")) or issue.get("messageId")
        issues.setdefault(place if place in range(1, len(skus) + 1) else 0, []).append(issue)
    whole = errors_of(issues.pop(0, []))
    refused = {place: found for place, part in issues.items() if (found := errors_of(part))}
    if not whole and number(report, "summary", "messagesInvalid", default=0) > len(refused):
        whole = "", "Rows were refused, and the report does not say which."
    return refused, whole


# === shipments ===


def shipment_of(package, marketplace_id, shipped_at):
    """The wire form of a delivery. ``package.number`` is what Amazon knows it by, so that it is told once."""
    code = _CARRIERS.get(package.carrier.strip().casefold(), "Other")
    detail = {
        "packageReferenceId": str(package.number),
        "carrierCode": code,
        "carrierName": package.carrier.strip(),
        "trackingNumber": package.tracking.strip(),
        "shipDate": zulu(shipped_at),
        "orderItems": [{"orderItemId": line_id, "quantity": int(units)} for line_id, units in package.lines],
    }
    return {"marketplaceId": marketplace_id, "packageDetail": detail}


def knows(raw, package):
    """Tell whether the order that Amazon shows has this delivery already."""
    told = items(raw, "packages", default=[])
    return any(
        text(row, "packageReferenceId") == str(package.number)
        and text(row, "trackingNumber") == package.tracking.strip()
        for row in told
    )


def zulu(at):
    """A naive UTC time as Amazon writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
