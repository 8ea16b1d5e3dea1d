# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The WSGI application: authentication, routes, faults, journal."""

import logging
import re
from hmac import compare_digest

from werkzeug.wrappers import Request

from . import catalogue, orders
from .admin import Admin
from .base import BaseApp, Refused, json_response, parsed
from .faults import Faults
from .journal import Journal
from .state import State

_logger = logging.getLogger(__name__)

API = "/api/v1/"
ADMIN = "/_sandbox/"


def _rows(handler):
    def handle(state, query, body):
        if not isinstance(body, list):
            raise Refused("an array is expected", 400)
        if len(body) > state.options.max_rows:
            raise Refused(f"too many rows, {state.options.max_rows} are allowed")
        return handler(state, body)

    return handle


def _query(handler):
    return lambda state, query, body: handler(state, query)


def _single_status(state, query, body, hashed_id):
    return orders.update_status(state, hashed_id, body)


#: Method, path, handler(state, query, body, **parts of the path). The first group is the path in production, the second
#: the one of Cartona's text, which only answers with ``alternative_paths``.
ROUTES = (
    ("GET", r"supplier-product", None, _query(catalogue.list_products)),
    ("POST", r"supplier-product/bulk-update", None, _rows(catalogue.bulk_update)),
    (
        "POST",
        r"supplier-product/base-product/bulk-update-stock",
        r"base-product/bulk-update-stock",
        _rows(catalogue.bulk_update_base_stock),
    ),
    ("GET", r"order/pull-orders", r"orders/pull-orders", _query(orders.pull)),
    ("POST", r"order/update-order-status", r"orders/update-order-status", _rows(orders.update_statuses)),
    (
        "POST",
        r"order/update-order-status/(?P<hashed_id>[^/]+)",
        r"orders/update-order-status/(?P<hashed_id>[^/]+)",
        _single_status,
    ),
    ("POST", r"order/update-order-details", r"orders/update-order-details", _rows(orders.update_details)),
)
_COMPILED = [
    (method, re.compile(path), re.compile(other) if other else None, handler) for method, path, other, handler in ROUTES
]


class App(BaseApp):
    """Cartona's API, and beside it what tests and people do to it."""

    def __init__(self, state: State, faults: Faults, journal: Journal):
        super().__init__(faults, journal)
        self.state = state
        self.admin = Admin(state, faults, journal)

    def __call__(self, environ, start_response):
        request = Request(environ, populate_request=False)
        path = request.path
        if path.startswith(ADMIN):
            response = self.admin.answer(request, path[len(ADMIN) :])
        elif path.startswith(API):
            response = self.call(request, path[len(API) :])
        else:
            response = self.page(200 if path == "/" else 404)
        return response(environ, start_response)

    # === one call of the API ===

    def work(self, request, path, text):
        """The answer and the number of rows."""
        body = None
        try:
            self._authenticate(request)
            handler, parts = self._route(request.method, path)
            body = parsed(text) if request.method == "POST" else None
            answer = handler(self.state, request.args, body, **parts)
        except Refused as refusal:
            return json_response({"error": refusal.message}, refusal.status), len(body) if isinstance(body, list) else 0
        except Exception:
            _logger.exception("The sandbox itself failed")
            return json_response({"error": "the sandbox itself failed, see its log"}, 500), 0
        counted = body if request.method == "POST" else answer
        return json_response(answer), len(counted) if isinstance(counted, list) else 1

    def _authenticate(self, request):
        options = self.state.options
        given = request.headers.get(options.token_header, "")
        if not compare_digest(given.encode(), options.token.encode()):
            raise Refused("invalid credentials", options.bad_token_status)

    def _route(self, method, path):
        path = path.rstrip("/")
        known = False
        for allowed, main, other, handler in _COMPILED:
            match = main.fullmatch(path)
            if match is None and other is not None and self.state.options.alternative_paths:
                match = other.fullmatch(path)
            if match is None:
                continue
            if method == allowed:
                return handler, match.groupdict()
            known = True
        raise Refused("method not allowed", 405) if known else Refused("not found", 404)
