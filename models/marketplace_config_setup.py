# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import secrets

from odoo import _, api, fields, models


class MarketplaceConfig(models.Model):
    """The way from an empty form to an account that is live: what is done, and what comes next. It can be left at any
    step and gone on with later."""

    _inherit = "marketplace.config"

    tested_at = fields.Datetime(string="Connection Tested", readonly=True, copy=False)
    setup_step = fields.Selection(
        [
            ("credentials", "Enter what the marketplace gave you"),
            ("test", "Test the connection"),
            ("match", "Match the products"),
            ("policies", "Choose the policies"),
            ("live", "Go live"),
        ],
        compute="_compute_setup_step",
        help="What comes next until the account is live.",
    )
    policies_chosen = fields.Boolean(copy=False)

    @api.depends("state", "tested_at", "policies_chosen", "base_url", "code")
    def _compute_setup_step(self):
        for config in self:
            config.setup_step = config._next_setup_step() if config.state == "draft" else False

    def _next_setup_step(self):
        self.ensure_one()
        if self._missing_credentials():
            return "credentials"
        if not self._credentials().tested_at:
            return "test"
        if not self.listing_count and not self.task_ids:
            return "match"
        return "live" if self.policies_chosen else "policies"

    def _missing_credentials(self):
        """Return the labels of the fields that the marketplace needs and that are empty."""
        self.ensure_one()
        # sudo: whether a secret is there may be seen by whoever sees the account, not what it is
        credentials = self._credentials().sudo()
        able = self._capabilities()
        needed = ["base_url", *able.get("credentials_needed", able.get("credentials", ("auth_token",)))]
        labels = self.fields_get(needed, ["string"])
        return [labels[name]["string"] for name in needed if name in labels and not credentials[name]]

    # ------------------------------------------------------------------ actions

    def action_choose_policies(self):
        """Take the policies as they stand on the form: whoever presses this has looked at them."""
        self.check_access_rights("write")
        self.check_access_rule("write")
        self.policies_chosen = True

    def action_generate_webhook_secret(self):
        """Make a new secret for the webhooks; the former one stays good until it is removed."""
        self.check_access_rights("write")
        self.check_access_rule("write")
        for config in self:
            config.write(
                {"webhook_secret_previous": config.webhook_secret, "webhook_secret": secrets.token_urlsafe(32)}
            )
        return self._notify(
            _("A new secret stands on the account. Enter it at the marketplace, then remove the previous one here."),
            "success",
        )
