# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models


class ProductCategory(models.Model):
    _inherit = "product.category"

    def write(self, vals):
        """A category that moves may come under another rule of a pricelist or of an account's stock."""
        result = super().write(vals)
        if "parent_id" in vals:
            self._mark_marketplace_accounts()
        return result

    def unlink(self):
        """The database takes the rules of a category along, and since 19.0 its products stay without one."""
        result = super().unlink()
        self._mark_marketplace_accounts()
        return result

    def _mark_marketplace_accounts(self):
        # sudo: who arranges categories needs no rights on accounts
        configs = self.env["marketplace.config"].sudo().search([])
        self.env["marketplace.outbox"]._mark("price", "stock", config=configs.ids)
