# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Shopify's documents as neutral forms, and ours as Shopify's. Nothing here asks anybody, or knows of Odoo."""

from collections import Counter
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation

from ..schemas import ENDED, UNLIMITED, Customer, Order, OrderLine, RemoteProduct
from ..transport.errors import MappingError
from ..transport.reading import first, flag, items, moment, number, text, under
from ..transport.words import _

# How far an order is by its payment. What Shopify may add to these later counts as not paid yet.
STATUS_BY_PAYMENT = {
    "PAID": "approved",
    "AUTHORIZED": "approved",
    "PARTIALLY_REFUNDED": "approved",
    # All of it was paid back before it was sent.
    "REFUNDED": "cancelled",
}
SHIPPED = "FULFILLED"
# Paid, and not to be sent yet: for a check of the payment, say, or since it is for a later day.
HELD_BACK = ("ON_HOLD", "SCHEDULED")
SENT_BACK = ("RETURNED", "INSPECTION_COMPLETE")
# What is charged beside goods and shipping, each as a line of its own.
TIP = "totalTipReceivedSet"
EXTRAS = {
    TIP: "Tip",
    "currentTotalDutiesSet": "Duties",
    "currentTotalAdditionalFeesSet": "Additional fees",
}
#: Shopify's clock and ours are no further apart.
CLOCKS = timedelta(minutes=5)
#: Between a line's id and the number of its part.
PART = ":"


def gid(kind, number_):
    """Shopify's global id of a record."""
    return f"gid://shopify/{kind}/{number_}"


def tail(raw, *path):
    """The number in a global id, as text: it may be larger than what a float holds. ``""`` where there is none."""
    return text(raw, *path).partition("?")[0].rpartition("/")[2]


# === products ===


def remote_of(raw):
    """What a push names a variant by, beside its own id; and whether it is sold whatever is in stock."""
    names = {"product": tail(raw, "product", "id"), "inventory_item": tail(raw, "inventoryItem", "id")}
    return {**names, "endless": True} if is_endless(raw) else names


def is_endless(raw):
    """Tell whether a variant never runs out: its stock is not tracked, or it is sold beyond that."""
    tracked = first(first(raw, "inventoryItem", default={}), "tracked", default=True)
    return tracked is False or text(raw, "inventoryPolicy") == "CONTINUE"


def product_of(raw):
    title, variant = text(raw, "product", "title"), text(raw, "title")
    level = first(first(raw, "inventoryItem", default={}), "inventoryLevel", default={})
    at_location = items(level, "quantities", default=[])
    quantity = number(at_location[0] if at_location else raw, ("quantity", "inventoryQuantity"), default=None)
    return RemoteProduct(
        external_id=tail(raw, "id"),
        name=title if variant in ("", "Default Title") else f"{title} - {variant}",
        sku=text(raw, "sku"),
        barcode=text(raw, "barcode"),
        price=number(raw, "price", default=None),
        quantity=float(UNLIMITED) if is_endless(raw) else quantity,
        remote=remote_of(raw),
    )


# === orders ===


def order_of(raw, digits, with_taxes, price_digits=None):
    """The neutral order.

    :param digits: decimals of its currency
    :param with_taxes: prices are to hold the taxes, also where the shop's do not
    :param price_digits: decimals that a price can have here, ``None``: as many
    """
    status = status_of(raw)
    closed = status in ENDED  # then it stays what was ordered: nothing is delivered any more
    total = money(raw, "totalPriceSet" if closed else "currentTotalPriceSet")
    add_taxes = with_taxes and not flag(raw, "taxesIncluded")
    sums = Sums(digits, closed, add_taxes, digits if price_digits is None else price_digits)
    lines = sums.lines_of(raw, total if with_taxes or flag(raw, "taxesIncluded") else None)
    refunded = sums.given_back(raw, status)
    return Order(
        external_id=tail({"id": text(raw, "id", required=True)}, "id"),
        status=status,
        raw_status=raw_status_of(raw),
        customer=customer_of(raw),
        lines=lines,
        total=float(total),
        reference=text(raw, "name"),
        ordered_at=moment(raw, "createdAt"),
        currency=text(raw, "currencyCode"),
        credit=float(max(Decimal(0), total - refunded - outstanding(raw, total - refunded))),
        refunded=float(refunded),
        note=text(raw, "note"),
        cancellation_reason=text(raw, "cancelReason"),
    )


def raw_status_of(raw):
    return " ".join(filter(None, (text(raw, "displayFinancialStatus"), text(raw, "displayFulfillmentStatus"))))


def status_of(raw):
    """The neutral status. A word nobody has heard of yet counts for nothing, so an order never fails by it."""
    if text(raw, "cancelledAt"):
        return "cancelled"
    fulfilment = text(raw, "displayFulfillmentStatus")
    sent = fulfilment == SHIPPED
    rows = items(first(raw, "lineItems", default={}), "nodes", default=[])
    if rows and not any(number(row, "currentQuantity", default=1.0) for row in rows):
        # Nothing is left of it: taken back after it was sent, or taken off before.
        return "returned" if sent or text(raw, "returnStatus") in SENT_BACK else "cancelled"
    if sent:
        return "shipped"
    status = STATUS_BY_PAYMENT.get(text(raw, "displayFinancialStatus"), "pending")
    return "pending" if status == "approved" and fulfilment in HELD_BACK else status


def elsewhere_of(raw, location):
    """The names of the places other than ``location`` that Shopify has some of an order sent from."""
    rows = items(first(raw, "fulfillmentOrders", default={}), "nodes", default=[])
    sending = [first(row, "assignedLocation", default={}) for row in rows if text(row, "status") != "CANCELLED"]
    others = [place for place in sending if tail(place, "location", "id") not in ("", location)]
    return ", ".join(sorted({text(place, "name") or tail(place, "location", "id") for place in others}))


def customer_of(raw):
    """Who ordered; a guest has no code, and who is missing or kept from us has no name."""
    place = first(raw, "shippingAddress", "billingAddress", default={})
    return Customer(
        name=text(place, "name")
        or text(raw, "customer", "displayName")
        or text(place, "company")
        or text(raw, "email"),
        code=tail(raw, "customer", "id"),
        phone=text(place, "phone") or text(raw, "phone") or text(raw, "customer", "phone"),
        email=text(raw, "email") or text(raw, "customer", "email"),
        street=text(place, "address1"),
        street2=text(place, "address2"),
        city=text(place, "city"),
        zip=text(place, "zip"),
        state=text(place, "provinceCode"),
        country=text(place, "countryCodeV2"),
    )


def money(raw, *path):
    """An amount in the shop's own currency, exactly as written; 0 where there is none."""
    written = text(raw, *path, "shopMoney", "amount", default="0")
    try:
        amount = Decimal(written)
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite():
        raise MappingError(".".join(path), _("should be an amount, is %(written)s", written=repr(written)))
    return amount


def outstanding(raw, asked):
    """What the customer has still to pay of what is asked for: nothing where the shop has the money or may take it.
    Documents of before the sum was read do not tell it."""
    if text(raw, "displayFinancialStatus") in STATUS_BY_PAYMENT:
        return Decimal(0)
    return asked if raw.get("totalOutstandingSet") is None else money(raw, "totalOutstandingSet")


class Sums:
    """The lines of an order, so that they come to its total to the cent.

    Shopify tells discounts and taxes of the quantity that was ordered first; what an edit or a refund took off takes
    its share with it. A sum that a number of units does not divide is split in two lines, a cent apart.
    """

    def __init__(self, digits, closed, add_taxes, price_digits):
        self.step, self.price_step = Decimal(1).scaleb(-digits), Decimal(1).scaleb(-price_digits)
        self.closed, self.add_taxes = closed, add_taxes

    def lines_of(self, raw, total):
        """:param total: what they have to come to; ``None``: taxes come on top"""
        charged = [*self._product_lines(raw), *self._delivery_lines(raw)]
        if total is not None:
            self._settle(charged, total)
        return [part for line, amount in charged for part in self._parts(line, amount)]

    def _product_lines(self, raw):
        charged, tips = [], _tips(raw)
        for index, row in enumerate(items(first(raw, "lineItems", default={}), "nodes")):
            with under(f"lineItems[{index}]"):
                line, amount = self._product_line(row)
                line.kind = "delivery" if row in tips else line.kind
                charged.append((line, amount))
        return charged

    def _product_line(self, row):
        ordered = Decimal(str(number(row, "quantity")))
        quantity = ordered if self.closed else Decimal(str(number(row, "currentQuantity", default=float(ordered))))
        discount = _discount(row)
        amount = money(row, "originalUnitPriceSet") * ordered - discount + self._taxes(row)
        part = quantity / ordered if ordered else Decimal(0)
        line = OrderLine(
            external_id=tail(row, "id"),
            quantity=float(quantity),
            price_unit=0.0,
            product_external_id=tail(row, "variant", "id"),
            product_sku=text(row, "sku"),
            name=text(row, "name"),
            supplier_discount=float(self._rounded(discount / ordered)) if ordered else 0.0,
            cancelled=not quantity,
        )
        return line, self._rounded(amount * part)

    def _delivery_lines(self, raw):
        charged = []
        rows = items(first(raw, "shippingLines", default={}), "nodes", default=[])
        for index, row in enumerate(rows):
            before = money(row, "discountedPriceSet")
            now = (
                before
                if self.closed or row.get("currentDiscountedPriceSet") is None
                else money(row, "currentDiscountedPriceSet")
            )
            taxes = self._taxes(row) * now / before if before else self._taxes(row)
            name = tail(row, "id") or f"shipping-{index}"
            charged.append((name, text(row, "title"), Decimal(0) if flag(row, "isRemoved") else now + taxes))
        extras = {key: label for key, label in EXTRAS.items() if raw.get(key) and not (key == TIP and _tips(raw))}
        charged += [(label.lower(), label, money(raw, key)) for key, label in extras.items()]
        return [
            (
                OrderLine(external_id=name, quantity=1.0, price_unit=0.0, name=title, kind="delivery"),
                self._rounded(amount),
            )
            for name, title, amount in charged
            if amount
        ]

    def _taxes(self, row):
        return (
            sum(money(tax, "priceSet") for tax in items(row, "taxLines", default=[])) if self.add_taxes else Decimal(0)
        )

    def _settle(self, charged, total):
        """Put what rounding line by line has left over onto the largest line."""
        left = total - sum(amount for _line, amount in charged)
        if left and abs(left) <= self.step * len(charged):
            largest = max(range(len(charged)), key=lambda index: charged[index][1])
            charged[largest] = (charged[largest][0], charged[largest][1] + left)

    def _parts(self, line, amount):
        units = int(line.quantity)
        if units < 2:
            return [_priced(line, line.external_id, line.quantity, amount)]
        low = (amount / units).quantize(self.price_step, ROUND_FLOOR)
        dearer = int((amount - low * units) / self.price_step)
        parts = [_priced(line, line.external_id, units - dearer, low)]
        if dearer:
            parts.append(_priced(line, f"{line.external_id}{PART}2", dearer, low + self.price_step))
        return parts

    def _rounded(self, amount):
        return Decimal(amount).quantize(self.step, ROUND_HALF_UP)

    # === what was given back ===

    def given_back(self, raw, status):
        """What was paid back, but for what was taken off before it was sent: that is told by the lines. Of an order
        that has ended it is all of it."""
        refunded, units = money(raw, "totalRefundedSet"), Decimal(0)
        for row in () if self.closed else items(first(raw, "lineItems", default={}), "nodes"):
            off = self._taken_off(row)
            units += off
            refunded -= _paid_for(raw, row) * off / Decimal(str(number(row, "quantity"))) if off else 0
        if not self.closed and status != "shipped":
            refunded -= self._shipping_off(raw)
        return self._rounded(refunded) if refunded > self.step * units else Decimal(0)  # each was rounded by itself

    def _taken_off(self, row):
        """Units that were taken off before they were sent. What can't be sent may also be no goods."""
        ordered = number(row, "quantity")
        gone = ordered - number(row, "currentQuantity", default=ordered)
        return Decimal(str(min(gone, number(row, "nonFulfillableQuantity", default=0.0))))

    def _shipping_off(self, raw):
        off = Decimal(0)
        for row in items(first(raw, "shippingLines", default={}), "nodes", default=[]):
            if row.get("currentDiscountedPriceSet") is not None:
                before = money(row, "discountedPriceSet")
                part = (before - money(row, "currentDiscountedPriceSet")) / before if before else Decimal(0)
                off += (before + _taxes_on_top(raw, row)) * part
        return off


def _tips(raw):
    """The lines that hold the tip: it is a line like the others, of no product, and nobody can send it. None where its
    sum stands in no line."""
    rows = items(first(raw, "lineItems", default={}), "nodes", default=[])
    rows = [row for row in rows if not row.get("variant") and number(row, "nonFulfillableQuantity", default=0.0)]
    tip, sums = money(raw, TIP), [money(row, "originalUnitPriceSet") * int(number(row, "quantity")) for row in rows]
    if not tip or sum(sums) == tip:
        return rows if tip else []
    return [row for row, amount in zip(rows, sums, strict=True) if amount == tip][:1]


def _discount(row):
    return sum(money(one, "allocatedAmountSet") for one in items(row, "discountAllocations", default=[]))


def _taxes_on_top(raw, row):
    """The taxes that the customer has paid beside the price."""
    if flag(raw, "taxesIncluded"):
        return Decimal(0)
    return sum(money(tax, "priceSet") for tax in items(row, "taxLines", default=[]))


def _paid_for(raw, row):
    """What the customer has paid for all units of a line."""
    price = money(row, "originalUnitPriceSet") * Decimal(str(number(row, "quantity")))
    return price - _discount(row) + _taxes_on_top(raw, row)


def _priced(line, external_id, quantity, price):
    values = {**line.__dict__, "external_id": external_id, "quantity": float(quantity), "price_unit": float(price)}
    return OrderLine(**values)


# === deliveries ===


def units_of(package):
    """What a package holds, ``Counter({line id: units})``; ``None`` where that is no whole number. The parts of a line
    are one at Shopify."""
    units = Counter()
    for line_id, quantity in package.lines:
        if quantity != int(quantity):
            return None
        units[line_id.partition(PART)[0]] += int(quantity)
    return units


def told_of(package, units, fulfillments):
    """Which units Shopify knows to be in this package already: from a call whose answer was lost.

    That is what has the same tracking number; for a package that was not told before as far as we know, only if it
    holds the very same, since two packages may share a number.
    """
    standing = _standing(fulfillments)
    if not package.tracking:
        return _told_without_number(package, units, standing) if package.repeated else Counter()
    told = Counter()
    for row in standing:
        held = _held(row)
        if package.tracking in _numbers(row) and (package.repeated or held == units):
            told += held
    return told


def stands_as_sent(units, fulfillments):
    """Tell whether Shopify has these units as sent already, by whatever fulfilments."""
    return units <= sum(map(_held, _standing(fulfillments)), Counter())


def _standing(fulfillments):
    return [row for row in fulfillments if text(row, "status") not in ("CANCELLED", "ERROR", "FAILURE")]


def _told_without_number(package, units, fulfillments):
    """What was made since the package left: the very same, or parts of it, since each location has one of its own."""
    since = package.shipped_at - CLOCKS if package.shipped_at else datetime.min
    found = [_held(row) for row in fulfillments if not _numbers(row) and moment(row, "createdAt") >= since]
    told = Counter()
    for held in [units] if units in found else found:
        if held <= units - told:
            told += held
    return told


def _numbers(fulfillment):
    return {text(info, "number") for info in items(fulfillment, "trackingInfo", default=[])} - {""}


def _held(fulfillment):
    held = Counter()
    for item in items(fulfillment["fulfillmentLineItems"], "nodes"):
        held[tail(item, "lineItem", "id")] += int(number(item, "quantity", default=0.0))
    return held


def allotted(units, fulfillment_orders):
    """Share units out over the open fulfilment orders.

    :return: ``({location: [FulfillmentOrderLineItemsInput]}, units that nothing is left of)``; one call each location
    """
    left, by_location = Counter(units), {}
    for row in fulfillment_orders:
        if text(row, "status") not in ("OPEN", "IN_PROGRESS"):
            continue
        taken = []
        for item in items(row["lineItems"], "nodes"):
            line_id = tail(item, "lineItem", "id")
            quantity = min(left[line_id], int(number(item, "remainingQuantity", default=0.0)))
            if quantity > 0:
                left[line_id] -= quantity
                taken.append({"id": text(item, "id"), "quantity": quantity})
        if taken:
            place = text(row, "assignedLocation", "location", "id")
            wanted = {"fulfillmentOrderId": text(row, "id"), "fulfillmentOrderLineItems": taken}
            by_location.setdefault(place, []).append(wanted)
    return by_location, +left


def is_held_back(units, fulfillment_orders):
    """Tell whether Shopify has some of these units in a fulfilment order that must not be sent yet."""
    return any(
        units[tail(item, "lineItem", "id")] and number(item, "remainingQuantity", default=0.0)
        for row in fulfillment_orders
        if text(row, "status") in HELD_BACK
        for item in items(row["lineItems"], "nodes")
    )


# === refusals ===


def refusals(rows, under_key):
    """What ``userErrors`` say: ``({row: (code, message)}, [(code, message)] of no row)``.

    :param under_key: the name of the list whose rows they are about, as in ``["variants", "3", "price"]``
    """
    by_row, others = {}, []
    for row in rows or []:
        found = str(row.get("code") or ""), str(row.get("message") or "")
        path = [str(step) for step in row.get("field") or ()]
        place = path.index(under_key) + 1 if under_key in path else len(path)
        if place < len(path) and path[place].isdecimal():
            by_row.setdefault(int(path[place]), found)
        else:
            others.append(found)
    return by_row, others
