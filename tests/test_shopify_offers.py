# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import time
from datetime import timedelta

from odoo import fields

from ..marketplaces import shopify_documents as documents
from .test_contract_shopify import ShopifyCase


class TestShopifyOffers(ShopifyCase):
    def setUp(self):
        super().setUp()
        self.list_products()
        self.commit()

    def sent(self, operation):
        return [entry.body["variables"] for entry in self.box.calls(f"#{operation}$")]

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

    def test_the_same_stock_twice_is_told_twice_under_two_keys(self):
        for quantity in (5, 6, 5):
            self.set_stock(self.products[0], quantity)
            self.commit()
        self.assertEqual(self.at_box(self.products[0])["stock"], {"655441491": 5})

    def test_another_location_is_told_the_stock_although_it_is_the_same(self):
        self.box.locations["655441492"] = "Shop"
        self.set_stock(self.products[0], 7)
        self.commit()
        variant = self.at_box(self.products[0])
        variant["stock"]["655441492"] = 3
        self.box.clear_journal()
        self.account.action_test_connection()
        shop = self.env["marketplace.shopify.location"].search([("external_id", "=", "655441492")])
        self.account.shopify_location_id = shop
        self.commit()
        self.assertEqual(variant["stock"]["655441492"], 7)
        self.assertFalse(self.sent("SetPrices"), "prices have no location")

    def test_another_location_is_told_the_stock_although_a_sync_all_was_stopped_meanwhile(self):
        self.box.locations["655441492"] = "Shop"
        self.set_stock(self.products[0], 7)
        self.commit()
        self.at_box(self.products[0])["stock"]["655441492"] = 3
        self.account.action_test_connection()
        shop = self.env["marketplace.shopify.location"].search([("external_id", "=", "655441492")])
        self.account.action_sync_all()
        self.account.shopify_location_id = shop
        self.env.cr.flush()
        self.env["marketplace.lane.offers"]._fold(self.account)
        self.account.task_ids.filtered(lambda task: task.kind == "sync").action_stop()
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["stock"]["655441492"], 7)

    def test_another_location_chosen_during_a_long_call_is_told_the_stock(self):
        self.box.locations["655441492"] = "Shop"
        self.account.action_test_connection()
        shop = self.env["marketplace.shopify.location"].search([("external_id", "=", "655441492")])
        self.at_box(self.products[0])["stock"]["655441492"] = 3
        adapter = self.registry["marketplace.api.shopify"]
        push, done = adapter._push_offers, []

        def pushed(api, config, rows):
            answers = push(api, config, rows)
            if not done:
                done.append(True)
                self.account.shopify_location_id = shop
                # By the time its answer is stored, the call has taken longer than this.
                self.account.stock_since = fields.Datetime.subtract(fields.Datetime.now(), seconds=5)
                self.env.cr.flush()
            return answers

        self.patch(adapter, "_push_offers", pushed)
        self.set_stock(self.products[0], 7)
        self.commit()
        self.sweep()
        self.assertEqual(self.at_box(self.products[0])["stock"], {"655441491": 7, "655441492": 7})

    def test_another_location_is_told_the_stock_that_was_on_its_way_although_a_sync_all_was_stopped_meanwhile(self):
        self.box.locations["655441492"] = "Shop"
        self.account.action_test_connection()
        shop = self.env["marketplace.shopify.location"].search([("external_id", "=", "655441492")])
        self.at_box(self.products[0])["stock"]["655441492"] = 3
        adapter = self.registry["marketplace.api.shopify"]
        push, done = adapter._push_offers, []

        def pushed(api, config, rows):
            answers = push(api, config, rows)
            if not done:
                done.append(True)
                self.account.shopify_location_id = shop
                self.env.cr.flush()
                self.account.task_ids.filtered(lambda task: task.kind == "sync").action_stop()
                self.env.cr.flush()
                time.sleep(2)  # the answer comes later than the moment from which on nothing is known
            return answers

        self.patch(adapter, "_push_offers", pushed)
        self.set_stock(self.products[0], 7)
        self.account.action_sync_all()
        self.commit()
        self.sweep()
        self.assertEqual(self.at_box(self.products[0])["stock"], {"655441491": 7, "655441492": 7})

    def test_variants_of_one_product_go_in_one_call(self):
        for product in self.products[:3]:
            self.at_box(product)["product"] = "632910392"
        self.account.listing_ids.remote = False
        self.box.clear_journal()
        for number, product in enumerate(self.products):
            product.list_price = 50.0 + number
        self.commit()
        sizes = sorted(len(given["variants"]) for given in self.sent("SetPrices"))
        self.assertEqual(sizes, [1, 3])
        self.assertEqual(
            [self.at_box(product)["price"] for product in self.products], ["50.00", "51.00", "52.00", "53.00"]
        )

    def test_prices_have_the_decimals_of_their_currency(self):
        api = self.account._api()
        for name, written in (("JPY", "1500"), ("USD", "1500.50"), ("KWD", "1500.500")):
            currency = self.env["res.currency"].with_context(active_test=False).search([("name", "=", name)])
            self.account.pricelist_id = self.env["product.pricelist"].create({"name": name, "currency_id": currency.id})
            data = {"external_id": "1", "remote": {"product": "2"}, "price": 1500.0 if name == "JPY" else 1500.5}
            self.assertEqual(api._serialize_product(self.account, data)["variant"]["price"], written)

    def test_what_is_without_end_is_the_most_that_shopify_knows(self):
        service = self.env["product.product"].create({"name": "Service", "type": "service"})
        self.box.add_variant(self.external_id(service))
        self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": service.id, "external_id": self.external_id(service)}
        )
        self.commit()
        self.assertEqual(self.at_box(service)["stock"], {"655441491": 1_000_000_000})

    def test_a_product_that_was_made_anew_is_looked_up_again(self):
        self.box.make_anew(self.at_box(self.products[0])["id"], product="632910399", item="808950899")
        self.products[0].list_price = 42.0
        self.set_stock(self.products[0], 4)
        self.settle()
        there = self.at_box(self.products[0])
        self.assertEqual((there["price"], there["stock"]), ("42.00", {"655441491": 4}))
        listing = self.account.listing_ids.filtered(lambda one: one.product_id == self.products[0])
        self.assertEqual((listing.state, listing.remote["product"]), ("synced", "632910399"))

    def test_a_product_that_was_made_anew_is_told_its_price_though_only_its_stock_changed(self):
        self.box.make_anew(self.at_box(self.products[0])["id"], product="632910399", item="808950899")
        self.at_box(self.products[0])["price"] = "1.00"
        self.set_stock(self.products[0], 4)
        self.settle()
        there = self.at_box(self.products[0])
        self.assertEqual((there["price"], there["stock"]), ("10.00", {"655441491": 4}))

    def test_a_refusal_names_its_row_and_the_others_are_sent_again(self):
        self.box.refused.add(self.external_id(self.products[1]))
        self.box.clear_journal()
        for product in self.products[:3]:
            self.set_stock(product, 8)
        self.commit()
        self.assertEqual([len(given["input"]["quantities"]) for given in self.sent("SetQuantities")], [3, 2])
        states = {listing.product_id: (listing.state, listing.error_code) for listing in self.account.listing_ids}
        self.assertEqual(states[self.products[1]], ("failed", "INVALID_QUANTITY_TOO_HIGH"))
        self.assertEqual(states[self.products[2]][0], "synced")

    def test_having_asked_too_much_waits_as_long_as_the_points_take(self):
        self.box.points, self.box.restore_rate = 0, 2
        self.box.PRICE_COST = 100
        self.products[0].list_price = 42.0
        self.commit()
        listing = self.account.listing_ids.filtered(lambda one: one.product_id == self.products[0])
        wait = self.running()._blocked_until("offers") - fields.Datetime.now()
        self.assertTrue(timedelta(seconds=45) <= wait <= timedelta(seconds=50), wait)
        self.assertEqual((listing.attempts, self.account.state), (0, "live"))
        self.box.points = None
        self.settle()
        self.assertEqual(self.at_box(self.products[0])["price"], "42.00")

    def test_what_was_not_tried_because_of_the_limit_is_no_failed_attempt(self):
        self.box.points = 10  # the first call alone
        for product in self.products[:2]:
            product.list_price = 43.0
        self.commit()
        waiting = self.account.listing_ids.filtered(lambda listing: listing.state == "waiting")
        self.assertEqual((len(waiting), waiting.attempts), (1, 0))
        self.box.points = None
        self.settle()
        self.assertEqual([self.at_box(product)["price"] for product in self.products[:2]], ["43.00", "43.00"])

    def test_250_pairs_go_in_one_call_and_one_more_in_a_second(self):
        api, rows = self.account._api(), []
        for number in range(251):
            variant = self.box.add_variant(str(10**6 + number))
            remote = {"product": variant["product"], "inventory_item": variant["item"]}
            row = {"external_id": variant["id"], "remote": remote, "quantity": 3, "listing_id": number}
            rows.append({**row, "wire": api._serialize_product(self.account, row)})
        self.box.clear_journal()
        results = api._push_offers(self.account, rows)
        self.assertEqual({result.outcome for result in results}, {"accepted"})
        self.assertEqual([len(given["input"]["quantities"]) for given in self.sent("SetQuantities")], [250, 1])

    def test_many_prices_go_in_several_pushes(self):
        api, rows = self.account._api(), []
        for number in range(52):
            variant = self.box.add_variant(str(10**6 + number))
            remote = {"product": variant["product"], "inventory_item": variant["item"]}
            row = {"external_id": variant["id"], "remote": remote, "price": 3.0, "listing_id": number}
            rows.append({**row, "wire": api._serialize_product(self.account, row)})
        outcomes = [result.outcome for result in api._push_offers(self.account, rows)]
        self.assertEqual((outcomes.count("accepted"), outcomes.count("wait")), (50, 2))

    def test_the_catalogue_is_read_page_by_page_with_the_stock_of_the_location(self):
        for number in range(documents.CATALOGUE_PAGE):
            self.box.add_variant(str(10**6 + number), f"SKU/{number} ع")
        self.at_box(self.products[0])["stock"] = {"655441491": 7, "655441499": 100}
        api = self.account._api()
        first, cursor = api._list_products(self.account)
        second, end = api._list_products(self.account, cursor)
        self.assertEqual((len(first), len(second), end), (documents.CATALOGUE_PAGE, len(self.products), None))
        found = {product.external_id: product for product in second}[self.external_id(self.products[0])]
        self.assertEqual((found.quantity, found.sku), (7.0, self.products[0].default_code))
        self.assertEqual(first[0].sku, "SKU/0 ع")
