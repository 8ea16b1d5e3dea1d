# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.exceptions import UserError

from .test_order_lines_out import OrderOutCase


class TestCancellationsUndone(OrderOutCase):
    """An order that is cancelled here and opened again: *Cancel*, *Set to Quotation*, *Confirm*."""

    def cancel(self, reason=False):
        self.order.marketplace_cancel_reason = reason
        self.order._action_cancel()
        self.commit()

    def open_again(self):
        self.order.action_draft()
        self.order.action_confirm()
        self.commit()

    def stop_account(self):
        """Have the account wait as it does in an outage."""
        self.box.fail(path="update-order-status", status=503, times=1)

    def start_account(self):
        self.running()._note_success()
        self.sweep()

    def there_now(self):
        return self.box.order(self.hashed_id)["status"]

    def commands(self):
        return self.env["marketplace.outbox"].search([("lane", "=", "orders"), ("order_id", "=", self.order.id)])

    def deliver(self):
        self.order.picking_ids.filtered(lambda picking: picking.state == "assigned").button_validate()
        self.commit()

    def test_a_cancellation_that_was_undone_before_it_was_sent_is_never_sent(self):
        self.stop_account()
        self.cancel()
        self.assertEqual(self.commands().mapped("status"), ["cancelled"])
        self.open_again()
        self.box.clear_journal()
        self.start_account()
        self.assertEqual((self.steps(), self.there_now()), ([], "approved"))
        self.assertFalse(self.commands() or self.order.activity_ids)
        self.deliver()
        self.assertEqual(self.there_now(), "assigned_to_salesman")

    def test_a_refused_cancellation_that_was_undone_holds_back_nothing(self):
        self.box.fail(path=f"update-order-status/{self.hashed_id}", status=422, times=1)
        self.cancel()
        self.assertEqual(self.commands().mapped("state"), ["failed"])
        self.open_again()
        self.assertFalse(self.commands(), "it failed to tell what nobody wants any more")
        self.assertFalse(self.order.activity_ids)
        self.deliver()
        self.assertEqual(self.there_now(), "assigned_to_salesman")

    def test_a_refused_cancellation_of_an_order_that_is_cancelled_stays_as_failed(self):
        self.box.fail(path=f"update-order-status/{self.hashed_id}", status=422, times=1)
        self.cancel()
        self.sweep()
        self.assertEqual(self.commands().mapped("state"), ["failed"])
        self.assertFalse(self.env["marketplace.lane.orders"]._has_work(self.account))

    def test_who_opens_an_order_again_whose_cancellation_may_have_been_heard_is_asked(self):
        self.box.fail(path="update-order-status", kind="drop", times=1)
        self.cancel()
        self.assertEqual((self.there_now(), self.commands().state), ("cancelled_by_supplier", "waiting"))
        self.open_again()
        self.start_account()
        self.assertFalse(self.commands().filtered(lambda command: command.status == "cancelled"))
        self.assertEqual(self.order.activity_ids.mapped("summary"), ["Cancelled at the marketplace?"])

    def test_a_cancellation_that_is_tried_again_says_the_same(self):
        self.box.fail(path="update-order-status", kind="drop", times=1)
        self.cancel("out_of_stock")
        self.start_account()
        told = [entry.body for entry in self.box.calls(f"update-order-status/{self.hashed_id}")]
        self.assertEqual(len(told), 2)
        self.assertEqual(told[0], told[1])

    def test_what_was_cancelled_twice_is_told_with_the_newest_reason(self):
        self.stop_account()
        self.cancel("out_of_stock")
        self.open_again()
        self.cancel("expired_products")
        self.start_account()
        self.assertEqual(self.there_now(), "cancelled_by_supplier")
        self.assertEqual(self.box.order(self.hashed_id)["cancellation_reason"], "expired_products")
        self.assertFalse(self.commands())

    def test_an_order_that_has_ended_there_is_not_confirmed_and_says_what_helps(self):
        self.cancel()
        self.assertEqual(self.order.marketplace_status, "cancelled")
        self.order.action_draft()
        with self.assertRaisesRegex(
            UserError, f"{self.order.name} has ended at the marketplace: Cancelled.*[Dd]uplicate"
        ):
            self.order.action_confirm()
        copy = self.order.copy()
        copy.action_confirm()
        self.commit()
        self.assertEqual((copy.state, self.there_now()), ("sale", "cancelled_by_supplier"))

    def test_who_opens_an_order_again_while_its_cancellation_is_being_sent_is_told(self):
        adapter = type(self.env["marketplace.api.cartona"])
        push = adapter._push_order_status

        def push_while_it_is_opened_again(*args):
            self.order.action_draft()
            self.order.action_confirm()
            self.env.flush_all()
            return push(*args)

        self.patch(adapter, "_push_order_status", push_while_it_is_opened_again)
        self.cancel()
        self.assertEqual((self.order.state, self.order.marketplace_status), ("sale", "cancelled"))
        self.assertIn("Cancelled at the marketplace", self.order.activity_ids.summary)
