# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models, tools
from odoo.tools.sql import column_exists

from ..compat import expiry_field

# Of product_expiry. What quants show of them follows without a write of theirs.
EXPIRY_FIELDS = {"expiration_date", "removal_date"}


class StockLot(models.Model):
    _inherit = "stock.lot"

    def init(self):
        result = super().init()
        expires = expiry_field(self.env["stock.quant"])
        if expires and column_exists(self.env.cr, self._table, expires):
            tools.create_index(
                self.env.cr,
                "stock_lot_marketplace_expiry_idx",
                self._table,
                [expires],
                where=f"{expires} IS NOT NULL",
            )
        return result

    def write(self, vals):
        result = super().write(vals)
        if EXPIRY_FIELDS & vals.keys():
            self.env["marketplace.outbox"]._mark("stock", product=self.product_id.ids)
        return result
