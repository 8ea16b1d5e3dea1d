# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import hashlib

from odoo import _, models

from ..transport import errors, signatures


class MarketplaceApi(models.AbstractModel):
    """The part of the contract about webhooks. By default a delivery is proven by the account's own settings."""

    _inherit = "marketplace.api"

    def _webhook_recipe(self, config):
        """Return ``(scheme, options)`` for ``transport.signatures.verify``: the account's own, or the preset."""
        if config.webhook_scheme == "preset":
            scheme, options = self._webhook_preset()
        else:
            scheme, options = config.webhook_scheme, config._webhook_options()
        return scheme, options if scheme == "token" else {"tolerance": float(config.webhook_tolerance), **options}

    def _webhook_preset(self):
        """Return ``(scheme, options)`` by which this marketplace signs its deliveries. One that is not of
        ``transport.signatures`` is the adapter's own, which overrides :meth:`_verify_webhook` then.

        By default, for marketplaces without webhooks of their own, what a relay of the supplier's has to do: sign time
        and body with HMAC-SHA256.
        """
        return "hmac", {}

    def _delivery_id(self, config, headers, body):
        """Return what tells a verified delivery from all others, so that a copy of it is known; ``""``: nothing does.

        By default the id of Standard Webhooks, and the signed time with the signed body where HMAC is used.
        """
        scheme, options = self._webhook_recipe(config)
        if scheme == "standard":
            return headers.get("webhook-id", "")
        if scheme == "hmac" and "{timestamp}" in options.get("base", signatures.BASE):
            stamp = headers.get(options.get("timestamp_header", signatures.TIMESTAMP_HEADER), "")
            return hashlib.sha256(stamp.strip().encode() + b"." + body).hexdigest()
        return ""

    def _verify_webhook(self, config, headers, body, now):
        """Return the ``Proof`` that a delivery is the marketplace's own.

        :param headers: mapping that ignores case
        :param bytes body: as it came, before anything is made of it
        :raise WebhookRejected: it is not, or it is too old; its ``status`` is answered where it has one, else 401
        """
        scheme, options = self._webhook_recipe(config)
        return signatures.verify(scheme, headers, body, config._webhook_secrets(), now, **options)

    def _is_ping(self, config, headers, body):
        """Tell whether this is the marketplace's call to see that somebody answers: nothing is made of it, so nothing
        needs to prove it."""
        return False

    def _answer_challenge(self, config, params):
        """Return the JSON that answers a GET by which the marketplace makes sure that the address is ours.

        :param dict params: of the query
        :raise WebhookRejected: this marketplace asks no such thing
        """
        raise errors.WebhookRejected("this account answers no challenge")

    def _register_webhooks(self, config):
        """Have the marketplace send its webhooks to ``config.webhook_url``: make those that are missing, and repair
        those of this account that point elsewhere or were switched off. What others have set up stays as it is.

        :return: dict with the numbers of webhooks ``created``, ``repaired`` and ``kept``
        """
        raise errors.UnsupportedFeature(_("This marketplace's webhooks are set up at the marketplace."))

    def _parse_webhook(self, config, kind, payload, headers):
        """Turn the verified, parsed body of a delivery into a list of ``Event``.

        :param str kind: the route: ``orders`` or ``status``
        :param headers: of the delivery; many marketplaces say in them what happened
        :raise MappingError: it is not what this route takes
        """
        raise NotImplementedError
