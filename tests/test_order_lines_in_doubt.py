# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from unittest.mock import patch

from .test_order_lines_out import OrderOutCase


class TestOrderLinesInDoubt(OrderOutCase):
    """What the marketplace was told of lines, and nobody knows whether it heard."""

    def test_what_goes_back_after_an_answer_was_lost_is_told_all_the_same(self):
        self.box.fail(path="update-order-details", kind="drop")
        self.first.product_uom_qty = 6
        self.commit()
        self.assertEqual(self.there()[0], self.sold(0, 6, 20.0), "it was taken")
        self.first.product_uom_qty = 10
        self.box.clear_journal()
        self.again()
        told = {"id": self.box.order(self.hashed_id)["order_details"][0]["id"], "amount": 10}
        self.assertEqual(self.sent(), [[told]], "and no price, which nobody had changed")
        self.assertEqual(self.there()[0], self.sold(0, 10, 20.0))
        self.assertFalse(self.commands())
        self.assertEqual(self.first.marketplace_quantity, 10)

    def test_what_was_to_go_and_stays_after_an_answer_was_lost_is_told(self):
        self.box.fail(path="update-order-details", kind="drop")
        self.first.product_uom_qty = 0
        self.commit()
        self.assertEqual(self.commands().state, "waiting")
        self.first.product_uom_qty = 10
        self.box.clear_journal()
        self.again()
        self.assertEqual(self.sent()[0][0]["amount"], 10)

    def test_what_goes_back_during_the_call_is_told_after_it(self):
        lines, call = type(self.env["marketplace.line.changes"]), self.env["marketplace.line.changes"]._call

        def meanwhile(model, config, order, changes):
            answer = call(config, order, changes)
            self.patch_once.stop()
            self.first.product_uom_qty = 10
            self.env.flush_all()
            self.env.cr.precommit.run()
            return answer

        self.patch_once = patch.object(lines, "_call", meanwhile)
        self.patch_once.start()
        self.first.product_uom_qty = 6
        self.commit()
        self.again()
        self.assertEqual(self.there()[0], self.sold(0, 10, 20.0))
        self.assertFalse(self.commands())
