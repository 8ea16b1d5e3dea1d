# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from .test_order_lines_out import OrderOutCase


class TestReturnedDrafts(OrderOutCase):
    """An order that nobody has confirmed here is over at the marketplace: nothing is to be delivered or taken back."""

    confirm_policy = "never"

    def offered(self):
        return self.at_box(self.products[0])["available_stock_quantity"]

    def test_a_draft_that_is_returned_there_is_cancelled_and_its_goods_are_on_offer_again(self):
        self.assertEqual(self.offered(), 90)
        self.box.edit_order(self.hashed_id, by="admin", status="returned")
        self.pull()
        self.assertEqual((self.order.state, self.order.marketplace_status), ("cancel", "returned"))
        self.assertEqual(self.offered(), 100)
        self.assertEqual((self.steps(), self.order.activity_ids.ids), ([], []))

    def test_an_order_that_comes_as_returned_is_cancelled(self):
        document = self.place(status="returned")
        self.pull()
        self.assertEqual(self.order_of(document).state, "cancel")
        self.assertEqual(self.offered(), 90, "the other order's goods are withheld")

    def test_an_order_that_has_ended_there_takes_no_goods_as_a_quotation(self):
        self.order._action_cancel()
        self.commit()
        self.assertEqual(self.order.marketplace_status, "cancelled")
        self.order.action_draft()
        self.commit()
        self.assertEqual((self.order.state, self.offered()), ("draft", 100))


class TestPickedInPart(OrderOutCase):
    """The warehouse delivers in two steps, and what it has not picked yet has not left. Newer series plan the second
    step when the first one is done."""

    def prepare(self):
        self.warehouse.delivery_steps = "pick_ship"
        super().prepare()

    def validate(self, picking, share=1.0):
        """Move so much of what is there for each of its products; the rest is a backorder."""
        for move in picking.move_ids:
            move.write({"quantity": move.quantity * share, "picked": True})
        picking.with_context(skip_sms=True)._action_done()
        self.commit()

    def steps_open(self):
        out = self.order.picking_ids._marketplace_outgoing()
        return [picks.filtered(lambda one: one.state == "assigned") for picks in (self.order.picking_ids - out, out)]

    def test_what_is_still_to_be_picked_has_not_left(self):
        self.validate(self.steps_open()[0], share=0.2)
        self.validate(self.steps_open()[1])
        self.assertEqual((self.order.marketplace_status, self.steps()), ("approved", []))
        self.validate(self.steps_open()[0])
        self.validate(self.steps_open()[1])
        self.assertEqual(self.order.marketplace_status, "shipped")
        self.assertEqual([amount for _id, amount, _price in self.there()], [10, 5])

    def test_giving_up_what_is_still_to_be_picked_is_leaving(self):
        self.order.order_line[1].product_uom_qty = 4
        self.validate(self.steps_open()[0], share=0.5)
        self.validate(self.steps_open()[1])
        rest, _out = self.steps_open()
        rest.action_cancel()
        for picking in self.order.picking_ids.filtered(lambda one: one.state not in ("done", "cancel")):
            picking.action_cancel()
        self.commit()
        self.assertEqual(self.order.marketplace_status, "shipped")
        self.assertEqual([amount for _id, amount, _price in self.there()], [5, 2])


class TestCancelledAfterPicking(OrderOutCase):
    """The warehouse delivers in two steps: what was picked waits at the door, and has not left."""

    def prepare(self):
        self.warehouse.delivery_steps = "pick_ship"
        super().prepare()
        self.pick = self.order.picking_ids - self.ship()

    def ship(self):
        return self.order.picking_ids._marketplace_outgoing()  # newer series make it when the first step is done

    def validate(self, picking):
        for move in picking.move_ids:
            move.quantity = move.product_uom_qty
            move.picked = True
        picking.with_context(skip_sms=True)._action_done()
        self.commit()

    def cancel_there(self):
        self.box.edit_order(self.hashed_id, by="admin", status="cancelled_by_retailer")
        self.pull()

    def test_what_was_picked_and_has_not_left_is_cancelled_and_a_person_puts_it_back(self):
        self.validate(self.pick)
        self.assertEqual((self.pick.state, self.ship().state), ("done", "assigned"))
        self.cancel_there()
        self.assertEqual((self.order.state, self.pick.state, self.ship().state), ("cancel", "done", "cancel"))
        self.assertEqual(self.order.activity_ids.summary, "Cancelled at the marketplace after it was picked")
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 100)
        self.assertEqual(self.steps(), [], "the marketplace is not told what it said itself")

    def test_what_nobody_has_picked_yet_is_cancelled_without_a_word(self):
        self.cancel_there()
        self.assertEqual((self.order.state, set(self.order.picking_ids.mapped("state"))), ("cancel", {"cancel"}))
        self.assertFalse(self.order.activity_ids)

    def test_what_has_left_is_not_cancelled(self):
        self.validate(self.pick)
        self.validate(self.ship())
        self.cancel_there()
        self.assertEqual((self.order.state, self.ship().state), ("sale", "done"))
        self.assertIn("goods have left", self.order.activity_ids.summary)

    def test_what_is_returned_there_and_never_left_is_not_picked(self):
        self.box.edit_order(self.hashed_id, by="admin", status="returned")
        self.pull()
        self.assertEqual(set(self.order.picking_ids.mapped("state")), {"cancel"})
        self.assertIn("Returned at the marketplace", self.order.activity_ids.summary)
