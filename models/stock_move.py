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

    def _moved_quantity(self):
        """Return how much those of these that are done have moved, in the unit of the product, not rounded."""
        return sum(
            move.product_uom._compute_quantity(move.quantity, move.product_id.uom_id, round=False)
            for move in self
            if move.state == "done"
        )
