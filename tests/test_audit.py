# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from unittest import mock

from odoo.tools import mute_logger

from .common import MarketplaceCase


class TestAudit(MarketplaceCase):
    def setUp(self):
        super().setUp()
        self.listings = self.list_products()
        for product in self.products:
            self.set_stock(product, 10)
        self.commit()
        self.box.clear_journal()

    def audit(self):
        self.account.action_audit()
        self.commit()
        return self.env["marketplace.audit"].search([("config_id", "=", self.account.id)], limit=1)

    def tamper(self, product, **values):
        """Change a product at the marketplace behind our back."""
        self.box.state.products[str(1000 + product.id)].offers["1"].update(values)

    def test_a_marketplace_that_agrees_is_clean(self):
        audit = self.audit()
        self.assertEqual((audit.state, audit.compared, audit.drift_count), ("clean", 4, 0))
        self.assertFalse(self.sent_rows())

    def test_a_few_differences_are_told_with_their_risk_and_healed(self):
        self.tamper(self.products[0], selling_price=4.0)
        self.tamper(self.products[1], available_stock_quantity=13)
        audit = self.audit()
        self.assertEqual(audit.state, "healed")
        found = {drift.subject: (drift.ours, drift.theirs, drift.amount_at_risk) for drift in audit.drift_ids}
        self.assertEqual(found, {"price": (10.0, 4.0, 60.0), "stock": (10.0, 13.0, 60.0)})
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 10.0)
        self.assertEqual(self.at_box(self.products[1])["available_stock_quantity"], 10)

    def test_many_differences_wait_for_a_person(self):
        self.account.heal_limit = 1
        for product in self.products:
            self.tamper(product, selling_price=1.0)
        audit = self.audit()
        self.assertEqual(audit.state, "approval")
        self.assertIn("differs from Odoo", self.account.activity_ids.summary)
        self.assertFalse(self.sent_rows())
        audit.action_heal()
        self.commit()
        self.assertEqual(audit.state, "healed")
        self.assertEqual(self.at_box(self.products[3])["selling_price"], 40.0)

    def test_what_is_on_its_way_is_no_difference(self):
        self.account.action_pause()
        self.products[0].list_price = 99
        self.commit()
        self.account.state = "live"
        audit = self.env["marketplace.audit"].create({"config_id": self.account.id})
        self.env.cr.flush()
        audit._job_audit()
        self.env.invalidate_all()
        self.assertEqual(audit.state, "clean")

    def test_something_still_published_that_is_not_sold_any_more_is_a_difference(self):
        self.products[0].action_archive()
        self.commit()
        self.tamper(self.products[0], is_published=True)
        self.assertEqual(self.audit().drift_ids.subject, "publication")
        self.assertFalse(self.at_box(self.products[0])["is_published"])

    def test_all_pages_are_compared_and_unlisted_products_counted(self):
        from ..marketplaces import cartona

        self.patch(cartona, "CATALOGUE_PAGE", 2)
        self.box.add_product(id="not-ours")
        audit = self.audit()
        self.assertEqual((audit.compared, audit.unlisted), (4, 1))

    def test_a_marketplace_that_fails_ends_the_audit_with_its_error(self):
        self.box.fail(path="supplier-product$", status=500)
        audit = self.audit()
        self.assertEqual(audit.state, "failed")
        self.assertTrue(audit.last_error)

    def test_only_one_audit_of_an_account_runs_at_a_time(self):
        self.env["marketplace.audit"]._start(self.account)
        self.env["marketplace.audit"]._start(self.account)
        self.assertEqual(self.env["marketplace.audit"].search_count([("config_id", "=", self.account.id)]), 1)

    def test_an_audit_that_breaks_says_so_and_the_next_one_runs(self):
        listing = type(self.env["marketplace.listing"])
        with (
            mock.patch.object(listing, "_offers", lambda *args: 1 / 0),
            mute_logger("odoo.addons.cartona_integration.models.marketplace_audit"),
        ):
            broken = self.audit()
        self.assertEqual(broken.state, "failed")
        self.assertIn("division", broken.last_error)
        self.assertEqual(self.audit().state, "clean")

    def test_an_archived_listing_that_is_still_sold_is_a_difference(self):
        self.listings[0].action_archive()
        self.commit()
        self.tamper(self.products[0], is_published=True, available_stock_quantity=5)
        self.assertEqual(set(self.audit().drift_ids.mapped("subject")), {"stock", "publication"})

    def test_a_copy_of_the_database_audits_nobody(self):
        self.env["ir.config_parameter"].set_param("cartona_integration.identity", "the-original:0123")
        self.assertEqual(self.audit().state, "failed")
        self.assertFalse(self.box.journal)
