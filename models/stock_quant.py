# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import api, models

STOCK_FIELDS = {"quantity", "reserved_quantity", "location_id", "product_id"}


class StockQuant(models.Model):
    _inherit = "stock.quant"

    @api.model_create_multi
    def create(self, vals_list):
        quants = super().create(vals_list)
        quants._mark_marketplace_stock()
        return quants

    def write(self, vals):
        # A reservation changes what is free without touching the quantity.
        result = super().write(vals)
        if STOCK_FIELDS & vals.keys():
            self._mark_marketplace_stock()
        return result

    def unlink(self):
        self._mark_marketplace_stock()
        return super().unlink()

    def _mark_marketplace_stock(self):
        self.env["marketplace.outbox"]._mark("stock", product=self.product_id.ids)
