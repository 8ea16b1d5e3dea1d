# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from contextlib import contextmanager

from odoo import SUPERUSER_ID, api
from odoo.tests import tagged

from .test_concurrency import CommittedCase


@tagged("post_install", "-at_install")
class TestSecondLook(CommittedCase):
    """A transaction that is older than a listing, or than a setting, does not see it, and changes what it is about."""

    @contextmanager
    def older(self):
        """Give an environment whose transaction has begun, as that of an import which takes minutes."""
        with self.registry.cursor() as cr:
            cr.execute("SELECT 1 FROM marketplace_listing LIMIT 1")
            yield api.Environment(cr, SUPERUSER_ID, {"tracking_disable": True})

    def unlist(self):
        with self.transaction() as env:
            env.cr.execute(
                "DELETE FROM marketplace_listing WHERE config_id = %s AND external_id = 'cc-0'", [self.account_id]
            )

    def list_again(self):
        with self.transaction() as env:
            env["marketplace.listing"].create(
                {"config_id": self.account_id, "product_id": self.product_ids[0], "external_id": "cc-0"}
            )
        self.drain("offers")

    def sweep(self):
        with self.transaction() as env:
            env["marketplace.wake"]._cron_sweep()
        self.drain("offers")

    def price_there(self):
        return float(self.box.product("cc-0")["selling_price"])

    def look_again_after(self):
        with self.transaction() as env:
            listings = env["marketplace.listing"].search([("config_id", "=", self.account_id)])
            return listings.filtered("look_again_after").mapped("external_id")

    def settle(self):
        """Let all that is new be looked at again, with nobody else at work."""
        for _minute in range(3):
            self.sweep()

    def test_a_price_that_was_changed_by_a_transaction_older_than_the_listing_is_sent_after_all(self):
        self.settle()
        self.unlist()
        with self.older() as env:
            self.list_again()
            self.assertEqual(self.price_there(), 10.0)
            env["product.product"].browse(self.product_ids[0]).list_price = 55.0
            self.sweep()
            self.assertEqual(self.look_again_after(), ["cc-0"], "it waits for the transaction that may not see it")
        self.drain("offers")
        self.assertEqual(self.price_there(), 10.0, "the transaction could leave no mark")
        self.sweep()
        self.assertEqual((self.price_there(), self.look_again_after()), (55.0, []))

    def test_a_product_that_a_listing_is_moved_to_is_looked_at_again_too(self):
        self.settle()
        with self.transaction() as env:
            env["marketplace.listing"].search([("external_id", "=", "cc-1")]).unlink()
            other = env["product.product"].browse(self.product_ids[1])
        with self.older() as env:
            with self.transaction() as now:
                listing = now["marketplace.listing"].search([("external_id", "=", "cc-0")])
                listing.product_id = other.id
            self.drain("offers")
            env["product.product"].browse(other.id).list_price = 66.0
        self.settle()
        self.assertEqual(self.price_there(), 66.0)

    def test_a_price_that_was_changed_by_a_transaction_older_than_the_pricelist_of_the_account(self):
        self.settle()
        with self.transaction() as env:
            pricelist = env["product.pricelist"].create({"name": "Second Look"})
            self.addCleanup(self.forget, pricelist.id)
        with self.older() as env:
            with self.transaction() as now:
                now["marketplace.config"].browse(self.account_id).pricelist_id = pricelist.id
            self.drain("offers")
            env["product.pricelist.item"].create(
                {"pricelist_id": pricelist.id, "compute_price": "fixed", "fixed_price": 77.0}
            )
            self.sweep()
        self.drain("offers")
        self.assertEqual(self.price_there(), 10.0)
        self.settle()
        self.assertEqual(self.price_there(), 77.0)

    def forget(self, pricelist_id):
        with self.transaction() as env:
            env["marketplace.config"].browse(self.account_id).pricelist_id = False
            env["product.pricelist"].browse(pricelist_id).unlink()
