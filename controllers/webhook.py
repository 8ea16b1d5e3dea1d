# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
import time

from odoo import http
from odoo.http import request

from ..database import own_transaction
from ..transport import signatures
from ..transport.errors import MappingError, WebhookRejected

MAX_BODY = 1024 * 1024
ROUTE = "/marketplace_integration/webhook/<any(orders, status, test):kind>"


class Refused(Exception):
    """A delivery is not taken: the HTTP status and one plain sentence for whoever sent it."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status
        self.message = message


class MarketplaceWebhook(http.Controller):
    """What marketplaces, or a relay of the supplier's, tell us on their own. A delivery is verified over its raw bytes,
    stored, committed and answered; what becomes of it happens later, in a job."""

    @http.route(
        [ROUTE, ROUTE + "/<string:key>"], type="http", auth="public", methods=["POST"], csrf=False, save_session=False
    )
    def receive(self, kind, key=None, marketplace=None, **_kwargs):
        """Take one delivery for the account that the path, the header ``X-Marketplace-Key`` or ``?marketplace=`` names.

        :return: JSON; 200 when it is stored, 400 not understood, 401 not verified, 411, 413 or 415 a body that is
            not taken
        """
        config = None
        try:
            body = self._read_body()
            config = self._find_account(key or request.httprequest.headers.get("X-Marketplace-Key") or marketplace)
            self._verify(config, body)
            events = self._parse(config, kind, body)
        except Refused as refused:
            self._log(config, kind, "error", 0, refused.message)
            return request.make_json_response({"status": "refused", "error": refused.message}, status=refused.status)
        stored = self._store(events)
        if stored or kind == "test":
            self._log(config, kind, "success", len(events), "")
        answer = {"status": "ok", "received": len(events), "new": stored}
        if kind == "test":
            answer["account"] = config.name
            answer["scheme"] = config.webhook_scheme
        return request.make_json_response(answer)

    # ------------------------------------------------------------------ steps

    def _read_body(self):
        """Return the raw bytes of the body, before anything is made of them."""
        http_request = request.httprequest
        if http_request.content_length is None:
            raise Refused(411, "Send the body with a Content-Length.")
        if http_request.content_length > MAX_BODY:
            raise Refused(413, f"The body is larger than {MAX_BODY} bytes.")
        if http_request.mimetype != "application/json":
            raise Refused(415, "Send the body as application/json.")
        if http_request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Refused(415, "Send the body without compression.")
        return http_request.get_data()  # kept: Odoo runs this again when its transaction meets another one

    def _find_account(self, key):
        """Return the account; an unknown one is refused as a bad signature is, so that keys can't be tried out."""
        # sudo: deliveries come from nobody in particular; what they may do is to add to the inbox, once verified
        config = request.env["marketplace.config"].sudo().search([("webhook_key", "=", key or "")], limit=1)
        if not key or not config or config.state == "draft":
            raise Refused(401, "The delivery could not be verified.")
        return config

    def _verify(self, config, body):
        scheme, options = config._api()._webhook_recipe(config)
        try:
            signatures.verify(
                scheme, request.httprequest.headers, body, config._webhook_secrets(), time.time(), **options
            )
        except WebhookRejected as err:
            raise Refused(401, str(err)) from err

    def _parse(self, config, kind, body):
        """Return the deliveries' documents as ``[(config, kind, order id, raw, event id)]``."""
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError) as err:
            raise Refused(400, "The body is not valid JSON.") from err
        if kind == "test":
            return []
        try:
            events = config._api()._parse_webhook(config, kind, payload)
        except MappingError as err:
            raise Refused(400, str(err)) from err
        delivery = config._api()._delivery_id(config, request.httprequest.headers, body)
        return [self._document(config, event, delivery, index) for index, event in enumerate(events)]

    def _document(self, config, event, delivery, index):
        """Return what the inbox takes, for the account that the document names."""
        code = config._api()._identify(config, event.payload)[1] if event.kind == "order" else ""
        account = (config._route(code) or config) if code else config
        event_id = event.event_id or (f"{event.kind}:{delivery}:{index}" if delivery else "")
        return account, event.kind, event.external_id, event.payload, event_id

    def _store(self, documents):
        """Put the documents into the inbox, committed before we answer; return how many were new."""
        if not documents:
            return 0
        with own_transaction(request.env) as env:
            here = [(env["marketplace.config"].browse(config.id), *rest) for config, *rest in documents]
            return env["marketplace.inbox"]._store(here, "webhook")[1]

    def _log(self, config, kind, status, count, message):
        if config:
            values = {"operation": f"webhook_{kind}", "direction": "in", "status": status, "row_count": count}
            request.env["marketplace.sync.log"]._record(config, {**values, "message": message})
