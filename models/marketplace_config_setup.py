# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import secrets

from odoo import _, api, fields, models

from ..compat import check_access, format_list
from .marketplace_config_access import CREDENTIAL_FIELDS


class MarketplaceConfig(models.Model):
    """The way from an empty form to an account that is live: what is done, and what comes next. It can be left at any
    step and gone on with later."""

    _inherit = "marketplace.config"

    tested_at = fields.Datetime(
        string="Connection Tested",
        readonly=True,
        copy=False,
        help="When the marketplace last let us in with these credentials.",
    )
    setup_step = fields.Selection(
        [
            ("marketplace", "Marketplace"),
            ("credentials", "Credentials"),
            ("test", "Connection"),
            ("match", "Products"),
            ("policies", "Policies"),
            ("live", "Go live"),
        ],
        string="Next Step",
        compute="_compute_setup_step",
        help="What comes next until the account is live.",
    )
    setup_missing = fields.Char(compute="_compute_setup_step", help="What of the credentials is still to be entered.")
    policies_chosen = fields.Boolean(copy=False)
    connected_as = fields.Char(
        string="Connected as",
        readonly=True,
        copy=False,
        help="Who the marketplace says we are.",
    )
    connected_currency = fields.Char(string="Currency There", readonly=True, copy=False, help="What it reckons in.")
    connected_places = fields.Char(
        string="Places There", readonly=True, copy=False, help="Where it sells for us, or keeps our stock."
    )
    connected_todo = fields.Text(
        string="To Mend", readonly=True, copy=False, help="Rights that are missing there, and settings that do not fit."
    )

    @api.depends(
        "state", "tested_at", "policies_chosen", "base_url", "code", "credentials_id.tested_at", *CREDENTIAL_FIELDS
    )
    def _compute_setup_step(self):
        for config in self:
            missing = config._missing_credentials() if config.state == "draft" else []
            config.setup_missing = format_list(self.env, missing)
            config.setup_step = config._next_setup_step(missing) if config.state == "draft" else False

    def _next_setup_step(self, missing):
        self.ensure_one()
        stored = self._origin  # what was found is counted of what is in the database
        if missing:
            return "credentials" if stored else "marketplace"
        if not self._credentials().tested_at:
            return "test"
        if not stored.listing_count and not stored.task_ids:
            return "match"
        return "live" if self.policies_chosen else "policies"

    def _missing_credentials(self):
        """Return the labels of the fields that the marketplace needs and that are empty."""
        self.ensure_one()
        # sudo: whether a secret is there may be seen by whoever sees the account, not what it is
        credentials = self._credentials().sudo()
        able = self._capabilities()
        needed = ["base_url", *able.get("credentials_needed", able["credentials"])]
        labels = self.fields_get(needed, ["string"])
        return [labels[name]["string"] for name in needed if name in labels and not credentials[name]]

    def _keep_connection(self, found, todo):
        """Keep on the account who the marketplace says it is.

        :param dict found: see ``marketplace.api._test_connection``
        :param todo: what a person has to do about it, a sentence each
        """
        currency = (found.get("currency") or "").strip().upper()
        if self.connected_currency and self.connected_currency != currency:
            self.env["marketplace.outbox"]._mark("price", config=self.ids)  # by that some were not sent, or now are not
        self.write(
            {
                # Some say nothing of it: the account's own name would only look as if they did.
                "connected_as": found["name"] != self.name and found["name"],
                "connected_currency": currency,
                "connected_places": format_list(self.env, found.get("places", ())),
                "connected_todo": "\n".join(todo),
            }
        )

    def _forget_connection(self):
        names = ("connected_as", "connected_currency", "connected_places", "connected_todo")
        self.write(dict.fromkeys(names, False))

    # ------------------------------------------------------------------ actions

    def action_continue_setup(self):
        """Store what was entered, which pressing any button does, and say what is still missing."""
        self.ensure_one()
        check_access(self, "write")
        missing = self.setup_step == "credentials" and self.setup_missing
        return self._notify(_("Still missing: %s.", missing), "warning") if missing else None

    def action_choose_policies(self):
        """Take the policies as they stand on the form: whoever presses this has looked at them."""
        check_access(self, "write")
        self.policies_chosen = True

    def action_generate_webhook_secret(self):
        """Make a new secret for the webhooks; the former one stays good until it is removed."""
        check_access(self, "write")
        for config in self:
            config.write(
                {"webhook_secret_previous": config.webhook_secret, "webhook_secret": secrets.token_urlsafe(32)}
            )
        return self._notify(
            _("A new secret stands on the account. Enter it at the marketplace, then remove the previous one here."),
            "success",
        )
