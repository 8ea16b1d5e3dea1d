# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import Command

from .common import MarketplaceCase


class WarehousesCase(MarketplaceCase):
    """A second warehouse, whose goods may be sold by the account and delivered from the first one."""

    def prepare(self):
        super().prepare()
        self.listings = self.list_products()
        self.product = self.products[0]
        self.other = self.env["stock.warehouse"].create({"name": "Depot", "code": "DEP"})

    def fill(self, warehouse, quantity):
        self.env["stock.quant"]._update_available_quantity(self.product, warehouse.lot_stock_id, quantity)

    def supply(self, supplied, supplier):
        """Have one warehouse bring what an order at the other one asks for."""
        supplied.resupply_wh_ids = [Command.link(supplier.id)]
        to_order = self.env.ref("stock.route_warehouse0_mto")
        to_order.active = True
        self.product.route_ids = [Command.set((to_order | supplied.resupply_route_ids).ids)]

    def available(self, account=None):
        self.env.flush_all()
        return self.product._marketplace_available(account or self.account)[self.product.id]


class TestSoldHereDeliveredThere(WarehousesCase):
    """Until an order is confirmed and its goods are asked for where they are, what it will take counts there."""

    def prepare(self):
        super().prepare()
        self.supply(self.warehouse, self.other)
        self.fill(self.other, 10)
        self.account.write(
            {
                "warehouse_ids": [Command.set(self.other.ids)],
                "sale_warehouse_id": self.warehouse.id,
                "confirm_policy": "never",
            }
        )
        self.commit()

    def test_a_draft_a_document_and_a_confirmed_order_take_as_much(self):
        document = self.box_order((self.product, 4, 10.0), status="pending")
        self.env["marketplace.inbox"]._store([(self.account, "order", document["hashed_id"], document)], "webhook")
        self.assertEqual(self.available(), 6, "a document")
        self.commit()
        order = self.order_of(document)
        self.assertEqual((order.state, order.warehouse_id), ("draft", self.warehouse))
        self.assertEqual(self.available(), 6, "a draft")
        order.action_confirm()
        self.assertEqual(self.available(), 6, "asked for where it is")
        self.assertTrue(order.picking_ids.filtered(lambda picking: picking.location_dest_id.usage == "transit"))

    def test_what_an_account_delivers_from_what_it_sells_is_taken_off_nowhere_else(self):
        """It sells all warehouses and delivers from the first: the other one's goods are not meant."""
        everything = self._create_account(name="All", warehouse_ids=False, confirm_policy="never", pull_orders=False)
        self.assertEqual(everything._delivery_warehouse(), self.warehouse)
        raw = self.box_order((self.product, 4, 10.0))
        listing = {"config_id": everything.id, "product_id": self.product.id}
        self.env["marketplace.listing"].create({**listing, "external_id": self.external_id(self.product)})
        self.env["marketplace.inbox"]._store([(everything, "order", raw["hashed_id"], raw)], "webhook")
        self.assertEqual(self.available(), 10)
        self.commit()
        self.assertEqual(self.available(), 10)
        self.box.clear_journal()
        everything.write({"warehouse_ids": [Command.set(self.other.ids)], "sale_warehouse_id": self.warehouse.id})
        self.commit()
        self.assertEqual(self.available(), 6)
        self.assertEqual(self.listings[0].pushed_quantity, 6, "the other account is sent anew")
        everything.action_pause()
        everything.action_archive()
        self.assertEqual(self.available(), 6, "its drafts may still be confirmed")

    def test_a_held_order_takes_its_goods_as_soon_as_the_product_is_known(self):
        line = {"supplier_product_id": "new-1", "amount": 4, "selling_price": 10.0}
        self.box.add_order(status="pending", order_details=[line])
        self.pull()
        self.listings[0].external_id = "new-1"
        self.assertEqual(self.available(), 6)

    def test_a_draft_that_a_person_gave_to_a_third_warehouse_takes_nothing_here(self):
        document = self.box_order((self.product, 4, 10.0), status="pending")
        self.pull()
        third = self.env["stock.warehouse"].create({"name": "Third", "code": "THI"})
        self.order_of(document).warehouse_id = third
        self.assertEqual(self.available(), 10)

    def test_others_that_sell_where_it_is_delivered_from_go_without_this_ones_stock(self):
        neighbour = self._create_account(name="Neighbour", warehouse_ids=self.warehouse.ids)
        neighbour.confirm_policy = "never"
        order = self.env["sale.order"].create(
            {
                "partner_id": self.env["res.partner"].create({"name": "Shop"}).id,
                "marketplace_config_id": neighbour.id,
                "warehouse_id": self.warehouse.id,
                "order_line": [Command.create({"product_id": self.product.id, "product_uom_qty": 3})],
            }
        )
        self.assertEqual(order.state, "draft")
        self.assertEqual(self.available(), 10, "the neighbour's are asked for where it sells from")
        self.fill(self.warehouse, 5)
        self.assertEqual(self.available(neighbour), 2)


class TestWarehousesInTheCheckUp(WarehousesCase):
    def finding(self):
        found = self.env["marketplace.config"].get_doctor_findings()
        return [one for one in found if one["account"] == self.account.id and "deliver" in one["title"]]

    def test_stock_that_no_order_is_delivered_from_is_told(self):
        self.assertFalse(self.finding())
        self.account.warehouse_ids = False
        found = self.finding()
        self.assertEqual([one["level"] for one in found], ["warning"])
        self.assertIn("Depot", found[0]["title"])
        self.assertNotIn(f"{self.warehouse.name},", found[0]["title"])
        self.account.warehouse_ids = self.warehouse
        self.assertFalse(self.finding())

    def test_a_warehouse_that_sells_nothing_and_delivers_all_is_told(self):
        self.account.sale_warehouse_id = self.other
        self.assertTrue(self.finding())
        self.account.warehouse_ids = self.other
        self.assertFalse(self.finding())

    def test_what_is_brought_to_where_it_is_delivered_from_is_well_also_over_a_third_one(self):
        third = self.env["stock.warehouse"].create({"name": "Third", "code": "THI"})
        self.account.warehouse_ids = False
        self.account.sale_warehouse_id = self.warehouse
        self.warehouse.resupply_wh_ids = [Command.link(self.other.id)]
        self.assertIn("Third", self.finding()[0]["title"])
        self.assertNotIn("Depot", self.finding()[0]["title"])
        self.other.resupply_wh_ids = [Command.link(third.id), Command.link(self.warehouse.id)]
        self.assertFalse(self.finding())


class TestOnHandLessOutgoing(WarehousesCase):
    """What goes from one of the account's warehouses to another leaves none of them."""

    def prepare(self):
        super().prepare()
        self.account.write(
            {
                "warehouse_ids": [Command.set((self.warehouse | self.other).ids)],
                "sale_warehouse_id": self.other.id,
                "stock_basis": "outgoing",
            }
        )
        self.supply(self.other, self.warehouse)
        self.fill(self.warehouse, 10)
        self.commit()

    def order_four(self):
        document = self.box_order((self.product, 4, 10.0), status="pending")
        self.pull()
        return self.order_of(document)

    def pickings(self, order, usage):
        return order.picking_ids.filtered(lambda picking: picking.location_dest_id.usage == usage)

    def validate(self, picking, quantity=None):
        move = picking.move_ids
        move.quantity = quantity or move.product_uom_qty
        move.picked = True
        picking.with_context(skip_sms=True, skip_backorder=True).button_validate()

    def test_an_order_that_another_warehouse_brings_counts_once_at_each_of_its_steps(self):
        order = self.order_four()
        self.assertEqual(order.state, "sale")
        self.assertEqual(self.available(), 6, "nothing has moved")
        self.validate(self.pickings(order, "transit"))
        self.assertEqual(self.available(), 6, "on its way")
        self.validate(self.pickings(order, "internal"), 1)
        self.assertEqual(self.available(), 6, "a part has arrived")
        self.validate(self.pickings(order, "internal").filtered(lambda one: one.state != "done"))
        self.assertEqual(self.available(), 6, "all has arrived")
        self.validate(self.pickings(order, "customer"))
        self.assertEqual(self.available(), 6, "it has left")

    def test_an_account_that_sells_one_of_them_counts_what_leaves_that_one(self):
        self.order_four()
        self.account.warehouse_ids = self.warehouse
        self.assertEqual(self.available(), 6)
        self.account.warehouse_ids = self.other
        self.assertEqual(self.available(), -4, "as Odoo counts it: none is there, and four are to leave")

    def move_by(self, *places):
        """Plan to move four from each of the places to the next one, and move them to the second."""
        values = {"product_id": self.product.id, "product_uom_qty": 4}
        if "name" in self.env["stock.move"]._fields:  # gone in 19.0
            values["name"] = "By hand"
        moves = self.env["stock.move"].create(
            [
                {**values, "location_id": start.id, "location_dest_id": end.id}
                for start, end in zip(places, places[1:], strict=False)
            ]
        )
        for move, following in zip(moves, moves[1:], strict=False):
            move.move_dest_ids = following
        moves._action_confirm()
        before = self.available()
        moves[0].write({"quantity": 4, "picked": True})
        moves[0]._action_done()
        return before, self.available()

    def test_what_is_brought_to_be_kept_is_not_sold_on_its_way(self):
        transit = self.env.company.internal_transit_location_id
        self.assertEqual(self.move_by(self.warehouse.lot_stock_id, transit, self.other.lot_stock_id), (6, 6))

    def test_what_a_customer_sends_back_and_gets_again_is_not_sold_meanwhile(self):
        stock, customers = self.warehouse.lot_stock_id, self.env.ref("stock.stock_location_customers")
        self.assertEqual(self.move_by(stock, customers, stock, customers), (2, 2))
