# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
from datetime import timedelta

from odoo.exceptions import UserError, ValidationError

from ..sandbox.woocommerce import ADDRESS
from .common import MarketplaceCase
from .contract_tools import AdapterTools
from .test_contract_woocommerce import PAGE, WoocommerceBase


class TestWoocommerceOrders(WoocommerceBase, AdapterTools, MarketplaceCase):
    # ------------------------------------------------------------------ orders: the walk

    def pulled(self, cursor=None, between=None):
        """Walk to the end; return the ids in the order they came, and the cursor. ``between`` happens after a page."""
        ids, pages = [], 0
        while True:
            page = self.api._pull_orders(self.account, cursor)
            ids += [raw["id"] for raw in page.documents]
            cursor, pages = page.cursor, pages + 1
            if not page.more:
                return ids, cursor
            if between:
                between(pages)

    def orders(self, count, **values):
        return [self.box.add_order((self.there[self.products[0]], 1, 10.0), **values) for _n in range(count)]

    def test_orders_that_are_deleted_while_pages_are_read_hide_no_other(self):
        orders = self.orders(2 * PAGE + 20)

        def between(pages):
            if pages == 1:
                for order in orders[: PAGE // 2]:
                    self.box.remove_order(order)

        ids, _cursor = self.pulled(between=between)
        self.assertEqual(set(ids), {order["id"] for order in orders})

    def test_an_order_that_changes_while_pages_are_read_comes_with_the_next_walk(self):
        old = self.box.add_order((self.there[self.products[0]], 1, 10.0), date_modified_gmt="2020-01-01T00:00:00")
        orders = self.orders(PAGE + 20)

        def between(pages):
            if pages == 1:
                self.box.change_order(old, status="completed")

        ids, cursor = self.pulled(between=between)
        self.assertNotIn(old["id"], ids)
        self.assertEqual(set(ids), {order["id"] for order in orders})
        self.assertIn(old["id"], self.pulled(cursor)[0])

    def test_the_next_walk_begins_by_the_clock_of_the_shop_and_never_earlier_than_the_last(self):
        for ahead in (timedelta(hours=-3), timedelta(hours=3)):
            with self.subTest(ahead=ahead):
                self.box.clock = ahead
                self.account.orders_since = "2020-01-01 00:00:00"
                order = self.orders(1)[0]
                cursor = self.pulled()[1]
                since = json.loads(cursor)["since"]
                self.assertLess(since, order["date_modified_gmt"])
                self.assertGreater(since, "2020-01-02")
                self.assertEqual(json.loads(self.pulled(cursor)[1])["since"], since)
                late = self.orders(1)[0]
                self.assertIn(late["id"], self.pulled(cursor)[0])

    def test_without_a_time_to_begin_with_it_is_when_the_account_went_live(self):
        self.orders(1, date_modified_gmt="2020-01-01T00:00:00")
        new = self.orders(1)
        self.assertTrue(self.account.orders_since)
        self.account.orders_since -= timedelta(seconds=5)
        self.assertEqual(self.pulled()[0], [new[0]["id"]])

    def test_an_order_in_the_bin_comes_with_the_pull_although_its_delivery_failed(self):
        order = self.taken()
        self.assertEqual(order.state, "sale")
        self.box.change_order(self.box.orders[int(order.cartona_id)], status="trash")
        self.pull()
        self.assertEqual((order.state, order.marketplace_status), ("cancel", "cancelled"))
        self.box.clear_journal()
        self.pull()
        self.assertEqual(len(self.box.calls("orders$")), 2, "one call more, whatever is in the bin")

    def test_what_goes_into_the_bin_while_pages_are_read_is_not_passed_over(self):
        orders = self.orders(PAGE + 20)

        def between(pages):
            if pages == 1:
                for order in orders[::2]:
                    self.box.change_order(order, status="trash")

        ids, cursor = self.pulled(between=between)
        self.assertEqual(set(ids), {order["id"] for order in orders})
        self.assertEqual(list(json.loads(cursor)), ["since"])

    def test_a_bin_of_many_pages_is_read_to_its_end(self):
        orders = self.orders(2 * PAGE + 20, status="trash")
        kept = self.orders(3)
        ids, cursor = self.pulled()
        self.assertEqual(set(ids), {order["id"] for order in (*orders, *kept)})
        self.assertLess(json.loads(cursor)["since"], kept[0]["date_modified_gmt"])

    def test_a_checkout_that_was_never_sent_is_no_order(self):
        self.orders(1, status="checkout-draft")
        self.assertEqual(self.pulled()[0], [])

    # ------------------------------------------------------------------ orders: what they say

    def taken(self, **values):
        self.list_products()
        external_id = self.place_order((self.products[0], 2, 10.0), **values)
        self.pull()
        return self.order_here(external_id)

    def test_what_is_not_paid_is_not_confirmed_until_it_is(self):
        self.list_products()
        for status in ("pending", "on-hold", "failed"):
            with self.subTest(status=status):
                external_id = self.place_order((self.products[0], 2, 10.0), status=status, date_paid_gmt=None)
                self.pull()
                order = self.order_here(external_id)
                self.assertEqual((order.state, order.marketplace_status), ("draft", "pending"))
                self.box.change_order(self.box.orders[int(order.cartona_id)], status="processing")
                self.pull()
                self.assertEqual((order.state, order.marketplace_status), ("sale", "approved"))
        self.settle()
        self.assertFalse(self.box.calls("orders/", "PUT"))

    def test_own_statuses_mean_what_the_account_says(self):
        self.account.woocommerce_statuses = " packed = approved , wc-courier=shipped"
        order = self.taken(status="packed")
        self.assertEqual((order.state, order.marketplace_status), ("sale", "approved"))
        with self.assertRaises(ValidationError):
            self.account.woocommerce_statuses = "packed=gone"

    def test_what_is_paid_is_not_collected_again(self):
        self.assertEqual(self.taken().marketplace_to_collect, 0.0)
        external_id = self.place_order((self.products[0], 2, 10.0), payment_method="cod", date_paid_gmt=None)
        self.pull()
        order = self.order_here(external_id)
        self.assertEqual(order.marketplace_to_collect, 20.0)
        refunds = [{"id": 7, "reason": "", "total": "-5.00"}]
        self.box.change_order(self.box.orders[int(external_id)], refunds=refunds)
        self.pull()
        self.assertEqual((order.marketplace_to_collect, order.marketplace_owes), (15.0, 0.0))

    def test_coupons_fees_and_delivery_come_to_the_total_of_the_shop(self):
        self.list_products()
        order = self.box.add_order((self.there[self.products[0]], 3, 10.0), delivery=7.5)
        order["line_items"][0].update(total="24.00", total_tax="0.00")
        order["coupon_lines"] = [{"id": 1, "code": "SAVE", "discount": "6.00", "discount_tax": "0.00"}]
        order["fee_lines"] = [{"id": 2**60, "name": "Gift wrap", "total": "1.25", "total_tax": "0.00"}]
        order["total"] = "32.75"
        self.pull()
        here = self.order_here(str(order["id"]))
        self.assertFalse(here.marketplace_hold)
        self.assertEqual(here.amount_total, 32.75)
        line = here.order_line[0]
        self.assertEqual((line.price_unit, line.marketplace_supplier_discount), (8.0, 2.0))
        self.assertEqual(here.order_line.mapped("name")[1:], ["Flat rate", "Gift wrap"])

    def test_what_can_not_be_divided_comes_to_the_total_all_the_same(self):
        self.list_products()
        order = self.box.add_order((self.there[self.products[0]], 7, 1.43), (self.there[self.products[1]], 300, 1.0))
        order["line_items"][0].update(total="10.00", subtotal="10.00")
        order["line_items"][1].update(total="100.00", subtotal="100.00")
        order["total"] = "110.00"
        self.pull()
        here = self.order_here(str(order["id"]))
        self.assertFalse(here.marketplace_hold)
        self.assertAlmostEqual(here.amount_total, 110.0)
        order["total"] = "150.00"
        self.assertEqual(len(self.api._parse_order(self.account, order).lines), 2, "that is no rounding")

    def test_taxes_are_in_the_prices_unless_they_are_computed_here(self):
        order = self.box.add_order((self.there[self.products[0]], 4, 25.0), taxes=14.0, delivery=10.0)
        for policy, included, price in (
            ("included", False, 28.5),
            ("none", False, 28.5),
            ("product", False, 25.0),
            ("product", True, 28.5),
        ):
            with self.subTest(policy=policy, included=included):
                self.account.tax_policy = policy
                order["prices_include_tax"] = included
                parsed = self.api._parse_order(self.account, order)
                self.assertEqual(parsed.lines[0].price_unit, price)
                self.assertEqual(parsed.total, 125.4)
                self.assertEqual([line.kind for line in parsed.lines], ["product", "delivery"])

    def test_currencies_of_0_and_3_decimals(self):
        for currency, total in (("JPY", "1000"), ("KWD", "10.005")):
            with self.subTest(currency=currency):
                order = self.box.add_order((self.there[self.products[0]], 1, 1.0), currency=currency, total=total)
                order["line_items"][0].update(total=total)
                parsed = self.api._parse_order(self.account, order)
                self.assertEqual((parsed.currency, parsed.total), (currency, float(total)))
                self.assertEqual([line.price_unit for line in parsed.lines], [float(total)])

    def test_a_line_whose_product_is_deleted_there_is_known_by_its_reference(self):
        order = self.box.add_order((self.there[self.products[0]], 1, 10.0))
        order["line_items"][0].update(product_id=0)
        line = self.api._parse_order(self.account, order).lines[0]
        self.assertEqual((line.product_external_id, line.product_sku), ("", self.products[0].default_code))
        order["line_items"][0].update(product_id=None, sku=None, name="Tea &amp; Milk")
        line = self.api._parse_order(self.account, order).lines[0]
        self.assertEqual((line.product_external_id, line.product_sku, line.name), ("", "", "Tea & Milk"))

    def test_guests_are_known_by_phone_else_by_mail_and_may_have_neither(self):
        person = {"first_name": "Omar", "last_name": "Zaki"}
        for billing, code in (
            ({**person, "phone": "01001234567", "email": "Omar@example.com"}, ""),
            ({**person, "phone": "", "email": "Omar@example.com"}, "omar@example.com"),
            ({**person}, ""),
            ([], ""),
            (None, ""),
        ):
            with self.subTest(billing=billing):
                order = self.box.add_order(customer_id=0, billing=billing, shipping=[])
                self.assertEqual(self.api._parse_order(self.account, order).customer.code, code)
        self.list_products()
        external_id = self.place_order((self.products[0], 1, 10.0), customer_id=0, billing=[], shipping=[])
        self.pull()
        self.assertTrue(self.order_here(external_id).partner_id.name)

    def test_the_goods_go_to_the_shipping_address_and_the_customer_keeps_that_of_the_invoice(self):
        elsewhere = {
            **ADDRESS,
            "first_name": "Heba",
            "address_1": "5 Harbour Road",
            "city": "Alexandria",
            "state": "EGALX",
        }
        order = self.taken(shipping=elsewhere)
        self.assertEqual((order.partner_id.street, order.partner_id.city), ("12 Nile Street", "Cairo"))
        address = order.partner_shipping_id
        self.assertEqual((address.street, address.city), ("5 Harbour Road", "Alexandria"))
        self.assertEqual(address.state_id.code, "ALX")
        self.assertIn("Heba", address.marketplace_notes)

    # ------------------------------------------------------------------ orders: afterwards

    def activities(self, order):
        return order.activity_ids.mapped("summary")

    def test_a_part_that_was_refunded_is_told_to_a_person_once(self):
        order = self.taken()
        there = self.box.orders[int(order.cartona_id)]
        self.box.change_order(there, refunds=[{"id": 1, "reason": "Broken", "total": "-4.00"}])
        self.pull()
        self.assertEqual(self.activities(order), ["Refunded at the marketplace"])
        order.activity_ids.unlink()
        self.box.change_order(there, customer_note="Thanks")
        self.pull()
        self.assertFalse(order.activity_ids)
        self.assertEqual(order.marketplace_refunded, 4.0)

    def test_an_open_question_about_refunds_tells_the_newest_sum(self):
        order = self.taken()
        there = self.box.orders[int(order.cartona_id)]
        refunds = []
        for number, total in enumerate((4, 3), start=1):
            refunds.append({"id": number, "reason": "Broken", "total": f"-{total}.00"})
            self.box.change_order(there, refunds=list(refunds))
            self.pull()
        self.assertEqual(self.activities(order), ["Refunded at the marketplace"])
        self.assertIn("7.00", order.activity_ids.note)

    def test_a_refund_before_shipping_cancels_and_one_afterwards_takes_back(self):
        order = self.taken()
        self.box.change_order(self.box.orders[int(order.cartona_id)], status="refunded")
        self.pull()
        self.assertEqual((order.state, order.marketplace_status), ("cancel", "cancelled"))
        there = self.box.add_order(status="refunded", date_completed_gmt="2026-01-01T00:00:00")
        self.assertEqual(self.api._parse_status(self.account, there)[1], "returned")

    def step(self, order, *steps):
        """Change the order in the shop, again and again, each change some seconds later and pulled; return it."""
        there = self.box.orders[int(order.cartona_id)]
        for values in steps:
            self.box.clock += timedelta(seconds=5)
            self.box.change_order(there, **values)
            self.pull()
        return there

    def test_an_order_that_is_opened_again_is_told_to_a_person(self):
        order = self.taken()
        self.step(order, {"status": "cancelled"}, {"status": "processing"})
        self.assertEqual(order.state, "cancel")
        self.assertIn("Stepped back at the marketplace", self.activities(order))

    def test_an_order_that_is_opened_again_is_delivered_as_it_is_by_now_and_told_as_any_other(self):
        order = self.taken()
        there = self.step(order, {"status": "cancelled"})
        less = [{**there["line_items"][0], "quantity": 1, "total": "10.00", "subtotal": "10.00"}]
        self.step(order, {"status": "processing", "total": "10.00", "line_items": less})
        order.action_draft()
        order.action_confirm()
        self.commit()
        self.assertEqual((order.state, order.marketplace_status), ("sale", "approved"))
        self.assertEqual(order.order_line.mapped("product_uom_qty"), [1.0])
        self.deliver(order, marketplace_carrier="Aramex", marketplace_tracking="1Z1")
        self.settle()
        self.assertEqual(there["status"], "completed")

    def test_an_order_that_is_opened_again_and_has_to_be_held_says_so_and_keeps_no_other_from_being_confirmed(self):
        order = self.taken()
        self.step(order, {"status": "cancelled"}, {"status": "processing", "total": "1.00"})
        order.action_draft()
        other = order.copy()
        (order + other).action_confirm()
        self.assertEqual((order.state, order.marketplace_status, other.state), ("draft", "approved", "sale"))
        self.assertTrue(order.marketplace_hold)
        order.action_marketplace_accept()
        self.commit()
        self.assertEqual(order.state, "sale")

    def test_who_goes_on_with_it_is_told_where_its_document_can_not_be_understood(self):
        order = self.taken()
        self.step(order, {"status": "cancelled"}, {"status": "processing"})
        order.action_draft()
        row = self.env["marketplace.inbox"].search([("order_id", "=", order.id)], order="id desc", limit=1)
        readable = row.payload
        row.payload = json.dumps({**row._document(), "line_items": [{"id": 1}]})
        with self.assertRaisesRegex(UserError, r"line_items\[0\]"):
            order.action_confirm()
        self.assertEqual((order.state, order.marketplace_status), ("draft", "cancelled"))
        row.payload = readable
        order.action_confirm()
        self.assertEqual((order.state, order.marketplace_status), ("sale", "approved"))

    def test_an_order_that_has_ended_for_good_is_not_confirmed_again(self):
        order = self.taken()
        self.step(order, {"status": "cancelled"}, {"status": "processing"}, {"status": "cancelled"})
        order.action_draft()
        with self.assertRaisesRegex(UserError, "has ended at the marketplace"):
            order.action_confirm()

    def test_a_step_back_that_was_answered_is_asked_about_again_when_it_happens_again(self):
        order = self.taken()
        there = self.box.orders[int(order.cartona_id)]
        steps = (("cancelled", 0), ("processing", 1), ("processing", 0), ("cancelled", 0), ("processing", 1))
        for number, (status, asked) in enumerate(steps):
            self.box.clock += timedelta(seconds=5)
            self.box.change_order(there, status=status, customer_note=str(number))
            self.pull()
            self.assertEqual(len(self.activities(order)), asked, number)
            order.activity_ids.action_done()

    def test_a_late_cancellation_is_told_again_when_the_order_was_open_in_between(self):
        order = self.taken()
        there = self.box.orders[int(order.cartona_id)]
        self.deliver(order, marketplace_carrier="Aramex", marketplace_tracking="1Z1")
        late = "Cancelled at the marketplace, but goods have left"
        steps = (("cancelled", True), ("cancelled", False), ("processing", False), ("cancelled", True))
        for number, (status, told) in enumerate(steps):
            self.box.clock += timedelta(seconds=5)
            self.box.change_order(there, status=status, customer_note=str(number))
            self.pull()
            self.assertEqual(late in self.activities(order), told, number)
            order.activity_ids.action_done()

    def test_an_order_that_was_completed_by_mistake_is_told_to_a_person(self):
        order = self.taken()
        self.step(order, {"status": "completed"}, {"status": "processing"})
        self.assertEqual(self.activities(order), ["Stepped back at the marketplace"])
        self.assertIn("processing", order.activity_ids.note)
        order.activity_ids.action_done()
        self.step(order, {"customer_note": "Thanks"})
        self.assertFalse(self.activities(order), "asked once")

    def test_an_older_version_that_comes_late_changes_nothing(self):
        order = self.taken(status="processing")
        there = self.box.orders[int(order.cartona_id)]
        late = json.loads(json.dumps(there))
        self.box.clock += timedelta(seconds=5)
        self.box.change_order(there, status="cancelled")
        self.pull()
        self.env["marketplace.inbox"]._store([(self.account, "order", order.cartona_id, late)], "webhook")
        self.commit()
        self.assertEqual((order.marketplace_status, self.activities(order)), ("cancelled", []))

    # ------------------------------------------------------------------ telling the shop

    def test_the_last_delivery_completes_the_order_and_the_first_only_tells_of_itself(self):
        order = self.shipped_order((self.products[0], 2, 10.0), (self.products[1], 3, 5.0))
        there = self.box.orders[int(order.cartona_id)]
        self.deliver(order, {self.products[0]: 2}, marketplace_carrier="Aramex", marketplace_tracking="1Z1")
        self.assertEqual(there["status"], "processing")
        self.deliver(order)
        self.assertEqual(there["status"], "completed")
        self.assertEqual(len(self.shipments_there(order.cartona_id)), 1, "without a number there is nothing to tell")
        self.pull()
        self.assertEqual(order.marketplace_status, "delivered")
        self.assertEqual(len(self.box.calls("orders/[0-9]+$", "PUT")), 1)

    def test_what_was_cancelled_there_a_moment_ago_is_not_completed(self):
        order = self.shipped_order((self.products[0], 2, 10.0))
        there = self.box.orders[int(order.cartona_id)]
        self.box.change_order(there, status="cancelled")
        self.deliver(order, marketplace_carrier="Aramex", marketplace_tracking="1Z1")
        self.assertEqual(there["status"], "cancelled")
        self.assertFalse(self.box.notes)
        failed = self.env["marketplace.outbox"].search([("config_id", "=", self.account.id), ("state", "=", "failed")])
        self.assertIn("cancelled in WooCommerce", failed[:1].last_error)

    def test_a_cancellation_here_cancels_there(self):
        order = self.taken()
        order._action_cancel()
        self.settle()
        self.assertEqual(self.box.orders[int(order.cartona_id)]["status"], "cancelled")
