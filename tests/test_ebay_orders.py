# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
from datetime import datetime, timedelta, timezone

from odoo import fields

from ..marketplaces import ebay_forms
from ..sandbox.ebay import amount
from ..schemas import Package
from ..transport import errors
from .common import MarketplaceCase
from .test_contract_ebay import EbayTools


class TestEbayOrders(EbayTools, MarketplaceCase):
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

    def test_what_is_paid_to_ebay_is_not_collected(self):
        order = self.pulled((self.products[0], 2, 10.0))
        self.assertEqual((order.marketplace_to_collect, order.marketplace_owes), (0.0, 20.0))
        found = self.parsed(pricingSummary={})
        self.assertEqual((found.total, found.credit), (None, 10.0))

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

    def test_what_is_given_back_after_it_was_sent_is_told_to_a_person(self):
        order = self.pulled((self.products[0], 1, 10.0), (self.products[1], 1, 5.0), orderFulfillmentStatus="FULFILLED")
        self.box.give_back(order.cartona_id, "9.00", status="FAILED")
        self.pull()
        self.assertFalse(order.activity_ids)
        for line, refunded in ((None, 2.5), (1, 5.0)):
            self.box.give_back(order.cartona_id, "2.5", line)
            self.pull()
            self.assertEqual(order.activity_ids.mapped("summary"), ["Refunded at the marketplace"])
            self.assertEqual((order.marketplace_refunded, order.marketplace_status), (refunded, "shipped"))

    def test_what_is_refunded_as_a_whole_is_known_where_the_refunds_are_not_told(self):
        for summary in (None, {}, {"refunds": []}):
            found = self.parsed(orderPaymentStatus="FULLY_REFUNDED", paymentSummary=summary)
            self.assertEqual(found.refunded, 10.0)

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

    def test_the_label_has_the_company_and_the_reference_of_the_hub(self):
        """eBay wants the reference of an international shipment right above the street."""
        company, hub = self.box._instruction(1), self.box._instruction(2)
        company["shippingStep"]["shipTo"]["companyName"] = "Muster GmbH"
        hub["shippingStep"]["shipToReferenceId"] = "1234567890123456"
        hub["shippingStep"]["shipTo"]["contactAddress"]["addressLine2"] = "Tor 3"
        for instruction, name, street, street2 in (
            (company, "Käufer 1", "Hauptstraße 1", "Muster GmbH"),
            (hub, "Käufer 2", "Reference #1234567890123456", "Hauptstraße 2, Tor 3"),
        ):
            customer = self.parsed(fulfillmentStartInstructions=[instruction]).customer
            self.assertEqual((customer.name, customer.street, customer.street2), (name, street, street2))
        del company["shippingStep"]["shipTo"]["fullName"]
        customer = self.parsed(fulfillmentStartInstructions=[company]).customer
        self.assertEqual((customer.name, customer.street2), ("Muster GmbH", ""))

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

    def test_a_second_delivery_under_the_same_number_is_told_too(self):
        order_id = self.place_order((self.products[0], 3, 10.0), (self.products[1], 2, 10.0))
        first, second = (line["lineItemId"] for line in self.box.orders[order_id]["lineItems"])
        for _try in range(2):
            self.ship(order_id, carrier="DHL", tracking="1Z1", lines=[(first, 3.0)])
            self.ship(order_id, carrier="DHL", tracking="1Z1", lines=[(second, 2.0)])
        self.assertEqual(len(self.box.fulfilments[order_id]), 2)
        self.assertEqual(self.box.orders[order_id]["orderFulfillmentStatus"], "FULFILLED")

    def test_what_ebay_has_under_one_number_may_be_more_than_this_delivery(self):
        order_id = self.place_order((self.products[0], 3, 10.0), (self.products[1], 2, 10.0))
        lines = [(line["lineItemId"], float(line["quantity"])) for line in self.box.orders[order_id]["lineItems"]]
        self.ship(order_id, carrier="DHL", tracking="1Z1", lines=lines)
        self.ship(order_id, carrier="DHL", tracking="1Z1", lines=lines[1:])
        self.assertEqual(len(self.box.fulfilments[order_id]), 1)
        self.ship(order_id, carrier="DHL", tracking="1Z2", lines=lines[1:])
        self.assertEqual(len(self.box.fulfilments[order_id]), 2)

    def test_an_order_that_is_cancelled_here_is_not_told(self):
        """eBay cancels by an older interface; the capabilities say so, and nothing waits for what will never be."""
        self.assertFalse(self.account._api()._capabilities()["statuses"])
        order = self.shipped_order((self.products[0], 1, 10.0))
        order._action_cancel()
        self.settle()
        self.assertFalse(self.env["marketplace.outbox"].search([("order_id", "=", order.id)]))
