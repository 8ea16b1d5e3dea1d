# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The neutral forms between Odoo and the marketplaces.

An adapter turns a marketplace's own documents into these and these into the marketplace's own documents; everything
else in the addon knows only the neutral form. Plain data: nothing here imports Odoo, or anything of the addon.

Money is a ``float`` in the currency of the order, quantities are ``float`` in the listing's *selling units* (a box of
12 is 1), times are naive ``datetime`` in UTC (what Odoo stores), texts are never ``None`` but ``""``.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

#: What an order can be, in the words that every marketplace can be mapped to.
OrderStatus = Literal["pending", "editing", "approved", "shipped", "delivered", "cancelled", "returned"]

#: How far an order is. A message of a lower rank than what Odoo knows is stale and never steps an order back.
STATUS_RANK: dict[str, int] = {
    "editing": 0,
    "pending": 0,
    "approved": 10,
    "shipped": 20,
    "delivered": 30,
    "cancelled": 40,
    "returned": 40,
}

#: What can be pushed for a listing.
Subject = Literal["price", "stock", "publication"]


#: A quantity without end. Fits an integer column, and no stock is that large.
UNLIMITED = 2**31 - 1


@dataclass(frozen=True)
class Offer:
    """What a listing should show now: ``price`` for one selling unit (``None``: it does not matter), ``quantity`` in
    whole selling units, never negative (``UNLIMITED``: without end), ``published`` whether it is on sale at all."""

    price: float | None
    quantity: int
    published: bool


@dataclass
class Customer:
    """Who ordered. ``code`` is the marketplace's own id of the customer; it may be missing."""

    name: str
    code: str = ""
    phone: str = ""
    phone2: str = ""
    email: str = ""
    street: str = ""
    notes: str = ""
    route_code: str = ""


@dataclass
class OrderLine:
    """One line as the marketplace has it; two lines of one product stay two.

    ``price_unit`` is what is charged for one selling unit, after every discount; the discounts are told, not subtracted
    again.
    """

    external_id: str
    quantity: float
    price_unit: float
    product_external_id: str = ""
    product_sku: str = ""
    product_barcode: str = ""
    name: str = ""
    unit: str = ""
    unit_count: float = 1.0
    supplier_discount: float = 0.0
    marketplace_discount: float = 0.0
    comment: str = ""
    cancelled: bool = False

    @property
    def list_price(self) -> float:
        """Price of one selling unit before both discounts."""
        return self.price_unit + self.supplier_discount + self.marketplace_discount


@dataclass
class Order:
    """One order as the marketplace has it now."""

    external_id: str
    status: OrderStatus
    raw_status: str
    customer: Customer
    lines: list[OrderLine]
    total: float | None = None
    account_code: str = ""
    reference: str = ""
    ordered_at: datetime | None = None
    delivery_date: date | None = None
    preferred_day: date | None = None
    estimated_day: date | None = None
    pickup_at: datetime | None = None
    edited_by_marketplace: bool = False
    delivered_by_marketplace: bool = False
    credit: float = 0.0
    installment: float = 0.0
    wallet_top_up: float = 0.0
    supplier_rebate: float = 0.0
    otp_required: bool = False
    note: str = ""
    cancellation_reason: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class LineChange:
    """One change of an order's lines, as the marketplace is told it: of the line ``external_id``, or a new line of the
    product ``product_external_id``. ``None`` leaves the value as it is, a quantity of 0 removes the line."""

    external_id: str = ""
    product_external_id: str = ""
    quantity: float | None = None
    price_unit: float | None = None


@dataclass
class RemoteProduct:
    """One sellable row of the marketplace's catalogue, for matching and for the audit of drift."""

    external_id: str
    name: str = ""
    sku: str = ""
    barcode: str = ""
    unit: str = ""
    unit_count: float = 1.0
    price: float | None = None
    quantity: float | None = None
    published: bool | None = None


@dataclass
class Event:
    """What a webhook delivery says: one document, ready for the inbox.

    ``payload`` is the marketplace's own document, as parsed from the verified body. ``event_id`` is the delivery's own
    id where the marketplace gives one that is unique, else ``""``.
    """

    kind: Literal["order", "status", "test"]
    external_id: str
    payload: dict[str, Any]
    event_id: str = ""


@dataclass
class RowResult:
    """What became of one row of a push. Build it with the four constructors below.

    - ``accepted``: the marketplace has the value.
    - ``rejected``: it will not take this row as it is; a person must act (``code`` is the marketplace's own).
    - ``retry``: it may take it later; ``after`` is in seconds, ``None`` leaves the delay to the sender's backoff.
    - ``pending``: it answers later; ``handle`` is what to ask with.
    """

    outcome: Literal["accepted", "rejected", "retry", "pending"]
    code: str = ""
    message: str = ""
    after: float | None = None
    handle: str = ""

    @classmethod
    def accepted(cls, message: str = "") -> "RowResult":
        return cls("accepted", message=message)

    @classmethod
    def rejected(cls, code: str, message: str) -> "RowResult":
        return cls("rejected", code=code, message=message)

    @classmethod
    def retry(cls, message: str, after: float | None = None, code: str = "") -> "RowResult":
        return cls("retry", code=code, message=message, after=after)

    @classmethod
    def pending(cls, handle: str) -> "RowResult":
        return cls("pending", handle=handle)
