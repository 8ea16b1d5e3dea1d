# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from psycopg2 import IntegrityError

from odoo import Command
from odoo.tools import mute_logger

from .common import MarketplaceCase


class TestOfferSources(MarketplaceCase):
    """What a price or a stock is made of may change without a word of the product: rates, categories."""

    # ------------------------------------------------------------------ rates

    def abroad(self):
        """Return an account of a company in another currency than the main company's, and that currency."""
        currency = self.env["res.currency"].with_context(active_test=False)
        currency = currency.search([("id", "!=", self.env.ref("base.main_company").currency_id.id)], limit=1)
        currency.active = True
        company = self.env["res.company"].create({"name": "Abroad", "currency_id": currency.id})
        account = self._create_account(name="Abroad", company_id=company.id, warehouse_ids=False)
        product = self.products[0]
        self.env["marketplace.listing"].create(
            {"config_id": account.id, "product_id": product.id, "external_id": self.external_id(product)}
        )
        return account, currency

    def rate(self, currency, company, rate):
        rates = self.env["res.currency.rate"]
        rates.search([("currency_id", "=", currency.id)]).unlink()
        return rates.create({"currency_id": currency.id, "company_id": company.id, "name": "2020-01-01", "rate": rate})

    def test_a_price_in_the_main_companys_currency_follows_its_rate_at_an_account_abroad(self):
        account, _currency = self.abroad()
        rate = self.rate(self.env.ref("base.main_company").currency_id, account.company_id, 0.5)
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 20.0)
        rate.rate = 0.25
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 40.0)

    def test_a_price_follows_the_rate_of_the_accounts_own_currency_that_all_companies_share(self):
        account, currency = self.abroad()
        account.pricelist_id = False
        rate = self.rate(currency, self.env["res.company"], 2.0)
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 20.0)
        rate.rate = 3.0
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 30.0)

    def test_a_rate_of_a_currency_that_an_account_has_nothing_to_do_with_is_none_of_its_business(self):
        self.list_products()
        other = self.env["res.currency"].with_context(active_test=False)
        other = other.search([("id", "!=", self.env.company.currency_id.id)], limit=1)
        self.rate(other, self.env.company, 7.0)
        self.env.cr.flush()
        self.assertFalse(self.env["marketplace.outbox"].search([]))

    # ------------------------------------------------------------------ categories

    def test_a_category_that_is_deleted_takes_its_rules_along(self):
        category = self.env["product.category"].create({"name": "Short-lived"})
        product = self.products[0]
        product.categ_id = category
        self.list_products()
        half = {"applied_on": "2_product_category", "categ_id": category.id, "compute_price": "percentage"}
        self.account.pricelist_id = self.env["product.pricelist"].create(
            {"name": "Half", "item_ids": [Command.create({**half, "percent_price": 50})]}
        )
        self.account.stock_rule_ids = [Command.create({"categ_id": category.id, "maximum": 3})]
        self.set_stock(product, 10)
        self.commit()
        self.assertEqual(self.offered(product), (5.0, 3))
        if product._fields["categ_id"].required:  # until 18.0 it is kept by what is in it
            with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                category.unlink()
            return
        category.unlink()
        self.commit()
        self.assertEqual(self.offered(product), (10.0, 10))

    def offered(self, product):
        there = self.at_box(product)
        return there["selling_price"], there["available_stock_quantity"]
