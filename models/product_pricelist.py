# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models


class ProductPricelist(models.Model):
    _inherit = "product.pricelist"

    def write(self, vals):
        result = super().write(vals)
        if {"currency_id", "active"} & vals.keys():
            self.env["marketplace.outbox"]._mark("price", pricelist=self.ids)
        return result
