# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, fields, models
from odoo.exceptions import UserError

from .marketplace_config_access import CREDENTIAL_FIELDS

# Settings that change what every listing of the account should show.
SUBJECT_FIELDS = {
    "price": {"active", "sync_price", "pricelist_id", "price_tax", "allow_zero_price"},
    "publication": {"active"},
    "stock": {
        "active",
        "sync_stock",
        "warehouse_ids",
        "stock_basis",
        "safety_quantity",
        "untracked_policy",
        "oversell",
    },
}


class MarketplaceConfig(models.Model):
    """What follows when settings of an account change: which ones, and a hook for each kind of change."""

    _inherit = "marketplace.config"

    place_since = fields.Datetime(
        readonly=True, copy=False, help="What was sent before went to another marketplace, or another shop there."
    )
    stock_since = fields.Datetime(
        readonly=True, copy=False, help="The stock that was sent before stands at another location there."
    )

    def write(self, vals):
        self._check_may_move(vals)
        self._keep_secrets_here(vals)
        if not vals.get("active", True):
            self._refuse_to_leave_behind()
        moved = self.filtered(lambda config: config._differs(vals, config._place_fields()))
        relocated = self.filtered(lambda config: config._differs(vals, config._stock_place_fields()))
        if "active" in vals:
            self.filtered(lambda config: config.active != vals["active"])._mark_waiting_demand()
        result = super().write(self._with_second_look(vals))
        subjects = [subject for subject, names in SUBJECT_FIELDS.items() if names & vals.keys()]
        if subjects:
            self.env["marketplace.outbox"]._mark(*subjects, config=self.ids)
        self._mark_neighbours(vals)
        if self._credential_fields() & vals.keys():
            self._credentials_changed()
        if relocated:
            relocated._stock_place_changed()
        if moved:
            moved._place_changed()
        return result

    # ------------------------------------------------------------------ archiving

    def _refuse_to_leave_behind(self):
        """An archived account tells its marketplace nothing any more: what is on sale there would stay so, and be
        ordered from nobody. One that is paused has been stopped by a person who knows that.

        :raise UserError: with what is to be done first
        """
        for config in self.filtered("active"):
            shown, untold = config._left_behind() if config._is_running() else (0, 0)
            if shown or untold:
                raise UserError(
                    _(
                        "%(account)s is live. Products that the marketplace still shows: %(shown)s. Changes of orders "
                        "that it does not know yet: %(untold)s. Archive its listings and wait until all of that is "
                        "told; or pause the account first, if everything is to stay there as it is.",
                        account=config.name,
                        shown=shown,
                        untold=untold,
                    )
                )

    def _mark_waiting_demand(self):
        """What waiting documents of these accounts ask for counts no more at the other ones, or again: none becomes an
        order as long as its account is archived."""
        # sudo: who may archive an account may lack rights on what came for it
        waiting = [("config_id", "in", self.ids), ("state", "in", ("waiting", "failed")), ("order_id", "=", False)]
        self.env["marketplace.inbox"].sudo().search(waiting)._mark_demand()

    def _left_behind(self):
        """Return how many products the marketplace has on sale, and how many commands about orders wait."""
        # sudo: who may archive an account may lack rights on what waits for it
        shown = self.env["marketplace.listing"].sudo()._count_shown(self)
        untold = [("config_id", "=", self.id), ("lane", "=", "orders"), ("state", "!=", "accepted")]
        return shown, self.env["marketplace.outbox"].sudo().search_count(untold)

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

    def _stock_place_fields(self):
        """Return the settings that say where in the shop our stock stands. Extend this with those of an adapter."""
        return set()

    def _stock_place_changed(self):
        """Have the stock sent again although it is the same: what was sent stands at the former location. Forced, for
        what is on its way there now is answered later; the moment is for those that a stopped Sync All unforces."""
        self.write({"stock_since": self._next_second()})
        self.env["marketplace.outbox"]._mark("stock", config=self.ids, force=True)

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
        moved.write({"place_since": self._next_second()})
        moved._forget_connection()
        moved.state_ids.filtered("order_cursor").write({"order_cursor": False})
        self.env["marketplace.outbox"]._mark("price", "stock", "publication", config=moved.ids, force=True)

    def _next_second(self):
        """Return a moment that is not before anything sent until now, as a field of whole seconds shows it."""
        return fields.Datetime.add(fields.Datetime.now(), seconds=1)
