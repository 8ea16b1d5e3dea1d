# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from .contract_tools import AdapterTools
from .test_contract_shopify import ShopifyCase


class TestShopifyOrderCourse(ShopifyCase):
    """What becomes of a shop's orders: held back, sent by somebody else, added to after they were sent."""

    def prepare(self):
        super().prepare()
        self.list_products()
        self.commit()

    def pulled(self, external_id):
        self.pull()
        return AdapterTools.order_here(self, external_id)

    def line(self, product, *args, **values):
        return self.box.line(self.external_id(product), *args, **values)

    def questions(self, order):
        return order.activity_ids.mapped("summary")

    # ------------------------------------------------------------------ held back

    def test_what_the_shop_holds_back_waits_and_of_what_it_stops_a_person_is_told(self):
        for word in ("ON_HOLD", "SCHEDULED"):
            with self.subTest(word):
                external_id = self.place_order((self.products[0], 1, "10.00"), displayFulfillmentStatus=word)
                self.assertEqual(self.pulled(external_id).state, "draft")
                self.box.touch(external_id, displayFulfillmentStatus="UNFULFILLED")
                order = self.pulled(external_id)
                self.assertEqual((order.state, self.questions(order)), ("sale", []))
                self.box.touch(external_id, displayFulfillmentStatus=word)
                self.assertEqual(self.questions(self.pulled(external_id)), ["Stepped back at the marketplace"])
                self.assertIn(word, order.activity_ids.note)

    # ------------------------------------------------------------------ after it was sent

    def sent(self, *lines):
        external_id = self.place_order(*lines)
        order = self.pulled(external_id)
        self.box.fulfil_all(external_id)
        self.assertEqual(self.pulled(external_id).marketplace_status, "shipped")
        return order

    def test_what_is_added_after_it_was_sent_is_told_to_a_person_with_what_it_costs(self):
        order = self.sent((self.products[0], 2, "10.00"))
        self.box.add_line(order.cartona_id, self.line(self.products[1], 1, "5.00"))
        self.pulled(order.cartona_id)
        self.assertEqual(self.questions(order), ["Changed at the marketplace after it was confirmed"])
        self.assertEqual((order.marketplace_status, order.marketplace_total), ("shipped", 25.0))
        self.box.give_back(order.cartona_id, "3.00")
        self.pulled(order.cartona_id)
        self.assertIn("Refunded at the marketplace", self.questions(order))
        self.assertEqual(order.marketplace_refunded, 3.0)
        order.activity_ids.unlink()
        self.box.touch(order.cartona_id, note="Thanks")
        self.assertFalse(self.questions(self.pulled(order.cartona_id)), "asked once")

    def test_each_addition_after_it_was_sent_is_told(self):
        order = self.sent((self.products[0], 2, "10.00"))
        for number, total in ((1, 25.0), (2, 30.0)):
            self.box.add_line(order.cartona_id, self.line(self.products[number], 1, "5.00"))
            self.pulled(order.cartona_id)
            self.assertEqual(self.questions(order), ["Changed at the marketplace after it was confirmed"])
            self.assertEqual(order.marketplace_total, total)
            order.activity_ids.unlink()
        self.assertEqual(order.marketplace_heard_status, "shipped", "an older document that comes late is behind that")

    def test_an_addition_beside_a_refund_is_told_as_well(self):
        order = self.sent((self.products[0], 2, "10.00"))
        self.box.give_back(order.cartona_id, "10.00", taken_off=[(0, 1)])
        self.box.add_line(order.cartona_id, self.line(self.products[1], 1, "5.00"))
        self.pulled(order.cartona_id)
        self.assertEqual(len(self.questions(order)), 2)

    def test_what_is_added_before_the_shop_has_told_that_it_was_sent_is_told_to_a_person(self):
        order = self.pulled(self.place_order((self.products[0], 2, "10.00")))
        order.with_context(marketplace_mover=self.env.uid).marketplace_status = "shipped"
        self.box.add_line(order.cartona_id, self.line(self.products[1], 1, "5.00"))
        self.pulled(order.cartona_id)
        self.assertEqual(self.questions(order), ["Changed at the marketplace after it was confirmed"])

    def test_a_document_from_before_the_last_delivery_was_told_is_no_step_back(self):
        external_id = self.place_order((self.products[0], 2, "10.00"))
        order = self.pulled(external_id)
        order.with_context(marketplace_mover=self.env.uid).marketplace_status = "shipped"
        self.box.touch(external_id, note="Ring twice")
        self.assertFalse(self.questions(self.pulled(external_id)))
        self.assertEqual(order.marketplace_status, "shipped")

    # ------------------------------------------------------------------ sent by somebody else

    def moved(self, external_id, location="655441492"):
        """Have the first line of an order leave from another location."""
        line_id = self.box.orders[external_id]["lineItems"][0]["id"]
        self.box.locations["655441492"] = "Warehouse of others"
        self.box.move(external_id, line_id.rpartition("/")[2], location)
        return external_id

    def test_what_leaves_from_another_location_is_held_until_it_leaves_from_ours(self):
        lines = [(product, 2, "10.00") for product in self.products[:2]]
        order = self.pulled(self.moved(self.place_order(*lines)))
        self.assertEqual(order.state, "draft")
        self.assertIn("Warehouse of others", order.marketplace_hold)
        self.moved(order.cartona_id, "655441491")
        self.pulled(order.cartona_id)
        self.assertEqual((order.state, order.marketplace_hold), ("sale", ""))

    def test_what_leaves_from_another_location_is_delivered_where_a_person_or_the_account_says_so(self):
        order = self.pulled(self.moved(self.place_order((self.products[0], 2, "10.00"))))
        order.action_marketplace_accept()
        self.commit()
        self.assertEqual((order.state, self.questions(order)), ("sale", []))
        self.account.shopify_elsewhere = True
        order = self.pulled(self.moved(self.place_order((self.products[0], 2, "10.00"))))
        self.assertEqual(order.state, "sale")

    def test_a_confirmed_order_that_shall_leave_from_elsewhere_is_told_to_a_person_once(self):
        order = self.pulled(self.place_order((self.products[0], 2, "10.00")))
        self.assertEqual(order.state, "sale")
        self.moved(order.cartona_id)
        self.assertEqual(self.questions(self.pulled(order.cartona_id)), ["Delivered from elsewhere"])
        self.assertIn("Warehouse of others", order.activity_ids.note)
        order.activity_ids.unlink()
        self.box.touch(order.cartona_id, note="Thanks")
        self.assertFalse(self.questions(self.pulled(order.cartona_id)))

    def test_who_may_not_see_what_others_send_is_told_so(self):
        self.box.others.add("655441492")
        external_id = self.moved(self.place_order((self.products[0], 2, "10.00")))
        self.box.scopes.remove("read_third_party_fulfillment_orders")
        self.assertEqual(self.pulled(external_id).state, "sale")
        told = self.account.action_test_connection()["params"]
        self.assertIn("read_third_party_fulfillment_orders", told["message"])
        self.box.scopes.append("read_third_party_fulfillment_orders")
        external_id = self.moved(self.place_order((self.products[0], 2, "10.00")))
        self.assertEqual(self.pulled(external_id).state, "draft")

    def test_who_may_not_see_where_orders_leave_from_has_its_orders_all_the_same(self):
        self.box.scopes = [one for one in self.box.scopes if not one.endswith("_fulfillment_orders")]
        external_id = self.moved(self.place_order((self.products[0], 2, "10.00")))
        self.assertEqual(self.pulled(external_id).state, "sale")
        self.assertIn(external_id, self.account._api()._fetch_order(self.account, external_id)["id"])
        self.assertEqual((self.account.state, self.running().last_error), ("live", False))
        told = self.account.action_test_connection()["params"]["message"]
        self.assertIn("write_merchant_managed_fulfillment_orders", told)

    def test_an_app_that_may_see_no_orders_is_asked_once(self):
        denied = {"message": "Access denied for orders field.", "path": ["orders"]}
        denied["extensions"] = {"code": "ACCESS_DENIED"}
        self.box.fail("graphql", status=200, body={"data": None, "errors": [denied]}, times=None)
        self.box.clear_journal()
        self.pull()
        self.assertEqual((self.account.state, len(self.box.calls("graphql"))), ("paused", 1))

    def test_what_leaves_from_the_last_of_many_places_is_seen(self):
        rows = [self.line(product, 1, "10.00") for product in (*self.products, *self.products)][:7]
        external_id = self.box.add_order(*rows)
        for row in rows[1:-1]:
            self.box.move(external_id, row["id"].rsplit("/", 1)[1], "655441491")
        self.box.locations["655441492"] = "Warehouse of others"
        self.box.move(external_id, rows[-1]["id"].rsplit("/", 1)[1], "655441492")
        order = self.pulled(external_id)
        self.assertEqual(order.state, "draft")
        self.assertIn("Warehouse of others", order.marketplace_hold)

    # ------------------------------------------------------------------ tips

    def test_a_tip_is_charged_once_and_is_no_product(self):
        for tips in (("2.50",), ("2.50", "1.00")):
            with self.subTest(tips):
                tip = f"{sum(map(float, tips)):.2f}"
                rows = [self.line(self.products[0], 2, "10.00"), *[self.box.tip(amount) for amount in tips]]
                external_id = self.box.add_order(*rows, totalTipReceivedSet=self.box.money(tip))
                order = self.pulled(external_id)
                self.assertEqual((order.state, order.marketplace_hold), ("sale", False))
                self.assertAlmostEqual(order.amount_total, 20 + float(tip), 2)
                self.assertEqual(order.order_line[1:].mapped("price_unit"), [float(amount) for amount in tips])
                self.box.fulfil_all(external_id)
                self.assertEqual(self.pulled(external_id).marketplace_status, "shipped")
        nothing = self.box.line(None, 1, "5.00", sku=None)
        order = self.pulled(
            self.box.add_order(nothing, self.box.tip("2.50"), totalTipReceivedSet=self.box.money("2.50"))
        )
        self.assertEqual(len(order._marketplace_unknown_lines()), 1)
