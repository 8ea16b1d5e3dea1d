# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from .common import MarketplaceCase

USER = "cartona_integration.group_marketplace_user"
KPIS = ("kpi_marketplace_orders", "kpi_marketplace_sales", "kpi_marketplace_failed")


class TestDigest(MarketplaceCase):
    """Odoo's mail of figures tells of marketplaces, to those who may see them."""

    def prepare(self):
        super().prepare()
        self.list_products()
        values = {"name": "Digest", "company_id": self.env.company.id, **dict.fromkeys(KPIS, True)}
        self.digest = self.env["digest.digest"].create(values)
        self.user = new_test_user(self.env, "reader", USER, email="reader@example.com")

    def values(self, user=None, digest=None, ago=0):
        end = fields.Datetime.now() + timedelta(minutes=1) - timedelta(days=ago)
        digest = (digest or self.digest).with_user(user or self.user)
        digest = digest.with_context(start_datetime=end - timedelta(days=1), end_datetime=end)
        digest.invalidate_recordset()
        return [digest[f"{name}_value"] for name in KPIS]

    def test_orders_and_their_value_are_told_for_the_time_of_the_digest(self):
        self.box_order((self.products[0], 2, 10.0))
        self.box_order((self.products[1], 1, 30.0))
        self.pull()
        self.assertEqual(self.values(), [2, 50.0, 0])
        self.assertEqual(self.values(ago=3), [0, 0.0, 0])
        self.env["sale.order"].search([("marketplace_config_id", "=", self.account.id)], limit=1)._action_cancel()
        self.assertEqual(self.values()[0], 1)

    def test_an_order_in_another_currency_counts_in_that_of_the_company(self):
        currency = self.env["res.currency"].create({"name": "XDG", "symbol": "X", "rounding": 0.01})
        rate = {"currency_id": currency.id, "rate": 50.0, "name": "2020-01-01", "company_id": self.env.company.id}
        self.env["res.currency.rate"].create(rate)
        self.account.pricelist_id = self.env["product.pricelist"].create({"name": "X", "currency_id": currency.id})
        self.box_order((self.products[0], 1, 100.0))
        self.pull()
        self.assertEqual(self.values()[:2], [1, 2.0])

    def test_what_failed_is_told_as_long_as_it_waits(self):
        self.account.listing_ids[:2].write({"state": "failed", "last_error": "Price is 0"})
        row = {"config_id": self.account.id, "state": "failed"}
        self.env["marketplace.outbox"].create([{**row, "lane": "orders"}, {**row, "lane": "offers"}])
        self.assertEqual(self.values()[2], 3)
        self.account.listing_ids.write({"state": "synced"})
        self.assertEqual(self.values()[2], 1)

    def test_each_company_has_its_own_figures(self):
        self.box_order((self.products[0], 1, 10.0))
        self.pull()
        self.account.listing_ids[0].write({"state": "failed", "last_error": "x"})
        company = self.env["res.company"].create({"name": "Company E"})
        other = self.digest.copy({"company_id": company.id})
        self.assertEqual(self.values(digest=other), [0, 0.0, 0])
        self.assertEqual(self.values(), [1, 10.0, 1])

    def test_who_may_not_see_marketplaces_gets_a_mail_without_them(self):
        employee = new_test_user(self.env, "employee", "base.group_user", email="employee@example.com")
        for name in KPIS:
            with self.assertRaises(AccessError):
                self.digest.with_user(employee).with_context(start_datetime=False, end_datetime=False)[f"{name}_value"]
        for user, expected in ((employee, []), (self.user, list(KPIS))):
            told = self.digest._compute_kpis(self.env.company, user)
            self.assertEqual([kpi["kpi_name"] for kpi in told], expected)

    def test_the_figures_lead_to_the_dashboard(self):
        actions = self.digest._compute_kpis_actions(self.env.company, self.user)
        self.assertEqual({self.env.ref(actions[name]).tag for name in KPIS}, {"cartona_integration.dashboard"})

    def test_odoos_own_digest_tells_them(self):
        digest = self.env.ref("digest.digest_digest_default")
        self.assertTrue(all(digest[name] for name in KPIS))
        arch = digest.with_user(self.env.ref("base.user_admin")).get_views([(False, "form")])["views"]["form"]["arch"]
        self.assertIn("kpi_marketplace_failed", arch)
