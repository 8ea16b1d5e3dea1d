# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import Command

from .common import storable
from .test_order_lines_out import OrderOutCase


class TestOrdersTakenAgain(OrderOutCase):
    """An order is held, its lines are changed here, and the marketplace has taken that: the document that is here, and
    is looked at again, does not know it."""

    confirm_policy = "never"

    def prepare(self):
        super().prepare()
        self.late = self.env["product.product"].create(storable({"name": "Late", "list_price": 30, "taxes_id": False}))

    def place(self, **values):
        if not hasattr(self, "late"):
            return super().place(**values)
        lines = ((self.products[0], 10, 20.0), (self.products[1], 5, 40.0), (self.late, 2, 30.0))
        return self.box_order(
            *lines,
            **{
                "status": "pending",
                "delivered_by": "delivered_by_supplier",
                "installment_cost": 0,
                "wallet_top_up": 0,
                "cartona_credit": 0,
            },
        )

    def held(self):
        self.document = self.place()
        self.hashed_id = self.document["hashed_id"]
        self.pull()
        self.order = self.order_of(self.document)
        self.first, self.second, _unknown = self.order.order_line
        self.assertTrue(self.order.marketplace_hold)

    def match(self):
        self.box.add_product(id=1000 + self.late.id)
        values = {"product_id": self.late.id, "external_id": str(1000 + self.late.id)}
        self.env["marketplace.listing"].create({"config_id": self.account.id, **values})
        self.commit()

    def here(self):
        return self.order.order_line.sorted("id").mapped(lambda line: (line.product_id, line.product_uom_qty))

    def assert_agreed(self):
        self.assertFalse(self.order.marketplace_hold)
        self.assertFalse(self.commands())
        there = self.box.order(self.hashed_id)["total_price"]
        self.assertEqual((self.order.amount_total, self.order.marketplace_total), (there, there))

    def test_matching_a_product_undoes_no_quantity_and_price_that_the_marketplace_has_taken(self):
        self.held()
        self.first.write({"product_uom_qty": 6, "price_unit": 18.0})
        self.commit()
        self.match()
        self.assertEqual((self.first.product_uom_qty, self.first.price_unit), (6, 18.0))
        self.assertEqual(self.here(), [(self.products[0], 6), (self.products[1], 5), (self.late, 2)])
        self.assert_agreed()

    def test_nor_that_a_line_was_removed(self):
        self.held()
        self.first.unlink()
        self.second.product_uom_qty = 0
        self.commit()
        self.match()
        self.assertEqual(self.here(), [(self.products[1], 0), (self.late, 2)])
        self.assertEqual(self.there(), [(str(1000 + self.late.id), 2, 30.0)])
        self.assert_agreed()

    def test_nor_a_line_that_was_added(self):
        self.held()
        added = self.add_line(self.products[2], 3, 15.0)
        self.match()
        self.assertEqual((added.exists(), added.product_uom_qty), (added, 3))
        self.assert_agreed()

    def test_nor_a_line_whose_answer_was_lost_and_that_a_person_has_found_there(self):
        self.held()
        self.box.fail(path="update-order-details", kind="drop")
        added = self.add_line(self.products[2], 3, 15.0)
        self.commands().unlink()
        self.running()._note_success()
        self.match()
        self.assertEqual((added.exists(), added.product_uom_qty), (added, 3))
        self.assert_agreed()

    def test_nor_another_product_in_place_of_the_first(self):
        self.held()
        self.first.write({"product_id": self.products[2].id, "price_unit": 30.0})
        self.commit()
        self.match()
        self.assertEqual(self.here(), [(self.products[2], 10), (self.products[1], 5), (self.late, 2)])
        self.assert_agreed()

    def test_nor_what_was_changed_before_its_status_was_told_apart(self):
        self.held()
        self.first.product_uom_qty = 6
        self.commit()
        self.order.marketplace_status = "approved"
        self.match()
        self.assertEqual(self.here(), [(self.products[0], 6), (self.products[1], 5), (self.late, 2)])

    def test_what_is_still_to_be_told_besides_stays_too(self):
        self.held()
        self.first.product_uom_qty = 6
        self.commit()
        self.box.fail(path="update-order-details", status=503)
        self.second.product_uom_qty = 4
        self.commit()
        self.running()._note_success()
        self.match()
        self.assertEqual(self.here(), [(self.products[0], 6), (self.products[1], 4), (self.late, 2)])

    def test_what_the_marketplace_changes_after_it_was_told_is_taken_over(self):
        self.held()
        self.first.product_uom_qty = 6
        self.commit()
        self.box.edit_order(self.hashed_id, {self.document["order_details"][0]["id"]: 8}, by="admin")
        self.pull()
        self.match()
        self.assertEqual(self.here(), [(self.products[0], 8), (self.products[1], 5), (self.late, 2)])
        self.assert_agreed()

    def test_a_confirmed_order_whose_document_is_replayed_asks_nothing_and_loses_nothing(self):
        self.order.action_confirm()
        self.first.product_uom_qty = 12
        self.order.order_line = [Command.update(self.second.id, {"product_uom_qty": 4})]
        self.commit()
        self.assertEqual(self.there(), [self.sold(0, 12, 20.0), self.sold(1, 4, 40.0)])
        self.box.clear_journal()
        self.order._marketplace_document().action_replay()
        self.commit()
        self.assertEqual((self.first.product_uom_qty, self.second.product_uom_qty), (12, 4))
        self.assertFalse(self.order.activity_ids)
        self.assertFalse(self.sent())
