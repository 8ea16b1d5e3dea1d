# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
import time
from functools import partial
from urllib.parse import urlencode

from odoo import http
from odoo.http import request

from ..database import own_transaction
from ..transport.errors import MappingError, WebhookRejected
from ..transport.words import Words, _

MAX_BODY = 1024 * 1024
# Documents that the answer to a test tells of.
REPORTED = 20
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

        :return: JSON; 200 when it is stored, 400 not understood, 401 not verified (or what the marketplace wants to
            hear then), 411, 413 or 415 a body that is not taken
        """
        config = None
        try:
            body = self._read_body()
            config = self._find_account(key or request.httprequest.headers.get("X-Marketplace-Key") or marketplace)
            if config._api()._is_ping(config, request.httprequest.headers, body):
                return request.make_json_response({"status": "ok"})
            self._check_type()
            proof = self._verify(config, body)
            if kind == "test":
                return self._report(config, body, proof)
            documents = self._parse(config, kind, self._load(body), body)
        except Refused as refused:
            if config:
                self._note_refusal(config, kind, refused.message)
            return request.make_json_response({"status": "refused", "error": refused.message}, status=refused.status)
        stored = self._store(config, kind, documents)
        response = request.make_json_response({"status": "ok", "received": len(documents), "new": stored})
        if stored:
            lanes = {request.env["marketplace.inbox"]._lane_of(account, what) for account, what, *_rest in documents}
            # Whoever delivers waits for what is stored, not for what becomes of it.
            response.call_on_close(partial(request.env["marketplace.wake"]._wake, lanes))
        return response

    @http.route(ROUTE + "/<string:key>", type="http", auth="public", methods=["GET"], save_session=False)
    def challenge(self, kind, key, **params):
        """Answer a marketplace that makes sure that this address is ours before it sends anything here.

        :return: JSON as the marketplace wants it; 401 for any other GET
        """
        try:
            config = self._find_account(key)
            return request.make_json_response(config._api()._answer_challenge(config, params))
        except (Refused, WebhookRejected):
            message = "The delivery could not be verified."
            return request.make_json_response({"status": "refused", "error": message}, status=401)

    # ------------------------------------------------------------------ steps

    def _note_refusal(self, config, kind, message):
        """Write down why a delivery was refused in the language of the account's people; its sender hears English."""
        words = config._in_language().env["marketplace.api"]._said(message)
        request.env["marketplace.sync.log"]._record_refusal(config, f"webhook_{kind}", words)

    def _read_body(self):
        """Return the raw bytes of the body, before anything is made of them."""
        http_request = request.httprequest
        if http_request.content_length is None:
            raise Refused(411, _("Send the body with a Content-Length."))
        if http_request.content_length > MAX_BODY:
            raise Refused(413, _("The body is larger than %(most)s bytes.", most=MAX_BODY))
        if http_request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Refused(415, _("Send the body without compression."))
        # Kept: Odoo runs this again when its transaction meets another one. A form has been read by Odoo; it is no
        # document, but a ping may be one.
        return http_request.get_data() or urlencode(list(http_request.form.items(multi=True))).encode()

    def _check_type(self):
        if request.httprequest.mimetype != "application/json":
            raise Refused(415, _("Send the body as application/json."))

    def _find_account(self, key):
        """Return the account; an unknown one is refused as a bad signature is, so that keys can't be tried out."""
        # sudo: deliveries come from nobody in particular; what they may do is to add to the inbox, once verified
        configs = request.env["marketplace.config"].sudo()
        # One query for the account and all that is read of it: under load each waits for its turn.
        config = (
            configs.search_fetch([("webhook_key", "=", key)], configs._webhook_fields(), limit=1)
            if key and "\0" not in key  # which no database can look for
            else configs
        )
        if not config or config.state == "draft":
            raise Refused(401, "The delivery could not be verified.")
        return config

    def _verify(self, config, body):
        """Return what proves the delivery."""
        try:
            return config._api()._verify_webhook(config, request.httprequest.headers, body, time.time())
        except WebhookRejected as err:
            raise Refused(err.status or 401, err.words) from err

    def _load(self, body):
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as err:
            raise Refused(400, _("The body is not valid JSON.")) from err

    def _parse(self, config, kind, payload, body):
        """Return the delivery's documents as ``[(config, kind, order id, raw, event id)]``."""
        try:
            events = config._api()._parse_webhook(config, kind, payload, request.httprequest.headers)
        except MappingError as err:
            problem = Words("%(path)s: %(problem)s", path=err.path, problem=err.words) if err.path else err.words
            raise Refused(400, problem) from err
        delivery = config._api()._delivery_id(config, request.httprequest.headers, body)
        return [self._document(config, event, delivery, index) for index, event in enumerate(events)]

    def _document(self, config, event, delivery, index):
        """Return what the inbox takes, for the account that the document names."""
        about_order = event.kind in ("order", "status")
        code = config._api()._identify(config, event.payload)[1] if about_order else ""
        # A status that names no supplier may be of an order that another account has.
        account = config._account_of(code, event.external_id) if code or event.kind == "status" else config
        event_id = event.event_id or (f"{event.kind}:{delivery}:{index}" if delivery else "")
        return account or config, event.kind, event.external_id, event.payload, event_id

    def _store(self, config, kind, documents):
        """Put the documents into the inbox, committed before we answer; return how many were new."""
        if not documents:
            return 0
        with own_transaction(request.env) as env:
            env["marketplace.wake"]._hold_back()
            # The accounts as this request has read them: a new environment would read each again.
            new = env["marketplace.inbox"]._store(documents, "webhook")[1]
            if new:
                values = {"operation": f"webhook_{kind}", "direction": "in", "status": "success", "row_count": new}
                env["marketplace.sync.log"]._insert(config.id, values)
            return new

    def _report(self, config, body, proof):
        """Answer a test: what the delivery was proven by, and what would be taken of it as orders. Stores nothing."""
        payload, problem, documents = self._load(body), "", []
        try:
            documents = self._parse(config, "orders", payload, body)
        except Refused as refused:
            problem = refused.message
        sudo = config.sudo()
        former = config._webhook_secrets()[proof.secret] == sudo.webhook_secret_previous != sudo.webhook_secret
        values = {"operation": "webhook_test", "direction": "in", "status": "success", "row_count": len(documents)}
        request.env["marketplace.sync.log"]._record(config, values)
        return request.make_json_response(
            {
                "status": "ok",
                "account": config.name,
                "scheme": config._api()._webhook_recipe(config)[0],
                "secret": "previous" if former else "current",
                "age": None if proof.age is None else round(proof.age),
                "received": len(documents),
                "documents": [self._describe(*document[:4]) for document in documents[:REPORTED]],
                "problem": problem,
            }
        )

    def _describe(self, account, _kind, external_id, raw):
        """Return what would become of one document, as far as it can be told."""
        try:
            status = account._api()._parse_status(account, raw)[1]
            problem = ""
        except MappingError as err:
            status, problem = "", str(err)
        return {"order": external_id, "status": status, "account": account.name, "problem": problem}
