# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import fields, models

from .marketplace_config_access import CREDENTIAL_FIELDS

# Settings that say which marketplace, and whose shop there, is behind the account.
PLACE_FIELDS = {
    "code",
    "base_url",
    "credentials_id",
    "supplier_code",
    "product_path",
    "rest_token_2",
    *CREDENTIAL_FIELDS,
}


class MarketplaceConfig(models.Model):
    """What follows when another marketplace, or another shop there, is put behind an account: from the sandbox to the
    real one, say."""

    _inherit = "marketplace.config"

    place_since = fields.Datetime(
        readonly=True, copy=False, help="What was sent before went to another marketplace, or another shop there."
    )

    def write(self, vals):
        moved = self.filtered(lambda config: config._moves(vals))
        result = super().write(vals)
        moved._forget_place()
        return result

    def _moves(self, vals):
        """Tell whether ``vals`` put another marketplace, or another shop there, behind the account."""
        # sudo: the token is compared, and goes nowhere
        current = self._convert_to_write({name: self.sudo()[name] for name in PLACE_FIELDS & vals.keys()})
        return any((value or False) != (vals[name] or False) for name, value in current.items())

    def _forget_place(self):
        """Take nothing for granted that was known of these accounts, and those that share their credentials: nobody
        knows what is shown there now, so everything is sent again."""
        # sudo: accounts that share credentials, and what runs, may be closed to the user
        moved = self.sudo() | self.sudo().with_context(active_test=False).shared_config_ids
        if not moved:
            return
        # The field shows whole seconds: what was sent in this one does not count either.
        moved.write({"place_since": fields.Datetime.add(fields.Datetime.now(), seconds=1)})
        moved._forget_connection()
        moved.state_ids.filtered("order_cursor").write({"order_cursor": False})
        self.env["marketplace.outbox"]._mark("price", "stock", "publication", config=moved.ids, force=True)
