# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""WooCommerce's documents in the neutral forms: plain functions, and the facts that they go by."""

import html
import re

from odoo.tools import float_round

from ..schemas import ROUNDING_LINE, UNLIMITED, Customer, Order, OrderLine, RemoteProduct
from ..transport.errors import MappingError
from ..transport.reading import items, moment, number, text, under
from ..transport.words import _

STATUS_FROM_WOOCOMMERCE = {
    "pending": "pending",
    "on-hold": "pending",
    # The customer may pay once more: that it failed is no end.
    "failed": "pending",
    "processing": "approved",
    "completed": "delivered",
    "cancelled": "cancelled",
    "trash": "cancelled",
}
# A checkout that nobody has sent yet; WooCommerce lists it among the orders all the same.
NOT_ORDERED = {"checkout-draft", "auto-draft", "draft"}
# What can't be put on sale itself: a list of others, and a link to another shop.
NOT_SOLD = {"grouped", "external"}
# Paid to whoever brings the goods. Every other order with a date of payment has been paid to the shop.
CASH_ON_DELIVERY = "cod"
# The line for what rounding lost stands on what the customer is sent, so it is in no job's language.
ROUNDING = "Rounding"

# As many decimals as a price needs that was divided by a quantity.
PRICE_DIGITS = 6
# How WooCommerce writes times, in UTC where the name of the field ends in "gmt".
MOMENT = "%Y-%m-%dT%H:%M:%S"
_IS_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)


# === products ===


def is_variable(raw):
    """Tell whether the variations of a product are sold, and not the product; plugins have their own types of those."""
    return raw.get("type") == "variable" or bool(raw.get("variations"))


def parent_of(raw):
    """Return what a variable product's variations are read by: ``[id, name]``."""
    text(raw, "id", required=True)
    return [raw["id"], plain(raw, "name")]


def parse_product(raw, parent=None):
    """Return the ``RemoteProduct`` of a product, or of a variation of the product ``parent``: ``(id, name)``."""
    parent_id, name = parent or (None, "")
    managed = raw.get("manage_stock") is True  # a variation may say "parent"
    unmanaged = {"instock": float(UNLIMITED), "outofstock": 0.0}.get(raw.get("stock_status"))
    quantity = number(raw, "stock_quantity", default=0.0) if managed else None if parent else unmanaged
    return RemoteProduct(
        external_id=text(raw, "id", required=True),
        name=" ".join(filter(None, (name, _variant_name(raw) if parent else plain(raw, "name")))),
        sku=text(raw, "sku"),
        barcode=text(raw, "global_unique_id"),
        price=number(raw, "regular_price", default=None),
        quantity=float(UNLIMITED) if managed and is_endless(raw) else quantity,
        published=text(raw, "status", default="publish") == "publish",
        remote={"parent": parent_id},
    )


def is_endless(raw):
    """Tell whether what is managed is sold beyond what is in stock; where nothing is said of that, it is not."""
    return text(raw, "backorders", default="no") not in ("", "no")


def _variant_name(raw):
    options = [plain(row, "option") for row in items(raw, "attributes", default=[])]
    return f"({', '.join(filter(None, options))})" if any(options) else ""


# === orders ===


def neutral_status(raw, own_statuses):
    """Return the neutral status of an order. The money of a refunded order has gone back: before anything was shipped
    that is a cancellation, afterwards the goods have to come back, too.

    :param dict own_statuses: what the shop's own statuses mean
    """
    status = text(raw, "status", required=True)
    if status == "refunded":
        return "returned" if text(raw, "date_completed_gmt") else "cancelled"
    known = {**STATUS_FROM_WOOCOMMERCE, **own_statuses}
    if status not in known:
        raise MappingError(
            "status",
            _(
                "Unknown order status %(status)r. Say under Own Statuses of the account what it means, then replay "
                "this.",
                status=status,
            ),
        )
    return known[status]


def parse_order(raw, own_statuses, net, digits, price_digits):
    """Return the neutral order.

    :param bool net: prices are wanted without taxes
    :param int digits: decimals of the order's currency
    :param int price_digits: decimals that a price can have here
    """
    lines = _parse_lines(raw, net)
    total = number(raw, "total", default=None)
    if total is not None:
        asked = total - number(raw, "total_tax", default=0.0) if net else total
        lines += _rounding(lines, asked, digits, price_digits)
    paid = text(raw, "date_paid_gmt") and text(raw, "payment_method") != CASH_ON_DELIVERY
    refunded = sum(abs(number(row, "total", default=0.0)) for row in items(raw, "refunds", default=[]))
    return Order(
        external_id=text(raw, "id", required=True),
        status=neutral_status(raw, own_statuses),
        raw_status=text(raw, "status"),
        customer=_parse_customer(raw),
        lines=lines,
        total=total,
        reference=text(raw, "number"),
        ordered_at=moment(raw, "date_created_gmt"),
        currency=text(raw, "currency"),
        credit=(total or 0.0) - refunded if paid else 0.0,
        refunded=refunded,
        note=text(raw, "customer_note"),
    )


def _parse_lines(raw, net):
    lines = []
    for index, row in enumerate(items(raw, "line_items")):
        with under(f"line_items[{index}]"):
            lines.append(_parse_line(row, net))
    for key, name in (("shipping_lines", "method_title"), ("fee_lines", "name")):
        for index, row in enumerate(items(raw, key, default=[])):
            with under(f"{key}[{index}]"):
                charge = OrderLine(text(row, "id", required=True), 1.0, _amount(row, "total", net), kind="delivery")
                charge.name = plain(row, name)
                lines += [charge] if charge.price_unit else []
    return lines


def _parse_line(raw, net):
    """``total`` is what is charged for the whole line, after every coupon; ``subtotal`` is what it was before."""
    quantity = number(raw, "quantity")
    charged = _amount(raw, "total", net)
    before = _amount(raw, "subtotal", net) if raw.get("subtotal") not in (None, "") else charged
    variation, product = text(raw, "variation_id"), text(raw, "product_id")
    return OrderLine(
        external_id=text(raw, "id", required=True),
        quantity=quantity,
        price_unit=round(charged / quantity, PRICE_DIGITS) if quantity else 0.0,
        product_external_id=next((found for found in (variation, product) if found not in ("", "0")), ""),
        product_sku=text(raw, "sku"),
        name=plain(raw, "name"),
        supplier_discount=round((before - charged) / quantity, PRICE_DIGITS) if quantity else 0.0,
    )


def _amount(raw, key, net):
    """Amounts of lines are always without taxes, which stand beside them, however the shop enters its prices."""
    return number(raw, key) + (0.0 if net else number(raw, f"{key}_tax", default=0.0))


def _rounding(lines, asked, digits, price_digits):
    """Return the line that is missing to what the shop asked for, where only rounding can have lost it: 3 for 10.00 are
    3.33 each here, and taxes that were rounded one by one are not those of the sum."""
    if any(line.kind == "product" and not line.quantity for line in lines):
        return []
    here = sum(float_round(line.quantity * float_round(line.price_unit, price_digits), digits) for line in lines)
    missing = float_round(asked - here, digits)
    pieces = sum(abs(line.quantity) for line in lines)
    allowed = pieces * 0.5 * 10.0**-price_digits + len(lines) * 10.0**-digits
    if not missing or abs(missing) > allowed + 1e-9 or float_round(missing, price_digits) != missing:
        return []
    return [OrderLine(ROUNDING_LINE, 1.0, missing, name=ROUNDING, kind="delivery")]


def _parse_customer(raw):
    """Who has an account of the shop is known by its id; a guest by the phone, else by the e-mail. The goods go to the
    shipping address, where there is one."""
    billing, shipping = part(raw, "billing"), part(raw, "shipping")
    place = shipping if text(shipping, "address_1") or text(shipping, "city") else billing
    account, phone = text(raw, "customer_id"), text(billing, "phone") or text(shipping, "phone")
    email = text(billing, "email").lower()
    name, recipient = _person(billing), _person(shipping)
    elsewhere = place is shipping and text(billing, "address_1") and _place(billing) != _place(shipping)
    return Customer(
        name=name or recipient or email,
        code=account if account not in ("", "0") else "" if phone else email,
        phone=phone,
        phone2=text(shipping, "phone") if text(shipping, "phone") != phone else "",
        email=email,
        notes=recipient if place is shipping and recipient != name else "",
        billing=Customer(name=name, **_place(billing)) if elsewhere else None,
        **_place(place),
    )


def _place(raw):
    country = text(raw, "country")
    return {
        "street": text(raw, "address_1"),
        "street2": text(raw, "address_2"),
        "city": text(raw, "city"),
        "zip": text(raw, "postcode"),
        "state": _state(text(raw, "state"), country),
        "country": country,
    }


def _person(raw):
    person = " ".join(filter(None, (text(raw, "first_name"), text(raw, "last_name"))))
    return ", ".join(filter(None, (text(raw, "company"), person)))


def _state(state, country):
    """WooCommerce puts the country before the codes of some of its states: ``EGC`` is Cairo, ``C`` in Egypt."""
    return state[len(country) :].lstrip("-") or state if country and state.startswith(country) else state


def shipment_note(raw, package):
    """Return the words that tell a customer of a package."""
    names = {text(row, "id"): plain(row, "name") for row in items(raw, "line_items", default=[])}
    held = ", ".join(f"{quantity:g} × {names.get(line_id, line_id)}" for line_id, quantity in package.lines)
    how = " ".join(filter(None, (package.carrier, package.tracking, package.tracking_url)))
    return f"{package.reference}: {held}. {how}"


# === helpers ===


def plain(raw, key):
    """Text at the key, without HTML's entities: names come as the web page shows them."""
    return html.unescape(text(raw, key))


def part(raw, key):
    """An object at the key; PHP writes an empty one as a list."""
    value = raw.get(key) if isinstance(raw, dict) else None
    return value if isinstance(value, dict) else {}


def changed_at(raw):
    """Return when an order was changed last, as WooCommerce writes it; ``""`` where it does not say."""
    found = raw.get("date_modified_gmt") if isinstance(raw, dict) else None
    return found if isinstance(found, str) and _IS_MOMENT.fullmatch(found) else ""


def is_ordered(raw):
    return not (isinstance(raw, dict) and raw.get("status") in NOT_ORDERED)


def is_sold(raw):
    return raw.get("type") not in NOT_SOLD
