# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import re
import uuid
from datetime import timedelta
from urllib.parse import quote

from odoo import _, api, fields, models
from odoo.exceptions import ValidationError

from ..database import own_transaction, try_transaction_lock
from ..schemas import Event
from ..transport import errors, oauth
from ..transport.reading import text
from ..transport.signatures import Proof
from . import ebay_signature as signature

APP_SCOPE = "https://api.ebay.com/oauth/api_scope"
KEY_PATH = "commerce/notification/v1/public_key/"
# eBay asks to keep a key for an hour.
KEY_LIFE = timedelta(hours=1)
# Anybody can send a delivery that names a new key, and have us ask eBay for it; so many of them in an hour, no more.
NEW_KEYS = 10
# Between a key's id, which has no such sign, and what makes each failed question for it a row of its own.
FAILED = "?"
# A web server's worker waits for the key.
KEY_SECONDS = 5.0
# What eBay takes as a verification token.
TOKEN = re.compile(r"[A-Za-z0-9_-]{32,80}")
# What is made of the topics we know; all others are answered and left alone.
TOPICS = {"ORDER_CONFIRMATION": "notice", "MARKETPLACE_ACCOUNT_DELETION": "erase"}


class MarketplaceConfig(models.Model):
    _inherit = "marketplace.config"

    @api.constrains("code", "webhook_scheme", "webhook_secret")
    def _check_ebay_verification_token(self):
        for config in self.sudo().filtered(lambda one: one.code == "ebay" and one.webhook_scheme == "preset"):
            if config.webhook_secret and not TOKEN.fullmatch(config.webhook_secret):
                raise ValidationError(
                    _("%s: eBay's verification token has 32 to 80 letters, digits, _ and -.", config.name)
                )


class MarketplaceSyncLog(models.Model):
    _inherit = "marketplace.sync.log"

    operation = fields.Selection(selection_add=[("public_key", "Fetch a key")])


class MarketplaceEbayKey(models.Model):
    """A key that eBay signs notifications with, as eBay gave it, for all workers; without ``key``, there is none."""

    _name = "marketplace.ebay.key"
    _description = "Key of eBay's Notifications"
    _log_access = False

    config_id = fields.Many2one("marketplace.config", required=True, ondelete="cascade")
    kid = fields.Char(required=True)
    key = fields.Char()
    digest = fields.Char()
    fetched_at = fields.Datetime(required=True)

    _sql_constraints = [("kid_unique", "UNIQUE (config_id, kid)", "This key is stored already.")]

    def _find(self, config, kid):
        """Return the key, if it has been asked for within the hour."""
        since = fields.Datetime.now() - KEY_LIFE
        return self.search([("config_id", "=", config.id), ("kid", "=", kid), ("fetched_at", ">", since)])

    def _may_ask(self, config, kid):
        """Tell whether eBay may be asked for this key: one that was good before, or one of a few new ones."""
        of_account = [("config_id", "=", config.id)]
        asked = [*of_account, ("fetched_at", ">", fields.Datetime.now() - KEY_LIFE)]
        if self.search_count([*of_account, ("kid", "=", kid), ("key", "!=", False)]):
            asked.append(("kid", "=like", f"{kid}{FAILED}%"))
        return self.search_count(asked) < NEW_KEYS

    def _note_failure(self, config, kid):
        """Count a question that eBay did not answer, under a name that no key has: the key is asked for again, but
        nobody can have us ask on and on while eBay fails."""
        self._keep(config, f"{kid}{FAILED}{uuid.uuid4()}", {})

    def _keep(self, config, kid, values):
        values = {"key": values.get("key"), "digest": values.get("digest"), "fetched_at": fields.Datetime.now()}
        known = self.search([("config_id", "=", config.id), ("kid", "=", kid)])
        if known:
            known.write(values)
            return known
        return self.create({"config_id": config.id, "kid": kid, **values})

    @api.autovacuum
    def _gc_old_keys(self):
        self.search([("fetched_at", "<", fields.Datetime.now() - timedelta(days=30))]).unlink()


class MarketplaceApiEbay(models.AbstractModel):
    """What eBay tells on its own. Thin notices: an order is fetched by its id."""

    _inherit = "marketplace.api.ebay"

    # ------------------------------------------------------------------ proof

    def _webhook_preset(self):
        return "ecdsa", {}

    def _verify_webhook(self, config, headers, body, now):
        if config.webhook_scheme != "preset":
            return super()._verify_webhook(config, headers, body, now)
        if not config._webhook_secrets():
            raise signature.refused(signature.NO_SECRET)
        kid, signed = signature.read_header(headers.get(signature.HEADER) or "")
        signature.verify(*self._public_key(config, kid), signed, body)
        return Proof(0, None)

    def _delivery_id(self, config, headers, body):
        """Events have ids of their own."""
        return "" if config.webhook_scheme == "preset" else super()._delivery_id(config, headers, body)

    def _answer_challenge(self, config, params):
        code, secrets = params.get("challenge_code"), config._webhook_secrets()
        if not code or not secrets:
            return super()._answer_challenge(config, params)
        return {"challengeResponse": signature.challenge_answer(code, secrets[0], config.webhook_url)}

    # ------------------------------------------------------------------ keys

    def _public_key(self, config, kid):
        """Return ``(key, digest)`` of the key with this id, from the table or from eBay.

        :raise WebhookRejected: it can't be had; eBay sends the notification again later
        """
        owner = config.sudo()._credentials()
        found = self.env["marketplace.ebay.key"].sudo()._find(owner, kid)
        key, digest = (found.key, found.digest) if found else self._ask_for_key(owner, kid)
        if not key:
            raise signature.refused(signature.UNKNOWN_KEY)
        return key, digest

    def _ask_for_key(self, owner, kid):
        """Ask eBay for a key while nobody else does: others refuse meanwhile, so that one slow answer holds up one
        worker."""
        if not self.env["marketplace.identity"]._is_original():
            raise signature.refused(signature.COPY)
        with own_transaction(self.env) as env:
            if not try_transaction_lock(env.cr, f"marketplace:ebay-key:{owner.id}"):
                raise signature.refused(signature.FETCHING)
            keys = env["marketplace.ebay.key"]
            found = keys._find(owner, kid)
            if not found and not keys._may_ask(owner, kid):
                raise signature.refused(signature.TOO_MANY)
            if found:
                return found.key, found.digest
            try:
                told = env[self._name]._fetch_key(env["marketplace.config"].browse(owner.id), kid)
            except errors.WebhookRejected as err:
                keys._note_failure(owner, kid)
                failure = err
            else:
                found = keys._keep(owner, kid, told)
                # Values, not the record: the caller's transaction may be too old to see it.
                return found.key, found.digest
        raise failure  # when it is counted for good

    def _fetch_key(self, owner, kid):
        """Return eBay's key, ``{}`` where it has none with this id. The token of the app is asked for each time, once
        an hour: it is of no other use."""
        base = owner.base_url or ""
        try:
            token = self._app_token(owner)
            with self._exchange(owner, "public_key", 0, [token], elsewhere=base) as exchange:
                exchange.client.auth = oauth.BearerToken(token)
                exchange.client.timeout = min(exchange.client.timeout, KEY_SECONDS)
                told = exchange.request("GET", f"{base.rstrip('/')}/{KEY_PATH}{quote(kid, safe='')}")
        except errors.RequestRejected:
            return {}
        except errors.MarketplaceError as err:
            raise signature.not_fetched(err) from err
        told = told if isinstance(told, dict) else {}
        if str(told.get("algorithm") or "").upper() != "ECDSA" or not isinstance(told.get("key"), str):
            return {}
        return {"key": told["key"], "digest": str(told.get("digest") or "").upper()}

    def _app_token(self, owner):
        """Return a token of the app itself, which eBay wants for its keys."""
        if not owner.client_id or not owner.client_secret:
            raise errors.ConfigurationError(_("The client ID and secret are empty. Enter them on the account."))
        form = {"grant_type": "client_credentials", "scope": APP_SCOPE}
        grant = oauth.Grant(self._token_address(owner), form, basic=(owner.client_id, owner.client_secret))
        with self._exchange(owner, "token", 0, grant.secrets(), elsewhere=grant.url) as exchange:
            exchange.client.timeout = min(exchange.client.timeout, KEY_SECONDS)
            return oauth.fetch(exchange.client, grant).access_token

    # ------------------------------------------------------------------ what it says

    def _parse_webhook(self, config, kind, payload, headers):
        meaning = TOPICS.get(text(payload, "metadata", "topic", required=True))
        event_id = text(payload, "notification", "notificationId", required=True)
        if meaning == "notice":
            order_id = text(payload, "notification", "data", "order", "orderId", required=True)
            return [Event("notice", order_id, payload, event_id)]
        return self._parse_deletion(config, payload, event_id) if meaning == "erase" else []

    def _parse_deletion(self, config, payload, event_id):
        """eBay tells every app of every account that is closed, thousands a day: only who is known here is of
        interest. Orders name a customer by the name or, in some regions, by the id."""
        codes = [text(payload, "notification", "data", key) for key in ("username", "userId")]
        known = [
            code for code in dict.fromkeys(codes) if code and self.env["res.partner"]._marketplace_knows(config, code)
        ]
        return [Event("erase", code, {}, f"{event_id}:{number}") for number, code in enumerate(known)]
