# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from .test_order_lines_out import OrderOutCase


class TestDraftLinesOut(OrderOutCase):
    confirm_policy = "never"

    def test_a_line_removed_here_is_removed_there(self):
        line_id = self.document["order_details"][1]["id"]
        self.second.unlink()
        self.commit()
        self.assertEqual(self.sent(), [[{"id": line_id, "cancelled": True}]])
        self.assertEqual(self.there(), [self.sold(0, 10, 20.0)])
        self.assertEqual(self.order.marketplace_total, 200.0)

    def test_a_removal_that_was_undone_is_not_sent(self):
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
            self.second.unlink()
            self.env.flush_all()
            raise ZeroDivisionError
        self.env.invalidate_all()
        self.commit()
        self.assertFalse(self.sent())

    def test_what_the_customer_changes_is_not_sent_back(self):
        first, second = (line["id"] for line in self.document["order_details"])
        self.box.edit_order(self.hashed_id, {first: 3, second: 0})
        self.pull()
        self.assertEqual(self.order.order_line.mapped("product_uom_qty"), [3])
        self.assertFalse(self.sent())
        self.assertFalse(self.commands())

    def test_a_change_before_confirming_is_told_before_approved(self):
        self.first.product_uom_qty = 6
        self.order.action_confirm()
        self.commit()
        self.assertEqual(self.steps(), ["lines", "approved"])
