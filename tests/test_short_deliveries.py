# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from .contract_tools import AdapterTools
from .test_contract_shopify import ShopifyCase
from .test_order_lines_out import OrderOutCase

SUMMARY = "Other quantities have left than were ordered at the marketplace"


class TestShortDeliveries(ShopifyCase, AdapterTools):
    """Less leaves than was paid for, and the marketplace takes no changes of lines: a person refunds it there."""

    def prepare(self):
        super().prepare()
        self.order = self.shipped_order((self.products[0], 10, "20.00"), (self.products[1], 5, "40.00"))

    def asked(self):
        return self.order.activity_ids.filtered(lambda activity: activity.summary == SUMMARY)

    def test_a_person_is_asked_to_refund_what_is_not_delivered(self):
        picking = self.order.picking_ids
        picking.move_ids[0].quantity = 6
        picking.move_ids.picked = True
        picking.with_context(skip_backorder=True, picking_ids_not_to_backorder=picking.ids).button_validate()
        self.settle()
        self.assertEqual(self.order.marketplace_status, "shipped")
        self.assertEqual(len(self.asked()), 1)
        self.assertIn(f"{self.products[0].display_name}: 6 of 10", self.asked().note)
        self.assertNotIn(self.products[1].display_name, self.asked().note)
        self.assertFalse(self.order.marketplace_late)

    def test_so_it_is_when_the_rest_is_given_up_later_and_the_order_has_left(self):
        picking = self.deliver(self.order, {self.products[0]: 6.0, self.products[1]: 5.0})
        self.assertEqual((self.order.marketplace_status, self.asked().ids), ("approved", []))
        (self.order.picking_ids - picking).action_cancel()
        self.settle()
        self.assertEqual(self.order.marketplace_status, "shipped")
        self.assertEqual(len(self.asked()), 1)

    def test_the_same_is_asked_once(self):
        picking = self.deliver(self.order, {self.products[0]: 6.0, self.products[1]: 5.0})
        (self.order.picking_ids - picking).action_cancel()
        self.settle()
        self.assertEqual(len(self.asked()), 1)
        self.asked().action_done()
        self.order._tell_marketplace_left()
        self.assertFalse(self.asked())

    def test_a_whole_delivery_needs_nobody(self):
        self.deliver(self.order)
        self.assertEqual(self.order.marketplace_status, "shipped")
        self.assertFalse(self.order.activity_ids)

    def test_what_was_called_off_there_needs_nobody(self):
        picking = self.deliver(self.order, {self.products[0]: 6.0, self.products[1]: 5.0})
        self.order.marketplace_status = "cancelled"
        (self.order.picking_ids - picking).action_cancel()
        self.settle()
        self.assertFalse(self.asked())


class TestShortDeliveriesAtCartona(OrderOutCase):
    def test_what_is_told_needs_nobody(self):
        self.deliver(4, 5)
        self.commit()
        self.assertEqual(self.there()[0], self.sold(0, 4, 20.0))
        self.assertFalse(self.order.activity_ids)

    def test_what_the_account_does_not_tell_is_asked_about(self):
        self.account.push_lines = False
        self.deliver(4, 5)
        self.commit()
        self.assertEqual(self.order.activity_ids.summary, SUMMARY)
