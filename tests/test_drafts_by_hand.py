# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import Command

from .test_order_changes import OrderChangesCase


class TestDraftsByHand(OrderChangesCase):
    """A person changes the lines of a draft whose marketplace is told nothing of lines."""

    confirm_policy = "never"

    def prepare(self):
        super().prepare()
        self.account.push_lines = False

    def accept(self):
        self.account.confirm_policy = "always"
        self.order.action_marketplace_accept()
        self.commit()
        self.assertEqual(self.order.state, "sale")

    def test_a_line_that_was_deleted_does_not_come_back(self):
        self.second.unlink()
        self.commit()
        self.edit_there(note_message="x")
        self.assertEqual(self.order.order_line, self.first)
        self.assertIn("total", self.order.marketplace_hold, "a person sees that less is delivered than was paid for")
        self.accept()
        self.assertEqual(self.order.order_line, self.first)
        self.edit_there(note_message="y")
        self.assertFalse(self.order.activity_ids)

    def test_a_line_whose_deletion_was_undone_is_there(self):
        with self.env.cr.savepoint() as savepoint:
            self.second.unlink()
            self.env.flush_all()
            savepoint.rollback()
        self.env.invalidate_all()
        self.edit_there({self.second_id: 3})
        self.assertEqual(self.second.product_uom_qty, 3)

    def test_a_product_that_was_replaced_stays(self):
        self.first.write({"product_id": self.products[2].id, "price_unit": 20.0})
        self.commit()
        self.edit_there(note_message="x")
        self.assertEqual(self.first.product_id, self.products[2])
        self.account.confirm_policy = "always"
        self.edit_there(note_message="y")
        self.assertEqual((self.order.state, self.first.product_id), ("sale", self.products[2]))

    def test_a_product_that_was_replaced_and_changed_there_is_theirs_and_a_person_is_told(self):
        self.first.write({"product_id": self.products[2].id, "price_unit": 20.0})
        self.commit()
        self.edit_there({self.first_id: 12})
        self.assertEqual((self.first.product_id, self.first.product_uom_qty), (self.products[0], 12))
        self.assertEqual(self.order.activity_ids.summary, "Changed here and at the marketplace")

    def test_a_note_that_was_deleted_does_not_come_back(self):
        details = [
            {"supplier_product_id": self.external_id(self.products[0]), "amount": 10, "selling_price": 20.0},
            {"supplier_product_id": "424242", "amount": 5, "selling_price": 40.0},
        ]
        document = self.box.add_order(order_details=details, status="pending")
        self.pull()
        order = self.order_of(document)
        note = order._marketplace_unknown_lines()
        order.order_line = [
            Command.delete(note.id),
            Command.create({"product_id": self.products[2].id, "product_uom_qty": 5, "price_unit": 40.0}),
        ]
        self.commit()
        order.action_marketplace_retry()
        self.commit()
        self.assertEqual(order.order_line.product_id, self.products[0] | self.products[2])
        self.assertEqual(len(order.order_line), 2)
        self.assertFalse(order.marketplace_hold)

    def test_a_product_that_was_deleted_and_added_again_is_the_marketplaces_line(self):
        self.second.unlink()
        self.order.order_line = [
            Command.create({"product_id": self.products[1].id, "product_uom_qty": 5, "price_unit": 40.0})
        ]
        again = self.order.order_line - self.first
        self.assertEqual((again.cartona_line_id, again.marketplace_quantity), (str(self.second_id), 5))
        self.assertFalse(self.order.marketplace_dropped)
        self.edit_there({self.second_id: 3})
        self.assertEqual((self.order.order_line - self.first, again.product_uom_qty), (again, 3))

    def test_a_product_is_added_again_although_its_listing_is_gone(self):
        listing = self.second.marketplace_listing_id
        self.second.unlink()
        self.env.cr.execute("DELETE FROM marketplace_listing WHERE id = %s", [listing.id])
        self.env.invalidate_all()
        line = {"product_id": self.products[1].id, "product_uom_qty": 5, "price_unit": 40.0}
        self.order.order_line = [Command.create(line)]
        again = self.order.order_line - self.first
        self.assertEqual((again.cartona_line_id, again.marketplace_listing_id.id), (str(self.second_id), False))
