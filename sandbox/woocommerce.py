# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""A WooCommerce shop in a box: the REST API, version 3, as far as the adapter uses it, and its webhooks' deliveries."""

import base64
import hashlib
import hmac
import itertools
import json
import math
from datetime import datetime, timedelta, timezone

from .base import Refused, RoutedBox, json_response, parsed

API = "wp-json/wc/v3/"
BATCH_LIMIT = 100
PAGE_LIMIT = 100
STATUSES = {
    *("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "trash", "checkout-draft")
}
PRODUCT_STATUSES = {"draft", "pending", "private", "publish"}
#: As WooCommerce's hooks have it: what takes an order's goods out of stock, and what puts them back.
TAKES_STOCK = {"on-hold", "processing", "completed"}
PUTS_BACK = {"pending", "cancelled"}
STOCK_STATUSES = {"instock", "outofstock", "onbackorder"}
ADDRESS = {
    "first_name": "Mona",
    "last_name": "Adel",
    "company": "",
    "address_1": "12 Nile Street",
    "address_2": "",
    "city": "Cairo",
    "state": "EGC",
    "postcode": "11511",
    "country": "EG",
}


class WooCommerceBox(RoutedBox):
    """A shop. ``key`` and ``secret`` are those of its API, ``may_write`` whether they were made for that; ``settings``
    whether they may see the shop's settings; ``moves_stock`` whether orders take what is in stock, and put it back."""

    ROUTES = (
        ("GET", API + "system_status", "system_status"),
        ("GET", API + "products", "list_products"),
        ("POST", API + "products/batch", "batch_products"),
        ("GET", API + r"products/(?P<product>\d+)", "get_product"),
        ("GET", API + r"products/(?P<product>\d+)/variations", "list_variations"),
        ("POST", API + r"products/(?P<product>\d+)/variations/batch", "batch_variations"),
        ("GET", API + "orders", "list_orders"),
        ("GET", API + r"orders/(?P<order>[^/]+)", "get_order"),
        ("PUT", API + r"orders/(?P<order>[^/]+)", "update_order"),
        ("GET", API + r"orders/(?P<order>[^/]+)/notes", "list_notes"),
        ("POST", API + r"orders/(?P<order>[^/]+)/notes", "add_note"),
        ("GET", API + "webhooks", "list_webhooks"),
        ("POST", API + "webhooks", "add_webhook"),
        ("PUT", API + r"webhooks/(?P<webhook>\d+)", "update_webhook"),
    )

    def __init__(self, key="ck_of_the_box", secret="cs_of_the_box", first_id=1, currency="USD", **server):
        self.key, self.secret, self.currency = key, secret, currency
        self.may_write = self.settings = self.keeps_stock = True
        self.moves_stock, self.taken = False, {}
        self.ids = itertools.count(first_id)
        self.products, self.orders, self.notes, self.webhooks = {}, {}, {}, {}
        self.refused = set()
        self.clock = timedelta()  # how far the shop's clock is ahead
        super().__init__(**server)

    # === the shop's own work ===

    def add_product(self, sku="", name="", price="1.00", parent=None, **values):
        """Add a product, or a variation of ``parent``; return it."""
        with self.lock:
            product = {
                "id": next(self.ids),
                "name": name,
                "type": "variation" if parent else "simple",
                "status": "publish",
                "sku": sku,
                "regular_price": price,
                "sale_price": "",
                "manage_stock": False,
                "stock_quantity": None,
                "stock_status": "instock",
                "backorders": "no",
                "parent_id": parent["id"] if parent else 0,
                "variations": [],
                "attributes": [],
                **values,
            }
            self.products[product["id"]] = product
            if parent:
                parent.update({"type": "variable", "regular_price": ""})
                parent["variations"].append(product["id"])
            return product

    def add_order(self, *lines, taxes=0.0, delivery=0.0, **values):
        """Place an order of lines ``(product, quantity, price of one)``, ``taxes`` per cent of them; return it."""
        with self.lock:
            rows = [self._line(*line, taxes) for line in lines]
            charges = [self._charge("method_title", "Flat rate", delivery, taxes)] if delivery else []
            moment = self.now()
            order = {
                "id": next(self.ids),
                "status": "processing",
                "currency": self.currency,
                "date_created_gmt": moment,
                "date_modified_gmt": moment,
                "date_paid_gmt": moment,
                "date_completed_gmt": None,
                "prices_include_tax": False,
                "customer_id": 7,
                "customer_note": "",
                "billing": {**ADDRESS, "email": "mona@example.com", "phone": "01001234567"},
                "shipping": dict(ADDRESS),
                "payment_method": "card",
                "payment_method_title": "Card",
                "line_items": rows,
                "shipping_lines": charges,
                "fee_lines": [],
                "coupon_lines": [],
                "refunds": [],
                **values,
            }
            order.setdefault("number", str(order["id"]))
            charged = [*order["line_items"], *order["shipping_lines"], *order["fee_lines"]]
            tax = sum(float(row["total_tax"]) for row in charged)
            order.setdefault("total_tax", f"{tax:.2f}")
            order.setdefault("total", f"{sum(float(row['total']) for row in charged) + tax:.2f}")
            self.orders[order["id"]] = order
            self._move_stock(order)
            return order

    def change_order(self, order, **values):
        with self.lock:
            order.update({"date_modified_gmt": self.now(), **values})
            self._move_stock(order)
            return order

    def refund(self, order, row, units, total):
        """Give money back for units of a line, and put them back in stock; the line itself stays as it is."""
        refunds = [*order["refunds"], {"id": next(self.ids), "reason": "", "total": f"-{total:.2f}"}]
        if order["id"] in self.taken:
            self._put_back(row, units)
            self.taken[order["id"]][row["id"]] -= units
        return self.change_order(order, refunds=refunds)

    def _move_stock(self, order):
        """Take an order's goods out of stock once, and put back what was taken."""
        taken = self.taken.get(order["id"])
        rows = order["line_items"] if self.moves_stock else ()
        if order["status"] in TAKES_STOCK and taken is None and rows:
            self.taken[order["id"]] = {row["id"]: row["quantity"] for row in rows}
            for row in rows:
                self._put_back(row, -row["quantity"])
        elif order["status"] in PUTS_BACK and taken is not None:
            for row in rows:
                self._put_back(row, taken[row["id"]])
            del self.taken[order["id"]]

    def _put_back(self, row, units):
        product = self.products.get(row["variation_id"] or row["product_id"], {})
        if product.get("manage_stock") is True:
            product["stock_quantity"] += units

    def remove_order(self, order):
        """Delete an order for good."""
        with self.lock:
            return self.orders.pop(order["id"])

    def delivery(self, topic, payload, secret, delivery_id="d0"):
        """Return the headers and the body of a webhook's delivery as the shop would send it."""
        body = json.dumps(payload).encode()
        resource, event = topic.split(".")
        headers = {
            "Content-Type": "application/json",
            "X-WC-Webhook-Source": self.root,
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Resource": resource,
            "X-WC-Webhook-Event": event,
            "X-WC-Webhook-ID": "1",
            "X-WC-Webhook-Delivery-ID": delivery_id,
        }
        return {**headers, **self.sign(body, secret)}, body

    def sign(self, body, secret):
        digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
        return {"X-WC-Webhook-Signature": base64.b64encode(digest).decode()}

    def now(self):
        return (datetime.now(timezone.utc) + self.clock).strftime("%Y-%m-%dT%H:%M:%S")

    def _line(self, product, quantity, price, taxes):
        total = f"{quantity * price:.2f}"
        tax = f"{quantity * price * taxes / 100:.2f}"
        variation = product if product["parent_id"] else None
        return {
            "id": next(self.ids),
            "name": product["name"],
            "product_id": product["parent_id"] or product["id"],
            "variation_id": variation["id"] if variation else 0,
            "quantity": quantity,
            "subtotal": total,
            "subtotal_tax": tax,
            "total": total,
            "total_tax": tax,
            "sku": product["sku"],
            "price": price,
        }

    def _charge(self, key, name, amount, taxes):
        tax = f"{amount * taxes / 100:.2f}"
        return {"id": next(self.ids), key: name, "total": f"{amount:.2f}", "total_tax": tax}

    # === who may ===

    def authenticate(self, request, path):
        given = request.authorization
        if not given or (given.username, given.password) != (self.key, self.secret):
            raise Refused("Consumer key is invalid.", 401, "woocommerce_rest_authentication_error")
        if request.method != "GET" and not self.may_write:
            message = "The API key provided does not have write permissions."
            raise Refused(message, 401, "woocommerce_rest_authentication_error")

    def refusal(self, refusal):
        code = refusal.code or ("rest_no_route" if refusal.status == 404 else "rest_error")
        return {"code": code, "message": refusal.message, "data": {"status": refusal.status}}

    # === calls: the shop and its products ===

    def system_status(self, request, text):
        if not self.settings:
            raise Refused("Sorry, you cannot list resources.", 401, "woocommerce_rest_cannot_view")
        return {
            "environment": {"home_url": "https://shop.example.com", "version": "9.4.2"},
            "settings": {"currency": self.currency, "number_of_decimals": 2},
        }

    def list_products(self, request, text):
        rows = [row for row in self.products.values() if row["type"] != "variation"]
        if request.args.get("type"):
            rows = [row for row in rows if row["type"] == request.args["type"]]
        return self._page(request, rows)

    def list_variations(self, request, text, product):
        return self._page(request, [self.products[child] for child in self._product(product)["variations"]])

    def get_product(self, request, text, product):
        return self._product(product)

    def batch_products(self, request, text):
        return self._batch(parsed(text), None)

    def batch_variations(self, request, text, product):
        return self._batch(parsed(text), int(product))

    def _batch(self, body, parent):
        rows = body.get("update", [])
        if len(rows) > BATCH_LIMIT:
            message = f"Unable to accept more than {BATCH_LIMIT} items for this request."
            raise Refused(message, 413, "woocommerce_rest_request_entity_too_large")
        return {"update": [self._update(row, parent) for row in rows]} if rows else []

    def _update(self, row, parent):
        product = self.products.get(row.get("id"))
        if not product or (parent and product["parent_id"] != parent):
            kind = "product_variation" if parent else "product"
            return self._row_error(row, f"woocommerce_rest_{kind}_invalid_id", "Invalid ID.", 400)
        if product["parent_id"] and not parent:
            return self._row_error(row, "woocommerce_rest_invalid_product_id", "To manipulate variations …", 404)
        problem = self._problem(row)
        if problem:
            return self._row_error(row, "rest_invalid_param", f"Invalid parameter(s): {problem}", 400)
        product.update({key: value for key, value in row.items() if not self._is_left_out(product, key)})
        if product["manage_stock"] is True:
            product["stock_status"] = "instock" if product["stock_quantity"] else "outofstock"
        return product

    def _is_left_out(self, product, key):
        """What the shop passes over in silence."""
        if key in ("manage_stock", "stock_quantity"):
            return not self.keeps_stock
        return key == "regular_price" and product["type"] == "variable"

    def _problem(self, row):
        if row["id"] in self.refused:
            return "id"
        price = row.get("regular_price", "")
        if not isinstance(price, str) or (price and not price.replace(".", "", 1).isdigit()):
            return "regular_price"
        if not isinstance(row.get("stock_quantity", 0), int) or not isinstance(row.get("manage_stock", True), bool):
            return "stock_quantity"
        if row.get("status", "publish") not in PRODUCT_STATUSES:
            return "status"
        return "" if row.get("stock_status", "instock") in STOCK_STATUSES else "stock_status"

    def _row_error(self, row, code, message, status):
        return {"id": row.get("id"), "error": {"code": code, "message": message, "data": {"status": status}}}

    def _product(self, product):
        if int(product) not in self.products:
            raise Refused("Invalid ID.", 404, "woocommerce_rest_product_invalid_id")
        return self.products[int(product)]

    # === calls: orders ===

    def list_orders(self, request, text):
        wanted = request.args.get("status", "any")
        if wanted not in ("any", "trash"):
            raise Refused("the box knows any and trash only", 400, "rest_invalid_param")
        rows = [row for row in self.orders.values() if (row["status"] == "trash") == (wanted == "trash")]
        since = request.args.get("modified_after")
        if since:
            if request.args.get("dates_are_gmt") != "true":
                raise Refused("the box knows times in GMT only", 400, "rest_invalid_param")
            rows = [row for row in rows if row["date_modified_gmt"] > since]
        return self._page(request, rows)

    def get_order(self, request, text, order):
        return self._order(order)

    def update_order(self, request, text, order):
        found, body = self._order(order), parsed(text)
        status = body.get("status", found["status"])
        if status not in STATUSES:
            raise Refused("Invalid parameter(s): status", 400, "rest_invalid_param")
        if status in ("processing", "completed"):
            found["date_paid_gmt"] = found["date_paid_gmt"] or self.now()
        if status == "completed":
            found["date_completed_gmt"] = self.now()
        return self.change_order(found, status=status)

    def list_notes(self, request, text, order):
        notes = self.notes.get(self._order(order)["id"], [])
        return [note for note in notes if request.args.get("type") != "customer" or note["customer_note"]]

    def add_note(self, request, text, order):
        body = parsed(text)
        if not body.get("note"):
            raise Refused("Missing parameter(s): note", 400, "rest_missing_callback_param")
        note = {"id": next(self.ids), "customer_note": False, "date_created_gmt": self.now(), **body}
        self.notes.setdefault(self._order(order)["id"], []).insert(0, note)
        return json_response(note, 201)

    def _order(self, order):
        if not order.isdecimal() or int(order) not in self.orders:
            raise Refused("Invalid ID.", 404, "woocommerce_rest_shop_order_invalid_id")
        return self.orders[int(order)]

    # === calls: webhooks ===

    def list_webhooks(self, request, text):
        return self._page(request, list(self.webhooks.values()), hidden=("secret",))

    def add_webhook(self, request, text):
        body = parsed(text)
        if not body.get("topic") or not body.get("delivery_url"):
            raise Refused("Webhook topic and delivery URL are required.", 400, "woocommerce_rest_invalid_webhook")
        webhook = {"status": "active", "name": "", **body, "id": next(self.ids)}
        self.webhooks[webhook["id"]] = webhook
        return json_response(webhook, 201)

    def update_webhook(self, request, text, webhook):
        if int(webhook) not in self.webhooks:
            raise Refused("Invalid ID.", 404, "woocommerce_rest_shop_webhook_invalid_id")
        self.webhooks[int(webhook)].update(parsed(text))
        return self.webhooks[int(webhook)]

    # === lists ===

    def _page(self, request, rows, hidden=()):
        """Answer with one page of ``rows``, by the parameters that all lists share."""
        args = request.args
        if args.get("include"):
            wanted = {int(part) for part in args["include"].split(",")}
            rows = [row for row in rows if row["id"] in wanted]
        rows = sorted(rows, key=lambda row: row["id"], reverse=args.get("order", "desc") == "desc")
        size, page = int(args.get("per_page", 10)), int(args.get("page", 1))
        if not 1 <= size <= PAGE_LIMIT:
            raise Refused("Invalid parameter(s): per_page", 400, "rest_invalid_param")
        offset = int(args["offset"]) if "offset" in args else (page - 1) * size
        chosen = [{key: row[key] for key in row if key not in hidden} for row in rows[offset : offset + size]]
        if args.get("_fields"):
            names = args["_fields"].split(",")
            chosen = [{name: row[name] for name in names if name in row} for row in chosen]
        counts = {"X-WP-Total": str(len(rows)), "X-WP-TotalPages": str(math.ceil(len(rows) / size))}
        return json_response(chosen, headers=counts)
