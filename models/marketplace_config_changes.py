# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import fields, models

from .marketplace_config_access import CREDENTIAL_FIELDS

# Settings that change what every listing of the account should show.
SUBJECT_FIELDS = {
    "price": {"active", "sync_price", "pricelist_id", "price_tax", "allow_zero_price"},
    "publication": {"active"},
    "stock": {"active", "sync_stock", "warehouse_ids", "stock_basis", "safety_quantity", "untracked_policy"},
}


class MarketplaceConfig(models.Model):
    """What follows when settings of an account change: which ones, and a hook for each kind of change."""

    _inherit = "marketplace.config"

    place_since = fields.Datetime(
        readonly=True, copy=False, help="What was sent before went to another marketplace, or another shop there."
    )

    def write(self, vals):
        moved = self.filtered(lambda config: config._differs(vals, config._place_fields()))
        elsewhere = {
            subject: self.filtered(lambda config, names=names: config._differs(vals, names))
            for subject, names in self._destination_fields().items()
        }
        result = super().write(vals)
        subjects = [subject for subject, names in SUBJECT_FIELDS.items() if names & vals.keys()]
        if subjects:
            self.env["marketplace.outbox"]._mark(*subjects, config=self.ids)
        if self._credential_fields() & vals.keys():
            self._credentials_changed()
        for subject, configs in elsewhere.items():
            if configs:
                self.env["marketplace.outbox"]._mark(subject, config=configs.ids, force=True)
        if moved:
            moved._place_changed()
        return result

    # ------------------------------------------------------------------ credentials

    def _credential_fields(self):
        """Return the settings that access tokens are asked for with. Extend this with those of an adapter."""
        return {"base_url", "code", *CREDENTIAL_FIELDS}

    def _credentials_changed(self):
        """Forget the tokens that the former credentials were given, and that the marketplace let those in."""
        # sudo: nobody has rights on tokens but the machinery itself. Searched for: they are written by transactions of
        # their own, of which this one's cache knows nothing.
        self.env["marketplace.token"].sudo().search([("config_id", "in", self.ids)]).unlink()
        self.write({"tested_at": False})

    # ------------------------------------------------------------------ place

    def _place_fields(self):
        """Return the settings that say which marketplace, and whose shop there, is behind the account. Extend this with
        those of an adapter."""
        return {"code", "base_url", "credentials_id", "supplier_code", "product_path", *CREDENTIAL_FIELDS}

    def _destination_fields(self):
        """Return, by subject, the settings that say where in the shop its values go: ``{"stock": {name, ...}}``. What
        was sent stands at the former place, so it is sent again although it is the same. Extend this with those of an
        adapter."""
        return {}

    def _differs(self, vals, names):
        """Tell whether ``vals`` change one of the settings ``names``: from the sandbox to the real marketplace, say."""
        # sudo: the token is compared, and goes nowhere
        current = self._convert_to_write({name: self.sudo()[name] for name in names & vals.keys()})
        return any((value or False) != (vals[name] or False) for name, value in current.items())

    def _place_changed(self):
        """Take nothing for granted that was known of these accounts, and those that share their credentials: nobody
        knows what is shown there now, so everything is sent again."""
        # sudo: accounts that share credentials, and what runs, may be closed to the user
        moved = self.sudo() | self.sudo().with_context(active_test=False).shared_config_ids
        # The field shows whole seconds: what was sent in this one does not count either.
        moved.write({"place_since": fields.Datetime.add(fields.Datetime.now(), seconds=1)})
        moved._forget_connection()
        moved.state_ids.filtered("order_cursor").write({"order_cursor": False})
        self.env["marketplace.outbox"]._mark("price", "stock", "publication", config=moved.ids, force=True)
