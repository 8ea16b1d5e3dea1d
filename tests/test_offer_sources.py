# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo import Command, fields
from odoo.tools import mute_logger

from .common import MarketplaceCase


class TestOfferSources(MarketplaceCase):
    """What a price or a stock is made of may change without a word of the product: rates, categories, lots."""

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

    # ------------------------------------------------------------------ lots that expire

    def stock_lots(self, product, **lots):
        """Keep lots of a product in stock, ``name=(quantity, hours until it expires)``; return the lots."""
        if "use_expiration_date" not in product._fields:
            self.skipTest("expiry dates need product_expiry, which is not installed here")
        product.write({"tracking": "lot", "use_expiration_date": True})
        return self.env["stock.lot"].union(*[self.stock_lot(product, name, *lot) for name, lot in lots.items()])

    def stock_lot(self, product, name, quantity, hours):
        expires = fields.Datetime.now() + timedelta(hours=hours)
        values = {"name": name, "product_id": product.id, "company_id": self.env.company.id}
        lot = self.env["stock.lot"].create({**values, "expiration_date": expires, "removal_date": expires})
        stock = self.warehouse.lot_stock_id
        self.env["stock.quant"]._update_available_quantity(product, stock, quantity, lot_id=lot)
        return lot

    def test_what_has_expired_is_not_offered_whatever_counts_as_available(self):
        self.list_products()
        product = self.products[0]
        self.stock_lots(product, old=(60, -48), fresh=(40, 24 * 30))
        for basis in ("free", "outgoing", "forecast"):
            with self.subTest(basis=basis):
                self.account.stock_basis = basis
                self.commit()
                self.assertEqual(self.at_box(product)["available_stock_quantity"], 40)
        product.use_expiration_date = False  # Odoo reserves all of it again
        self.account.stock_basis = "outgoing"
        self.commit()
        self.assertEqual(self.at_box(product)["available_stock_quantity"], 100)

    def test_a_kit_is_offered_of_what_has_not_expired(self):
        if "mrp.bom" not in self.env:
            self.skipTest("kits need mrp, which is not installed here")
        kit = self.create_kit("Kit", self.products[0], 2)
        lot = self.stock_lots(self.products[0], old=(60, -48), fresh=(40, 24 * 30))[1]
        self.commit()
        self.assertEqual(self.at_box(kit)["available_stock_quantity"], 20)
        past = fields.Datetime.now() - timedelta(days=2)
        lot.write({"expiration_date": past, "removal_date": past})
        self.commit()
        self.assertEqual(self.at_box(kit)["available_stock_quantity"], 0)

    def create_kit(self, name, component, quantity):
        """List a kit of a component."""
        kit = self.env["product.product"].create({"name": name, "type": "consu", "list_price": 50, "taxes_id": False})
        line = Command.create({"product_id": component.id, "product_qty": quantity})
        values = {"product_tmpl_id": kit.product_tmpl_id.id, "type": "phantom", "bom_line_ids": [line]}
        self.env["mrp.bom"].create(values)
        self.box.add_product(id=self.external_id(kit))
        self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": kit.id, "external_id": self.external_id(kit)}
        )
        return kit

    def test_what_expires_is_offered_no_more_from_then_on(self):
        self.list_products()
        product = self.products[0]
        self.stock_lots(product, soon=(60, 24 * 3), later=(40, 24 * 30))
        self.commit()
        self.assertEqual(self.at_box(product)["available_stock_quantity"], 100)
        now = fields.Datetime.now()
        with freeze_time(now + timedelta(days=3, minutes=2)):
            self.env["marketplace.wake"].with_context(lastcall=now + timedelta(days=2, hours=22))._cron_sweep()
            self.commit()
            self.assertEqual(self.at_box(product)["available_stock_quantity"], 40)

    def test_what_expires_before_the_day_it_would_be_delivered_is_not_offered(self):
        self.list_products()
        product = self.products[0]
        self.stock_lots(product, soon=(60, 24 * 3), later=(40, 24 * 30))
        self.commit()
        self.assertEqual(self.at_box(product)["available_stock_quantity"], 100)
        product.sale_delay = 5
        self.commit()
        self.assertEqual(self.at_box(product)["available_stock_quantity"], 40)
        order = self.env["sale.order"].create(
            {
                "partner_id": self.env["res.partner"].create({"name": "Somebody"}).id,
                "order_line": [Command.create({"product_id": product.id, "product_uom_qty": 50})],
            }
        )
        order.action_confirm()
        self.assertEqual(order.picking_ids.move_ids.quantity, 40, "Odoo reserves no more of it")

    def test_what_could_be_delivered_in_time_is_offered_no_more_from_the_day_it_can_not(self):
        self.list_products()
        product = self.products[0]
        product.sale_delay = 5
        self.products[1].sale_delay = 2_000_000_000  # as somebody enters who means never
        self.stock_lots(product, later=(40, 24 * 30))
        self.commit()
        self.assertEqual(self.at_box(product)["available_stock_quantity"], 40)
        now = fields.Datetime.now()
        with freeze_time(now + timedelta(days=25, minutes=2)):
            self.env["marketplace.wake"].with_context(lastcall=now + timedelta(days=24, hours=22))._cron_sweep()
            self.commit()
            self.assertEqual(self.at_box(product)["available_stock_quantity"], 0)

    def test_a_lot_whose_date_is_corrected_is_offered_at_once_or_no_more(self):
        self.list_products()
        product = self.products[0]
        lot = self.stock_lots(product, lot=(60, 24 * 30))
        self.commit()
        for days, offered in ((-2, 0), (20, 60)):
            date = fields.Datetime.now() + timedelta(days=days)
            lot.write({"expiration_date": date, "removal_date": date})
            self.commit()
            self.assertEqual(self.at_box(product)["available_stock_quantity"], offered)
