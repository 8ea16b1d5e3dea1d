# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The WSGI application: authentication, routes, faults, journal."""

import json
import logging
import re
import time
from hmac import compare_digest

from werkzeug.wrappers import Request, Response

from . import catalogue, orders
from .admin import Admin
from .answers import json_bytes
from .faults import Faults
from .journal import Journal
from .state import Refused, State

_logger = logging.getLogger(__name__)

API = "/api/v1/"
ADMIN = "/_sandbox/"

_PAGE = "<!DOCTYPE html>\n<html><head><title>Sandbox</title></head><body><h1>Nothing to see here</h1></body></html>\n"


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


class App:
    """The application. Wire faults are told to the server in ``environ["sandbox.wire"]``; see ``server.py``."""

    def __init__(self, state: State, faults: Faults, journal: Journal):
        self.state, self.faults, self.journal = state, faults, journal
        self.admin = Admin(state, faults, journal)

    def __call__(self, environ, start_response):
        request = Request(environ, populate_request=False)
        path = request.path
        if path.startswith(ADMIN):
            response = self.admin.answer(request, path[len(ADMIN) :])
        elif path.startswith(API):
            response = self._api(request, path[len(API) :])
        else:
            response = Response(_PAGE, 200 if path == "/" else 404, mimetype="text/html")
        return response(environ, start_response)

    # === one call of the API ===

    def _api(self, request, path):
        arrived, wall = time.monotonic(), time.time()
        text = request.get_data(cache=False).decode("utf-8", "replace")
        fault = self.faults.strike(request.method, path, text)
        response, rows = self._struck(fault, request, path, text) if fault else self._work(request, path, text)
        self.journal.add(
            monotonic=arrived,
            time=wall,
            seconds=time.monotonic() - arrived,
            method=request.method,
            path=path,
            query=request.args.to_dict(),
            status=0 if request.environ.get("sandbox.wire") in ("reset", "drop") else response.status_code,
            rows=rows,
            text=text,
            fault=fault.kind if fault else "",
        )
        return response

    def _work(self, request, path, text):
        """The answer and the number of rows."""
        body = None
        try:
            self._authenticate(request)
            handler, parts = self._route(request.method, path)
            body = _parsed(text) if request.method == "POST" else None
            answer = handler(self.state, request.args, body, **parts)
        except Refused as refusal:
            return _json({"error": refusal.message}, refusal.status), len(body) if isinstance(body, list) else 0
        except Exception:
            _logger.exception("The sandbox itself failed")
            return _json({"error": "the sandbox itself failed, see its log"}, 500), 0
        counted = body if request.method == "POST" else answer
        return _json(answer), len(counted) if isinstance(counted, list) else 1

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

    # === faults ===

    def _struck(self, fault, request, path, text):
        wire = request.environ
        if fault.kind == "status":
            body = {"error": f"fault {fault.status}"} if fault.body is None else fault.body
            response = Response(body, fault.status) if isinstance(body, str) else _json(body, fault.status)
            if fault.retry_after is not None:
                response.headers["Retry-After"] = str(fault.retry_after)
            if 300 <= fault.status < 400:
                response.headers["Location"] = f"{request.host_url}elsewhere"
            return response, 0
        if fault.kind == "html":
            return Response(_PAGE, mimetype="text/html"), 0
        if fault.kind in ("hang", "reset"):
            wire["sandbox.wire"] = "reset" if fault.kind == "reset" else "drop"
            if fault.kind == "hang":
                self.faults.pause(fault.seconds)
            return Response(status=500), 0
        if fault.kind == "delay":
            self.faults.pause(fault.seconds)
            return self._work(request, path, text)
        response, rows = self._work(request, path, text)
        if fault.kind == "broken_json":
            response.set_data(response.get_data()[:-1] + b',"')
        else:
            wire["sandbox.wire"] = fault.kind
        return response, rows


def _parsed(text):
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("the body is not JSON", 400) from None


def _json(data, status=200):
    return Response(json_bytes(data), status, mimetype="application/json")
