# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from urllib.parse import urlsplit

from odoo import _, api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..compat import format_list
from ..encryption import Secret
from ..transport.address import is_loopback
from .marketplace_api import _private_hosts
from .marketplace_config import MANAGER

# Nobody but the machinery itself.
NO_ACCESS = "."

# What an adapter may ask for by its capability ``credentials``.
CREDENTIAL_FIELDS = ("auth_token", "client_id", "client_secret", "refresh_token", "token_url")


class MarketplaceConfig(models.Model):
    """What an account proves itself with, beyond a token that never runs out, and what its marketplace can do."""

    _inherit = "marketplace.config"

    client_id = fields.Char(string="Client ID", copy=False, help="The marketplace's id of the app that speaks for us.")
    client_secret = Secret(groups=MANAGER, copy=False, help="The secret that belongs to the client ID.")
    refresh_token = Secret(groups=MANAGER, copy=False, help="What access tokens are asked for with.")
    token_url = fields.Char(
        string="Token URL", copy=False, help="Where the marketplace gives access tokens. Empty: its usual address."
    )
    token_ids = fields.One2many("marketplace.token", "config_id", groups=NO_ACCESS)
    orders_since = fields.Datetime(
        string="Orders From",
        copy=False,
        help="The first pull asks for orders that changed since then. Empty: since the account goes live.",
    )
    features = fields.Char(compute="_compute_features", help="What the marketplace can do; decides what is shown.")
    marketplace_cancel_reasons = fields.Char(
        compute="_compute_marketplace_cancel_reasons",
        help="The reasons for a cancellation to choose from, by their keys.",
    )

    delivery_product_id = fields.Many2one(
        "product.product",
        string="Delivery Charges",
        domain=[("type", "=", "service")],
        check_company=True,
        help="Product of the lines for what the marketplace charges its customer beside the goods: delivery, fees, "
        "tips, rounding.",
    )

    @api.depends("code", "credentials_id")
    def _compute_features(self):
        for config in self:
            config.features = " ".join(sorted(config._features())) if config.code else ""

    @api.depends("code")
    def _compute_marketplace_cancel_reasons(self):
        for config in self:
            known = config._capabilities()["cancellation_reasons"] if config.code else ()
            config.marketplace_cancel_reasons = " ".join(known)

    def _features(self):
        """Return what the views ask for, as a set of words, none within another: what stands under
        ``subjects``, ``statuses``, ``credentials`` and ``settings``, and ``ack``, ``sends_webhooks``,
        ``webhook_status``, ``registers_webhooks``, ``ships``, ``lines``, ``reasons``, ``told`` (it
        hears what becomes of an order), ``oversells``."""
        able = self._capabilities()
        words = {
            "ack": able["needs_ack"],
            "sends_webhooks": able["has_webhook"],
            "ships": able["ships"],
            "lines": able["line_statuses"],
            "registers_webhooks": able["registers_webhooks"],
            "webhook_status": able["webhook_status"],
            "reasons": able["cancellation_reasons"],
            "told": able["statuses"] or able["ships"],
            "oversells": able["oversells"],
        }
        flags = {word for word, is_able in words.items() if is_able}
        return {*able["subjects"], *able["statuses"], *able["credentials"], *able["settings"], *flags}

    @api.constrains("active")
    def _check_active(self):
        self.filtered(lambda config: not config.active)._refuse_to_leave_sharing(self.browse())

    def _refuse_to_leave_sharing(self, leaving):
        """Nobody would pull for those that share an account's credentials, unless they are ``leaving`` with it."""
        for config in self:
            sharing = config.sudo().shared_config_ids - leaving  # sudo: they may be another company's
            if sharing:
                raise ValidationError(
                    _(
                        "%(account)s pulls the orders of %(others)s, which share its credentials. Archive those first, "
                        "or enter credentials on them.",
                        account=config.name,
                        others=format_list(self.env, sharing.mapped("name")),
                    )
                )

    @api.constrains("base_url", "token_url")
    def _check_not_this_machine(self):
        """What listens on this machine alone trusts whoever calls it there: so an administrator has to mean it."""
        if self.env.user._is_system():  # not whether it is done by sudo: newer series ask all constraints so
            return
        for config in self:
            for url in (config.base_url, config.token_url):
                host = urlsplit((url or "").strip()).hostname or ""
                if is_loopback(host) and host not in _private_hosts():
                    raise ValidationError(
                        _(
                            "%(host)s is the machine that Odoo runs on. If it is meant, an administrator names it in "
                            "odoo.conf, as marketplace_private_hosts.",
                            host=host,
                        )
                    )

    def _keep_secrets_here(self, vals):
        """Refuse to send secrets that were entered before to another host: whoever may enter its address may not be who
        may read them. Entered once more, they may go there; and administrators decide for themselves."""
        if self.env.su or self.env.user._is_system():
            return
        for config in self:
            # sudo: it is asked whether there are any
            sent = {name for name in config._secret_names() if not name.startswith("webhook_")}
            kept = [name for name in sent if config.sudo()[name] and not vals.get(name)]
            for name in {"base_url", "token_url"} & vals.keys() if kept else ():
                # Whatever stands before or behind it, the host is what a call makes of it.
                host = urlsplit((vals[name] or "").strip()).netloc
                if (vals[name] or "").strip() and host not in config._known_hosts(name):
                    raise UserError(
                        _(
                            "%(host)s is another host than the account's. Enter the credentials once more together "
                            "with the address, so that they go there only with their owner's knowledge.",
                            host=host,
                        )
                    )

    def _known_hosts(self, name):
        """Return the hosts that the account's secrets go to already, or that are the marketplace's own."""
        usual = {"base_url": "default_url", "token_url": "token_url"}[name]
        urls = (self[name], self._capabilities()[usual], *self._api()._own_urls())
        return {urlsplit((url or "").strip()).netloc for url in urls} - {""}

    def _token_url(self):
        """Return where access tokens are asked for."""
        self.ensure_one()
        return self.token_url or self._capabilities()["token_url"]

    def _tokens(self):
        """Return the tokens that were given for a while; they must not be seen either."""
        # sudo: nobody has rights on tokens but the machinery itself
        found = self.sudo().token_ids if self._token_url() else ()
        return [token for row in found for token in (row.access_token, row.refresh_token) if token]
