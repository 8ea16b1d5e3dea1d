# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models

STOCK_FIELDS = {"state", "product_uom_qty", "location_id", "location_dest_id", "warehouse_id"}


class StockMove(models.Model):
    _inherit = "stock.move"

    def write(self, vals):
        # Outgoing and forecast quantities follow the moves, not the quants.
        result = super().write(vals)
        if STOCK_FIELDS & vals.keys():
            self.env["marketplace.outbox"]._mark("stock", product=self.product_id.ids)
        return result
