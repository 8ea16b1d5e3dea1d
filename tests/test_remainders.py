# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.tests import new_test_user

from .test_order_lines_out import OrderOutCase
from .test_returns import ReturnsCase


class TestRemainders(OrderOutCase):
    """What was left to go out is given up, by whatever way: what has left by then is all there is."""

    def deliver_part(self, *quantities):
        """Deliver so much of each line, and keep the rest as a backorder; return that."""
        picking = self.deliver_quantities(*quantities)
        self.assertEqual(self.steps(), [])
        return self.order.picking_ids - picking

    def test_a_line_taken_off_the_order_leaves_nothing_to_wait_for(self):
        self.deliver_part(10, 0)
        self.second.product_uom_qty = 0
        self.commit()
        self.assertEqual(self.steps(), ["lines", "assigned_to_salesman"])
        self.assertEqual(self.there(), [self.sold(0, 10, 20.0)])
        self.assertEqual(self.order.marketplace_status, "shipped")

    def test_less_of_a_line_leaves_nothing_to_wait_for(self):
        self.deliver_part(6, 5)
        self.first.product_uom_qty = 6
        self.commit()
        self.assertEqual(self.steps(), ["lines", "assigned_to_salesman"])
        self.assertEqual(self.there(), [self.sold(0, 6, 20.0), self.sold(1, 5, 40.0)])

    def test_less_of_what_still_goes_out_says_nothing_of_having_left(self):
        self.deliver_part(6, 0)
        self.first.product_uom_qty = 6
        self.commit()
        self.assertEqual(self.steps(), ["lines"])

    def test_one_line_less_and_another_more_at_once_still_wait(self):
        self.deliver_part(10, 0)
        self.order.order_line = [
            (1, self.second.id, {"product_uom_qty": 0}),
            (1, self.first.id, {"product_uom_qty": 12}),
        ]
        self.commit()
        self.assertEqual(self.steps(), ["lines"])

    def test_a_backorder_that_is_deleted_is_not_waited_for(self):
        self.deliver_part(6, 5).unlink()
        self.commit()
        self.assertEqual(self.steps(), ["lines", "assigned_to_salesman"])

    def test_a_backorder_of_whole_lines_that_is_deleted_is_not_waited_for(self):
        backorder = self.deliver_part(10, 0)
        backorder.unlink()
        self.commit()
        self.assertFalse(self.second.move_ids, "Odoo moves a line's own move into the backorder")
        self.assertEqual(self.steps(), ["lines", "assigned_to_salesman"])
        self.assertEqual(self.there(), [self.sold(0, 10, 20.0)])

    def test_deleting_what_was_given_up_and_told_adds_nothing_there(self):
        backorder = self.deliver_part(10, 0)
        backorder.action_cancel()
        self.commit()
        self.assertEqual(self.steps(), ["lines", "assigned_to_salesman"])
        backorder.unlink()
        self.order._mark_marketplace_lines()
        self.commit()
        self.assertEqual(self.steps(), ["lines", "assigned_to_salesman"])

    def test_what_the_marketplace_itself_takes_off_is_not_waited_for(self):
        self.deliver_part(6, 5)
        self.box.edit_order(self.hashed_id, by="admin", amounts={self.document["order_details"][0]["id"]: 6})
        self.pull()
        self.assertEqual(self.first.product_uom_qty, 6)
        self.assertEqual(self.steps(), ["assigned_to_salesman"])

    def test_a_cancelled_order_is_not_said_to_have_left(self):
        self.deliver_part(6, 5)
        self.order._action_cancel()
        self.run_hooks()
        self.assertEqual(self.commands().mapped("status"), ["cancelled"])
        self.commit()
        self.assertEqual(self.steps(), ["cancelled_by_supplier"])

    def test_an_order_that_was_cancelled_before_its_confirmation_was_told_is_not_confirmed_there(self):
        self.tell("cancelled", "nothing")
        self.box.fail(path="update-order-status", status=503, times=None)
        document = self.place()
        self.pull()
        order = self.order_of(document)
        self.assertEqual((order.state, self.commands(order).status), ("sale", "approved"))
        order._action_cancel()
        self.box.clear_faults()
        self.again()
        self.assertFalse(self.commands(order))
        self.assertEqual(self.box.order(order.cartona_id)["status"], "pending")

    # ------------------------------------------------------------------ many lines

    def test_whether_anything_has_left_is_asked_once_for_all_lines(self):
        for number in range(10):
            self.add_line(self.products[2], 1 + number, 30.0)
        self.order.picking_ids.button_validate()
        self.commit()
        gone, asked = self.registry["sale.order.line"]._is_marketplace_gone, []

        def is_gone(lines):
            asked.append(lines)
            return gone(lines)

        self.patch(self.registry["sale.order.line"], "_is_marketplace_gone", is_gone)
        self.assertEqual(self.order._marketplace_line_changes(), [])
        self.assertEqual(len(asked), 1)


class TestWhatWasGivenUp(ReturnsCase):
    """What was given up is not sold again because something else of the order is to go out."""

    def prepare(self):
        super().prepare()
        self.deliver(4, 5)
        self.commit()
        self.assertEqual(self.there(), [self.sold(0, 4, 20.0), self.sold(1, 5, 40.0)])
        self.box.clear_journal()

    def test_a_line_that_is_added(self):
        self.add_line(self.products[2], 3, 30.0)
        self.assertEqual(self.there(), [self.sold(0, 4, 20.0), self.sold(1, 5, 40.0), self.sold(2, 3, 30.0)])
        self.assertEqual(self.order.marketplace_total, self.box.order(self.hashed_id)["total_price"])

    def test_more_of_another_line(self):
        self.second.product_uom_qty = 7
        self.commit()
        self.assertEqual(self.there(), [self.sold(0, 4, 20.0), self.sold(1, 7, 40.0)])

    def test_more_of_its_own_line_is_what_is_to_go_out(self):
        self.first.product_uom_qty = 12
        self.commit()
        opened = self.order.picking_ids.move_ids.filtered(lambda move: move.state not in ("done", "cancel"))
        self.assertEqual(opened.product_uom_qty, 8)
        self.assertEqual(self.there()[0], self.sold(0, 12, 20.0))

    def test_what_is_to_go_out_again(self):
        self.tell("delivery_confirmed", "delivered")
        delivery = self.order.picking_ids.filtered(lambda picking: picking.state == "done")
        self.prepare_return(self.take_back(delivery, 2, 0), 2)
        self.order.action_confirm_marketplace_delivery()
        self.commit()
        self.assertEqual(self.there()[0], self.sold(0, 4, 20.0))
        self.assertEqual(self.order.marketplace_status, "delivered")

    def test_a_whole_line(self):
        self.add_line(self.products[2], 3, 30.0)
        self.order.picking_ids.filtered(lambda picking: picking.state == "assigned").action_cancel()
        self.add_line(self.products[3], 1, 50.0)
        self.assertEqual(self.there(), [self.sold(0, 4, 20.0), self.sold(1, 5, 40.0), self.sold(3, 1, 50.0)])


class TestNothingGoes(OrderOutCase):
    """All that was to go out of an order is given up, and the order stands: its goods are free for others."""

    def asked(self):
        return self.order.activity_ids.filtered(lambda activity: activity.marketplace_cause == "nothing-goes")

    def give_up(self, pickings):
        pickings.action_cancel()
        self.commit()

    def test_a_person_is_asked_what_becomes_of_the_order(self):
        self.give_up(self.order.picking_ids)
        self.assertEqual(len(self.asked()), 1)
        self.assertEqual((self.order.state, self.steps()), ("sale", []))

    def test_so_it_is_with_a_delivery_that_is_deleted(self):
        self.order.picking_ids.unlink()
        self.commit()
        self.assertEqual(len(self.asked()), 1)

    def test_the_same_is_asked_once_and_anew_of_another_delivery(self):
        delivery = self.order.picking_ids
        self.give_up(delivery)
        self.asked().action_done()
        self.give_up(delivery)
        self.assertFalse(self.asked())
        again = delivery.copy()
        again.action_confirm()
        self.commit()
        self.assertEqual(self.order.picking_ids, delivery | again)
        self.give_up(again)
        self.assertEqual(len(self.asked()), 1)

    def test_it_is_delivered_again_after_its_delivery_was_cancelled_or_deleted(self):
        for give_up in (lambda delivery: delivery.action_cancel(), lambda delivery: delivery.unlink()):
            give_up(self.order.picking_ids.filtered(lambda picking: picking.state != "cancel"))
            self.commit()
            self.assertIn("nothing-goes", self.order.marketplace_asked)
            self.order.with_user(self.seller()).action_marketplace_deliver_again()
            again = self.order.picking_ids.filtered(lambda picking: picking.state != "cancel")
            self.assertEqual(again.move_ids.mapped("product_uom_qty"), [10, 5])
            self.assertNotIn("nothing-goes", self.order.marketplace_asked or {})
        again.move_ids.picked = True
        again.button_validate()
        self.commit()
        self.assertEqual(self.steps(), ["assigned_to_salesman"])

    def seller(self):
        groups = "sales_team.group_sale_salesman_all_leads,stock.group_stock_user"
        return new_test_user(self.env, f"seller-{len(self.env['res.users'].search([]))}", groups=groups)

    def test_what_is_delivered_by_a_duplicate_has_left(self):
        self.give_up(self.order.picking_ids)
        again = self.order.picking_ids.copy()
        again.action_confirm()
        again.move_ids.write({"quantity": 10, "picked": True})
        again.move_ids[1].quantity = 5
        again.button_validate()
        self.commit()
        self.assertEqual(self.steps(), ["assigned_to_salesman"])
        self.assertEqual(self.there(), [self.sold(0, 10, 20.0), self.sold(1, 5, 40.0)])

    def test_nobody_is_asked_where_the_order_is_cancelled_or_something_is_still_to_go(self):
        self.order.picking_ids.move_ids[0]._action_cancel()
        self.commit()
        self.assertFalse(self.asked())
        self.order._action_cancel()
        self.commit()
        self.assertFalse(self.asked())

    def test_nor_where_a_vendor_is_to_bring_it(self):
        self.patch(self.registry["sale.order.line"], "_is_being_bought", lambda line: True)
        self.order.picking_ids.unlink()
        self.commit()
        self.assertFalse(self.asked())

    def test_nor_where_it_has_left_at_the_marketplace(self):
        self.order.marketplace_status = "shipped"
        self.give_up(self.order.picking_ids)
        self.assertFalse(self.asked())

    def test_nor_where_nothing_is_ordered_any_more(self):
        self.order.order_line.product_uom_qty = 0
        self.commit()
        self.assertEqual(set(self.order.picking_ids.mapped("state")), {"cancel"})
        self.assertFalse(self.asked())


class TestGoodsThatAreOnNoDelivery(OrderOutCase):
    """What a vendor brings is on no delivery before its purchase is confirmed."""

    def prepare(self):
        super().prepare()
        move = self.second.move_ids
        move._action_cancel()
        move.unlink()
        self.delivery = self.order.picking_ids
        self.assertEqual(self.delivery.move_ids, self.first.move_ids)

    def setUp(self):
        super().setUp()
        # Odoo's purchases are not among what the addon needs.
        self.patch(self.registry["sale.order.line"], "_is_being_bought", lambda line: line == self.second)

    def validate(self, picking):
        result = picking.button_validate()
        self.commit()
        self.assertNotIsInstance(result, dict)

    def test_they_are_waited_for(self):
        self.validate(self.delivery)
        self.assertEqual(self.steps(), [])
        self.second._action_launch_stock_rule()
        self.validate(self.order.picking_ids - self.delivery)
        self.assertEqual(self.steps(), ["assigned_to_salesman"])
        self.assertEqual(self.there(), [self.sold(0, 10, 20.0), self.sold(1, 5, 40.0)])

    def test_they_are_waited_for_no_more_when_they_are_taken_off_the_order(self):
        self.validate(self.delivery)
        self.second.product_uom_qty = 0
        self.commit()
        self.assertEqual(self.steps(), ["lines", "assigned_to_salesman"])
        self.assertEqual(self.there(), [self.sold(0, 10, 20.0)])

    def test_no_otp_is_asked_for_what_comes_first(self):
        self.tell("left", "delivered")
        self.order.marketplace_otp_required = True
        self.validate(self.delivery)
        self.assertEqual((self.delivery.state, self.steps()), ("done", []))

    def test_what_is_done_with_no_delivery_is_not_waited_for(self):
        self.second.product_uom_qty = 0
        service = self.env["product.product"].create({"name": "Fee", "type": "service", "list_price": 3.0})
        self.add_line(service, 1, 3.0)
        self.box.clear_journal()
        self.validate(self.delivery)
        self.assertEqual(self.steps(), ["assigned_to_salesman"])
