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

#: Before anything of an order has left, when it has, and its two ends without a sale.
NOT_LEFT = ("pending", "editing", "approved")
HAS_LEFT = ("shipped", "delivered")
ENDED = ("cancelled", "returned")

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
    """Who ordered, and where it goes. ``code`` is the marketplace's own id of the customer; it may be missing.

    A marketplace that tells the address as one text puts it into ``street``. ``state`` and ``country`` are codes where
    the marketplace has them (``CA``, ``EG``), else names. ``billing`` is where the invoice goes, where that is another
    place; it has no code of its own.
    """

    name: str
    code: str = ""
    phone: str = ""
    phone2: str = ""
    email: str = ""
    street: str = ""
    street2: str = ""
    city: str = ""
    zip: str = ""
    state: str = ""
    country: str = ""
    notes: str = ""
    route_code: str = ""
    billing: "Customer | None" = None

    @property
    def address(self) -> str:
        """The address as one text; the same for the same place."""
        return ", ".join(filter(None, (self.street, self.street2, self.city, self.zip, self.state)))


#: The id of the line that an adapter makes of what rounding lost. No marketplace knows of it.
ROUNDING_LINE = "rounding"


@dataclass
class OrderLine:
    """One line as the marketplace has it; two lines of one product stay two. What is charged for the delivery is a line
    of the kind ``delivery``; it has no product of the catalogue.

    ``quantity`` is in selling units, of which ``unit_count`` says how many are in one. ``price_unit`` is what is
    charged for one of them, after every discount; the discounts, of one unit too, are told and not subtracted again:
    what the marketplace's comes to, it owes us.
    """

    external_id: str
    quantity: float
    price_unit: float
    product_external_id: str = ""
    product_sku: str = ""
    name: str = ""
    unit: str = ""
    unit_count: float = 1.0
    supplier_discount: float = 0.0
    marketplace_discount: float = 0.0
    comment: str = ""
    cancelled: bool = False
    kind: Literal["product", "delivery"] = "product"


@dataclass
class Order:
    """One order as the marketplace has it now. Times are UTC without a zone, amounts are in ``currency``.

    - ``raw_status``: the marketplace's own word; ``reference``: the number that people there know the order by.
    - ``total``: what the lines come to, in their kind of prices (with taxes or without); ``None``: it is not told. The
      order is held where ours is another.
    - ``account_code``: ``supplier_code`` of the account it is for, where several share credentials.
    - ``currency``: its ISO code, ``""`` where the marketplace has but one.
    - ``ship_by``: until when it has to leave; ``delivery_date``: the day that was agreed, of which ``preferred_day`` is
      the customer's wish and ``estimated_day`` the promise made to the customer; ``pickup_at``: when it is fetched.
    - ``delivered_by_marketplace``: from here it can only be cancelled.
    - ``credit`` and ``installment``: what the marketplace pays of the total, or has been paid there and not given back;
      ``wallet_top_up``: what it collects by us beyond that; ``supplier_rebate``: told alone, it changes no sum.
    - ``refunded``: what was given back of the total. What is left of it after all of these, the customer pays to us.
    - ``cancellation_request``: why the buyer asks to cancel, where the order stays as it is until the seller decides.
    - ``replaces``: the order that it replaces, where the marketplace tells no price of it: it counts as free.
    - ``elsewhere``: who else sends it, or some of it: names of places that are not this account's.
    - ``otp_required``: *delivered* counts only with the customer's OTP.
    """

    external_id: str
    status: OrderStatus
    raw_status: str
    customer: Customer
    lines: list[OrderLine]
    total: float | None = None
    account_code: str = ""
    reference: str = ""
    ordered_at: datetime | None = None
    currency: str = ""
    ship_by: datetime | None = None
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
    refunded: float = 0.0
    otp_required: bool = False
    note: str = ""
    cancellation_reason: str = ""
    cancellation_request: str = ""
    replaces: str = ""
    elsewhere: str = ""


@dataclass
class LineChange:
    """One change of an order's lines, as the marketplace is told it: of the line ``external_id``, or a new line of the
    product ``product_external_id``. ``None`` leaves the value as it is, a quantity of 0 removes the line."""

    external_id: str = ""
    product_external_id: str = ""
    quantity: float | None = None
    price_unit: float | None = None

    @property
    def removes(self) -> bool:
        return bool(self.external_id) and self.quantity == 0.0

    def told(self) -> list[str]:
        """The names of the amounts that the marketplace is told."""
        return [name for name in ("quantity", "price_unit") if getattr(self, name) is not None]


@dataclass
class Package:
    """What has left in one delivery: ``lines`` are ``[(line id, selling units)]``.

    ``reference`` is our own name of it, the same when it is told again, and ``number`` our own number of it, for
    marketplaces that take nothing else; ``repeated`` says that it may have been told before, and the answer was lost.
    ``carrier`` and ``tracking`` may be empty.
    """

    reference: str
    lines: list[tuple[str, float]]
    carrier: str = ""
    tracking: str = ""
    tracking_url: str = ""
    shipped_at: datetime | None = None
    repeated: bool = False
    number: int = 0


@dataclass
class OrderPage:
    """One page of raw orders. ``cursor`` is where the next pull goes on, as text that only the adapter reads, ``None``
    for the beginning; ``more`` tells that there is another page right now.

    ``later`` are orders of the page that could not be had whole, as the list tells them: each is fetched by its id, as
    for a notice. ``limit`` is the limit of calls that was met on the way, if any: an exception that says how long.
    Where none is ``later``, the page itself is asked for again, by the next pull.
    """

    documents: list[Any]
    cursor: str | None = None
    more: bool = False
    later: list[Any] = field(default_factory=list)
    limit: Exception | None = None


@dataclass
class RemoteProduct:
    """One sellable row of the marketplace's catalogue, for matching and for the audit of drift.

    ``remote`` holds what else its adapter needs to name the row in a push: offer, parent, place of the stock. Plain
    data for JSON; the listing keeps it.
    """

    external_id: str
    name: str = ""
    sku: str = ""
    barcode: str = ""
    unit: str = ""
    unit_count: float = 1.0
    price: float | None = None
    quantity: float | None = None
    published: bool | None = None
    remote: dict[str, Any] = field(default_factory=dict)


@dataclass
class Event:
    """What a webhook delivery says: one document, ready for the inbox.

    - ``order``: a whole order; ``status``: the status of one, and nothing else.
    - ``notice``: something happened to an order, which is to be fetched by its id.
    - ``erase``: what is known of a customer has to be forgotten; ``external_id`` is the customer's code.

    ``payload`` is the marketplace's own document, as parsed from the verified body. ``event_id`` is the delivery's own
    id where the marketplace gives one that is unique, else ``""``.
    """

    kind: Literal["order", "status", "notice", "erase"]
    external_id: str
    payload: dict[str, Any]
    event_id: str = ""


@dataclass
class RowResult:
    """What became of one row of a push. Build it with the five constructors below.

    - ``accepted``: the marketplace has the value.
    - ``rejected``: it will not take this row as it is; a person must act (``code`` is the marketplace's own).
    - ``retry``: it may take it later; ``after`` is in seconds, ``None`` leaves the delay to the sender's backoff.
    - ``wait``: it was not tried, since the marketplace takes no more for ``after`` seconds; that is no failed attempt.
    - ``pending``: it answers later; ``handle`` is what to ask with.
    """

    outcome: Literal["accepted", "rejected", "retry", "wait", "pending"]
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
    def wait(cls, after: float, message: str = "") -> "RowResult":
        return cls("wait", message=message, after=after)

    @classmethod
    def pending(cls, handle: str) -> "RowResult":
        return cls("pending", handle=handle)
