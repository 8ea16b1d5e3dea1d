# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import fields

from ..marketplaces import ebay_forms
from ..models.marketplace_lane_offers import MAX_ATTEMPTS
from ..transport import errors
from .common import MarketplaceCase
from .test_contract_ebay import EbayTools


class TestEbayOffers(EbayTools, MarketplaceCase):
    # ------------------------------------------------------------------ prices and stock

    def listing(self, product):
        return self.account.listing_ids.filtered(lambda one: one.product_id == product)

    def sent(self):
        """Return the rows of all bulk updates."""
        return [row for call in self.box.calls(self.push_path) for row in call.body["requests"]]

    def settled(self):
        listings = self.list_products()
        self.settle()
        self.box.clear_journal()
        return listings

    def test_the_quantity_is_set_on_the_item_and_on_the_offer(self):
        self.settled()
        self.change_offer(self.products[3], 12.5, 4)
        self.settle()
        offer_id = self.box.offer_of(self.external_id(self.products[3]))["offerId"]
        price = {"currency": self.box.currency, "value": "12.50"}
        self.assertEqual(
            self.sent(),
            [
                {
                    "sku": self.external_id(self.products[3]),
                    "shipToLocationAvailability": {"quantity": 4},
                    "offers": [{"offerId": offer_id, "availableQuantity": 4, "price": price}],
                }
            ],
        )

    def test_a_price_alone_goes_without_the_item(self):
        self.settled()
        self.products[0].list_price = 3.0
        self.settle()
        self.assertEqual([sorted(row) for row in self.sent()], [["offers"]])

    def test_prices_are_texts_with_the_digits_of_their_currency(self):
        api = self.account._api()
        for name, value in (("JPY", "1235"), ("USD", "1234.50"), ("KWD", "1234.500")):
            currency = self.env["res.currency"].with_context(active_test=False).search([("name", "=", name)])
            currency.active = True
            self.account.pricelist_id = self.env["product.pricelist"].create({"name": name, "currency_id": currency.id})
            price = 1235.0 if name == "JPY" else 1234.5
            remote = {"offer": "1", "currency": name, "published": True}
            wire = api._serialize_product(self.account, {"external_id": "A", "remote": remote, "price": price})
            self.assertEqual(wire["offers"][0]["price"], {"currency": name, "value": value})

    def test_offers_go_in_calls_of_the_size_that_is_set(self):
        self.settled()
        for size, calls in ((1, 4), (3, 2), (25, 1)):
            self.account.batch_size = size
            self.box.clear_journal()
            for product in self.products:
                product.list_price += 1
            self.settle()
            self.assertEqual(len(self.box.calls(self.push_path)), calls, size)

    def test_a_price_in_another_currency_holds_back_no_stock(self):
        for offer in self.box.offers.values():
            offer["pricingSummary"]["price"]["currency"] = "CHF"
        self.list_products()
        self.change_offer(self.products[0], 77.5, 9)
        self.settle()
        self.assertEqual(self.quantity_there(self.products[0]), 9)
        self.assertEqual(self.price_there(self.products[0]), 1.0)
        listing = self.listing(self.products[0])
        self.assertEqual(listing.state, "failed")
        self.assertIn("CHF", listing.last_error)

    def test_an_offer_that_is_not_published_is_said_and_sent_once_it_is(self):
        offer = self.box.offer_of(self.external_id(self.products[0]))
        offer["status"] = "UNPUBLISHED"
        self.list_products()
        self.settle()
        listing = self.listing(self.products[0])
        self.assertEqual(listing.state, "failed")
        self.assertIn("not published", listing.last_error)
        offer["status"] = "PUBLISHED"
        self.change_offer(self.products[0])
        self.settle()
        self.assert_there(self.products[0])
        self.assertEqual(listing.state, "synced")

    def test_an_offer_that_was_made_anew_is_found_again(self):
        self.settled()
        old = self.box.offer_of(self.external_id(self.products[0]))
        del self.box.offers[old["offerId"]]
        self.box.offers["777"] = {**old, "offerId": "777"}
        self.change_offer(self.products[0])
        self.settle()
        self.assert_there(self.products[0])
        self.assertEqual(self.listing(self.products[0]).remote["offer"], "777")

    def test_what_is_sold_out_because_it_is_not_sold_any_more_is_no_difference_for_the_audit(self):
        self.settled()
        self.products[0].action_archive()
        self.settle()
        self.assertEqual(self.quantity_there(self.products[0]), 0)
        self.assertEqual(self.box.offer_of(self.external_id(self.products[0]))["status"], "PUBLISHED")
        self.account.action_audit()
        self.commit()
        audit = self.env["marketplace.audit"].search([("config_id", "=", self.account.id)], limit=1)
        self.assertEqual((audit.state, audit.drift_ids.mapped("subject")), ("clean", []))

    def test_a_product_of_another_ebay_marketplace_is_not_ours(self):
        self.box.offer_of(self.external_id(self.products[0]))["marketplaceId"] = "EBAY_DE"
        found, _cursor = self.account._api()._list_products(self.account)
        self.assertEqual({one.external_id for one in found}, set(map(self.external_id, self.products[1:])))

    def test_the_catalogue_is_read_by_numbered_pages(self):
        for number in range(60):
            self.box.add_product(f"more-{number}", price="5.55", quantity=3, ean="4006381333931")
        api, cursor, found = self.account._api(), None, []
        while cursor is not False:
            page, cursor = api._list_products(self.account, cursor)
            found += page
            cursor = cursor or False
        self.assertEqual(len({one.external_id for one in found}), 64)
        self.assertEqual((found[-1].price, found[-1].quantity, found[-1].barcode), (5.55, 3.0, "4006381333931"))
        self.assertTrue(found[-1].published)

    def test_what_was_looked_up_before_an_outage_stays_known(self):
        self.account.batch_size = 2
        self.list_products()  # its first look-up
        self.account.listing_ids.remote = False
        self.box.fail("v1/offer$", status=503, skip=2, times=None)
        for product in self.products:
            product.list_price += 1
        self.commit()
        self.assertEqual(len(self.account.listing_ids.filtered("remote")), 2)
        self.box.clear_faults()
        self.settle()
        self.assertEqual(set(self.account.listing_ids.mapped("state")), {"synced"})

    def test_the_answer_of_each_row_decides(self):
        wire = [{"offers": [{"offerId": str(number)}]} for number in range(8)]

        def row(number, status, *codes):
            return {
                "offerId": str(number),
                "statusCode": status,
                "errors": [{"errorId": code, "message": f"no {code}"} for code in codes],
            }

        rows = [row(0, 200), row(1, 400, 25002), row(2, 500, 25001), row(3, 400, 25001), row(4, 404), row(5, 429)]
        answer = {"responses": [*rows, row(7, 200), row(7, 400, 25759)]}
        found = ebay_forms.row_results(wire, answer)
        self.assertEqual(
            [(one.outcome, one.code) for one in found],
            [
                ("accepted", ""),
                ("rejected", "25002"),
                ("retry", "25001"),
                ("retry", "25001"),
                ("retry", "stale"),
                ("retry", ""),
                ("retry", ""),
                ("rejected", "25759"),
            ],
        )
        self.assertEqual(found[1].message, "no 25002")
        for nonsense in (None, [], {}, {"responses": None}):
            with self.assertRaises(errors.InvalidResponse):
                ebay_forms.row_results(wire, nonsense)

    # ------------------------------------------------------------------ several marketplaces of one seller

    def germany(self):
        """Sell the same products on another marketplace of the seller's, by an account of its own; return it."""
        for product in self.products:
            self.box.offer_on("EBAY_DE", self.external_id(product))
        self.account.supplier_code = "EBAY_US"
        shared = {"base_url": False, "client_id": False, "client_secret": False, "refresh_token": False}
        german = self._create_account(
            **{"name": "eBay DE", "credentials_id": self.account.id, **shared, "webhook_secret": False},
            **{"ebay_marketplace": "EBAY_DE", "supplier_code": "EBAY_DE"},
        )
        self.list_products()
        self.env["marketplace.listing"].create(
            [
                {"config_id": german.id, "product_id": product.id, "external_id": self.external_id(product)}
                for product in self.products
            ]
        )
        for product in self.products:
            self.set_stock(product, 9)
        self.settle_both(german)
        return german

    def settle_both(self, german):
        self.settle()
        german.listing_ids.next_attempt = False
        self.sweep()

    def shown(self, product):
        """Return what both listings show, of the United States and of Germany."""
        return tuple(self.box.shown(self.external_id(product), place) for place in ("EBAY_US", "EBAY_DE"))

    def test_what_is_taken_off_one_marketplace_is_sold_on_the_other(self):
        german = self.germany()
        self.assertEqual(self.shown(self.products[0]), (9, 9))
        self.listing(self.products[0]).active = False
        self.settle_both(german)
        self.assertEqual(self.shown(self.products[0]), (0, 9))
        self.set_stock(self.products[0], 4)
        self.settle_both(german)
        self.assertEqual(self.shown(self.products[0]), (0, 4))
        german.listing_ids.filtered(lambda one: one.product_id == self.products[0]).active = False
        self.settle_both(german)
        item = self.box.items[self.external_id(self.products[0])]["availability"]
        self.assertEqual(item["shipToLocationAvailability"]["quantity"], 0)

    def test_what_one_marketplace_keeps_back_is_not_kept_back_on_the_other(self):
        german = self.germany()
        self.account.safety_quantity = 6
        self.settle_both(german)
        self.assertEqual(self.shown(self.products[1]), (3, 9))
        german.safety_quantity = 8
        self.settle_both(german)
        self.assertEqual(self.shown(self.products[1]), (3, 1))
        self.set_stock(self.products[1], 20)
        self.settle_both(german)
        self.assertEqual(self.shown(self.products[1]), (14, 12))

    # ------------------------------------------------------------------ revisions

    def revise(self, product, count, hours=1):
        """Note so many revisions of the product's listing, all so many hours ago."""
        listing = self.box.offer_of(self.external_id(product))["listing"]["listingId"]
        moment = fields.Datetime.now() - timedelta(hours=hours)
        self.env["marketplace.ebay.revision"].create(
            [{"config_id": self.account.id, "listing": listing, "revised_at": moment} for _n in range(count)]
        )

    def test_each_revision_is_counted(self):
        self.settled()
        before = self.env["marketplace.ebay.revision"].search_count([])
        self.box.refused[self.external_id(self.products[1])] = (400, "25002", "No.")
        for product in self.products[:2]:
            product.list_price += 1
        self.settle()
        self.assertEqual(self.env["marketplace.ebay.revision"].search_count([]), before + 1)

    def test_a_revision_whose_answer_was_lost_is_counted_once(self):
        self.settled()
        for kind in ("drop", "broken_json", "truncated"):
            with self.subTest(kind):
                before = self.env["marketplace.ebay.revision"].search_count([])
                self.box.fail(self.push_path, kind=kind)
                self.products[0].list_price += 1
                self.commit()
                self.assertEqual(self.price_there(self.products[0]), self.products[0].list_price, "it was carried out")
                self.assertEqual(self.env["marketplace.ebay.revision"].search_count([]), before + 1)
                self.settle()

    def test_a_price_waits_before_the_last_revisions_of_a_day_which_are_for_stock(self):
        self.settled()
        self.revise(self.products[0], 199)  # and one by listing it
        self.products[0].list_price = 55.0
        self.products[1].list_price = 56.0
        self.settle()
        listing = self.listing(self.products[0])
        self.assertEqual((listing.state, listing.attempts), ("waiting", 0))
        self.assertIn("24", listing.last_error)
        self.assertNotEqual(self.price_there(self.products[0]), 55.0)
        self.assertEqual(self.price_there(self.products[1]), 56.0)
        self.set_stock(self.products[0], 6)
        self.settle()
        self.assert_there(self.products[0], 55.0, 6)

    def test_stock_waits_when_none_is_left_and_a_person_is_told(self):
        self.settled()
        self.revise(self.products[0], 249)
        self.set_stock(self.products[0], 6)
        for _attempt in range(MAX_ATTEMPTS):
            self.settle()
        listing = self.listing(self.products[0])
        self.assertEqual(listing.state, "waiting", "it is no failure")
        self.assertFalse(self.sent())
        self.assertTrue(self.account.activity_ids.filtered(lambda one: "eBay" in one.summary))
        self.env["marketplace.ebay.revision"].search([]).revised_at = fields.Datetime.now() - timedelta(hours=25)
        self.settle()
        self.assertEqual(self.quantity_there(self.products[0]), 6)

    def test_the_variations_of_a_listing_are_counted_together(self):
        for product in self.products:
            self.box.offer_of(self.external_id(product))["listing"]["listingId"] = "42"
        listings = self.list_products()
        self.settle()
        Revision = self.env["marketplace.ebay.revision"]
        self.revise(self.products[0], 250 - 2 - Revision.search_count([("listing", "=", "42")]))
        rows = [{"listing_id": one.id, "external_id": "x", "remote": one.remote, "quantity": 1} for one in listings]
        self.assertEqual(set(Revision._waits(self.account, rows)), set(listings[2:].ids))

    def test_old_revisions_are_deleted(self):
        self.revise(self.products[0], 3, hours=25)
        self.revise(self.products[0], 2, hours=23)
        self.env["marketplace.ebay.revision"]._gc_old_revisions()
        self.assertEqual(self.env["marketplace.ebay.revision"].search_count([]), 2)
