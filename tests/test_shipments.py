# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import Command

from .common import MarketplaceCase


class TestKitShipments(MarketplaceCase):
    """How much of a line a delivery holds whose goods are not the line's own product, as those of a kit."""

    def order_by_components(self, quantity=10):
        """Return a confirmed order of which another product goes out than what was ordered, without the module mrp."""
        component, kit = self.products[:2]
        self.set_stock(component, 100)
        values = {"product_id": component.id, "product_uom_qty": quantity}
        partner = self.env["res.partner"].create({"name": "Customer"})
        order = self.env["sale.order"].create({"partner_id": partner.id, "order_line": [Command.create(values)]})
        order.action_confirm()
        order.order_line.cartona_line_id = "L1"
        self.env.flush_all()
        self.env.cr.execute("UPDATE sale_order_line SET product_id = %s WHERE order_id = %s", [kit.id, order.id])
        self.env.invalidate_all()
        return order

    def leave(self, picking, quantity, **context):
        picking.move_ids.write({"quantity": quantity, "picked": True})
        picking.with_context(skip_backorder=True, **context)._action_done()

    def test_a_part_is_told_in_proportion(self):
        order = self.order_by_components()
        first = order.picking_ids
        self.leave(first, 4)
        self.leave(order.picking_ids - first, 6)
        told = [picking._marketplace_lines() for picking in order.picking_ids.sorted("id")]
        self.assertEqual(told, [[("L1", 4.0)], [("L1", 6.0)]])

    def test_a_kit_of_which_components_are_still_to_go_is_to_go(self):
        order = self.order_by_components()
        self.leave(order.picking_ids, 4)
        self.assertEqual(order.order_line._marketplace_to_go(), 10)
        self.leave(order.picking_ids.filtered(lambda picking: picking.state != "done"), 6)
        self.assertEqual(order.order_line._marketplace_to_go(), 0)

    def test_what_was_given_up_with_the_backorder_is_not_told_as_sent(self):
        order = self.order_by_components()
        self.leave(order.picking_ids, 6, cancel_backorder=True)
        self.assertEqual(order.picking_ids._marketplace_lines(), [("L1", 6.0)])

    def test_a_backorder_that_is_cancelled_is_not_told_as_sent(self):
        order = self.order_by_components()
        first = order.picking_ids
        self.leave(first, 6)
        (order.picking_ids - first).action_cancel()
        self.assertEqual(first._marketplace_lines(), [("L1", 6.0)])

    def test_a_return_makes_no_less_of_what_had_left(self):
        order = self.order_by_components()
        delivery = order.picking_ids
        self.leave(delivery, 10)
        move = delivery.move_ids
        values = {"origin_returned_move_id": move.id, "location_id": move.location_dest_id.id}
        move.copy({**values, "location_dest_id": move.location_id.id, "picking_id": False, "state": "draft"})
        self.env.invalidate_all()
        self.assertEqual(len(order.order_line.move_ids), 2)
        self.assertEqual(delivery._marketplace_lines(), [("L1", 10.0)])
