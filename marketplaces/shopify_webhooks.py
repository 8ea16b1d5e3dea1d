# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from werkzeug.datastructures import Headers

from odoo import _, models

from ..schemas import Event
from ..transport import errors
from ..transport.reading import text
from . import shopify_documents as documents
from .shopify import UNINSTALLED

# Where a delivery's document has the order's id, by the first word of its topic.
ORDER_ID = {"orders": "id", "fulfillments": "order_id", "refunds": "order_id"}
# What webhooks are set up for, and which fields they bring: a delivery only says which order to fetch.
TOPICS = {
    "ORDERS_CREATE": ["id"],
    "ORDERS_UPDATED": ["id"],
    "ORDERS_CANCELLED": ["id"],
    "APP_UNINSTALLED": [],
}
SIGNATURE = "X-Shopify-Hmac-SHA256"


class MarketplaceApiShopify(models.AbstractModel):
    """Shopify's webhooks, and how they are set up."""

    _inherit = "marketplace.api.shopify"

    def _webhook_preset(self):
        return "hmac", {"header": SIGNATURE, "encoding": "base64", "prefix": "", "base": "{body}"}

    def _verify_webhook(self, config, headers, body, now):
        return super()._verify_webhook(config, _with_x(headers), body, now)

    def _delivery_id(self, config, headers, body):
        return _with_x(headers).get("X-Shopify-Webhook-Id", "")

    def _parse_webhook(self, config, kind, payload, headers):
        """A delivery is a notice: the order that it names is fetched, so that there is one form of orders, and the
        newest is what counts, in whatever order deliveries come."""
        topic = _with_x(headers).get("X-Shopify-Topic", "").strip()
        if not topic:
            raise errors.MappingError("X-Shopify-Topic", _("The header is missing."))
        told = {"topic": topic, "delivery": self._delivery_id(config, headers, b"")}  # what may well happen again
        if topic == UNINSTALLED:
            return [Event("notice", UNINSTALLED, told)]
        if topic == "customers/redact":
            return [Event("erase", text(payload, "customer", "id", required=True), told)]
        key = ORDER_ID.get(topic.partition("/")[0])
        if not key:
            return []
        external_id = text(payload, key, required=True)
        if not external_id.isdecimal():
            raise errors.MappingError(key, _("is no id of Shopify's"))
        return [Event("notice", external_id, {**told, "id": external_id})]

    def _register_webhooks(self, config):
        wanted = {topic: self._prepare_webhook(config, names) for topic, names in TOPICS.items()}
        ours = self._our_webhooks(config)
        done = {"created": 0, "repaired": 0, "kept": 0}
        for topic, values in wanted.items():
            there = ours.get(topic)
            if not there:
                self._set_webhook(config, documents.CREATE_WEBHOOK, "Create", {"topic": topic, "webhook": values})
                done["created"] += 1
            elif self._is_as_wanted(there, values):
                done["kept"] += 1
            else:
                self._set_webhook(config, documents.UPDATE_WEBHOOK, "Update", {"id": there["id"], "webhook": values})
                done["repaired"] += 1
        return done

    def _prepare_webhook(self, config, names):
        return {"uri": config.webhook_url, "format": "JSON", "includeFields": names}

    def _is_as_wanted(self, there, values):
        same = all(there[key] == values[key] for key in ("uri", "format"))
        return same and set(there["includeFields"]) == set(values["includeFields"])

    def _our_webhooks(self, config):
        """Return the app's webhooks that are meant for this account, at whatever host: ``{topic: webhook}``."""
        found, after, more = {}, None, True
        while more:
            page = self._ask(config, "register_webhooks", documents.WEBHOOKS, {"after": after}, 0)
            page = page["webhookSubscriptions"]
            for row in page["nodes"]:
                if row["uri"].endswith(f"/{config.webhook_key}"):
                    found.setdefault(row["topic"], row)
            after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        return found

    def _set_webhook(self, config, document, verb, variables):
        answer = self._ask(config, "register_webhooks", document, variables)
        self._raise_refusals((answer[f"webhookSubscription{verb}"] or {}).get("userErrors"))


def _with_x(headers):
    """The headers under the names that begin with X-: newer deliveries of Shopify's leave that out."""
    named = {str(key).lower(): value for key, value in headers.items()}
    longer = {f"x-{key}": value for key, value in named.items() if key.startswith("shopify-")}
    return Headers(list({**longer, **named}.items()))
