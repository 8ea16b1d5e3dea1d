# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import fields

from .common import MarketplaceCase
from .contract import AdapterContract
from .test_contract_shopify import ShopifyCase
from .test_rest import RestCase


class TestOrdersThatLeft(ShopifyCase):
    """Lists by the time of the last change bring orders that were delivered before the account went live, or by other
    ways than Odoo."""

    def prepare(self):
        super().prepare()
        self.stock_products()

    def order_here(self, external_id):
        return AdapterContract.order_here(self, external_id)

    def pulled(self, *lines, **values):
        external_id = self.place_order(*lines, **{"displayFulfillmentStatus": "FULFILLED", **values})
        self.pull()
        return self.order_here(external_id)

    def offered(self):
        return sum(self.at_box(self.products[0])["stock"].values())

    def test_what_left_before_it_was_known_here_is_not_delivered_again_by_itself(self):
        order = self.pulled((self.products[0], 2, "10.00"))
        self.assertEqual((order.state, order.marketplace_status), ("draft", "shipped"))
        self.assertIn("left before it was confirmed here", order.marketplace_hold)

    def test_who_accepts_it_delivers_it_from_here(self):
        order = self.pulled((self.products[0], 2, "10.00"))
        order.action_marketplace_accept()
        self.commit()
        self.assertEqual((order.state, order.picking_ids.state), ("sale", "assigned"))
        self.box.touch(order.cartona_id, note="archived")
        self.pull()
        self.assertFalse(order.marketplace_hold)

    def test_it_withholds_nothing_from_what_is_on_offer_until_it_is_accepted(self):
        order = self.pulled((self.products[0], 2, "10.00"))
        self.assertEqual(self.offered(), 100, "what left by other ways is not here any more")
        order.action_marketplace_accept()
        self.commit()
        self.assertEqual(self.offered(), 98)

    def test_who_cancels_it_tells_the_marketplace_nothing(self):
        order = self.pulled((self.products[0], 2, "10.00"))
        order._action_cancel()
        self.commit()
        self.assertEqual(self.offered(), 100)
        self.assertFalse(self.box.orders[order.cartona_id]["cancelledAt"])
        self.assertEqual((order.state, order.marketplace_status), ("cancel", "shipped"))
        self.box.touch(order.cartona_id, note="archived")
        self.pull()
        self.assertEqual(order.state, "cancel")

    def test_a_draft_that_was_delivered_by_other_ways_waits_for_a_person_too(self):
        order = self.pulled(
            (self.products[0], 2, "10.00"), displayFinancialStatus="PENDING", displayFulfillmentStatus="UNFULFILLED"
        )
        self.assertEqual((order.state, order.marketplace_hold), ("draft", False))
        self.box.touch(order.cartona_id, displayFulfillmentStatus="FULFILLED")
        self.pull()
        self.assertEqual(order.state, "draft")
        self.assertIn("left before it was confirmed here", order.marketplace_hold)

    def test_an_order_that_was_confirmed_here_goes_on(self):
        order = self.pulled((self.products[0], 2, "10.00"), displayFulfillmentStatus="UNFULFILLED")
        self.assertEqual(order.state, "sale")
        self.box.touch(order.cartona_id, displayFulfillmentStatus="FULFILLED")
        self.pull()
        self.assertEqual((order.state, order.marketplace_status), ("sale", "shipped"))
        self.assertFalse(order.marketplace_hold)

    def test_what_is_no_goods_is_not_delivered_twice_and_needs_nobody(self):
        service = self.env["product.product"].create({"name": "Advice", "type": "service", "taxes_id": False})
        self.box.add_variant(self.external_id(service), "ADVICE", "Advice")
        self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": service.id, "external_id": self.external_id(service)}
        )
        order = self.pulled((service, 2, "10.00"))
        self.assertEqual((order.state, order.marketplace_hold), ("sale", False))


class TestMessagesThatItLeft(RestCase):
    """The marketplace tells the status of an order and nothing else."""

    def prepare(self):
        super().prepare()
        self.stock_products()

    def hear(self, external_id, state):
        documents = [(self.account, "status", external_id, {"id": external_id, "state": state}, "")]
        self.env["marketplace.inbox"]._store(documents, "webhook")
        self.commit()

    def assert_held(self, order):
        self.assertEqual((order.state, order.marketplace_status), ("draft", "shipped"))
        self.assertIn("left before it was confirmed here", order.marketplace_hold)
        self.assertFalse(order.picking_ids)

    def place_new(self):
        return self.place_order((self.products[0], 2, 10.0), state="NEW")

    def order_here(self, external_id):
        return AdapterContract.order_here(self, external_id)

    def test_an_order_that_is_not_confirmed_here_waits_for_a_person(self):
        self.account.confirm_policy = "approved"
        external_id = self.place_new()
        self.pull()
        order = self.order_here(external_id)
        self.assertEqual((order.state, order.marketplace_hold), ("draft", False))
        self.hear(external_id, "SENT")
        self.assert_held(order)

    def test_so_does_one_that_comes_after_the_message(self):
        external_id = self.place_new()
        self.hear(external_id, "SENT")
        self.pull()
        self.assert_held(self.order_here(external_id))

    def test_an_order_that_is_confirmed_here_goes_on(self):
        external_id = self.place_new()
        self.pull()
        order = self.order_here(external_id)
        self.assertEqual(order.state, "sale")
        self.hear(external_id, "SENT")
        self.assertEqual((order.marketplace_status, order.marketplace_hold), ("shipped", False))

    def test_what_it_is_held_for_goes_when_it_is_cancelled(self):
        self.account.confirm_policy = "approved"
        external_id = self.place_new()
        self.pull()
        self.hear(external_id, "SENT")
        self.hear(external_id, "VOID")
        order = self.order_here(external_id)
        self.assertEqual(order.state, "cancel")
        self.assertFalse(order.marketplace_hold)


class TestQueuesOfOrdersThatLeft(MarketplaceCase):
    """A queue hands out whatever was never acknowledged, also what was delivered before the account went live."""

    def prepare(self):
        super().prepare()
        self.stock_products()

    def pulled(self, **values):
        document = self.box_order((self.products[0], 2, 10.0), **values)
        self.pull()
        return self.order_of(document)

    def before_we_were_live(self):
        return fields.Datetime.to_string(self.account.orders_since - timedelta(days=3))

    def assert_held(self, order):
        self.assertEqual((order.state, len(order.picking_ids)), ("draft", 0))
        self.assertIn("left before it was confirmed here", order.marketplace_hold)

    def test_what_is_first_seen_as_delivered_is_not_delivered_again_by_itself(self):
        order = self.pulled(status="delivered")
        self.assert_held(order)
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 100)
        order.action_marketplace_accept()
        self.commit()
        self.assertEqual((order.state, order.picking_ids.state), ("sale", "assigned"))

    def test_nor_is_what_was_on_its_way_before_the_account_went_live(self):
        self.assert_held(self.pulled(status="assigned_to_salesman", created_at=self.before_we_were_live()))

    def test_what_was_ordered_before_and_is_still_to_be_delivered_goes_on(self):
        order = self.pulled(status="approved", created_at=self.before_we_were_live())
        self.assertEqual((order.state, order.marketplace_hold), ("sale", False))

    def test_what_was_ordered_since_and_is_on_its_way_goes_on(self):
        order = self.pulled(status="assigned_to_salesman")
        self.assertEqual((order.state, order.marketplace_hold), ("sale", False))
