# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import secrets as random_secrets
import time

from odoo import _, api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..compat import check_access
from ..encryption import Secret
from ..transport import signatures
from ..transport.errors import ConfigurationError, MarketplaceError
from .marketplace_config import MANAGER

# Which settings each scheme has, under the names that ``transport.signatures`` gives them. An empty one is left to it,
# but for those that may well be empty.
SCHEME_OPTIONS = {
    "hmac": {
        "header": "webhook_header",
        "algorithm": "webhook_algorithm",
        "encoding": "webhook_encoding",
        "prefix": "webhook_prefix",
        "base": "webhook_base",
        "timestamp_header": "webhook_timestamp_header",
    },
    "token": {"header": "webhook_header", "prefix": "webhook_token_prefix"},
    "standard": {},
}
MAY_BE_EMPTY = ("prefix",)
# A secret that every scheme takes, to try settings with.
SAMPLE_SECRET = "whsec_c2FtcGxl"  # noqa: S105


class MarketplaceConfig(models.Model):
    """How deliveries of an account's webhooks are told from anybody else's."""

    _inherit = "marketplace.config"

    webhook_key = fields.Char(
        default=lambda self: random_secrets.token_urlsafe(12), copy=False, readonly=True, index=True
    )
    webhook_scheme = fields.Selection(
        [
            ("preset", "As the marketplace signs"),
            ("hmac", "HMAC signature"),
            ("standard", "Standard Webhooks"),
            ("token", "Static token"),
        ],
        string="Signature",
        default="preset",
        required=True,
        help="How a delivery proves that it is the marketplace's, or a relay's of yours.",
    )
    webhook_secret = Secret(
        shown=True,
        groups=MANAGER,
        copy=False,
        help="Known to the sender and this account alone. Make one here and enter it there, or the other way round.",
    )
    webhook_secret_previous = Secret(
        string="Previous Secret",
        shown=True,
        groups=MANAGER,
        copy=False,
        help="Still accepted while the sender changes over to the new secret.",
    )
    webhook_url = fields.Char(
        string="URL for Orders", compute="_compute_webhook_url", help="Enter it at the marketplace, for orders."
    )
    webhook_status_url = fields.Char(
        string="URL for Statuses",
        compute="_compute_webhook_url",
        help="For deliveries that tell the status of an order and nothing else.",
    )
    webhook_test_url = fields.Char(
        string="URL for Tests",
        compute="_compute_webhook_url",
        help="Answers what it makes of a delivery, signature included, and keeps nothing of it.",
    )
    webhook_problem = fields.Char(compute="_compute_webhook_url", help="Why no delivery can reach these addresses.")
    webhook_header = fields.Char(string="Signature Header", help="The header that carries the signature or the token.")
    webhook_algorithm = fields.Selection(
        [("sha256", "SHA-256"), ("sha512", "SHA-512"), ("sha1", "SHA-1")],
        string="Digest",
        default="sha256",
        required=True,
        help="The hash function of the signature.",
    )
    webhook_encoding = fields.Selection(
        [("hex", "Hexadecimal"), ("base64", "Base64")],
        string="Encoding",
        default="hex",
        required=True,
        help="How the signature is written in its header.",
    )
    webhook_prefix = fields.Char(
        string="Signature Prefix", default="sha256=", help="Text before the signature in its header; may be empty."
    )
    webhook_base = fields.Char(
        string="Signed Text",
        default="{timestamp}.{body}",
        help="What is signed: {body} once, and {timestamp} where the sender signs the time. Without the time, a "
        "delivery that somebody has recorded could be sent again.",
    )
    webhook_timestamp_header = fields.Char(
        string="Time Header", help="The header that carries the signed time, in seconds since 1970."
    )
    webhook_token_prefix = fields.Char(string="Token Prefix", help="Text before the token, such as Bearer.")
    webhook_tolerance = fields.Integer(
        string="Replay Window",
        default=300,
        help="Seconds that a delivery may be older or newer than our clock, where its time is signed.",
    )

    _sql_constraints = [
        ("webhook_key_unique", "UNIQUE (webhook_key)", "This webhook key belongs to another account."),
        (
            "webhook_tolerance_range",
            "CHECK (webhook_tolerance BETWEEN 10 AND 86400)",
            "The replay window must be from 10 seconds to a day.",
        ),
    ]

    @api.constrains("webhook_scheme", *SCHEME_OPTIONS["hmac"].values(), *SCHEME_OPTIONS["token"].values())
    def _check_webhook_settings(self):
        for config in self:
            scheme, options = config._api()._webhook_recipe(config)
            if config.webhook_scheme == "preset" and scheme not in signatures.SCHEMES:
                continue  # the adapter's own, with no settings here
            try:
                signatures.sign(scheme, b"{}", SAMPLE_SECRET, time.time(), **options)
            except ConfigurationError as err:
                raise ValidationError(
                    _(
                        "%(account)s, webhooks: %(problem)s",
                        account=config.name,
                        problem=self.env["marketplace.api"]._retold(err),
                    )
                ) from err

    @api.depends("webhook_key")
    def _compute_webhook_url(self):
        for config in self:
            base = config.get_base_url()
            config.webhook_url, config.webhook_status_url, config.webhook_test_url = (
                f"{base}/marketplace_integration/webhook/{kind}/{config.webhook_key}"
                for kind in ("orders", "status", "test")
            )
            config.webhook_problem = not base.startswith("https://") and _(
                "No marketplace can reach these addresses: webhooks are sent to https alone, and this Odoo calls "
                "itself %s. An administrator sets the system parameter web.base.url to its https address, and "
                "web.base.url.freeze to True.",
                base,
            )

    def action_register_webhooks(self):
        """Have the marketplace send its webhooks here. One of the few calls that a person waits for."""
        self.ensure_one()
        check_access(self, "write")
        if self.state == "draft":
            raise UserError(_("%s is not live, so what it is sent would be refused. Start it first.", self.name))
        try:
            done = self._api()._register_webhooks(self)
        except MarketplaceError as err:
            raise UserError(str(self.env["marketplace.api"]._retold(err))) from err
        return self._notify(
            _("Webhooks: %(created)s created, %(repaired)s repaired, %(kept)s as they should be.", **done), "success"
        )

    def _webhook_fields(self):
        """Return the names of all fields that taking a delivery reads."""
        own = [name for options in SCHEME_OPTIONS.values() for name in options.values()]
        others = ("name", "active", "state", "code", "company_id", "credentials_id", "supplier_code")
        hooks = ("webhook_scheme", "webhook_tolerance", "webhook_secret", "webhook_secret_previous")
        return list(dict.fromkeys([*others, *hooks, *own]))

    def _webhook_secrets(self):
        """Return the secrets that a delivery may be signed with, the current one first."""
        self.ensure_one()
        sudo = self.sudo()  # deliveries come from nobody in particular; the secret never leaves the verification
        return [secret for secret in (sudo.webhook_secret, sudo.webhook_secret_previous) if secret]

    def _webhook_options(self):
        """Return the settings of the account's own scheme, for ``transport.signatures``."""
        self.ensure_one()
        options = {option: self[name] or "" for option, name in SCHEME_OPTIONS[self.webhook_scheme].items()}
        return {option: value for option, value in options.items() if value or option in MAY_BE_EMPTY}
