# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from .common import MarketplaceCase, storable

USER = "cartona_integration.group_marketplace_user"
MANAGER = "cartona_integration.group_marketplace_manager"


class TestSyncAtChosenAccounts(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.listings = self.list_products()
        self.product = self.products[0]

    def switch(self, products, sync, accounts, user=None):
        wizard = self.env["marketplace.product.sync"].with_user(user or self.env.user)
        wizard = wizard.with_context(active_model=products._name, active_ids=products.ids)
        wizard = wizard.create({"sync": sync, "config_ids": [(6, 0, accounts.ids)]})
        return wizard.action_apply()["params"]

    def test_on_at_one_account_puts_nothing_on_sale_at_another(self):
        second = self._create_account(name="Second", use_cartona_id=False)
        other = self.env["marketplace.listing"].create(
            {"config_id": second.id, "product_id": self.product.id, "external_id": f"2-{self.product.id}"}
        )
        self.set_stock(self.product, 7)
        self.product.product_tmpl_id.marketplace_sync_enabled = False  # off sale everywhere
        self.commit()
        self.assertFalse(other._offers()[other.id].published)
        self.switch(self.product, "on", self.account)
        self.commit()
        offer = other._offers()[other.id]
        self.assertEqual((offer.published, offer.quantity), (False, 0), "on sale where nobody chose")

    def test_a_manager_without_rights_on_products_switches_both_ways(self):
        user = new_test_user(self.env, "mm", f"base.group_user,sales_team.group_sale_salesman,{MANAGER}")
        self.switch(self.product, "off", self.account, user)
        self.assertFalse(self.listings[0].active)
        self.switch(self.product, "on", self.account, user)
        self.assertTrue(self.listings[0].active)

    def test_another_companys_product_is_not_told_missing(self):
        company = self.env["res.company"].create({"name": "Theirs"})
        user = new_test_user(
            self.env, "their-user", f"base.group_user,{USER}", company_id=company.id, company_ids=company.ids
        )
        product = self.product.with_user(user)
        found = product.search([("id", "=", product.id), ("marketplace_state", "=", "missing")])
        self.assertEqual(bool(found), product.marketplace_state == "missing", product.marketplace_problem)

    def test_products_without_this_id(self):
        ours = ("id", "in", self.products.ids)
        known = self.listings[0].external_id
        found = self.env["product.product"].search([ours, ("marketplace_external_id", "!=", known)])
        self.assertEqual(found, self.products[1:])

    def test_orders_without_this_number(self):
        order = self.env["sale.order"].create(
            {"partner_id": self.env.user.partner_id.id, "marketplace_config_id": self.account.id, "cartona_id": "N1"}
        )
        self.assertFalse(self.env["sale.order"].search([("id", "=", order.id), ("marketplace_number", "!=", "N1")]))

    def test_customers_without_this_code(self):
        partner = self.env["res.partner"].create(
            {"name": "P", "marketplace_config_id": self.account.id, "cartona_id": "retailer_N1"}
        )
        self.assertFalse(self.env["res.partner"].search([("id", "=", partner.id), ("marketplace_code", "!=", "N1")]))

    def test_causes_are_compared_as_a_whole(self):
        self.assertRaises(UserError, self.env["marketplace.listing"].search, [("cause", "=", False)])

    def test_products_without_a_state(self):
        plain = self.env["product.product"].create(storable({"name": "Plain"}))
        self.assertFalse(plain.marketplace_state)
        self.assertTrue(self.env["product.product"].search([("id", "=", plain.id), ("marketplace_state", "=", False)]))


class TestWhatGoesWrongBeside(MarketplaceCase):
    def test_a_clock_that_was_ahead_hides_no_calls(self):
        log, hours = self.env["marketplace.sync.log"], self.env["marketplace.log.hour"]
        log.search([("config_id", "=", self.account.id)]).unlink()
        hours.search([]).unlink()
        now = fields.Datetime.now()
        hours.create(
            {"config_id": self.account.id, "hour": fields.Datetime.add(now, hours=9), "status": "success", "calls": 1}
        )
        log.create({"config_id": self.account.id, "create_date": now, "status": "error", "direction": "out"})
        self.assertEqual(hours._calls(self.account).get((self.account.id, "error")), 1)

    def test_the_check_up_tells_of_a_scheduled_action_that_was_deleted(self):
        self.env.ref("cartona_integration.cron_deadlines").unlink()
        findings = self.env["marketplace.config"].get_doctor_findings()
        self.assertTrue([finding for finding in findings if "cron_deadlines" in finding["title"]])
        self.env["marketplace.doctor"]._fix_crons(self.account)

    def test_the_check_up_offers_no_retry_of_what_it_never_retries(self):
        self.env["marketplace.outbox"].create(
            {"config_id": self.account.id, "company_id": self.account.company_id.id, "lane": "orders", "order_id": 0,
             "operation": "status", "state": "failed", "error_code": "doubt", "last_error": "No answer"}
        )  # fmt: skip
        found = [f for f in self.env["marketplace.doctor"]._examine(self.account) if f["fix"] == "_fix_retry"]
        self.assertFalse(found)

    def test_prices_of_a_date_are_told_though_counting_fails(self):
        self.list_products()
        pricelist = self.env["product.pricelist"].create({"name": "P"})
        self.account.pricelist_id = pricelist
        now = fields.Datetime.now()
        self.env["product.pricelist.item"].create(
            {"pricelist_id": pricelist.id, "applied_on": "1_product", "compute_price": "fixed", "fixed_price": 3.0,
             "product_tmpl_id": self.products[0].product_tmpl_id.id,
             "date_start": fields.Datetime.subtract(now, seconds=30)}
        )  # fmt: skip
        self.commit()
        self.env["marketplace.outbox"].search([]).unlink()

        def fails(_self):
            raise ValueError("counting")

        self.patch(self.registry["marketplace.log.hour"], "_count", fails)
        wake = self.env["marketplace.wake"].with_context(lastcall=fields.Datetime.subtract(now, seconds=60))
        with mute_logger("odoo.addons.cartona_integration.models.marketplace_wake"):
            wake._cron_sweep()
        self.run_jobs()
        self.assertIn(3.0, [row["selling_price"] for row in self.sent_rows()], "the price that began, and its sender")
