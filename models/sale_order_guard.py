# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, api, models, tools
from odoo.exceptions import AccessError

from ..compat import format_list

OURS = ("marketplace_", "cartona_")


class MarketplaceGuard(models.AbstractModel):
    """What a marketplace has told is for our own code to write, and for administrators. Screens show it to be read, but
    that keeps nobody from writing it by a call of the server: an order made up that way would be told to a marketplace,
    with the account's own credentials, as if it were a customer's."""

    _name = "marketplace.guard"
    _description = "Fields That Marketplaces Alone Tell"

    @api.model
    @tools.ormcache("computed")
    def _told_by_marketplaces(self, computed=False):
        """Return the names of those fields, or of what is computed of them and stored: a write would stay until one of
        them changes."""
        return frozenset(
            name
            for name, field in self._fields.items()
            if name.startswith(OURS) and field.readonly and field.store and bool(field.compute) is computed
        )

    def _may_tell_for_marketplaces(self):
        return self.env.su or self.env.user._is_system()

    def _refuse_made_up(self):
        """Refuse records that were just created with such values; looked for afterwards, since defaults of the context
        are the caller's, too."""
        if not self._may_tell_for_marketplaces():
            self._refuse_to_tell({name for name in self._told_by_marketplaces() if any(self.sudo().mapped(name))})
        return self

    def _refuse_told(self, vals):
        """Refuse to write such values."""
        names = self._told_by_marketplaces() | self._told_by_marketplaces(computed=True)
        self._refuse_to_tell(names & vals.keys())

    def _refuse_to_tell(self, names):
        if names and not self._may_tell_for_marketplaces():
            raise AccessError(
                _(
                    "Only what a marketplace sends changes these fields: %s. What happens here is told to it by Odoo's "
                    "own buttons.",
                    format_list(self.env, sorted(names)),
                )
            )


class SaleOrder(models.Model):
    _name = "sale.order"
    _inherit = ["sale.order", "marketplace.guard"]


class SaleOrderLine(models.Model):
    _name = "sale.order.line"
    _inherit = ["sale.order.line", "marketplace.guard"]
