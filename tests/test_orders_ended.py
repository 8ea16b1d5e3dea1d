# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from .test_order_lines_out import OrderOutCase


class TestReturnedDrafts(OrderOutCase):
    """An order that nobody has confirmed here is over at the marketplace: nothing is to be delivered or taken back."""

    confirm_policy = "never"

    def offered(self):
        return self.at_box(self.products[0])["available_stock_quantity"]

    def test_a_draft_that_is_returned_there_is_cancelled_and_its_goods_are_on_offer_again(self):
        self.assertEqual(self.offered(), 90)
        self.box.edit_order(self.hashed_id, by="admin", status="returned")
        self.pull()
        self.assertEqual((self.order.state, self.order.marketplace_status), ("cancel", "returned"))
        self.assertEqual(self.offered(), 100)
        self.assertEqual((self.steps(), self.order.activity_ids.ids), ([], []))

    def test_an_order_that_comes_as_returned_is_cancelled(self):
        document = self.place(status="returned")
        self.pull()
        self.assertEqual(self.order_of(document).state, "cancel")
        self.assertEqual(self.offered(), 90, "the other order's goods are withheld")

    def test_an_order_that_has_ended_there_takes_no_goods_as_a_quotation(self):
        self.order._action_cancel()
        self.commit()
        self.assertEqual(self.order.marketplace_status, "cancelled")
        self.order.action_draft()
        self.commit()
        self.assertEqual((self.order.state, self.offered()), ("draft", 100))
