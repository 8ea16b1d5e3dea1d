# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Fakes of two shop platforms, in the shapes their documentation shows, to run the presets against."""

from datetime import datetime, timezone
from urllib.parse import parse_qsl

from .base import Refused, json_response, parsed
from .rest import RestBox


class SallaBox(RestBox):
    """Salla's Merchant API, version 2 (https://docs.salla.dev). Lines stand behind a call of their own; prices go one
    by one, stock in a batch that is only said to be queued."""

    ROUTES = (
        ("POST", r"oauth2/token", "grant"),
        ("GET", r"admin/v2/store/info", "me"),
        ("GET", r"admin/v2/products", "list_products"),
        ("PUT", r"admin/v2/products/(?P<product_id>[^/]+)", "put_product"),
        ("POST", r"admin/v2/products/quantities/bulk", "push_quantities"),
        ("GET", r"admin/v2/orders", "list_orders"),
        ("GET", r"admin/v2/orders/(?P<order_id>[^/]+)", "show_order"),
        ("GET", r"admin/v2/orders/(?P<order_id>[^/]+)/items", "show_items"),
        ("POST", r"admin/v2/orders/(?P<order_id>[^/]+)/status", "set_status"),
    )
    API, TOKEN_PATH = "admin/v2", "oauth2/token"
    currency = "SAR"
    SLUGS = (
        "payment_pending",
        "under_review",
        "in_progress",
        "completed",
        "shipped",
        "delivering",
        "delivered",
        "canceled",
    )

    def __init__(self, products, **server):
        super().__init__(products, auth="refresh_token", page_size=15, **server)

    def refusal(self, refusal):
        error = {"code": refusal.code or "error", "message": refusal.message}
        return {"status": refusal.status, "success": False, "error": error}

    def enveloped(self, data, status=200, **values):
        return json_response({"status": status, "success": True, "data": data, **values}, status)

    def paged(self, request, rows, key="data"):
        size, page = min(int(request.args.get("per_page", 15)), 60), int(request.args.get("page", 1))
        pages = max(1, -(-len(rows) // size))
        shown = rows[(page - 1) * size : page * size]
        pagination = {
            "count": len(shown),
            "total": len(rows),
            "perPage": size,
            "currentPage": page,
            "totalPages": pages,
        }
        return self.enveloped(shown, pagination=pagination)

    def me(self, request, text):
        return self.enveloped({"id": 1305146709, "name": "متجر تجريبي", "currency": "SAR"})

    def list_products(self, request, text):
        return self.paged(request, [self._product(key) for key in self.products])

    def _product(self, key):
        row = self.products[key]
        price = {"amount": row.get("price", 0), "currency": "SAR"}
        return {"id": int(key), "sku": row["sku"], "name": row["name"], "price": price, "status": "sale"}

    def put_product(self, request, text, product_id):
        problem = self._apply(product_id, parsed(text))
        if problem:
            raise Refused(problem, 404 if product_id not in self.products else 422, "bad_product")
        return self.enveloped(self._product(product_id), 201)

    def push_quantities(self, request, text):
        for row in parsed(text)["products"]:
            if row.get("identifer_type") != "id" or row.get("mode") != "overwrite":
                raise Refused("identifer_type and mode are needed", 422, "validation")
            self._apply(str(row["identifer"]), {"stock": row.get("quantity"), "unlimited": row["unlimited_quantity"]})
        return self.enveloped({"message": "queued"}, 201)

    def make_order(self, number, lines):
        total = round(sum(quantity * price for _id, quantity, price in lines), 2)
        money = {"amount": total, "currency": "SAR"}
        return {
            "id": number,
            "reference_id": number % 100000,
            "date": {
                "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.000000"),
                "timezone": "Asia/Riyadh",
            },
            "status": {"id": 566146469, "name": "بإنتظار المراجعة", "slug": "under_review"},
            "payment_method": "cod",
            "is_pending_payment": False,
            "amounts": {
                "sub_total": money,
                "shipping_cost": {"amount": 0, "currency": "SAR"},
                "cash_on_delivery": {"amount": 0, "currency": "SAR"},
                "tax": {"percent": "0.00", "amount": {"amount": 0, "currency": "SAR"}},
                "discounts": [],
                "total": money,
            },
            "currency": "SAR",
            "customer": {
                "id": 225167971,
                "first_name": "مشترٍ",
                "last_name": "تجريبي",
                "mobile": 500000077,
                "mobile_code": "+966",
                "city": "Riyadh",
            },
            "shipping": {"address": {"country_code": "SA", "city": "Riyadh", "shipping_address": "Example 7"}},
            "_items": [
                {
                    "id": number * 10 + index,
                    "name": "An item",
                    "sku": self.products.get(str(key), {}).get("sku", ""),
                    "quantity": quantity,
                    "amounts": {"total": {"amount": round(quantity * price, 2), "currency": "SAR"}},
                    "product": {"id": int(key)},
                }
                for index, (key, quantity, price) in enumerate(lines, 1)
            ],
        }

    def charge(self, order_id, name, amount):
        """Charge for the delivery (``shipping_cost``) or for paying at the door (``cash_on_delivery``)."""
        amounts = self.orders[order_id]["amounts"]
        amounts[name] = {"amount": amount, "currency": "SAR"}
        amounts["total"] = {"amount": round(amounts["total"]["amount"] + amount, 2), "currency": "SAR"}

    def list_orders(self, request, text):
        since = request.args.get("from_date", "2000-01-01")
        rows = [row for key, row in self.orders.items() if self.changed[key].strftime("%Y-%m-%d") >= since]
        short = ("id", "reference_id", "date", "status", "amounts")
        return self.paged(request, [{name: row[name] for name in short} for row in reversed(rows)])

    def show_order(self, request, text, order_id):
        return self.enveloped({key: value for key, value in self._order(order_id).items() if key != "_items"})

    def show_items(self, request, text, order_id):
        return self.enveloped(self._order(order_id)["_items"])

    def set_status(self, request, text, order_id):
        slug = parsed(text).get("slug")
        if slug not in self.SLUGS:
            raise Refused(f"no such status: {slug}", 422, "validation")
        self._order(order_id)["status"] = {"slug": slug}
        self.touch(order_id)
        return self.enveloped({"code": 200}, 201)


class ZidBox(RestBox):
    """Zid's Merchant API (https://docs.zid.sa): two tokens at once, products in one batch that is taken or refused as a
    whole, numbers as long decimals, statuses by a form."""

    ROUTES = (
        ("GET", r"v1/managers/account/profile", "me"),
        ("GET", r"v1/products/", "list_products"),
        ("PATCH", r"v1/products/", "patch_products"),
        ("GET", r"v1/managers/store/orders", "list_orders"),
        ("GET", r"v1/managers/store/orders/(?P<order_id>[^/]+)/view", "show_order"),
        ("POST", r"v1/managers/store/orders/(?P<order_id>[^/]+)/change-order-status", "set_status"),
    )
    API = "v1"
    currency = "SAR"
    manager_token = "manager-token-of-the-fake"
    CODES = ("new", "preparing", "ready", "indelivery", "delivered", "cancelled")

    def __init__(self, products, **server):
        super().__init__(products, page_size=50, **server)

    def authenticate(self, request, path):
        name = "Access-Token" if path.startswith("v1/products") else "X-Manager-Token"
        if request.headers.get(name) != self.manager_token:
            raise Refused(f"{name} is missing or wrong", 401)
        super().authenticate(request, path)

    def refusal(self, refusal):
        return {"status": "error", "message": {"type": "error", "description": refusal.message}}

    def me(self, request, text):
        return {"status": "object", "user": {"id": 3, "name": "A manager", "store": {"id": 3, "title": "متجر تجريبي"}}}

    def list_products(self, request, text):
        size, page = int(request.args.get("page_size", 15)), int(request.args.get("page", 1))
        rows = [
            {
                "id": key,
                "sku": row["sku"],
                "name": {"ar": row["name"]},
                "price": row.get("price", 0),
                "is_published": True,
            }
            for key, row in self.products.items()
        ]
        following = f"{request.base_url}?page={page + 1}" if page * size < len(rows) else None
        return {"count": len(rows), "next": following, "results": rows[(page - 1) * size : page * size]}

    def patch_products(self, request, text):
        rows = parsed(text)
        for row in rows:
            if row.get("id") not in self.products or row["id"] in self.refused:
                raise Refused(f"product {row.get('id')} can't be updated", 400)
        for row in rows:
            sent = {"price": row.get("price"), "stock": row.get("quantity"), "unlimited": row.get("is_infinite")}
            self._apply(row["id"], {key: value for key, value in sent.items() if value is not None})
        return [{"id": row["id"]} for row in rows]

    def make_order(self, number, lines):
        now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
        total = sum(quantity * price for _id, quantity, price in lines)
        return {
            "id": number,
            "code": f"Z{number % 100000}",
            "order_status": {"name": "New", "code": "new"},
            "currency_code": "SAR",
            "customer": {"id": 1441, "name": "مشترٍ تجريبي", "email": "", "mobile": "966500000077", "note": ""},
            "order_total": f"{total:.14f}",
            "payment_status": "pending",
            "created_at": now,
            "updated_at": now,
            "shipping": {"address": {"street": "Example 7", "city": {"name": "Riyadh"}, "country": {"code": "SA"}}},
            "payment": {
                "method": {"code": "zid_cod", "type": "zid_cod"},
                "invoice": [
                    {"code": "sub_totals_after_vat", "value": f"{total:.14f}"},
                    {"code": "shipping", "value": "0.00000000000000"},
                    {"code": "total", "value": f"{total:.14f}"},
                ],
            },
            "products": [
                {
                    "id": key,
                    "sku": self.products.get(str(key), {}).get("sku", ""),
                    "name": "An item",
                    "quantity": quantity,
                    "price": f"{price + 0.00000107:.14f}",
                    "total": round(quantity * price, 2),
                }
                for key, quantity, price in lines
            ],
        }

    def charge(self, order_id, code, amount):
        """Charge for the delivery (``shipping``) or for paying at the door (``zid_cod``), or take something off
        (``coupon``), of which the invoice tells the amount before taxes."""
        order = self.orders[order_id]
        shown = amount / 1.15 if code == "coupon" else amount
        kept = [row for row in order["payment"]["invoice"] if row["code"] != code]
        order["payment"]["invoice"] = [*kept, {"code": code, "value": f"{shown:.14f}"}]
        order["order_total"] = f"{float(order['order_total']) + amount:.14f}"

    def pay(self, order_id, method, status):
        self.orders[order_id]["payment"]["method"] = {"code": method, "type": method}
        self.orders[order_id]["payment_status"] = status

    def touch(self, order_id):
        self.changed[order_id] = datetime.now(timezone.utc)
        self.orders[order_id]["updated_at"] = self.changed[order_id].strftime("%Y-%m-%d %H:%M:%S")

    def list_orders(self, request, text):
        if request.args.get("date_attribute") != "updated_at" or request.args.get("payload_type") != "default":
            raise Refused("ask for what changed, with products", 422)
        since = datetime.strptime(request.args["date_from"], "%Y-%m-%dT%H:%M:%S.%f%z")
        rows = [row for key, row in self.orders.items() if self.changed[key] >= since]
        size, page = int(request.args["per_page"]), int(request.args["page"])
        return {"status": "object", "orders": rows[(page - 1) * size : page * size], "total_order_count": len(rows)}

    def set_status(self, request, text, order_id):
        form = dict(parse_qsl(text))
        if form.get("order_status") not in self.CODES:
            raise Refused("no such status", 422)
        order = self._order(order_id)
        order["order_status"] = {"code": form["order_status"], "name": form["order_status"]}
        if form.get("tracking_number"):
            order.setdefault("tracking", []).append(form["tracking_number"])
        self.touch(order_id)
        return {"status": "object", "order": order}
