# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
from datetime import timedelta

from odoo import fields

from ..marketplaces import amazon_forms
from ..schemas import Package
from ..transport import errors
from .common import MarketplaceCase
from .test_contract_amazon import EG, US, AmazonTools


class TestAmazonOrders(AmazonTools, MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.list_products()

    # ------------------------------------------------------------------ which orders

    def test_an_unpaid_order_comes_in_when_its_prices_are_known(self):
        external_id = self.place_order((self.products[0], 2, 10.0), status="PENDING")
        priced = self.box.orders[external_id]
        bare = json.loads(json.dumps(priced))
        for item in bare["orderItems"]:
            del item["proceeds"], item["product"]["price"]
        del bare["proceeds"]
        self.box.orders[external_id] = bare
        self.pull()
        self.assertFalse(self.orders_here())
        self.box.orders[external_id] = priced
        self.box.change_order(external_id, "UNSHIPPED")
        self.pull()
        order = self.order_here(external_id)
        self.assertEqual((order.state, order.amount_total), ("sale", 20.0))

    def test_what_is_paid_to_amazon_is_not_collected(self):
        external_id = self.place_order((self.products[0], 2, 10.0))
        self.pull()
        order = self.order_here(external_id)
        self.assertEqual((order.marketplace_to_collect, order.marketplace_owes), (0.0, 20.0))

    def test_a_paid_order_without_any_price_is_no_order_for_nothing(self):
        external_id = self.place_order((self.products[0], 2, 10.0))
        order = self.box.orders[external_id]
        del order["orderItems"][0]["proceeds"], order["orderItems"][0]["product"]["price"], order["proceeds"]
        self.pull()
        self.assertFalse(self.orders_here())
        self.assertEqual(self.inbox().state, "failed")
        self.assertIn("orderItems[0].proceeds", self.inbox().last_error)

    def test_an_order_that_amazon_delivers_is_left_out(self):
        external_id = self.place_order((self.products[0], 1, 10.0))
        self.box.orders[external_id]["fulfillment"]["fulfilledBy"] = "AMAZON"
        self.pull()
        self.assertFalse(self.inbox())
        self.assertIsNone(self.account._api()._fetch_order(self.account, external_id))

    def test_an_unpaid_order_that_was_cancelled_is_cancelled_here(self):
        external_id = self.place_order((self.products[0], 1, 10.0), status="CANCELLED")
        order = self.box.orders[external_id]
        execution = {"cancelledBy": "BUYER", "cancelReason": "Changed his mind"}
        order["orderItems"][0].update({"proceeds": {}, "cancellation": {"cancellationExecution": execution}})
        del order["proceeds"], order["orderItems"][0]["product"]["price"]
        self.pull()
        found = self.order_here(external_id)
        self.assertEqual((found.state, found.marketplace_reason), ("cancel", "Changed his mind"))

    def free(self, external_id):
        """Take all that Amazon tells of prices out of an order."""
        order = self.box.orders[external_id]
        for item in order["orderItems"]:
            item["proceeds"] = {}
            del item["product"]["price"]
        del order["proceeds"]

    def test_a_replacement_without_a_price_comes_in_for_nothing_and_waits_for_a_person_once(self):
        for kind in ("REPLACEMENT_ORIGINAL_ID", "EXCHANGE_ORIGINAL_ID"):
            original = {"orderId": "902-1234567-7654321", "associationType": kind}
            external_id = self.place_order((self.products[0], 2, 10.0), associatedOrders=[original])
            self.free(external_id)
            self.pull()
            order = self.order_here(external_id)
            self.assertEqual((order.state, order.amount_total), ("draft", 0.0), self.inbox().mapped("last_error"))
            self.assertIn("902-1234567-7654321", order.marketplace_hold)
            order.action_marketplace_accept()
            self.commit()
            self.assertEqual((order.state, order.marketplace_to_collect), ("sale", 0.0))
            self.box.change_order(external_id, "UNSHIPPED")
            self.pull()
            self.assertFalse(order.marketplace_hold)

    def test_a_replacement_that_has_a_price_is_an_order_like_others(self):
        original = {"orderId": "902-1234567-7654321", "associationType": "EXCHANGE_ORIGINAL_ID"}
        external_id = self.place_order((self.products[0], 2, 10.0), associatedOrders=[original])
        self.pull()
        order = self.order_here(external_id)
        self.assertEqual((order.state, order.amount_total), ("sale", 20.0))

    def test_the_promised_day_is_that_of_the_place_where_it_is_promised(self):
        promised = {}
        for place in (US, "A1VC38T7YXB528"):
            for until in ("2026-07-01T06:59:59Z", "2026-07-01T14:59:59Z", "2026-12-02T07:59:59Z"):
                external_id = self.place_order((self.products[0], 1, 10.0))
                raw = self.box.orders[external_id]
                raw["salesChannel"]["marketplaceId"] = self.account.amazon_marketplace = place
                raw["fulfillment"]["deliverByWindow"] = {"latestDateTime": until}
                promised[place, until] = str(self.account._api()._parse_order(self.account, raw).estimated_day)
        days = ("2026-06-30", "2026-07-01", "2026-12-01", "2026-07-01", "2026-07-01", "2026-12-02")
        self.assertEqual(tuple(promised.values()), days)

    # ------------------------------------------------------------------ buyers who ask to cancel

    def ask_to_cancel(self, external_id, status="UNSHIPPED", **cancellation):
        request = {"requester": "BUYER", "cancelReason": "Bought by mistake"}
        item = self.box.orders[external_id]["orderItems"][0]
        item["cancellation"] = {"cancellationRequest": request, **cancellation}
        self.box.change_order(external_id, status)

    def test_an_order_whose_buyer_asks_to_cancel_is_held_and_can_be_delivered_all_the_same(self):
        external_id = self.place_order((self.products[0], 1, 10.0))
        self.ask_to_cancel(external_id)
        self.pull()
        order = self.order_here(external_id)
        self.assertEqual(order.state, "draft")
        self.assertIn("Bought by mistake", order.marketplace_hold)
        order.action_marketplace_accept()
        self.commit()
        self.assertEqual((order.state, order.marketplace_status), ("sale", "approved"))
        self.ask_to_cancel(external_id)
        self.pull()
        self.assertFalse(order.activity_ids, "somebody has decided that already")

    def test_a_buyer_who_asks_to_cancel_a_confirmed_order_is_told_to_a_person_once(self):
        external_id = self.place_order((self.products[0], 1, 10.0))
        self.pull()
        order = self.order_here(external_id)
        self.assertEqual(order.state, "sale")
        for _again in range(2):
            self.ask_to_cancel(external_id)
            self.pull()
            self.assertIn("Bought by mistake", order.activity_ids.note)
        order.activity_ids.action_done()
        self.ask_to_cancel(external_id)
        self.pull()
        self.assertFalse(order.activity_ids)
        self.deliver(order, marketplace_carrier="DHL", marketplace_tracking="1Z1")
        self.assertEqual(order.marketplace_status, "shipped", "who delivers all the same is not kept from telling it")

    def test_a_request_that_was_carried_out_or_came_too_late_asks_nobody(self):
        for status, told, cancellation in (
            ("CANCELLED", "cancelled", {"cancellationExecution": {"cancelledBy": "MERCHANT"}}),
            ("SHIPPED", "shipped", {}),
        ):
            external_id = self.place_order((self.products[0], 1, 10.0))
            self.pull()
            self.ask_to_cancel(external_id, status, **cancellation)
            self.pull()
            order = self.order_here(external_id)
            self.assertFalse(order.activity_ids or order.marketplace_hold, status)
            self.assertEqual(order.marketplace_status, told)
            self.assertEqual(set(self.inbox().mapped("state")) - {"superseded"}, {"done"})

    # ------------------------------------------------------------------ who and what

    def test_a_buyer_of_whom_amazon_tells_nothing_is_a_customer_all_the_same(self):
        first = self.place_order((self.products[0], 1, 10.0), buyer={}, recipient={})
        second = self.place_order((self.products[0], 1, 10.0), buyer=None, recipient=None)
        self.pull()
        partners = (self.order_here(first) | self.order_here(second)).partner_id
        self.assertEqual(len(partners), 2)
        self.assertEqual(partners.mapped("name"), [f"Amazon {first}", f"Amazon {second}"])

    def test_a_buyer_is_known_by_his_mail_and_not_by_a_number_that_many_share(self):
        shared = {"name": "A", "addressLine1": "1 Nile Street", "phone": "+1 480-555-0100 ext. 12345"}
        orders = []
        for number, mail in enumerate(
            ("a@marketplace.amazon.eg", "b@marketplace.amazon.eg", "a@marketplace.amazon.eg")
        ):
            address = {**shared, "phone": shared["phone"] + str(number)}
            orders.append(
                self.place_order(
                    (self.products[0], 1, 10.0), buyer={"buyerEmail": mail}, recipient={"deliveryAddress": address}
                )
            )
        self.pull()
        partners = [self.order_here(external_id).partner_id for external_id in orders]
        self.assertEqual(partners[0], partners[2])
        self.assertNotEqual(partners[0], partners[1])
        self.assertFalse(partners[0].phone)
        self.assertIn("ext. 12345", self.order_here(orders[0]).partner_shipping_id.marketplace_phone2)

    def test_an_item_without_a_sku_holds_the_order(self):
        external_id = self.place_order((self.products[0], 1, 10.0))
        del self.box.orders[external_id]["orderItems"][0]["product"]["sellerSku"]
        self.pull()
        self.assertTrue(self.order_here(external_id).marketplace_hold)

    def test_line_ids_beyond_what_a_float_holds_stay_as_they_are(self):
        external_id = self.place_order((self.products[0], 1, 10.0), (self.products[1], 1, 10.0))
        self.pull()
        ids = [item["orderItemId"] for item in self.box.orders[external_id]["orderItems"]]
        self.assertGreater(int(ids[0]), 2**53)
        self.assertEqual(self.order_here(external_id).order_line.mapped("cartona_line_id"), ids)

    # ------------------------------------------------------------------ money

    def amount(self, value):
        return {"amount": str(value), "currencyCode": "USD"}

    def parts(self, total, *parts):
        """Return the proceeds of an item: parts are ``(type, amount, {subtype: amount})``."""
        breakdowns = []
        for kind, value, *details in parts:
            rows = [
                {"subtype": name, "value": self.amount(one)} for name, one in (details[0] if details else {}).items()
            ]
            breakdowns.append({"type": kind, "subtotal": self.amount(value), "detailedBreakdowns": rows})
        return {"proceedsTotal": self.amount(total), "breakdowns": breakdowns}

    def test_the_lines_come_to_what_amazon_says_whatever_it_is_made_of(self):
        cases = {
            "shipping": (self.parts("35.00", ("ITEM", 30), ("SHIPPING", 5)), 10.0, {"SHIPPING": 5.0}),
            "free shipping": (
                self.parts("30.00", ("ITEM", 30), ("SHIPPING", 5), ("DISCOUNT", -5, {"SHIPPING": -5})),
                10.0,
                {},
            ),
            "promotion": (self.parts("27.00", ("ITEM", 30), ("DISCOUNT", "3.00", {"ITEM": "3.00"})), 9.0, {}),
            "tax on top": (
                self.parts("38.50", ("ITEM", 30), ("SHIPPING", 5), ("TAX", "3.5", {"ITEM": 3, "SHIPPING": "0.5"})),
                11.0,
                {"SHIPPING": 5.5},
            ),
            "tax within": (self.parts("30.00", ("ITEM", 30), ("TAX", "3.68", {"ITEM": "3.68"})), 10.0, {}),
            "gift and cash on delivery": (
                self.parts("37.25", ("ITEM", 30), ("GIFT_WRAP", 2), ("COD_FEE", "5.25")),
                10.0,
                {"GIFT_WRAP": 2.0, "COD_FEE": 5.25},
            ),
            "does not divide": (self.parts("10.00", ("ITEM", 10)), 3.33, {"ROUNDING": 0.01}),
            "unknown part": (self.parts("31.00", ("ITEM", 30), ("STARDUST", 1)), 10.0, {"OTHER": 1.0}),
        }
        for name, (proceeds, price, extras) in cases.items():
            with self.subTest(name):
                external_id = self.place_order((self.products[0], 3, 10.0))
                raw = self.box.orders[external_id]
                raw["orderItems"][0]["proceeds"] = proceeds
                raw["proceeds"] = {"grandTotal": proceeds["proceedsTotal"]}
                self.pull()
                order = self.order_here(external_id)
                self.assertFalse(order.marketplace_hold)
                self.assertAlmostEqual(order.amount_total, float(proceeds["proceedsTotal"]["amount"]))
                goods = order.order_line.filtered(lambda line: line.product_id == self.products[0])
                self.assertAlmostEqual(goods.price_unit, price)
                others = {line.cartona_line_id: round(line.price_unit, 2) for line in order.order_line - goods}
                self.assertEqual(others, extras)

    def test_a_total_that_is_not_that_of_the_lines_holds_the_order(self):
        external_id = self.place_order((self.products[0], 3, 10.0), proceeds={"grandTotal": self.amount("31.50")})
        self.pull()
        self.assertIn("31.50", self.order_here(external_id).marketplace_hold)

    def test_a_tip_for_the_delivery_is_a_line(self):
        tip = {"type": "DELIVERY_TIP", "status": "FINALIZED", "subtotal": self.amount("1.50")}
        external_id = self.place_order(
            (self.products[0], 3, 10.0), proceeds={"grandTotal": self.amount("31.50"), "breakdowns": [tip]}
        )
        self.pull()
        order = self.order_here(external_id)
        self.assertEqual((order.state, order.amount_total), ("sale", 31.5))

    def test_tax_that_odoo_adds_by_itself_is_not_part_of_the_price(self):
        item = {"orderItemId": "1", "quantityOrdered": 2, "product": {"sellerSku": "A"}}
        item["proceeds"] = self.parts("22.00", ("ITEM", 20), ("TAX", 2, {"ITEM": 2}))
        self.assertEqual(amazon_forms.lines_of({"orderItems": [item]}, "USD")[0].price_unit, 11.0)
        self.assertEqual(amazon_forms.lines_of({"orderItems": [item]}, "USD", with_tax=False)[0].price_unit, 10.0)

    def test_yen_have_no_decimals(self):
        item = {"orderItemId": "1", "quantityOrdered": 3, "product": {"sellerSku": "A"}}
        item["proceeds"] = {"proceedsTotal": {"amount": "5980", "currencyCode": "JPY"}}
        goods, rest = amazon_forms.lines_of({"orderItems": [item]}, "JPY")
        self.assertEqual((goods.price_unit, rest.external_id, rest.price_unit), (1993.0, "ROUNDING", 1.0))

    def test_what_was_cancelled_of_an_item_is_not_delivered(self):
        external_id = self.place_order((self.products[0], 3, 10.0), (self.products[1], 1, 10.0))
        raw = self.box.orders[external_id]
        raw["orderItems"][0]["fulfillment"] = {"quantityFulfilled": 0, "quantityUnfulfilled": 0}
        raw["orderItems"][0]["cancellation"] = {"cancellationExecution": {"cancelledBy": "MERCHANT"}}
        raw["orderItems"][0]["proceeds"] = {"proceedsTotal": self.amount(0)}
        raw["proceeds"] = {"grandTotal": self.amount(10)}
        self.pull()
        order = self.order_here(external_id)
        self.assertEqual((order.order_line.product_id, order.amount_total), (self.products[1], 10.0))

    # ------------------------------------------------------------------ pages

    def searches(self):
        return self.box.calls(self.pull_path)

    def test_the_next_pull_begins_where_amazon_says_that_it_has_looked_up_to(self):
        self.pull()
        after = json.loads(self.running().order_cursor)["after"]
        self.assertGreaterEqual(after, amazon_forms.zulu(self.account.orders_since))
        self.account.orders_since = "2020-01-01"
        self.running().order_cursor = False
        self.pull()
        self.assertEqual(self.searches()[-1].query["lastUpdatedAfter"], "2020-01-01T00:00:00Z")
        after = json.loads(self.running().order_cursor)["after"]
        self.assertGreater(after, "2026")
        self.pull()
        self.assertEqual(self.searches()[-1].query["lastUpdatedAfter"], after)

    def test_orders_are_not_asked_for_before_the_time_has_come_that_they_are_wanted_from(self):
        now = fields.Datetime.now()
        for since in (now + timedelta(days=7), now):
            self.account.orders_since = since
            self.pull()
            self.assertFalse(self.searches())
            self.assertFalse(self.running().failures or self.running().failing)
        self.account.orders_since = now - timedelta(minutes=2)
        self.pull()
        self.assertEqual([call.status for call in self.searches()], [200])

    def test_amazon_refuses_a_start_that_it_does_not_look_up_to(self):
        place = json.dumps({"after": amazon_forms.zulu(fields.Datetime.now())})
        with self.assertRaisesRegex(errors.RequestRejected, "two minutes"):
            self.account._api()._pull_orders(self.account, place)

    def test_an_order_that_changes_between_two_pages_comes_once_as_it_is_last(self):
        self.box.page_size = 2
        ids = [self.place_order((self.products[0], 1, 10.0)) for _n in range(3)]
        config, api = self.account, self.account._api()
        page = api._pull_orders(config)
        self.assertTrue(page.more)
        self.box.change_order(ids[0], "CANCELLED")
        self.assertFalse(api._pull_orders(config, page.cursor).more)
        self.pull()
        self.pull()
        self.assertEqual(sorted(self.orders_here().mapped("cartona_id")), sorted(ids))
        self.assertEqual(self.order_here(ids[0]).state, "cancel")

    def test_a_page_whose_token_has_run_out_begins_the_search_again(self):
        self.box.page_size = 2
        ids = [self.place_order((self.products[0], 1, 10.0)) for _n in range(5)]
        page = self.account._api()._pull_orders(self.account)
        self.running().order_cursor = page.cursor
        self.box.pages.clear()
        self.pull()
        self.assertEqual(sorted(self.orders_here().mapped("cartona_id")), sorted(ids))
        self.assertNotIn("token", json.loads(self.running().order_cursor))

    def test_a_search_beyond_the_budget_goes_on_at_its_page_and_blocks_nothing_else(self):
        self.box.page_size = 1
        self.box.limits = True
        ids = [self.place_order((self.products[0], 1, 10.0)) for _n in range(22)]
        self.pull()
        self.assertEqual(len(self.orders_here()), 20)
        self.assertFalse(self.running().blocked_until)
        self.box.budgets.clear()
        self.pull()
        self.assertEqual(sorted(self.orders_here().mapped("cartona_id")), sorted(ids))

    def test_no_stock_that_waits_for_orders_goes_as_long_as_the_budget_keeps_some_of_them_back(self):
        self.box.page_size = 1
        self.box.limits = True
        for _n in range(22):
            self.place_order((self.products[0], 1, 10.0))
        self.account.sudo()._await_orders()
        self.pull()
        self.assertTrue(self.running().stock_waits_since)
        self.box.budgets.clear()
        self.pull()
        self.assertFalse(self.running().stock_waits_since)

    def test_what_is_older_than_what_is_here_is_set_aside(self):
        external_id = self.place_order((self.products[0], 1, 10.0))
        older = json.loads(json.dumps(self.box.orders[external_id]))
        self.box.change_order(external_id, "CANCELLED")
        self.pull()
        self.env["marketplace.inbox"]._store([(self.account, "order", external_id, older)], "webhook")
        self.commit()
        self.assertEqual(self.order_here(external_id).state, "cancel")
        self.assertEqual(sorted(self.inbox().mapped("state")), ["done", "superseded"])

    # ------------------------------------------------------------------ deliveries

    def told(self, order):
        return list(self.box.shipments.get(order.cartona_id, {}).values())

    def waiting(self, order):
        return self.env["marketplace.outbox"].search([("order_id", "=", order.id), ("lane", "=", "orders")])

    def test_a_delivery_without_a_tracking_number_says_to_enter_it(self):
        self.env["marketplace.listing"].search([]).unlink()
        order = self.shipped_order((self.products[0], 2, 10.0))
        picking = self.deliver(order)
        self.assertFalse(self.told(order))
        self.assertIn("tracking number", self.waiting(order).last_error)
        self.assertIn(picking.name, self.waiting(order).last_error)
        picking.marketplace_tracking = "TN-1"
        self.settle()
        self.assertIn("carrier", self.waiting(order).last_error)
        picking.marketplace_carrier = "Egypt Post"
        self.settle()
        detail = self.told(order)[0]
        self.assertEqual((detail["carrierCode"], detail["carrierName"]), ("Other", "Egypt Post"))
        self.assertEqual(detail["packageReferenceId"], str(picking.id))
        self.assertEqual(order.marketplace_status, "shipped")

    def test_what_is_exchanged_is_no_other_delivery(self):
        self.env["marketplace.listing"].search([]).unlink()
        order = self.shipped_order((self.products[0], 2, 10.0))
        delivery = self.deliver(order, marketplace_carrier="Aramex", marketplace_tracking="1Z006")
        told = self.told(order)
        # As newer series exchange goods: a delivery that names the order's line and nothing else.
        again = delivery.copy({"move_ids": [], "move_line_ids": [], "sale_id": order.id})
        move = delivery.move_ids.copy({"picking_id": again.id, "sale_line_id": order.order_line.id, "quantity": 0})
        self.assertFalse(move.origin_returned_move_id)
        again.action_confirm()
        self.assertFalse(again.marketplace_ships)
        self.deliver(order)
        self.assertEqual((again.state, self.told(order)), ("done", told))
        self.assertFalse(self.env["marketplace.outbox"].search([("order_id", "=", order.id)]))

    def test_more_that_was_ordered_later_is_another_delivery(self):
        self.env["marketplace.listing"].search([]).unlink()
        order = self.shipped_order((self.products[0], 2, 10.0))
        self.deliver(order, marketplace_carrier="Aramex", marketplace_tracking="1Z007")
        order.order_line.product_uom_qty = 5
        more = order.picking_ids.filtered(lambda picking: picking.state != "done")
        self.assertTrue(more.marketplace_ships)

    def test_a_carrier_that_amazon_knows_is_told_by_its_code(self):
        package = Package("WH/OUT/1", [("1", 2.0)], carrier=" fedex ", tracking="T", number=7)
        wire = amazon_forms.shipment_of(package, EG, self.account.create_date)["packageDetail"]
        self.assertEqual((wire["carrierCode"], wire["orderItems"]), ("FedEx", [{"orderItemId": "1", "quantity": 2}]))

    def test_a_part_of_a_unit_is_refused_and_not_rounded(self):
        package = Package("WH/OUT/1", [("1", 0.5)], carrier="DHL", tracking="T", number=7)
        result = self.account._api()._ship(self.account, "902", package)
        self.assertEqual(result.outcome, "rejected")
        self.assertFalse(self.box.calls(self.ship_path))

    def test_a_delivery_whose_answer_was_lost_is_looked_for_before_it_is_told_again(self):
        self.env["marketplace.listing"].search([]).unlink()
        order = self.shipped_order((self.products[0], 2, 10.0))
        self.box.fail(self.ship_path, kind="drop")
        self.deliver(order, marketplace_carrier="DHL", marketplace_tracking="TN-2")
        for _try in range(3):
            self.time_passes()
        self.assertEqual(len(self.box.calls(self.ship_path)), 1)
        self.assertEqual(order.marketplace_status, "shipped")
        self.assertFalse(self.waiting(order))

    def test_a_delivery_that_never_arrived_is_told_again(self):
        self.env["marketplace.listing"].search([]).unlink()
        order = self.shipped_order((self.products[0], 2, 10.0))
        self.box.fail(self.ship_path, kind="reset")
        self.deliver(order, marketplace_carrier="DHL", marketplace_tracking="TN-3")
        for _try in range(3):
            self.time_passes()
        self.assertEqual([detail["trackingNumber"] for detail in self.told(order)], ["TN-3"])

    def test_a_delivery_that_amazon_makes_itself_is_told_by_nobody_here(self):
        for program in ("AMAZON_EASY_SHIP", "DELIVERY_BY_AMAZON"):
            external_id = self.place_order((self.products[0], 2, 10.0), programs=["PRIME", program])
            self.set_stock(self.products[0], 10)
            self.pull()
            order = self.order_here(external_id)
            self.assertTrue(order.marketplace_delivers)
            picking = self.deliver(order)
            self.assertEqual((picking.state, picking.marketplace_ships), ("done", False))
            self.assertFalse(self.waiting(order))
            self.assertFalse(self.box.calls(self.ship_path))
            self.box.change_order(external_id, "SHIPPED")
            self.pull()
            self.assertEqual((order.marketplace_status, order.state), ("shipped", "sale"))

    def test_a_delivery_that_amazon_knows_by_its_own_label_is_told_no_more(self):
        self.env["marketplace.listing"].search([]).unlink()
        order = self.shipped_order((self.products[0], 2, 10.0))
        picking = self.deliver(order)
        self.assertEqual(self.waiting(order).state, "failed")
        self.assertEqual(self.account.activity_ids.mapped("marketplace_cause"), ["commands"])
        self.box.change_order(order.cartona_id, "SHIPPED")
        self.pull()
        self.settle()
        self.assertFalse(order.activity_ids | order.picking_ids.activity_ids | self.account.activity_ids)
        self.assertEqual((order.marketplace_status, self.waiting(order)), ("shipped", self.waiting(order).browse()))
        picking.write({"marketplace_carrier": "DHL", "marketplace_tracking": "TN-9"})
        self.settle()
        self.assertFalse(self.waiting(order))
        self.assertFalse(self.told(order))

    def test_nothing_but_deliveries_is_told(self):
        self.assertEqual(set(self.account.status_rule_ids.mapped("status")), {"nothing"})
