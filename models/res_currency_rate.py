# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import api, models


class ResCurrencyRate(models.Model):
    _inherit = "res.currency.rate"

    @api.model_create_multi
    def create(self, vals_list):
        rates = super().create(vals_list)
        rates._mark_marketplace_price()
        return rates

    def write(self, vals):
        result = super().write(vals)
        self._mark_marketplace_price()
        return result

    def unlink(self):
        self._mark_marketplace_price()
        return super().unlink()

    def _mark_marketplace_price(self):
        # The rate of a company's own currency moves all others.
        currencies = self.currency_id
        if self.company_id.currency_id & currencies:
            currencies |= currencies.search([])
        self.env["marketplace.outbox"]._mark("price", currency=currencies.ids)
