# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import models

# Whether prices are with tax is a setting of the company since 18.0.
PRICE_FIELDS = {"tax_calculation_rounding_method", "account_price_include", "currency_id"}


class ResCompany(models.Model):
    _inherit = "res.company"

    def write(self, vals):
        result = super().write(vals)
        if PRICE_FIELDS & vals.keys():
            # sudo: who keeps the company's settings needs no rights on accounts
            configs = self.env["marketplace.config"].sudo().search([("company_id", "child_of", self.ids)])
            self.env["marketplace.outbox"]._mark("price", config=configs.ids)
        return result
