# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import Command

from .test_returns import ReturnsCase


class TestResupply(ReturnsCase):
    """What is sold is not in its warehouse, so another one sends it there first: the customer has nothing of that."""

    confirm_policy = "never"

    def prepare(self):
        super().prepare()
        other = self.env["stock.warehouse"].create({"name": "Other", "code": "OTH"})
        self.warehouse.resupply_wh_ids = [Command.link(other.id)]
        to_order = self.env.ref("stock.route_warehouse0_mto")
        to_order.active = True
        for product in self.products:
            self.set_stock(product, 0)
            self.env["stock.quant"]._update_available_quantity(product, other.lot_stock_id, 100)
        self.products.route_ids = [Command.set((to_order | self.warehouse.resupply_route_ids).ids)]
        self.order.action_confirm()
        self.run_hooks()
        self.resupply = self.order.picking_ids.filtered(lambda picking: picking.location_dest_id.usage == "transit")
        self.assertEqual(self.resupply.picking_type_id, other.out_type_id)
        self.commit()
        self.box.clear_journal()

    def to_customer(self):
        return self.order.picking_ids.filtered(lambda picking: picking.location_dest_id.usage == "customer")

    def test_only_what_goes_to_the_customer_is_told(self):
        self.assertFalse(self.resupply.marketplace_ships)
        self.validate(self.resupply)
        self.to_customer().action_cancel()
        self.commit()
        self.assertFalse(self.order._has_all_left())
        self.assertEqual(self.steps(), [])

    def test_an_order_that_is_cancelled_meanwhile_is_cancelled_here(self):
        self.validate(self.resupply)
        self.box.edit_order(self.hashed_id, by="admin", status="cancelled_by_retailer")
        self.pull()
        self.assertEqual(self.order.state, "cancel")
        self.assertNotIn("goods have left", str(self.order.activity_ids.mapped("summary")))

    def test_what_comes_and_goes_on_is_told_as_ever(self):
        self.validate(self.resupply)
        coming = self.order.picking_ids.filtered(lambda picking: picking.picking_type_code == "incoming")
        self.validate(coming)
        self.assertEqual(self.steps(), [])
        self.validate(self.to_customer())
        self.assertEqual(self.steps(), ["assigned_to_salesman"])
