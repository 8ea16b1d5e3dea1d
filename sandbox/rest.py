# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""A REST marketplace that can be told its dialect: how it is asked, how its pages are turned, what its answers say."""

import base64
import itertools
from datetime import datetime, timezone
from urllib.parse import parse_qsl

from .base import Refused, RoutedBox, json_response, parsed

AUTHS = ("none", "header", "basic", "query", "client_credentials", "refresh_token")
PAGINGS = ("page", "offset", "cursor", "link", "next")
FIRST_ORDER = 2**53 + 1


class RestBox(RoutedBox):
    """``products`` are ``{id: {sku, name, price, stock}}``, orders documents as they are shown.

    :ivar str auth: one of AUTHS; ``second``: the value of a second header that is needed besides
    :ivar str paging: one of PAGINGS, pages of ``page_size``
    :ivar str results: what the answer to a batch tells: ``all`` rows, ``failed`` ones, or nothing
    :ivar bool repeats: the last page is shown for all that would stand behind it
    :ivar bool queue: orders come until they are acknowledged; else those that changed since a time
    """

    ROUTES = (
        ("POST", r"oauth/token", "grant"),
        ("GET", r"api/me", "me"),
        ("GET", r"api/products", "list_products"),
        ("POST", r"api/products/batch", "push_batch"),
        ("PUT", r"api/products/(?P<product_id>[^/]+)/(?P<what>price|stock)", "push_one"),
        ("GET", r"api/orders", "list_orders"),
        ("GET", r"api/orders/(?P<order_id>[^/]+)", "show_order"),
        ("POST", r"api/orders/ack", "acknowledge"),
        ("POST", r"api/orders/(?P<order_id>[^/]+)/status", "set_status"),
        ("POST", r"api/orders/(?P<order_id>[^/]+)/shipments", "ship"),
    )
    API, TOKEN_PATH = "api", "oauth/token"
    currency = "EGP"
    STATUSES = ("NEW", "ACCEPTED", "SENT", "DONE", "VOID")

    def __init__(
        self, products, auth="header", second="", paging="page", page_size=5, results="all", queue=False, **server
    ):
        self.products = {str(key): dict(row) for key, row in products.items()}
        self.auth, self.second, self.paging, self.page_size = auth, second, paging, page_size
        self.results, self.queue, self.repeats = results, queue, False
        self.orders, self.changed, self.waiting, self.refused = {}, {}, [], set()
        self.key, self.client = "key-of-the-fake", ("client-of-the-fake", "client-secret-of-the-fake")
        self.refresh_token, self.tokens = "refresh-of-the-fake-1", set()
        self._numbers, self._tokens = itertools.count(FIRST_ORDER), itertools.count(1)
        super().__init__(**server)
        self.url = f"{self.root}/{self.API}"
        self.token_url = f"{self.root}/{self.TOKEN_PATH}"

    # === who may ask ===

    def authenticate(self, request, path):
        if path == self.TOKEN_PATH or self.auth == "none":
            return
        if self.second and request.headers.get("X-Second") != self.second:
            raise Refused("the second token is missing or wrong", 401, "second_token")
        given = request.headers.get("Authorization", "")
        pair = base64.b64encode(":".join(self.client).encode()).decode()
        good = {
            "header": given == f"Bearer {self.key}",
            "basic": given == f"Basic {pair}",
            "query": request.args.get("api_key") == self.key,
        }
        if not good.get(self.auth, given.removeprefix("Bearer ") in self.tokens):
            raise Refused("not allowed", 401, "unauthorized")

    def grant(self, request, text):
        form = dict(parse_qsl(text))
        if (form.get("client_id"), form.get("client_secret")) != self.client or form.get("grant_type") != self.auth:
            raise Refused("invalid_client", 401)
        answer = {}
        if self.auth == "refresh_token":
            if form.get("refresh_token") != self.refresh_token:
                raise Refused("invalid_grant", 400)
            self.refresh_token = f"refresh-of-the-fake-{next(self._tokens) + 1}"
            answer["refresh_token"] = self.refresh_token
        token = f"access-of-the-fake-{next(self._tokens)}"
        self.tokens.add(token)
        return {**answer, "access_token": token, "token_type": "Bearer", "expires_in": 3600}

    def refusal(self, refusal):
        return {"error": {"code": refusal.code, "message": refusal.message}}

    # === pages ===

    def paged(self, request, rows, key="items"):
        """One page of rows, in the dialect's way."""
        args = request.args
        size = min(int(args.get("limit", self.page_size)), self.page_size)
        place = "offset" if self.paging == "offset" else "cursor" if self.paging == "cursor" else "page"
        start = int(args.get(place, 0 if place != "page" else 1))
        start = (start - 1) * size if place == "page" else start
        if self.repeats and start >= len(rows):
            start = (len(rows) - 1) // size * size if place == "page" else max(0, len(rows) - size)
        answer, headers = {key: rows[start : start + size]}, {}
        more = start + size < len(rows)
        kept = {name: value for name, value in args.items() if name != "page"}
        query = "&".join(f"{name}={value}" for name, value in {**kept, "page": start // size + 2}.items())
        if self.paging == "cursor":
            answer["next_cursor"] = str(start + size) if more else None
        elif self.paging == "link" and more:
            headers["Link"] = f'<{request.base_url}?{query}>; rel="next", <{request.base_url}?page=1>; rel="first"'
        elif self.paging == "next":
            answer["links"] = {"next": f"{request.base_url}?{query}" if more else None}
        return json_response(answer, headers=headers)

    # === products ===

    def me(self, request, text):
        return {"shop": {"title": "A shop", "currency": self.currency}}

    def list_products(self, request, text):
        return self.paged(request, [{"id": key, **row} for key, row in self.products.items()])

    def push_batch(self, request, text):
        told = []
        for row in parsed(text)["rows"]:
            problem = self._apply(str(row.get("id")), row)
            if self.results == "all" or (self.results == "failed" and problem):
                told.append({"id": row.get("id"), "error": problem and {"code": "bad_row", "message": problem}})
        return {"results": told}

    def push_one(self, request, text, product_id, what):
        problem = self._apply(product_id, {what: parsed(text)[what]})
        if problem:
            raise Refused(problem, 404 if product_id not in self.products else 422, "bad_row")
        return {}

    def _apply(self, key, row):
        if key not in self.products:
            return "no such product"
        if key in self.refused:
            return "this product is locked"
        for name in ("price", "stock", "unlimited"):
            if name in row:
                self.products[key][name] = row[name]
        return None

    # === orders ===

    def add_order(self, lines, **values):
        """Place an order of lines ``(product id, quantity, price of one)``; return its id as text."""
        with self.lock:
            number = next(self._numbers)
            order = self.make_order(number, lines)
            order.update(values)
            self.orders[str(number)] = order
            self.touch(str(number))
            self.waiting.append(str(number))
            return str(number)

    def make_order(self, number, lines):
        return {
            "id": number,
            "number": f"R-{number % 1000}",
            "state": "NEW",
            "created": _iso(),
            "currency": self.currency,
            "total": f"{sum(quantity * price for _id, quantity, price in lines):.2f}",
            "buyer": {"id": 77, "full_name": "مشترٍ تجريبي", "tel": "01000000077", "where": "Example street 7"},
            "rows": [
                {"row": 10 * index, "item": key, "qty": quantity, "each": f"{price:.3f}"}
                for index, (key, quantity, price) in enumerate(lines, 1)
            ],
            "parcels": [],
        }

    def touch(self, order_id):
        self.changed[order_id] = datetime.now(timezone.utc)
        self.orders[order_id]["updated"] = _iso()

    def change_order(self, order_id, **values):
        with self.lock:
            self.orders[order_id].update(values)
            self.touch(order_id)
            if order_id not in self.waiting:
                self.waiting.append(order_id)

    def list_orders(self, request, text):
        if self.queue:
            return self.paged(request, [self.orders[key] for key in self.waiting])
        since = datetime.fromisoformat(request.args.get("since", "2000-01-01T00:00:00Z").replace("Z", "+00:00"))
        return self.paged(request, [row for key, row in self.orders.items() if self.changed[key] >= since])

    def show_order(self, request, text, order_id):
        return {"order": self._order(order_id)}

    def _order(self, order_id):
        if order_id not in self.orders:
            raise Refused("no such order", 404, "not_found")
        return self.orders[order_id]

    def acknowledge(self, request, text):
        for order_id in parsed(text)["ids"]:
            if order_id in self.waiting:
                self.waiting.remove(order_id)
        return {}

    def set_status(self, request, text, order_id):
        state = parsed(text).get("state")
        if state not in self.STATUSES:
            raise Refused(f"no such state: {state}", 422, "bad_state")
        self._order(order_id)["state"] = state
        self.touch(order_id)
        return {}

    def ship(self, request, text, order_id):
        self._order(order_id)["parcels"].append(parsed(text))
        self.touch(order_id)
        return {}


def _iso():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
