# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models

# Of product_expiry. What quants show of them follows without a write of theirs.
EXPIRY_FIELDS = {"expiration_date", "removal_date"}


class StockLot(models.Model):
    _inherit = "stock.lot"

    def write(self, vals):
        result = super().write(vals)
        if EXPIRY_FIELDS & vals.keys():
            self.env["marketplace.outbox"]._mark("stock", product=self.product_id.ids)
        return result
