# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import api, fields, models


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
        following = self._marketplace_accounts(currencies)
        self.env["marketplace.outbox"]._mark("price", currency=currencies.ids, config=following.ids)

    def _marketplace_accounts(self, currencies):
        """Return the accounts that have prices converted from or to one of the currencies, with or without a pricelist:
        Odoo takes the price of a product without a company for one in the main company's currency."""
        main = self.env["res.company"].sudo()._get_main_company().currency_id
        # sudo: who enters rates needs no rights on accounts
        configs_sudo = self.env["marketplace.config"].sudo().search([])

        def follows(config):
            converted = main | config.company_id.currency_id | config.currency_id
            return len(converted) > 1 and converted & currencies

        return configs_sudo.filtered(follows)

    def _mark_marketplace_dates(self, since):
        """Mark the listings whose price follows a rate that holds since a day that has begun after ``since``, in
        UTC, by whose days pricelists look for rates."""
        now = fields.Datetime.now()
        rates = self.sudo().search([("name", ">", since.date()), ("name", "<=", now.date())])
        rates._mark_marketplace_price()
