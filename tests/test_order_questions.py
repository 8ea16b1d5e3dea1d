# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from .test_order_changes import OrderChangesCase


class TestQuestionsAboutOrders(OrderChangesCase):
    """What a person is asked about an order, and has answered by marking the activity done."""

    def asked(self):
        """Return what is asked now, and have a person answer it."""
        activities = self.order.activity_ids
        summaries = activities.mapped("summary")
        activities.action_done()
        return summaries

    def assert_asked(self, summary):
        self.assertEqual([text[: len(summary)] for text in self.asked()], [summary])

    def test_what_was_answered_is_not_asked_again_by_a_document_that_changes_nothing_of_it(self):
        self.edit_there({self.first_id: 12})
        self.assert_asked("Changed at the marketplace")
        self.edit_there(note_message="x")
        self.assertFalse(self.asked())

    def test_other_amounts_or_prices_are_asked_about_anew(self):
        self.edit_there({self.first_id: 12})
        self.assert_asked("Changed at the marketplace")
        self.edit_there({self.first_id: 13})
        self.assert_asked("Changed at the marketplace")
        lines = self.box.order(self.hashed_id)["order_details"]
        self.edit_there(order_details=[{**line, "selling_price": 50.0} for line in lines])
        self.assert_asked("Changed at the marketplace")

    def test_a_difference_that_was_gone_in_between_is_asked_about_anew(self):
        for amount, asked in ((12, True), (10, False), (12, True)):
            self.edit_there({self.first_id: amount})
            self.assertEqual(bool(self.asked()), asked, amount)

    def test_the_same_is_not_asked_twice_while_it_is_open_and_after_it_was_answered(self):
        self.edit_there({self.first_id: 12})
        self.edit_there({self.first_id: 13})
        self.assertEqual(len(self.order.activity_ids), 1)
        self.assert_asked("Changed at the marketplace")
        self.edit_there(note_message="x")
        self.assertFalse(self.asked(), "who answered saw the newest document")

    def test_a_late_cancellation_is_told_once(self):
        self.deliver(10, 5)
        self.edit_there(status="cancelled_by_retailer")
        self.assert_asked("Cancelled at the marketplace, but goods have left")
        self.edit_there(note_message="x")
        self.assertFalse(self.asked())

    def test_a_return_of_what_never_left_is_told_once(self):
        self.edit_there(status="returned")
        self.assert_asked("Returned at the marketplace")
        self.edit_there(note_message="x")
        self.assertFalse(self.asked())
