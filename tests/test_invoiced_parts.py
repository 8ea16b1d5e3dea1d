# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import Command

from ..compat import create_return
from .test_policies import PoliciesCase


class TestPartsOfPacks(PoliciesCase):
    """A pack goes out in parts that two decimals can't hold, and comes to a whole one all the same."""

    def prepare(self):
        super().prepare()
        self.account.invoice_policy = "posted"
        self.add_whole_cartons()
        listing = self.env["marketplace.listing"].search([("product_id", "=", self.products[0].id)])
        listing.pack_size = 24
        self.order = self.place((self.products[0], 1, 600.0), delivered_by="delivered_by_supplier")
        self.line = self.order.order_line

    def add_whole_cartons(self):
        """Have a unit of that size that is counted in whole ones, as some companies make theirs: until 18.0."""
        unit = self.products[0].uom_id
        if "category_id" in unit._fields:
            values = {"uom_type": "bigger", "factor_inv": 24 * unit.factor_inv, "rounding": 1.0}
            unit.create({"name": "Carton of 24", "category_id": unit.category_id.id, **values})

    def there(self):
        return self.box.order(self.order.cartona_id)["order_details"][0]["amount"]

    def deliver_parts(self, *pieces):
        """Deliver so many pieces one after the other, the last ones without a backorder."""
        for count in pieces:
            self.deliver(self.order, count, backorder=count != pieces[-1])
            self.commit()

    def test_two_parts_are_one_pack(self):
        self.deliver_parts(9, 15)
        self.assertEqual((self.line.qty_delivered, self.order.marketplace_status), (1.0, "shipped"))
        self.assertFalse(self.box.calls("update-order-details"))
        self.assertEqual((self.order.invoice_ids.invoice_line_ids.quantity, self.order.amount_total), (1.0, 600.0))

    def test_three_parts_are_one_pack(self):
        self.deliver(self.order, 8, backorder=True)
        self.deliver(self.order, 8, backorder=True)
        self.assertEqual(self.line.qty_delivered, 0.67)
        self.deliver(self.order)
        self.commit()
        self.assertEqual((self.line.qty_delivered, self.there()), (1.0, 1))
        self.assertEqual(self.order.invoice_ids.invoice_line_ids.quantity, 1.0)

    def test_what_is_given_up_is_told_and_invoiced_as_the_same(self):
        self.deliver_parts(9, 8)
        self.assertEqual((self.line.qty_delivered, self.there()), (0.71, 0.71))
        self.assertEqual(self.order.invoice_ids.amount_total, 426.0)

    def test_what_comes_back_and_goes_out_again_is_one_pack(self):
        self.deliver(self.order)
        back = self.take_back(self.order, 9)
        self.assertEqual(self.line.qty_delivered, 0.63)
        again = create_return(back)
        again.move_ids.write({"to_refund": True, "quantity": 9, "picked": True})
        again.button_validate()
        self.assertEqual(self.line.qty_delivered, 1.0)


class TestKitsThatComeBack(PoliciesCase):
    """Of a kit, its components come back."""

    def prepare(self):
        super().prepare()
        if "mrp.bom" not in self.env:
            self.skipTest("kits need mrp, which is not installed here")
        self.account.invoice_policy = "posted"
        self.kit = self.create_kit(*self.products[:2])
        self.order = self.place((self.kit, 10, 20.0))
        self.deliver(self.order)
        self.commit()
        self.assertEqual(self.invoiced(self.order), [("out_invoice", [10])])

    def create_kit(self, *components):
        kit = self.env["product.product"].create({"name": "Kit", "type": "consu", "list_price": 20, "taxes_id": False})
        lines = [Command.create({"product_id": product.id, "product_qty": 1}) for product in components]
        self.env["mrp.bom"].create(
            {"product_tmpl_id": kit.product_tmpl_id.id, "type": "phantom", "bom_line_ids": lines}
        )
        values = {"config_id": self.account.id, "product_id": kit.id, "external_id": self.external_id(kit)}
        self.env["marketplace.listing"].create(values)
        return kit

    def send_again(self, back):
        again = create_return(back)
        again.move_ids.to_refund = True
        for move in again.move_ids:
            move.write({"quantity": move.product_uom_qty, "picked": True})
        again.button_validate()
        self.commit()
        self.assertEqual(self.order.order_line.qty_delivered, 10)

    def test_what_was_credited_of_them_is_invoiced_when_it_goes_out_again(self):
        back = self.take_back(self.order, 2)
        self.assertEqual(self.order.order_line.qty_delivered, 8)
        self.credit(self.order, quantity=2)
        self.send_again(back)
        self.assertEqual(self.invoiced(self.order), [("out_invoice", [10]), ("out_refund", [2]), ("out_invoice", [2])])

    def test_one_component_that_comes_back_takes_the_kits_with_it(self):
        back = create_return(self.order.picking_ids)
        back.move_ids.write({"to_refund": True, "quantity": 0})
        back.move_ids[0].write({"quantity": 2, "picked": True})
        back.with_context(skip_backorder=True, picking_ids_not_to_backorder=back.ids).button_validate()
        self.assertEqual(self.order.order_line.qty_delivered, 8)
        self.credit(self.order, quantity=2)
        self.send_again(back)
        self.assertEqual(self.invoiced(self.order), [("out_invoice", [10]), ("out_refund", [2]), ("out_invoice", [2])])

    def test_a_kit_that_lacks_a_part_is_credited_whole(self):
        kit = self.create_kit(self.products[2])
        self.env["mrp.bom"].search([("product_tmpl_id", "=", kit.product_tmpl_id.id)]).bom_line_ids.product_qty = 2
        self.order = self.place((kit, 10, 20.0))
        self.deliver(self.order)
        self.commit()
        back = self.take_back(self.order, 1)
        self.assertEqual(self.order.order_line.qty_delivered, 9)
        self.credit(self.order, quantity=1)
        self.send_again(back)
        self.assertEqual(self.invoiced(self.order), [("out_invoice", [10]), ("out_refund", [1]), ("out_invoice", [1])])

    def test_packs_of_kits_are_counted_by_their_components(self):
        self.env["marketplace.listing"].search([("product_id", "=", self.kit.id)]).pack_size = 4
        order = self.place((self.kit, 3, 80.0))
        self.deliver(order, 4, backorder=True)
        self.assertEqual(order.order_line.qty_delivered, 1)
        self.deliver(order)
        self.commit()
        self.assertEqual((order.order_line.qty_delivered, order.invoice_ids.amount_total), (3, 240.0))

    def test_what_was_credited_and_kept_is_not_invoiced_again(self):
        self.credit(self.order, quantity=2)
        self.hear_delivered(self.order)
        self.assertEqual(self.invoiced(self.order), [("out_invoice", [10]), ("out_refund", [2])])
