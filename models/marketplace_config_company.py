# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import _, models
from odoo.exceptions import UserError

from .marketplace_inbox import OPEN_STATES

# What belongs to the company of the account that it came by.
OF_A_COMPANY = (
    ("sale.order", "marketplace_config_id"),
    ("marketplace.listing", "config_id"),
    ("marketplace.customer.code", "config_id"),
)


class MarketplaceConfig(models.Model):
    """The company of an account, which it stays with once anything of that company is there."""

    _inherit = "marketplace.config"

    def _check_may_move(self, vals):
        """Refuse to give accounts to another company whose orders, listings or customers are of this one."""
        for config in self if "company_id" in vals else ():
            if config.company_id.id != vals["company_id"] and config._has_of_company():
                raise UserError(
                    _(
                        "%s has orders, products or customers of its company, so it stays there. Archive it, and "
                        "create an account in the other company.",
                        config.name,
                    )
                )

    def _has_of_company(self):
        # sudo: what is there counts, whether or not the user sees it
        everything = self.sudo().with_context(active_test=False).env
        # They are still to become such orders.
        open_documents = [("config_id", "=", self.id), ("state", "in", OPEN_STATES)]
        if everything["marketplace.inbox"].search(open_documents, limit=1):
            return True
        return any(everything[model].search([(field, "=", self.id)], limit=1) for model, field in OF_A_COMPANY)
