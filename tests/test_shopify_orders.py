# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
from datetime import datetime, timedelta

from odoo import fields

from ..marketplaces import shopify_documents as documents
from ..marketplaces import shopify_forms as forms
from .contract import AdapterContract
from .test_contract_shopify import ShopifyCase


class TestShopifyOrders(ShopifyCase):
    def prepare(self):
        super().prepare()
        self.list_products()
        self.commit()

    deliver, settle = AdapterContract.deliver, ShopifyCase.commit

    def order_here(self, external_id):
        return AdapterContract.order_here(self, external_id)

    def pulled(self, external_id):
        self.pull()
        order = self.order_here(external_id)
        self.assertTrue(order)
        return order

    def line(self, product, *args, **values):
        return self.box.line(self.external_id(product), *args, **values)

    def assert_proven(self, order):
        self.assertFalse(order.marketplace_hold)
        self.assertAlmostEqual(order.amount_total, order.marketplace_total, 2)

    # ------------------------------------------------------------------ sums

    def test_discounts_taxes_and_shipping_come_to_the_total(self):
        for included in (True, False):
            with self.subTest(taxes_included=included):
                order = self.pulled(
                    self.box.add_order(
                        self.line(self.products[0], 3, "19.99", discount="9.00", tax="7.14"),
                        self.line(self.products[1], 7, "10.00", discount="0.01", tax="9.80"),
                        shippingLines=[self.box.shipping("5.50", tax="0.77")],
                        taxesIncluded=included,
                        totalTipReceivedSet=self.box.money("2.00"),
                        currentTotalDutiesSet=self.box.money("1.25"),
                    )
                )
                self.assert_proven(order)
                self.assertAlmostEqual(order.amount_total, 129.71 if included else 147.42, 2)
                shipping = order.order_line.filtered(lambda line: line.name == "Standard")
                self.assertEqual(shipping.price_unit, 5.5 if included else 6.27)

    def test_taxes_that_odoo_adds_itself_are_not_in_the_prices(self):
        tax = self.env["account.tax"].create({"name": "14%", "amount": 14.0, "amount_type": "percent"})
        self.products[0].taxes_id = tax
        self.account.tax_policy = "product"
        order = self.pulled(
            self.box.add_order(self.line(self.products[0], 2, "50.00", tax="14.00"), taxesIncluded=False)
        )
        self.assertEqual(order.order_line.price_unit, 50.0)
        self.assert_proven(order)

    def test_what_is_paid_is_not_collected_again(self):
        for status, outstanding, collected in (
            ("PAID", "0", 0.0),
            ("AUTHORIZED", "20.00", 0.0),
            ("PARTIALLY_PAID", "12.50", 12.5),
            ("PENDING", "20.00", 20.0),
        ):
            with self.subTest(status):
                order = self.pulled(
                    self.box.add_order(
                        self.line(self.products[0], 2, "10.00"),
                        displayFinancialStatus=status,
                        totalOutstandingSet=self.box.money(outstanding),
                    )
                )
                self.assertEqual((order.marketplace_to_collect, order.marketplace_owes), (collected, 20 - collected))

    def test_what_was_given_back_is_not_collected_either(self):
        external_id = self.box.add_order(self.line(self.products[0], 2, "10.00"))
        self.box.give_back(external_id, "5.00")
        order = self.pulled(external_id)
        self.assertEqual((order.marketplace_to_collect, order.marketplace_owes), (0.0, 15.0))

    def test_a_currency_of_more_decimals_than_prices_have_is_split_by_those_of_prices(self):
        raw = {"quantity": 100, "id": "gid://shopify/LineItem/1", "originalUnitPriceSet": self.box.money("1.005")}
        raw = {
            "id": "gid://shopify/Order/1",
            "lineItems": {"nodes": [raw]},
            "currentTotalPriceSet": self.box.money(100.5),
        }
        lines = forms.order_of(raw, 3, True, 2).lines
        self.assertEqual([(line.quantity, line.price_unit) for line in lines], [(50.0, 1.0), (50.0, 1.01)])

    def test_a_sum_that_the_units_do_not_divide_is_two_lines_a_cent_apart(self):
        order = self.pulled(self.box.add_order(self.line(self.products[0], 100, "1.00", discount="0.34")))
        self.assertEqual(
            [(line.product_uom_qty, line.price_unit) for line in order.order_line], [(34.0, 0.99), (66.0, 1.0)]
        )
        self.assert_proven(order)

    def test_what_an_edit_took_off_takes_its_share_of_discounts_and_taxes(self):
        row = self.line(self.products[0], 4, "10.00", discount="4.00", tax="5.04")
        gone = self.line(self.products[1], 1, "10.00")
        self.account.confirm_policy = "never"
        external_id = self.box.add_order(row, gone, taxesIncluded=False)
        self.assertEqual(self.pulled(external_id).order_line.mapped("product_uom_qty"), [4.0, 1.0])
        row["currentQuantity"], gone["currentQuantity"] = 3, 0
        self.box.touch(external_id)
        order = self.pulled(external_id)
        self.assertEqual(order.order_line.mapped("product_uom_qty"), [3.0])
        self.assertAlmostEqual(order.amount_total, 30.78, 2)
        self.assert_proven(order)

    def test_amounts_are_the_shops_and_have_the_decimals_of_its_currency(self):
        for code, digits, amount in (("JPY", 0, "1500.0"), ("USD", 2, "10.05"), ("KWD", 3, "1.235")):
            with self.subTest(code):
                raw = self.raw(self.box.line("5", 1, amount), currencyCode=code)
                order = forms.order_of(raw, digits, True)
                self.assertEqual((order.currency, order.lines[0].price_unit), (code, float(amount)))
                self.assertEqual(order.total, float(amount))

    def test_the_currency_of_documents_is_looked_up_once(self):
        raw = self.raw(self.box.line("5", 1, "10.00"), currencyCode="KWD")
        api = self.account._api()
        api._parse_order(self.account, raw)
        with self.assertQueryCount(0):
            api._parse_order(self.account, raw)

    def raw(self, *lines, **values):
        external_id = self.box.add_order(*lines, **values)
        return self.account._api()._fetch_order(self.account, external_id)

    def test_cents_that_rounding_leaves_over_do_not_hold_an_order(self):
        lines = [self.line(self.products[0], 1, "3.335"), self.line(self.products[1], 1, "3.335")]
        external_id = self.box.add_order(*lines)
        self.box.orders[external_id]["currentTotalPriceSet"] = self.box.money("6.67")
        order = self.pulled(external_id)
        self.assert_proven(order)
        self.assertAlmostEqual(order.amount_total, 6.67, 2)

    def test_a_sum_that_is_really_wrong_is_still_seen(self):
        external_id = self.place_order((self.products[0], 2, "10.00"))
        self.box.orders[external_id]["currentTotalPriceSet"] = self.box.money("12.00")
        self.assertIn("20.00", self.pulled(external_id).marketplace_hold)

    # ------------------------------------------------------------------ who and what

    def test_a_guest_without_address_phone_or_name_is_no_obstacle(self):
        order = self.pulled(self.place_order((self.products[0], 1, "10.00"), customer=False))
        self.assertTrue(order.partner_id.name)
        self.assertEqual(order.state, "sale")

    def test_customers_that_the_app_may_not_see_do_not_hold_back_their_orders(self):
        self.box.hidden = True
        self.assertEqual(self.pulled(self.place_order((self.products[0], 1, "10.00"))).state, "sale")

    def test_the_address_is_taken_over_and_the_order_named_as_there(self):
        order = self.pulled(
            self.place_order((self.products[0], 1, "10.00"), email="mona@example.com", note="Ring twice")
        )
        place = order.partner_shipping_id
        self.assertEqual((place.street, place.city, place.zip), ("12 شارع النيل", "Cairo", "11511"))
        self.assertEqual((place.country_id.code, order.partner_id.name), ("EG", "Mona Adel"))
        self.assertTrue(order.client_order_ref.startswith("#"))
        self.assertIn("Ring twice", order.note)

    def test_ids_that_no_float_holds_are_kept_exactly(self):
        external_id = self.place_order((self.products[0], 1, "10.00"))
        order = self.pulled(external_id)
        self.assertGreater(int(external_id), 2**53)
        self.assertNotEqual(int(float(external_id)), int(external_id))
        row = self.box.orders[external_id]["lineItems"][0]
        self.assertEqual(order.cartona_id, external_id)
        self.assertEqual(order.order_line.cartona_line_id, forms.tail(row, "id"))

    def test_a_line_without_variant_is_found_by_its_sku_and_without_both_holds_the_order(self):
        by_sku = self.box.line(None, 1, "10.00", sku=self.products[0].default_code)
        self.assertEqual(self.pulled(self.box.add_order(by_sku)).order_line.product_id, self.products[0])
        nothing = self.box.line(None, 1, "10.00", sku=None)
        self.assertTrue(self.pulled(self.box.add_order(nothing)).marketplace_hold)

    def test_all_lines_of_a_long_order_come_in(self):
        rows = [self.line(self.products[number % 4], 1, "1.00") for number in range(73)]
        order = self.pulled(self.box.add_order(*rows))
        self.assertEqual(len(order.order_line), 73)
        self.assert_proven(order)

    def test_all_that_is_charged_for_shipping_comes_in(self):
        shipping = [self.box.shipping("1.50") for _n in range(13)]
        order = self.pulled(self.box.add_order(self.line(self.products[0], 1, "1.00"), shippingLines=shipping))
        self.assertEqual(len(order.order_line), 14)
        self.assert_proven(order)

    # ------------------------------------------------------------------ statuses

    def test_payment_and_fulfilment_make_the_status(self):
        cases = {
            ("PENDING", "UNFULFILLED"): "pending",
            ("PARTIALLY_PAID", "UNFULFILLED"): "pending",
            ("EXPIRED", "UNFULFILLED"): "pending",
            ("VOIDED", "UNFULFILLED"): "pending",
            ("AUTHORIZED", "UNFULFILLED"): "approved",
            ("PAID", "PARTIALLY_FULFILLED"): "approved",
            ("PAID", "FULFILLMENT_NOT_REQUIRED"): "approved",
            ("PARTIALLY_REFUNDED", "UNFULFILLED"): "approved",
            ("PARTIALLY_REFUNDED", "ON_HOLD"): "pending",
            ("PAID", "SCHEDULED"): "pending",
            ("REFUNDED", "ON_HOLD"): "cancelled",
            ("REFUNDED", "UNFULFILLED"): "cancelled",
            ("REFUNDED", "PARTIALLY_FULFILLED"): "cancelled",
            ("REFUNDED", "FULFILLED"): "shipped",
            ("PAID", "FULFILLED"): "shipped",
            ("PENDING", "FULFILLED"): "shipped",
            ("TELEPORTED", "UNFULFILLED"): "pending",
            (None, "BEAMED"): "pending",
        }
        for (payment, fulfilment), status in cases.items():
            with self.subTest(payment=payment, fulfilment=fulfilment):
                raw = self.raw(
                    self.line(self.products[0], 1, "1.00"),
                    displayFinancialStatus=payment,
                    displayFulfillmentStatus=fulfilment,
                    returnStatus="SOMETHING_NEW",
                )
                self.assertEqual(forms.status_of(raw), status)

    def test_an_order_of_which_nothing_is_left_was_sent_back_or_called_off(self):
        for sent, status in (("FULFILLED", "returned"), ("UNFULFILLED", "cancelled")):
            raw = self.raw(
                self.line(self.products[0], 2, "1.00", currentQuantity=0),
                displayFinancialStatus="REFUNDED",
                displayFulfillmentStatus=sent,
            )
            order = self.account._api()._parse_order(self.account, raw)
            self.assertEqual((order.status, order.lines[0].quantity, order.total), (status, 2.0, 0.0))

    def test_what_is_not_paid_yet_waits_and_what_was_paid_back_is_not_delivered(self):
        unpaid = self.place_order((self.products[0], 1, "10.00"), displayFinancialStatus="PENDING")
        paid_back = self.place_order((self.products[0], 1, "10.00"), displayFinancialStatus="REFUNDED")
        self.pull()
        states = [AdapterContract.order_here(self, external_id).state for external_id in (unpaid, paid_back)]
        self.assertEqual(states, ["draft", "cancel"])
        self.box.touch(unpaid, displayFinancialStatus="PAID")
        self.pull()
        self.assertEqual(AdapterContract.order_here(self, unpaid).state, "sale")

    def test_an_older_version_does_not_win(self):
        external_id = self.place_order((self.products[0], 1, "10.00"))
        old = self.account._api()._fetch_order(self.account, external_id)
        self.box.touch(external_id, note="newer")
        self.pull()
        self.env["marketplace.inbox"]._store([(self.account, "order", external_id, old)], "webhook")
        row = self.env["marketplace.inbox"].search([("external_id", "=", external_id)], limit=1)
        self.assertTrue(row.stale)

    # ------------------------------------------------------------------ money that was given back

    def questions(self, order):
        return order.activity_ids.mapped("summary")

    def test_what_is_given_back_after_it_was_sent_is_told_to_a_person(self):
        for sums in ((2, 3), (20,)):
            with self.subTest(sums):
                external_id = self.place_order((self.products[0], 2, "10.00"))
                order = self.pulled(external_id)
                self.box.touch(external_id, displayFulfillmentStatus="FULFILLED")
                for sum_ in sums:
                    self.box.give_back(external_id, sum_)
                    self.assertEqual(self.pulled(external_id).marketplace_status, "shipped")
                self.assertEqual(self.questions(order), ["Refunded at the marketplace"])
                self.assertIn(f"{sum(sums)}.00", order.activity_ids.note)
                self.assertEqual(order.marketplace_refunded, sum(sums))
                order.activity_ids.unlink()
                self.box.touch(external_id, note="Thanks")
                self.assertFalse(self.questions(self.pulled(external_id)), "asked once")

    def test_what_is_given_back_for_what_was_taken_off_is_told_by_the_quantities(self):
        lines = [(product, 2, "10.00") for product in self.products[:2]]
        external_id = self.place_order(*lines, shipping="5.00")
        self.account.confirm_policy = "never"
        order = self.pulled(external_id)
        self.box.give_back(external_id, "20.00", taken_off=[(0, 1), (1, 1)])
        self.pulled(external_id)
        self.assertEqual(order.order_line.mapped("product_uom_qty"), [1.0, 1.0, 1.0])
        self.assertFalse(self.questions(order))
        self.assertFalse(order.marketplace_refunded)
        self.box.give_back(external_id, "14.50", taken_off=[(0, 1)])
        self.pulled(external_id)
        self.assertEqual(self.questions(order), ["Refunded at the marketplace"])
        self.assertEqual(order.marketplace_refunded, 4.5)

    def test_what_comes_back_after_it_was_sent_is_told_and_what_was_taken_off_before_is_not(self):
        external_id = self.place_order((self.products[0], 3, "10.00"), shipping="5.00")
        order = self.pulled(external_id)
        self.box.give_back(external_id, "10.00", taken_off=[(0, 1)])
        self.pulled(external_id)
        self.assertEqual(order.order_line[0].product_uom_qty, 2.0)
        self.deliver(order)
        self.assertEqual(self.box.orders[external_id]["displayFulfillmentStatus"], "FULFILLED")
        self.pulled(external_id)
        self.assertFalse(self.questions(order))
        self.box.give_back(external_id, "10.00", taken_off=[(0, 1)])
        self.pulled(external_id)
        self.assertEqual(self.questions(order), ["Refunded at the marketplace"])
        self.assertEqual(order.marketplace_refunded, 10.0)

    def test_shipping_that_is_given_back_is_told_once_it_was_sent(self):
        for fulfilment, refunded in (("UNFULFILLED", 0.0), ("FULFILLED", 5.7)):
            shipping = self.box.shipping("5.00", tax="0.70", currentDiscountedPriceSet=self.box.money("0.00"))
            raw = self.raw(
                self.line(self.products[0], 1, "10.00"),
                shippingLines=[shipping],
                taxesIncluded=False,
                displayFulfillmentStatus=fulfilment,
                totalRefundedSet=self.box.money("5.70"),
            )
            self.assertEqual(forms.order_of(raw, 2, True).refunded, refunded)

    def test_cents_of_what_was_taken_off_unit_by_unit_were_not_given_back(self):
        line = self.line(self.products[0], 3, "6.6667", tax="2.80", currentQuantity=1, nonFulfillableQuantity=2)
        for sum_, refunded in (("15.22", 0.0), ("15.30", 0.1)):
            raw = self.raw(line, taxesIncluded=False, totalRefundedSet=self.box.money(sum_))
            self.assertEqual(forms.order_of(raw, 2, False).refunded, refunded)

    def test_what_is_added_and_not_paid_yet_was_not_given_back(self):
        external_id = self.place_order((self.products[0], 3, "10.00"))
        order = self.pulled(external_id)
        self.box.give_back(external_id, "10.00", taken_off=[(0, 1)])
        self.box.orders[external_id]["lineItems"].append(self.line(self.products[1], 1, "7.00"))
        self.box.touch(external_id)
        self.assertFalse(self.pulled(external_id).marketplace_refunded)
        self.assertNotIn("Refunded at the marketplace", self.questions(order))

    def test_of_an_order_that_is_cancelled_all_that_was_given_back_is_known_and_nobody_is_asked(self):
        external_id = self.place_order((self.products[0], 2, "10.00"))
        order = self.pulled(external_id)
        self.box.cancel(external_id)
        self.box.give_back(external_id, "20.00")
        self.assertEqual(self.pulled(external_id).marketplace_status, "cancelled")
        self.assertEqual(order.marketplace_refunded, 20.0)
        self.assertFalse(self.questions(order))

    # ------------------------------------------------------------------ pulling

    def test_the_next_pull_begins_with_an_overlap_by_the_shops_clock(self):
        self.place_order((self.products[0], 1, "10.00"))
        self.box._clock += timedelta(hours=3)  # the shop's clock is ahead of ours
        external_id = self.place_order((self.products[0], 1, "10.00"))
        self.pull()
        since = json.loads(self.running().order_cursor)["since"]
        newest = self.box.orders[external_id]["updatedAt"]
        gap = datetime.fromisoformat(newest[:19]) - datetime.fromisoformat(since[:19])
        self.assertEqual(gap, timedelta(minutes=5))
        self.pull()
        self.assertEqual(len(self.order_here(external_id)), 1)

    def test_an_order_that_changes_while_pages_are_read_is_not_passed_over(self):
        ids = [self.place_order((self.products[0], 1, "10.00")) for _n in range(documents.ORDERS_PAGE + 2)]
        api = self.account._api()
        page = api._pull_orders(self.account)
        self.assertTrue(page.more)
        self.box.touch(ids[0], note="changed meanwhile")
        rest = api._pull_orders(self.account, page.cursor)
        self.assertFalse(rest.more)
        found = [api._identify(self.account, raw)[0] for raw in page.documents + rest.documents]
        self.assertEqual((set(found), found.count(ids[0])), (set(ids), 2))

    def test_a_very_long_search_is_begun_anew(self):
        ids = [self.place_order((self.products[0], 1, "10.00")) for _n in range(3 * documents.ORDERS_PAGE)]
        self.patch(type(self.account._api()), "_pages_of_search", 2)
        self.pull()
        found = self.env["sale.order"].search([("marketplace_config_id", "=", self.account.id)])
        self.assertEqual(set(found.mapped("cartona_id")), set(ids))
        self.assertIn(None, [entry.body["variables"]["after"] for entry in self.box.calls("#Orders$")][1:])

    def test_orders_for_which_a_page_takes_too_long_come_with_the_next_step(self):
        self.patch(type(self.account._api()), "_seconds_of_page", 0.0)
        ids = [self.place_order((self.products[0], 1, "10.00")) for _n in range(documents.ORDERS_PAGE + 2)]
        self.pull()
        found = self.env["sale.order"].search([("marketplace_config_id", "=", self.account.id)])
        self.assertEqual(set(found.mapped("cartona_id")), set(ids))
        self.assertEqual(len(self.box.calls("#Orders$")), len(ids))

    # ------------------------------------------------------------------ points

    def test_an_order_that_costs_more_points_than_there_are_comes_in_whole(self):
        self.box.bucket, self.box.restore_rate, self.box.points = 1000, 1000, 1000
        rows = [self.line(self.products[number % 4], 1, "1.00") for number in range(210)]
        order = self.pulled(self.box.add_order(*rows))
        self.assertEqual(len(order.order_line), 210)
        self.assert_proven(order)
        asked = [entry.path.rpartition("#")[2] for entry in self.box.calls("graphql.json")]
        self.assertEqual(asked.count("Orders"), 1)
        waits = [operation for operation, _cost in self.box.throttled]
        self.assertEqual(set(waits), {"More"})
        self.assertEqual(asked.count("More"), 4 + len(waits))
        self.assertLess(len(waits), 4, "it waits as long as it is told to")

    def test_who_has_no_points_left_comes_back_when_there_are_enough(self):
        self.place_order((self.products[0], 1, "10.00"))
        self.box.restore_rate, self.box.points = 1, 0
        before = fields.Datetime.now()
        self.pull()
        ((_operation, cost),) = self.box.throttled
        told = cost["requestedQueryCost"] - cost["throttleStatus"]["currentlyAvailable"]
        self.assertGreater(told, 700)
        self.assertGreaterEqual((self.running()._blocked_until("pull") - before).total_seconds(), told)
        self.assertFalse(self.running()._is_blocked("offers"))

    def test_orders_of_before_the_account_are_asked_for_only_if_wanted(self):
        mine = [("marketplace_config_id", "=", self.account.id)]
        self.account.orders_since = fields.Datetime.now() + timedelta(days=1)
        external_id = self.place_order((self.products[0], 1, "10.00"))
        self.pull()
        self.assertFalse(self.env["sale.order"].search(mine))
        self.account.orders_since = fields.Datetime.now() - timedelta(days=1)
        self.running().order_cursor = False  # the first pull goes by it
        self.pull()
        self.assertEqual(self.env["sale.order"].search(mine).cartona_id, external_id)

    # ------------------------------------------------------------------ cancelling

    def test_an_order_cancelled_here_is_cancelled_there_with_its_reason(self):
        for reason, told in (("INVENTORY", "INVENTORY"), (False, "OTHER")):
            external_id = self.place_order((self.products[0], 1, "10.00"))
            order = self.pulled(external_id)
            order.marketplace_cancel_reason = reason
            order._action_cancel()
            self.commit()
            there = self.box.orders[external_id]
            self.assertEqual((there["cancelReason"], there["displayFinancialStatus"]), (told, "PAID"))
            self.assertEqual(order.marketplace_status, "cancelled")

    def test_money_goes_back_only_where_the_account_says_so(self):
        self.account.shopify_refund = True
        external_id = self.place_order((self.products[0], 1, "10.00"))
        self.pulled(external_id)._action_cancel()
        self.commit()
        self.assertEqual(self.box.orders[external_id]["displayFinancialStatus"], "REFUNDED")

    def test_cancelling_what_is_cancelled_there_already_is_no_failure(self):
        external_id = self.place_order((self.products[0], 1, "10.00"))
        order = self.pulled(external_id)
        self.box.cancel(external_id)
        order._action_cancel()
        self.commit()
        self.assertFalse(self.env["marketplace.outbox"].search([("order_id", "=", order.id)]))

    def test_a_cancellation_that_is_refused_stands_there_with_the_reason(self):
        external_id = self.place_order((self.products[0], 1, "10.00"))
        order = self.pulled(external_id)
        self.box.orders[external_id]["fulfillments"].append({"status": "SUCCESS"})
        order._action_cancel()
        self.commit()
        command = self.env["marketplace.outbox"].search([("order_id", "=", order.id)])
        self.assertEqual((command.state, command.error_code), ("failed", "INVALID"))
        self.assertIn("has fulfillments", command.last_error)
