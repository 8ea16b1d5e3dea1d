# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
from datetime import datetime, timedelta, timezone

from odoo import fields
from odoo.exceptions import ValidationError

from ..marketplaces import ebay_forms
from ..models.marketplace_lane_offers import MAX_ATTEMPTS
from ..sandbox.ebay import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, EbayBox, amount
from ..schemas import Package
from ..transport import errors
from .common import MarketplaceCase
from .contract import AdapterContract

VERIFICATION = "verification-token-of-the-tests-0123456789"


class EbayMarket:
    """An account that is live at an eBay in a box."""

    code = "ebay"

    def _make_box(self):
        rows = [{"sku": self.external_id(product), "title": product.name} for product in self.products]
        return EbayBox(products=rows, currency=self.env.company.currency_id.name, page=12)

    def _account_values(self):
        return {
            "base_url": self.box.url,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "refresh_token": REFRESH_TOKEN,
            "webhook_secret": VERIFICATION,
            "ebay_marketplace": "EBAY_US",
        }

    def external_id(self, product):
        return f"{product.default_code}/أ 1" if product == self.products[3] else product.default_code

    def place_order(self, *lines, **values):
        rows = [(self.external_id(product), quantity, price) for product, quantity, price in lines]
        return self.box.add_order(rows, **values)["orderId"]


class TestContractEbay(EbayMarket, AdapterContract, MarketplaceCase):
    """eBay stands what every marketplace has to stand."""

    push_path = "bulk_update"
    pull_path = "v1/order$"
    ship_path = "shipping_fulfillment"
    secrets = (CLIENT_SECRET, REFRESH_TOKEN, VERIFICATION)

    def price_there(self, product):
        return float(self.box.offer_of(self.external_id(product))["pricingSummary"]["price"]["value"])

    def quantity_there(self, product):
        """The listing shows the lesser of both quantities."""
        sku = self.external_id(product)
        item = self.box.items[sku]["availability"]["shipToLocationAvailability"]["quantity"]
        return min(item, self.box.offer_of(sku)["availableQuantity"])

    def refuse_product(self, product):
        self.box.refused[self.external_id(product)] = (400, "25759", "The quantity is less than the auction has.")

    def place_strange_order(self):
        return self.place_order((self.products[0], 1, 10.0), orderFulfillmentStatus=self.unknown_status)

    def expire_tokens(self):
        self.box.expire_tokens()

    def page_size(self):
        return self.box.page

    def cancel_there(self, external_id):
        self.box.cancel_order(external_id)

    def shipments_there(self, external_id):
        return [
            (one["fulfillmentId"], {row["lineItemId"]: row["quantity"] for row in one["lineItems"]})
            for one in self.box.fulfilments[external_id]
        ]

    def signed(self, body, secret=None, **values):
        """Signed with eBay's key, unless a secret is named: then by somebody else, in the name of that key."""
        self.key = getattr(self, "key", None) or self.box.add_key()
        if not secret:
            return {"x-ebay-signature": self.key.header(body)}
        forger = type(self.key)()
        forger.kid = self.key.kid
        return {"X-EBAY-SIGNATURE": forger.header(body)}

    # ------------------------------------------------------------------ account

    def test_missing_scopes_are_named(self):
        self.box.scopes.discard("sell.fulfillment")
        found = self.account._api()._test_connection(self.account)
        self.assertIn("sell.fulfillment", found["warnings"][0])
        self.assertEqual(found["name"], "Warehouse 1")
        shown = self.account.action_test_connection()["params"]
        self.assertEqual(shown["type"], "warning")
        self.assertIn("sell.fulfillment", shown["message"])

    def test_no_more_is_sent_than_ebay_takes_in_one_call(self):
        self.account.batch_size = 1
        with self.assertRaises(ValidationError):
            self.account.batch_size = 26

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

    # ------------------------------------------------------------------ orders

    def pulled(self, *lines, **values):
        self.list_products()
        order_id = self.place_order(*lines, **values)
        self.pull()
        return self.order_here(order_id)

    def parsed(self, **values):
        raw = self.box.add_order([("A", 1, 10.0)])
        return self.account._api()._parse_order(self.account, {**raw, **values})

    def test_what_is_not_paid_is_not_confirmed(self):
        order = self.pulled((self.products[0], 1, 10.0), orderPaymentStatus="PENDING")
        self.assertEqual((order.state, order.marketplace_status), ("draft", "pending"))
        self.box.change_order(order.cartona_id, orderPaymentStatus="PAID")
        self.pull()
        self.assertEqual((order.state, order.marketplace_status), ("sale", "approved"))

    def test_each_combination_of_statuses_has_a_meaning(self):
        for fulfilment, payment, cancellation, status in (
            ("NOT_STARTED", "PAID", "NONE_REQUESTED", "approved"),
            ("NOT_STARTED", "FAILED", "NONE_REQUESTED", "pending"),
            ("NOT_STARTED", "PARTIALLY_REFUNDED", "NONE_REQUESTED", "approved"),
            ("NOT_STARTED", "FULLY_REFUNDED", "NONE_REQUESTED", "cancelled"),
            ("IN_PROGRESS", "PAID", "NONE_REQUESTED", "approved"),
            ("FULFILLED", "PAID", "NONE_REQUESTED", "shipped"),
            ("FULFILLED", "FULLY_REFUNDED", "NONE_REQUESTED", "shipped"),
            ("NOT_STARTED", "PAID", "IN_PROGRESS", "editing"),
            ("FULFILLED", "PAID", "IN_PROGRESS", "shipped"),
            ("NOT_STARTED", "PAID", "CANCELED", "cancelled"),
            ("NOT_STARTED", "PAID", "Cancelled", "cancelled"),
        ):
            with self.subTest(fulfilment=fulfilment, payment=payment, cancellation=cancellation):
                found = self.parsed(
                    orderFulfillmentStatus=fulfilment,
                    orderPaymentStatus=payment,
                    cancelStatus={"cancelState": cancellation},
                )
                self.assertEqual(found.status, status)
        self.assertEqual(self.parsed(cancelStatus=None).status, "approved")
        for key in ("orderPaymentStatus", "cancelStatus"):
            value = {"cancelState": "teleported"} if key == "cancelStatus" else "teleported"
            with self.assertRaisesRegex(errors.MappingError, f"{key}.*teleported"):
                self.parsed(**{key: value})

    def test_ids_are_kept_to_the_last_digit(self):
        order = self.pulled((self.products[0], 1, 10.0))
        line_id = self.box.orders[order.cartona_id]["lineItems"][0]["lineItemId"]
        self.assertGreater(int(line_id), 2**53)
        self.assertEqual(order.order_line.cartona_line_id, line_id)

    def test_the_delivery_is_a_line_of_its_own(self):
        order = self.pulled((self.products[0], 2, 10.0), delivery="4.95")
        self.assertFalse(order.marketplace_hold)
        self.assertAlmostEqual(order.amount_total, 24.95)
        self.assertEqual(order.order_line.mapped("price_unit"), [10.0, 4.95])
        self.assertEqual(order.state, "sale")

    def test_a_discount_that_does_not_divide_is_right_to_the_last_coin(self):
        raw = self.box.add_order(
            [
                {
                    **self.box._line(self.external_id(self.products[0]), 7, 10.0),
                    "discountedLineItemCost": amount("66.67", self.box.currency),
                }
            ]
        )
        self.list_products()
        self.pull()
        order = self.order_here(raw["orderId"])
        self.assertFalse(order.marketplace_hold)
        self.assertAlmostEqual(order.amount_total, 66.67)
        self.assertEqual(order.order_line.mapped("price_unit"), [9.52, 0.03])
        self.assertAlmostEqual(order.order_line[0].marketplace_supplier_discount, 0.48)

    def test_a_discount_of_the_delivery_is_taken_off(self):
        summary = {"deliveryCost": amount("6.0", "USD"), "deliveryDiscount": amount("-2.5", "USD")}
        lines = self.parsed(pricingSummary=summary).lines
        self.assertEqual([(line.kind, line.price_unit) for line in lines], [("product", 10.0), ("delivery", 3.5)])

    def test_a_total_that_is_not_that_of_the_lines_holds_the_order(self):
        currency = self.box.currency
        order = self.pulled(
            (self.products[0], 1, 10.0),
            pricingSummary={"total": amount("11.90", currency), "tax": amount("1.90", currency)},
        )
        self.assertIn("11.90", order.marketplace_hold)
        self.assertEqual(order.state, "draft")

    def test_taxes_that_ebay_keeps_are_not_ours(self):
        taxes = [{"taxType": "VAT", "amount": amount("1.90", self.box.currency), "collectionMethod": "NET"}]
        row = {**self.box._line(self.external_id(self.products[0]), 1, 10.0), "ebayCollectAndRemitTaxes": taxes}
        raw = self.box.add_order([row], ebayCollectAndRemitTax=True)
        self.list_products()
        self.pull()
        order = self.order_here(raw["orderId"])
        self.assertFalse(order.marketplace_hold)
        self.assertAlmostEqual(order.amount_total, 10.0)

    def test_an_order_that_tells_little_is_taken_all_the_same(self):
        self.list_products()
        raw = self.box.add_order(
            [(None, 1, 10.0), (self.external_id(self.products[0]), 1, 5.0)],
            buyer={"username": "shy"},
            fulfillmentStartInstructions=[{"shippingStep": {"shipTo": {"primaryPhone": {}}}}],
        )
        none = self.box.add_order([(self.external_id(self.products[0]), 1, 5.0)], fulfillmentStartInstructions=[])
        del none["buyer"], none["cancelStatus"]
        self.pull()
        order = self.order_here(raw["orderId"])
        self.assertEqual(order.partner_id.name, "shy")
        self.assertEqual(order.partner_id.cartona_id, "retailer_shy")
        self.assertIn("Title of None", order.marketplace_hold, "a line without a SKU")
        self.assertEqual(self.order_here(none["orderId"]).state, "sale")

    def test_the_customer_and_the_place_are_taken_over(self):
        order = self.pulled((self.products[0], 1, 10.0), buyerCheckoutNotes="Ring twice")
        self.assertEqual(order.partner_id.cartona_id, "retailer_buyer1")
        self.assertEqual(order.partner_id.name, "Käufer 1")
        self.assertEqual(order.partner_shipping_id.street, "Hauptstraße 1")
        self.assertEqual(order.partner_shipping_id.country_id.code, "DE")
        self.assertIn("Ring twice", order.note)

    def test_what_an_old_document_says_of_the_customer_is_removed(self):
        order = self.pulled((self.products[0], 1, 10.0), buyerCheckoutNotes="Ring twice")
        row = self.env["marketplace.inbox"].search([("order_id", "=", order.id)])
        row._redact()
        for word in ("buyer1", "Käufer", "Hauptstra", "Berlin", "10115", "+49", "Ring", "members.ebay"):
            self.assertNotIn(word, row.payload)
        self.assertIn(order.order_line.cartona_line_id, row.payload)
        self.assertEqual(self.account._api()._parse_order(self.account, row._document()).customer.name, "")

    def walk(self, between):
        """Pull all pages, calling ``between(number of the page)`` after each; return the ids that came."""
        api, cursor, found = self.account._api(), None, []
        for number in range(20):
            page = api._pull_orders(self.account, cursor)
            found += [raw["orderId"] for raw in page.documents]
            cursor = page.cursor
            if not page.more:
                return found, json.loads(cursor)
            between(number)
        raise AssertionError("the walk has no end")

    def test_no_order_is_passed_over_while_others_change(self):
        for moved in (0, 3, 11):
            with self.subTest(moved=moved):
                self.box.orders.clear()
                ids = [self.place_order((self.products[0], 1, 10.0)) for _n in range(40)]

                def move(number, ids=ids, moved=moved):
                    # Those that were read already go to the end, and all others move up.
                    if number == 1:
                        for order_id in ids[:moved]:
                            self.box.change_order(order_id)

                found, cursor = self.walk(move)
                self.assertEqual(set(found), set(ids))
                self.assertNotIn("offset", cursor)

    def test_the_next_window_begins_before_the_newest_change_and_not_in_the_future(self):
        self.pulled((self.products[0], 1, 10.0))
        newest = max(order["lastModifiedDate"] for order in self.box.orders.values())
        since = json.loads(self.running().order_cursor)["since"]
        self.assertEqual(ebay_forms.unstamp(newest) - ebay_forms.unstamp(since), timedelta(minutes=10))
        self.box.clear_journal()
        self.pull()
        self.assertEqual(self.box.calls(self.pull_path)[0].query["filter"], f"lastmodifieddate:[{since}..]")
        self.assertEqual(json.loads(self.running().order_cursor)["since"], since, "nothing new, nothing passed over")

    def test_orders_from_the_future_are_not_asked_for_before_it_has_come(self):
        self.account.orders_since = fields.Datetime.now() + timedelta(days=2)
        self.place_order((self.products[0], 1, 10.0))
        self.pull()
        self.assertFalse(self.box.calls(self.pull_path))
        self.assertEqual(self.running().failures, 0)
        self.account.orders_since = fields.Datetime.now()
        self.pull()
        self.assertEqual(len(self.box.calls(self.pull_path)), 1)

    def test_orders_are_asked_for_from_as_far_back_as_ebay_has_them(self):
        self.account.orders_since = fields.Datetime.now() - timedelta(days=4000)
        self.pull()
        call = self.box.calls(self.pull_path)[0]
        self.assertEqual(call.status, 200)

    def test_an_older_version_of_an_order_is_set_aside(self):
        order = self.pulled((self.products[0], 1, 10.0))
        raw = self.box.orders[order.cartona_id]
        older = datetime.now(timezone.utc) - timedelta(hours=1)
        old = {**raw, "lastModifiedDate": ebay_forms.stamp(older), "cancelStatus": {"cancelState": "CANCELED"}}
        rows, new = self.env["marketplace.inbox"]._store([(self.account, "order", order.cartona_id, old)], "pull")
        self.commit()
        self.assertEqual((new, rows.stale, order.state), (1, True, "sale"))

    def test_an_order_of_another_ebay_marketplace_goes_to_the_account_that_sells_there(self):
        self.account.supplier_code = "EBAY_US"
        other = self._create_account(
            name="DE",
            ebay_marketplace="EBAY_DE",
            credentials_id=self.account.id,
            supplier_code="EBAY_DE",
            base_url=False,
            webhook_secret=False,
        )
        raw = self.box.add_order([{**self.box._line("X", 1, 5.0), "listingMarketplaceId": "EBAY_DE"}])
        self.pull()
        found = self.env["sale.order"].search([("cartona_id", "=", raw["orderId"])])
        self.assertEqual(found.marketplace_config_id, other)

    # ------------------------------------------------------------------ deliveries

    def package(self, order_id, **values):
        line_id = self.box.orders[order_id]["lineItems"][0]["lineItemId"]
        values = {
            "reference": "OUT/1",
            "lines": [(line_id, 1.0)],
            "shipped_at": datetime(2026, 1, 2, 3, 4, 5),
            **values,
        }
        return Package(**values)

    def ship(self, order_id, **values):
        return self.account._api()._ship(self.account, order_id, self.package(order_id, **values))

    def test_a_tracking_number_keeps_its_letters_and_digits_alone(self):
        order_id = self.place_order((self.products[0], 1, 10.0))
        self.ship(order_id, carrier="DHL", tracking=" 1Z 99-9/AA.1 ")
        self.assertEqual(self.box.fulfilments[order_id][0]["shipmentTrackingNumber"], "1Z999AA1")
        self.assertEqual(self.box.fulfilments[order_id][0]["shippedDate"], "2026-01-02T03:04:05.000Z")

    def test_carrier_and_number_go_together_or_not_at_all(self):
        order_id = self.place_order((self.products[0], 2, 10.0))
        self.ship(order_id, carrier="DHL")
        self.assertNotIn("shippingCarrierCode", self.box.fulfilments[order_id][0])
        with self.assertRaisesRegex(errors.RequestRejected, "OUT/1.*carrier"):
            self.ship(order_id, tracking="123")
        with self.assertRaisesRegex(errors.RequestRejected, "whole"):
            self.ship(order_id, lines=[("1", 0.5)])
        self.assertEqual(len(self.box.fulfilments[order_id]), 1)

    def test_a_delivery_is_told_once_however_often_we_try(self):
        order_id = self.place_order((self.products[0], 3, 10.0))
        for _try in range(2):
            self.ship(order_id, carrier="DHL", tracking="1z-1")
            self.ship(order_id)
            self.ship(order_id, shipped_at=datetime(2026, 1, 3))
        self.assertEqual([one["fulfillmentId"] for one in self.box.fulfilments[order_id]], ["1z1", "999", "999"])

    def test_an_order_that_is_cancelled_here_is_not_told(self):
        """eBay cancels by an older interface; the capabilities say so, and nothing waits for what will never be."""
        self.assertFalse(self.account._api()._capabilities()["statuses"])
        order = self.shipped_order((self.products[0], 1, 10.0))
        order._action_cancel()
        self.settle()
        self.assertFalse(self.env["marketplace.outbox"].search([("order_id", "=", order.id)]))
