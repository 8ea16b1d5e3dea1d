# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import Command
from odoo.tests import Form

from ..compat import pack_unit, unit_field
from .test_order_lines_out import OrderOutCase


class TestUnitsByHand(OrderOutCase):
    """A price is for a unit: where another is chosen, it is what so much of that costs."""

    confirm_policy = "never"

    def prepare(self):
        super().prepare()
        self.env.user.groups_id = [Command.link(self.env.ref("uom.group_uom").id)]
        self.unit = self.products[0].uom_id
        self.name = unit_field(self.first)
        self.first.write({self.name: pack_unit(self.unit, 12).id, "product_uom_qty": 2, "price_unit": 120.0})

    def test_pieces_cost_less_than_boxes(self):
        self.first.write({self.name: self.unit.id, "product_uom_qty": 18})
        self.assertEqual((self.first.price_unit, self.first.price_subtotal), (10.0, 180.0))

    def test_the_same_is_seen_on_the_form(self):
        with Form(self.order) as form, form.order_line.edit(0) as line:
            setattr(line, self.name, self.unit)
            line.product_uom_qty = 18
            self.assertEqual(line.price_unit, 10.0)
        self.assertEqual((self.first.price_unit, self.first.price_subtotal), (10.0, 180.0))

    def test_a_unit_that_was_chosen_by_mistake_leaves_no_trace(self):
        box = self.first[self.name]
        with Form(self.order) as form, form.order_line.edit(0) as line:
            setattr(line, self.name, self.unit)
            setattr(line, self.name, box)
            self.assertEqual(line.price_unit, 120.0)
        self.assertEqual((self.first[self.name], self.first.price_subtotal), (box, 240.0))

    def test_a_price_that_is_written_with_it_stands(self):
        self.first.write({self.name: self.unit.id, "price_unit": 11.0})
        self.assertEqual(self.first.price_unit, 11.0)
