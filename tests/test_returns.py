# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from .test_order_lines_out import OrderOutCase


class ReturnsCase(OrderOutCase):
    def prepare_return(self, picking, *quantities):
        """Prepare a return of so much of each move."""
        wizard = self.env["stock.return.picking"].with_context(active_id=picking.id, active_model="stock.picking")
        wizard = wizard.create({"picking_id": picking.id})
        for line, quantity in zip(wizard.product_return_moves, quantities, strict=True):
            line.quantity = quantity
        action = (wizard.action_create_returns if hasattr(wizard, "action_create_returns") else wizard.create_returns)()
        return picking.browse(action["res_id"])

    def validate(self, picking):
        for move in picking.move_ids:
            move.quantity = move.product_uom_qty
        picking.move_ids.picked = True
        picking.with_context(skip_sms=True).button_validate()
        self.commit()

    def take_back(self, picking, *quantities):
        """Take back so much of each move."""
        back = self.prepare_return(picking, *quantities)
        self.validate(back)
        self.assertEqual(back.state, "done")
        return back


class TestReturnedOrCancelledThere(ReturnsCase):
    # ------------------------------------------------------------------ returned
    # The whole order comes back, after something of it did already.

    def return_there(self):
        self.box.edit_order(self.hashed_id, by="admin", status="returned")
        self.pull()

    def coming_back(self):
        """Return how much of each product comes back by returns that are open."""
        moves = self.order.picking_ids.move_ids.filtered(
            lambda move: move.location_id.usage == "customer" and move.state not in ("done", "cancel")
        )
        return {move.product_id: move.product_uom_qty for move in moves}

    def test_what_has_not_left_stays_and_what_is_still_there_comes_back(self):
        delivery = self.deliver_quantities(6, 5)
        rest = self.order.picking_ids - delivery
        self.take_back(delivery, 1, 0)
        self.return_there()
        self.assertEqual(rest.state, "cancel")
        self.assertEqual(self.coming_back(), {self.products[0]: 5, self.products[1]: 5})
        self.assertIn("Returned at the marketplace", self.order.activity_ids.summary)

    def test_a_return_that_was_cancelled_is_none(self):
        delivery = self.deliver_quantities(10, 5)
        self.prepare_return(delivery, 1, 0).action_cancel()
        self.return_there()
        self.assertEqual(self.coming_back(), {self.products[0]: 10, self.products[1]: 5})

    def test_a_return_that_is_under_way_goes_on(self):
        delivery = self.deliver_quantities(10, 5)
        back = self.prepare_return(delivery, 10, 5)
        self.return_there()
        self.assertEqual(delivery.return_ids, back)
        self.assertEqual(back.state, "assigned")
        self.assertIn("Returned at the marketplace", self.order.activity_ids.summary)

    def test_a_return_of_a_part_that_is_under_way_is_completed_by_another(self):
        delivery = self.deliver_quantities(10, 5)
        back = self.prepare_return(delivery, 2, 0)
        self.return_there()
        self.assertEqual(back.state, "assigned")
        self.assertEqual(sorted((delivery.return_ids - back).move_ids.mapped("product_uom_qty")), [5, 8])

    def test_what_was_to_go_out_again_stays(self):
        delivery = self.deliver_quantities(10, 5)
        again = self.prepare_return(self.take_back(delivery, 2, 0), 2)
        self.return_there()
        self.assertEqual(again.state, "cancel")
        self.assertEqual(self.coming_back(), {self.products[0]: 8, self.products[1]: 5})

    def test_a_return_is_done_once(self):
        self.deliver_quantities(10, 5)
        self.return_there()
        returns = self.order.picking_ids.return_ids
        self.box.edit_order(self.hashed_id, by="admin", note_message="again")
        self.pull()
        self.assertEqual(self.order.picking_ids.return_ids, returns)
        self.assertEqual(len(self.order.activity_ids), 1)

    # ------------------------------------------------------------------ cancelled
    # The marketplace cancels what has left in part.

    def test_what_is_to_go_out_is_stopped_and_what_is_coming_back_is_not(self):
        delivery = self.deliver_quantities(6, 5)
        rest = self.order.picking_ids - delivery
        back = self.prepare_return(delivery, 6, 5)
        self.box.edit_order(self.hashed_id, by="admin", status="cancelled_by_retailer")
        self.pull()
        self.assertEqual((rest.state, back.state), ("cancel", "assigned"))
        self.assertIn("Cancelled at the marketplace, but goods have left", self.order.activity_ids.summary)

    def test_what_is_to_go_out_again_is_stopped(self):
        again = self.prepare_return(self.take_back(self.deliver_quantities(10, 5), 2, 0), 2)
        self.box.edit_order(self.hashed_id, by="admin", status="cancelled_by_retailer")
        self.pull()
        self.assertEqual(again.state, "cancel")


class TestReturnsAreNoDeliveries(ReturnsCase):
    """Odoo returns by the same type of operation, where a type of delivery names none for that."""

    def prepare(self):
        super().prepare()
        self.order.picking_ids.picking_type_id.return_picking_type_id = False

    def test_what_comes_back_is_not_to_go_out(self):
        back = self.prepare_return(self.deliver_quantities(10, 5), 2, 0)
        self.assertEqual(back.picking_type_code, "outgoing")
        self.assertTrue(self.order._has_all_left())

    def test_what_the_customer_sends_back_is_prepared_and_stays(self):
        delivery = self.deliver_quantities(10, 5)
        back = self.prepare_return(delivery, 10, 5)
        self.box.edit_order(self.hashed_id, by="admin", status="returned")
        self.pull()
        self.assertEqual(delivery.return_ids, back)
        self.assertEqual(back.state, "assigned")


class TestReturnsAreTold(ReturnsCase):
    """What the customer has not kept is told as long as the marketplace can still be told, and before *delivered*."""

    order_values = {"installment_cost": 100}

    def confirm(self):
        """Confirm the delivery with the customer's OTP."""
        action = self.order.action_confirm_marketplace_delivery()
        wizard = self.env["marketplace.otp"].browse(action["res_id"])
        wizard.otp = self.box.otp(self.hashed_id)
        wizard.action_confirm()
        self.commit()

    def test_what_comes_back_while_it_is_on_its_way(self):
        self.take_back(self.deliver_quantities(10, 5), 2, 0)
        self.assertEqual(self.steps(), ["assigned_to_salesman", "lines"])
        self.assertEqual(self.there(), [self.sold(0, 8, 20.0), self.sold(1, 5, 40.0)])

    def test_what_is_sent_again(self):
        again = self.prepare_return(self.take_back(self.deliver_quantities(10, 5), 2, 0), 2)
        self.validate(again)
        self.assertEqual(self.there()[0], self.sold(0, 10, 20.0))

    def test_what_has_all_come_back_is_told_nothing_of_since_it_may_be_sent_once_more(self):
        back = self.take_back(self.deliver_quantities(10, 5), 10, 5)
        self.assertEqual((self.first.qty_delivered, self.second.qty_delivered), (0, 0))
        self.assertEqual(self.steps(), ["assigned_to_salesman"])
        self.validate(self.prepare_return(back, 10, 5))
        self.assertEqual(self.steps(), ["assigned_to_salesman"])
        self.assertEqual(self.there(), [self.sold(0, 10, 20.0), self.sold(1, 5, 40.0)])

    def test_what_comes_back_before_all_has_left(self):
        self.take_back(self.deliver_quantities(6, 5), 2, 0)
        self.assertEqual(self.steps(), [])

    def test_what_was_corrected_since_is_told_before_delivered(self):
        delivery = self.deliver_quantities(10, 5)
        delivery.action_toggle_is_locked()
        delivery.move_ids[0].quantity = 8
        self.commit()
        self.assertEqual((self.first.qty_delivered, self.there()[0]), (8, self.sold(0, 10, 20.0)))
        self.confirm()
        self.assertEqual(self.steps(), ["assigned_to_salesman", "lines", "delivered"])
        self.assertEqual(self.there()[0], self.sold(0, 8, 20.0))
        self.assertEqual(self.order.marketplace_status, "delivered")

    def test_more_than_was_ordered_is_told_before_the_otp_is_asked(self):
        self.tell("left", "delivered")
        self.deliver_quantities(12, 5)
        self.assertEqual(self.steps(), ["lines", "assigned_to_salesman"])
        self.confirm()
        self.assertEqual(self.there()[0], self.sold(0, 12, 20.0))
        self.assertEqual(self.order.marketplace_status, "delivered")

    def test_what_the_marketplace_has_done_with_is_not_told(self):
        delivery = self.deliver_quantities(10, 5)
        self.confirm()
        self.box.clear_journal()
        self.take_back(delivery, 2, 0)
        self.assertEqual(self.steps(), [])
