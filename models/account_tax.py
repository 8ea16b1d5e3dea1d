# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models

PRICE_FIELDS = {"amount", "amount_type", "price_include", "include_base_amount", "children_tax_ids", "active"}


class AccountTax(models.Model):
    _inherit = "account.tax"

    def write(self, vals):
        result = super().write(vals)
        if PRICE_FIELDS & vals.keys():
            self.env["marketplace.outbox"]._mark("price", tax=self.ids)
        return result
