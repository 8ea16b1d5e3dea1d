"""Makes the calls of the file given first by Amazon's own client, and writes what it sent into the second.

Runs in the environment that holds the client, and knows nothing of the addon.
"""

import json
import logging
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import spapi

#: Path → (class of the client, method, names of the path's ids, name and model of the body). The first that fits.
CALLS = (
    (r"GET /sellers/v1/marketplaceParticipations", "SellersApi", "get_marketplace_participations", (), None),
    (r"GET /listings/2021-08-01/items/([^/]+)", "ListingsApi", "search_listings_items", ("seller_id",), None),
    (r"GET /listings/2021-08-01/items/([^/]+)/([^/]+)", "ListingsApi", "get_listings_item", ("seller_id", "sku"), None),
    (
        r"PATCH /listings/2021-08-01/items/([^/]+)/([^/]+)",
        "ListingsApi",
        "patch_listings_item",
        ("seller_id", "sku"),
        ("body", "ListingsItemPatchRequest"),
    ),
    (
        r"POST /feeds/2021-06-30/documents",
        "FeedsApi",
        "create_feed_document",
        (),
        ("body", "CreateFeedDocumentSpecification"),
    ),
    (r"POST /feeds/2021-06-30/feeds", "FeedsApi", "create_feed", (), ("body", "CreateFeedSpecification")),
    (r"GET /feeds/2021-06-30/feeds/([^/]+)", "FeedsApi", "get_feed", ("feed_id",), None),
    (r"GET /feeds/2021-06-30/documents/([^/]+)", "FeedsApi", "get_feed_document", ("feed_document_id",), None),
    (r"GET /orders/2026-01-01/orders", "SearchOrdersApi", "search_orders", (), None),
    (r"GET /orders/2026-01-01/orders/([^/]+)", "GetOrderApi", "get_order", ("order_id",), None),
    (
        r"POST /orders/v0/orders/([^/]+)/shipmentConfirmation",
        "OrdersV0Api",
        "confirm_shipment",
        ("order_id",),
        ("payload", "ConfirmShipmentRequest"),
    ),
)
LISTS = {"marketplaceIds", "includedData", "identifiers", "fulfilledBy", "fulfillmentStatuses"}
NUMBERS = {"pageSize", "maxResultsPerPage"}
TOKEN = {"access_token": "Atza|client", "token_type": "bearer", "expires_in": 3600}


class Recorder(BaseHTTPRequestHandler):
    """Notes the last call and answers what it is told to."""

    answer, seen, token = (200, ""), None, None

    def answered(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        path, _mark, query = self.path.partition("?")
        call = {"method": self.command, "path": path, "query": query, "body": body}
        call["shows_token"] = self.headers.get("x-amz-access-token") == TOKEN["access_token"]
        status, text = Recorder.answer
        if path == "/auth/o2/token":
            Recorder.token, status, text = call, 200, json.dumps(TOKEN)
        else:
            Recorder.seen = call
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = do_PATCH = do_PUT = answered

    def log_message(self, *_args):
        pass


def main(ours, theirs):
    logging.disable(logging.CRITICAL)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_address[1]}"
    calls = json.loads(Path(ours).read_text())
    form = dict(parse_qsl(next(call["body"] for call in calls if call["path"] == "/auth/o2/token")))
    config = spapi.SPAPIConfig(form["client_id"], form["client_secret"], form["refresh_token"], region="EU")
    client = spapi.SPAPIClient(config, oauth_endpoint=f"{root}/auth/o2/token", endpoint=root).api_client
    Path(theirs).write_text(json.dumps([made(client, call) for call in calls]))


def made(client, call):
    """Make one call as the client makes it; return what it sent."""
    if call["path"] == "/auth/o2/token":
        Recorder.token = None
        client.configuration.access_token_cache.token_info = None
        client.configuration.access_token_cache.get_lwa_access_token()
        return Recorder.token
    Recorder.seen, Recorder.answer = None, (call["status"], call["answer"])
    try:
        ask(client, call)
    except spapi.ApiException as error:
        if call["status"] < 400:
            return {"problem": str(error)}
    except Exception as error:
        return {"problem": f"{type(error).__name__}: {error}"}
    return Recorder.seen or {"problem": "it sent nothing"}


def ask(client, call):
    line = f"{call['method']} {call['path']}"
    fitting = ((re.fullmatch(pattern, line), *rest) for pattern, *rest in CALLS)
    match, kind, method, ids, body = next(one for one in fitting if one[0])
    api = getattr(spapi, kind)(client)
    values = dict(zip(ids, map(unquote, match.groups()), strict=True))
    for name, text in parse_qsl(call["query"]):
        snake = re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
        values[snake] = text.split(",") if name in LISTS else int(text) if name in NUMBERS else text
    if body:
        client.api_models_module = api.api_models_module
        values[body[0]] = client._ApiClient__deserialize(json.loads(call["body"]), body[1])
    getattr(api, method)(**values)


main(*sys.argv[1:])
