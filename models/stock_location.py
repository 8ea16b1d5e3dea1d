# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models

STOCK_FIELDS = {"location_id", "usage", "active", "company_id", "scrap_location"}


class StockLocation(models.Model):
    _inherit = "stock.location"

    def write(self, vals):
        # No quant changes when a shelf is moved, and yet what the warehouse holds does.
        result = super().write(vals)
        if STOCK_FIELDS & vals.keys():
            self.env["marketplace.outbox"]._mark("stock", location=self.ids)
        return result
