# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import time

from odoo import fields

from ..marketplaces import shopify_documents as documents
from ..marketplaces import shopify_forms as forms
from .test_contract_shopify import ShopifyCase


class TestShopifyOffers(ShopifyCase):
    def prepare(self):
        super().prepare()
        self.list_products()
        self.commit()

    def sent(self, operation):
        return [entry.body["variables"] for entry in self.box.calls(f"#{operation}$")]

    def find_shop(self):
        """Add a location at the marketplace, which has another stock of the first product; return it as found here."""
        self.box.locations["655441492"] = "Shop"
        self.at_box(self.products[0])["stock"]["655441492"] = 3
        self.account.action_test_connection()
        return self.env["marketplace.shopify.location"].search([("external_id", "=", "655441492")])

    def during_the_first_call(self, happens):
        """Have something happen after the marketplace took the first offers and before we know."""
        adapter = self.registry["marketplace.api.shopify"]
        push, done = adapter._push_offers, []

        def pushed(api, config, rows):
            answers = push(api, config, rows)
            if not done:
                done.append(True)
                happens()
            return answers

        self.patch(adapter, "_push_offers", pushed)

    def settle(self):
        self.commit()
        for _try in range(3):
            self.env["marketplace.listing"].search([("config_id", "=", self.account.id)]).next_attempt = False
            self.running().write({"blocked_until": False, "limited": False})
            self.sweep()

    def test_each_version_is_told_stock_in_its_own_words(self):
        for number, version in enumerate(("2025-10", "2026-01", "2026-04", "2026-07", "2026-10"), start=1):
            with self.subTest(version):
                self.account.shopify_api_version = version
                self.box.clear_journal()
                self.set_stock(self.products[0], number)
                self.commit()
                self.assertEqual(self.at_box(self.products[0])["stock"], {"655441491": number})
                given = self.sent("SetQuantities")[-1]
                old = version in ("2025-10", "2026-01")
                self.assertEqual("ignoreCompareQuantity" in given["input"], old)
                self.assertEqual("key" in given, not old)
                row = given["input"]["quantities"][0]
                self.assertEqual("changeFromQuantity" in row and row["changeFromQuantity"] is None, not old)

    def test_a_shop_that_takes_no_more_calls_is_left_alone_and_its_orders_come_in(self):
        listing = self.account.listing_ids.filtered(lambda one: one.product_id == self.products[0])
        external_id = self.place_order((self.products[1], 1, 10.0))
        self.box.fail("#Set", status=430, times=None)
        self.set_stock(self.products[0], 5)
        self.commit()
        self.assertEqual((listing.state, listing.attempts, self.account.state), ("waiting", 0, "live"))
        self.assertTrue(self.running()._is_blocked("offers"))
        self.pull()
        self.assertTrue(self.env["sale.order"].search([("cartona_id", "=", external_id)]))
        self.box.clear_faults()
        self.settle()
        self.assertEqual(self.at_box(self.products[0])["stock"], {"655441491": 5})

    def test_the_same_stock_twice_is_told_twice_under_two_keys(self):
        for quantity in (5, 6, 5):
            self.set_stock(self.products[0], quantity)
            self.commit()
        self.assertEqual(self.at_box(self.products[0])["stock"], {"655441491": 5})

    def test_another_location_is_told_the_stock_although_it_is_the_same(self):
        self.set_stock(self.products[0], 7)
        self.commit()
        self.box.clear_journal()
        self.account.shopify_location_id = self.find_shop()
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["stock"]["655441492"], 7)
        self.assertFalse(self.sent("SetPrices"), "prices have no location")

    def test_another_location_is_told_the_stock_although_a_sync_all_was_stopped_meanwhile(self):
        self.set_stock(self.products[0], 7)
        self.commit()
        shop = self.find_shop()
        self.account.action_sync_all()
        self.account.shopify_location_id = shop
        self.env.cr.flush()
        self.env["marketplace.lane.offers"]._fold(self.account)
        self.account.task_ids.filtered(lambda task: task.kind == "sync").action_stop()
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["stock"]["655441492"], 7)

    def test_another_location_chosen_during_a_long_call_is_told_the_stock(self):
        shop = self.find_shop()

        def choose():
            self.account.shopify_location_id = shop
            # By the time its answer is stored, the call has taken longer than this.
            self.account.stock_since = fields.Datetime.subtract(fields.Datetime.now(), seconds=5)
            self.env.cr.flush()

        self.during_the_first_call(choose)
        self.set_stock(self.products[0], 7)
        self.commit()
        self.sweep()
        self.assertEqual(self.at_box(self.products[0])["stock"], {"655441491": 7, "655441492": 7})

    def test_another_location_is_told_the_stock_that_was_on_its_way_although_a_sync_all_was_stopped_meanwhile(self):
        shop = self.find_shop()

        def choose_and_stop():
            self.account.shopify_location_id = shop
            self.env.cr.flush()
            self.account.task_ids.filtered(lambda task: task.kind == "sync").action_stop()
            self.env.cr.flush()
            time.sleep(2)  # the answer comes later than the moment from which on nothing is known

        self.during_the_first_call(choose_and_stop)
        self.set_stock(self.products[0], 7)
        self.account.action_sync_all()
        self.commit()
        self.sweep()
        self.assertEqual(self.at_box(self.products[0])["stock"], {"655441491": 7, "655441492": 7})

    def test_a_product_whose_price_keeps_failing_holds_back_no_other_and_fails_in_the_end(self):
        bad, *others = self.products
        broken = {"errors": [{"message": "Internal error", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}
        content = f'"{forms.gid("ProductVariant", self.external_id(bad))}"'
        self.box.fail(path="#SetPrices$", content=content, status=200, body=broken, times=None)
        for product in self.products:
            product.list_price = 77.5
            self.set_stock(product, 9)
        self.commit()
        listing = self.env["marketplace.listing"].search([("product_id", "=", bad.id)])
        self.assertEqual((listing.attempts, bool(listing.next_attempt)), (1, True))
        self.settle_others(listing)
        for product in others:
            self.assertEqual(float(self.at_box(product)["price"]), 77.5)
        for _try in range(10):
            self.settle()
        self.assertEqual(listing.state, "failed")
        self.assertIn("Internal error", listing.last_error)
        self.assertEqual(self.running().failures, 0)

    def settle_others(self, waiting):
        """Let the wait of all be over but of this listing."""
        listings = self.env["marketplace.listing"].search([("config_id", "=", self.account.id)])
        (listings - waiting).next_attempt = False
        self.sweep()

    def test_a_limit_between_prices_is_no_failed_attempt(self):
        self.box.fail(path="#SetPrices$", status=429, retry_after="1", skip=1, times=1)
        for product in self.products:
            product.list_price = 77.5
            self.set_stock(product, 9)
        self.commit()
        listings = self.env["marketplace.listing"].search([("config_id", "=", self.account.id)])
        self.assertFalse(any(listings.mapped("attempts")))
        self.settle()
        self.assertEqual({float(self.at_box(product)["price"]) for product in self.products}, {77.5})

    def test_what_shopify_sells_without_end_is_told_and_found_by_the_audit(self):
        product, there = self.products[0], self.at_box(self.products[0])
        listing = self.env["marketplace.listing"].search([("product_id", "=", product.id)])
        for sold in ({"tracked": False}, {"policy": "CONTINUE"}):
            with self.subTest(sold):
                there.update(sold)
                listing.remote = False
                product.list_price += 1
                self.set_stock(product, listing.pushed_quantity + 1)
                self.commit()
                self.assertEqual(listing.state, "failed")
                self.assertIn("without end", listing.last_error)
                self.assertEqual(float(there["price"]), product.list_price, "that is no reason to keep the price back")
                there.update(tracked=True, policy="DENY")
                listing.action_sync()
                self.commit()
                self.assertEqual((listing.state, self.quantity_there(product)), ("synced", listing.pushed_quantity))
                there.update(sold)
                self.env["marketplace.audit"]._start(self.account)
                self.commit()
                drift = self.env["marketplace.drift"].search(
                    [("listing_id", "=", listing.id)], limit=1, order="id desc"
                )
                self.assertEqual((drift.subject, drift.theirs_in_words), ("stock", "Unlimited"))
                self.assertEqual(listing.state, "failed", "what was sent to heal it is told, too")
                there.update(tracked=True, policy="DENY")
                listing.action_sync()
                self.commit()

    def test_what_is_oversold_on_purpose_is_taken_and_is_no_difference(self):
        product, there = self.products[0], self.at_box(self.products[0])
        listing = self.env["marketplace.listing"].search([("product_id", "=", product.id)])
        there["policy"] = "CONTINUE"
        listing.remote = False
        self.set_stock(product, listing.pushed_quantity + 1)
        self.commit()
        self.assertEqual(listing.state, "failed")
        self.account.oversell = True
        self.commit()
        self.assertEqual((listing.state, self.quantity_there(product)), ("synced", listing.pushed_quantity))
        self.env["marketplace.audit"]._start(self.account)
        self.commit()
        audit = self.env["marketplace.audit"].search([("config_id", "=", self.account.id)], limit=1)
        self.assertEqual(audit.state, "clean")

    def quantity_there(self, product):
        return sum(self.at_box(product)["stock"].values())

    def test_what_both_sides_sell_without_end_is_no_difference(self):
        product = self.products[0]
        rule = {"config_id": self.account.id, "product_tmpl_id": product.product_tmpl_id.id, "unlimited": True}
        self.env["marketplace.stock.rule"].create(rule)
        self.at_box(product).update(policy="CONTINUE")
        self.env["marketplace.listing"].search([("product_id", "=", product.id)]).remote = False
        self.commit()
        self.assertEqual(self.quantity_there(product), 1_000_000_000)
        self.env["marketplace.audit"]._start(self.account)
        self.commit()
        self.assertFalse(self.env["marketplace.drift"].search([("listing_id.product_id", "=", product.id)]))

    def test_the_catalogue_goes_on_behind_a_page_whose_last_variant_makes_no_sense(self):
        self.patch(documents, "CATALOGUE_PAGE", 2)
        for product in self.products[:2]:
            self.at_box(product)["price"] = "dear"
        found, cursor = self.account._api()._list_products(self.account)
        self.assertFalse(found)
        rest = []
        while cursor:
            page, cursor = self.account._api()._list_products(self.account, cursor)
            rest += [product.external_id for product in page]
        self.assertEqual(rest, [self.external_id(product) for product in self.products[2:]])
