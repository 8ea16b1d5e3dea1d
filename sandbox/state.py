# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What the marketplace knows: products with an offer per account, and orders with their queue.

Everything handed out is a copy; everything changed goes through a method that holds the lock.
"""

import copy
import itertools
import random
import threading
import time

from . import seed
from .base import Refused

#: States in which a retailer's order is settled.
FINAL = frozenset({"delivered", "cancelled_by_retailer", "cancelled_by_supplier", "returned"})

#: What each account sets for itself; the rest of a product is common to all accounts.
OFFER_FIELDS = (
    "selling_price",
    "available_stock_quantity",
    "is_unlimited_stock",
    "in_stock",
    "is_published",
    "min_order",
    "max_order",
    "remind_me_at_stock",
    "notes",
)


class Product:
    """A product at the marketplace: ``card`` is common, ``offers`` holds price and stock per supplier code."""

    __slots__ = ("card", "id", "offers")

    def __init__(self, row: dict, codes):
        row = {**seed.PRODUCT_DEFAULTS, **row}
        self.id = str(row.pop("id"))
        offer = {field: row.pop(field) for field in OFFER_FIELDS}
        self.offers = {code: dict(offer) for code in codes}
        self.card = row


class Order:
    """An order: ``document`` is what the API shows; the rest is the marketplace's own knowledge.

    It is queued while ``version`` is newer than ``acknowledged``. An acknowledgement covers the version that was last
    handed out: a change made in between keeps the order in the queue, unless the options say otherwise.
    """

    __slots__ = ("acknowledged", "document", "handed_out", "position", "retailer_otp", "version")

    def __init__(self, document: dict, retailer_otp: str):
        self.document = document
        self.retailer_otp = retailer_otp
        self.version, self.handed_out, self.acknowledged = 1, 0, 0
        self.position = 0

    @property
    def queued(self) -> bool:
        return self.version > self.acknowledged

    def acknowledge(self, unseen: bool) -> None:
        self.acknowledged = max(self.acknowledged, self.version if unseen else self.handed_out or self.version)


class State:
    """All of it, behind one lock. ``products`` and ``orders``: a number to make up, or a list of explicit rows."""

    def __init__(self, options, products=0, orders=0, rng_seed=1):
        self.options = options
        self.lock = threading.RLock()
        self.rng = random.Random(rng_seed)
        self.products: dict[str, Product] = {}
        self.rows: list[Product] = []
        self.by_sku: dict[str, list[Product]] = {}
        self.by_base: dict[str, list[Product]] = {}
        self.orders: dict[str, Order] = {}
        self._queue: dict[str, Order] = {}
        self._positions = itertools.count(1)
        self._line_ids = itertools.count(11_000_001)
        self._order_numbers = itertools.count(1)
        for row in seed.products(products, self.rng) if isinstance(products, int) else products:
            self.add_product(row)
        for order in range(orders) if isinstance(orders, int) else orders:
            self.add_order({} if isinstance(order, int) else order)

    # === products ===

    def add_product(self, row: dict) -> dict:
        """Add a product, given as any of the API's spellings or short (``{"id": 1, "selling_price": 10}``)."""
        with self.lock:
            row = seed.normalized_product(row, len(self.rows) + 1)
            product = Product(row, self.options.supplier_codes)
            if product.id in self.products:
                raise ValueError(f"product {product.id} exists")
            self.products[product.id] = product
            self.rows.append(product)
            self.by_sku.setdefault(str(product.card["internal_product_id"]), []).append(product)
            self.by_base.setdefault(str(product.card["base_product_id"]), []).append(product)
            return self.product(product.id)

    def product(self, external_id, supplier_code=None) -> dict:
        """The product as one account has it (the first account without a code). ``KeyError`` when there is none."""
        with self.lock:
            product = self.products[str(external_id)]
            code = self.options.supplier_codes[0] if supplier_code is None else str(supplier_code)
            return {"supplier_product_id": product.id, **product.card, **product.offers[code]}

    # === orders, as the retailer or the marketplace's own staff change them ===

    def add_order(self, values: dict | None = None) -> dict:
        """Place an order; what ``values`` does not say is made up. Returns its document, which lacks the OTP that the
        retailer holds (``retailer_otp``)."""
        with self.lock:
            values = dict(values or {})
            otp = values.pop("retailer_otp", None)
            number = next(self._order_numbers)
            document = seed.order(values, number, self.rng, self._pick_product, self.options.supplier_codes)
            for line in document["order_details"]:
                line.setdefault("id", next(self._line_ids))
            document.setdefault("total_price", total_of(document))
            hashed_id = document["hashed_id"]
            if hashed_id in self.orders:
                raise ValueError(f"order {hashed_id} exists")
            made_up = f"{self.rng.randrange(10**6):06d}"
            order = Order(document, otp or made_up)
            self.orders[hashed_id] = order
            self._enqueue(order)
            return copy.deepcopy(document)

    def order(self, hashed_id) -> dict:
        """The order's document. ``KeyError`` when there is none."""
        with self.lock:
            return copy.deepcopy(self.orders[hashed_id].document)

    def inside(self, hashed_id) -> dict:
        """What the marketplace knows of an order beside its document: the OTP the retailer holds, and the queue."""
        with self.lock:
            order = self.orders[hashed_id]
            return {
                "retailer_otp": order.retailer_otp,
                "queued": order.queued,
                "version": order.version,
                "handed_out": order.handed_out,
                "acknowledged": order.acknowledged,
            }

    def edit_order(self, hashed_id, values: dict, amounts: dict | None = None, by: str = "retailer") -> dict:
        """Change an order as the retailer (only while pending or editing) or as the marketplace's ``admin``.

        ``amounts`` is ``{line id: new amount}``, 0 removes the line. The order is queued again. Raises ``Refused``.
        """
        with self.lock:
            order = self.orders[hashed_id]
            if by == "retailer" and order.document["status"] not in ("pending", "editing"):
                raise Refused(f"a retailer can't edit an order that is {order.document['status']}")
            document = {**copy.deepcopy(order.document), **copy.deepcopy(values)}
            for line in document["order_details"]:
                line["amount"] = (amounts or {}).get(line.get("id"), line["amount"])
                line.setdefault("id", next(self._line_ids))
            if amounts:
                document["order_details"] = [line for line in document["order_details"] if line["amount"] != 0]
            if "total_price" not in values:
                document["total_price"] = total_of(document)
            if by == "admin" and (amounts or "order_details" in values):
                document["edited_by_admin"] = True
            order.document = document
            self._changed(order)
            return copy.deepcopy(document)

    def cancel_order(self, hashed_id) -> dict:
        """Cancel as the retailer, from pending or approved. Raises ``Refused`` otherwise."""
        with self.lock:
            order = self.orders[hashed_id]
            if order.document["status"] not in ("pending", "approved"):
                raise Refused(f"a retailer can't cancel an order that is {order.document['status']}")
            order.document["status"] = "cancelled_by_retailer"
            self._changed(order)
            return copy.deepcopy(order.document)

    # === the queue ===

    def queue(self) -> list[Order]:
        """Orders that wait to be acknowledged, those that changed longest ago first. Call it under the lock."""
        return list(self._queue.values())

    def settle(self, order: Order) -> None:
        """Take an acknowledgement to account. Call it under the lock."""
        order.acknowledge(self.options.acknowledges_unseen)
        if not order.queued:
            self._queue.pop(order.document["hashed_id"], None)

    def new_line_id(self) -> int:
        return next(self._line_ids)

    def summary(self) -> dict:
        with self.lock:
            statuses: dict[str, int] = {}
            for order in self.orders.values():
                status = order.document["status"]
                statuses[status] = statuses.get(status, 0) + 1
            return {
                "products": len(self.rows),
                "orders": len(self.orders),
                "queued": len(self._queue),
                "statuses": statuses,
                "supplier_codes": list(self.options.supplier_codes),
                "time": time.time(),
            }

    # === helpers ===

    def _changed(self, order):
        order.version += 1
        self._enqueue(order)

    def _enqueue(self, order):
        hashed_id = order.document["hashed_id"]
        self._queue.pop(hashed_id, None)
        self._queue[hashed_id] = order

    def _pick_product(self, row=None):
        """The product that ``row`` names, any product without a row; None where there is none."""
        if row is None:
            found = [self.rng.choice(self.rows)] if self.rows else []
        elif row.get("supplier_product_id") is not None:
            found = [self.products.get(str(row["supplier_product_id"]))]
        else:
            found = self.by_sku.get(str(row.get("internal_product_id")), [])
        if not found or found[0] is None:
            return None
        return {"id": found[0].id, **found[0].card, **found[0].offers[self.options.supplier_codes[0]]}


def total_of(document: dict) -> float:
    """Sum of selling_price × amount over the lines that are not cancelled."""
    lines = (line for line in document["order_details"] if not line.get("cancelled"))
    return round(sum(float(line["selling_price"] or 0) * float(line["amount"] or 0) for line in lines), 2)
