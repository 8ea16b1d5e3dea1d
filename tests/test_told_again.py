# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from .test_order_lines_out import OrderOutCase

LINES = "update-order-details"
DOUBT = "Were the lines taken off at the marketplace?"


class TestLinesToldAgain(OrderOutCase):
    # ------------------------------------------------------------------ taken off
    # What was taken off can't be taken off again; when the answer to the first time was lost, nobody knows it.

    def test_a_line_whose_removal_was_carried_out_unheard_holds_back_nothing(self):
        self.box.fail(path=LINES, kind="drop")
        self.deliver(4, 0)
        self.commit()
        self.again()
        self.assertEqual(self.there(), [self.sold(0, 4, 20.0)])
        self.assertFalse(self.commands())
        self.assertEqual(self.order.marketplace_status, "shipped")
        self.assertEqual(self.order.marketplace_total, self.box.order(self.hashed_id)["total_price"])
        self.assertEqual(self.order.activity_ids.mapped("summary"), [DOUBT])

    def test_a_limit_of_calls_in_between_makes_no_difference(self):
        self.box.fail(path=LINES, kind="drop")
        self.second.product_uom_qty = 0
        self.commit()
        self.box.fail(path=LINES, status=429)
        self.again()
        self.assertEqual(self.commands().state, "waiting")
        self.again()
        self.assertFalse(self.commands())
        self.assertEqual(self.order.activity_ids.mapped("summary"), [DOUBT])

    def test_what_changed_besides_is_told_all_the_same(self):
        self.box.fail(path=LINES, kind="drop")
        self.second.product_uom_qty = 0
        self.commit()
        self.first.product_uom_qty = 7
        self.again()
        self.assertEqual(self.there(), [self.sold(0, 7, 20.0)])
        self.assertFalse(self.commands())

    def test_a_removal_that_is_refused_is_not_taken_for_done_however_often_it_is_told(self):
        self.box.fail(path=LINES, status=422, body={"error": "not this one"}, times=2)
        self.second.product_uom_qty = 0
        self.commit()
        for _time in range(2):
            self.assertEqual(self.commands().state, "failed")
            self.commands().action_retry()
            self.commit()
        self.assertEqual(self.there(), [self.sold(0, 10, 20.0)])
        self.assertFalse(self.order.activity_ids.filtered(lambda activity: activity.summary == DOUBT))

    def test_a_removal_that_never_left_is_not_taken_for_done_either(self):
        self.box.fail(path=LINES, status=429)
        self.second.product_uom_qty = 0
        self.commit()
        self.box.fail(path=LINES, status=422, body={"error": "not this one"})
        self.again()
        self.assertEqual(self.commands().state, "failed")
        self.assertEqual(len(self.there()), 2)

    # ------------------------------------------------------------------ refused together

    def test_several_changes_that_are_refused_together_are_not_tried_without_end(self):
        self.box.fail(path=LINES, status=422, body={"error": "not today"}, times=None)
        self.first.product_uom_qty = 6
        self.commit()
        self.second.product_uom_qty = 4
        self.env.cr.flush()
        for _turn in range(3):
            self.env["marketplace.lane.orders"]._step(self.account.id)
        self.env.invalidate_all()
        self.assertEqual(len(self.sent()), 2)
        self.assertEqual(set(self.commands().mapped("state")), {"failed"})
        self.box.clear_faults()
        self.commands()[:1].action_retry()
        self.commit()
        self.assertEqual(self.there(), [self.sold(0, 6, 20.0), self.sold(1, 4, 40.0)])
        self.assertFalse(self.commands())


class TestDraftsToldAgain(OrderOutCase):
    confirm_policy = "never"  # newer series replace no product of a confirmed order

    # ------------------------------------------------------------------ replaced in doubt
    # A product that was replaced is one line off and one on; when the answer is lost, it may be there.

    def replace(self):
        self.box.fail(path=LINES, kind="drop")
        self.first.product_id = self.products[2]
        self.first.write({"product_uom_qty": 3, "price_unit": 15.0})
        self.commit()
        self.assertEqual(self.commands().error_code, "doubt")

    def test_the_next_document_tells_its_new_line(self):
        self.replace()
        self.running()._note_success()
        self.box.edit_order(self.hashed_id, by="admin", note_message="x")
        self.pull()
        ids = {str(line["supplier_product_id"]): str(line["id"]) for line in self.box_lines()}
        self.assertEqual(self.first.cartona_line_id, ids[self.external_id(self.products[2])])
        self.assertEqual(self.first.product_uom_qty, 3)
        self.assertIn(self.first, self.order.order_line)

    def test_when_a_person_says_that_it_is_there_it_is_not_added_again(self):
        self.replace()
        self.commands().unlink()
        self.second.product_uom_qty = 4
        self.again()
        self.assertEqual(len(self.box_lines()), 2)

    def test_what_never_arrived_is_sent_again_by_retry(self):
        self.box.fail(path=LINES, kind="reset")
        self.first.product_id = self.products[2]
        self.commit()
        self.assertEqual(self.commands().error_code, "doubt")
        self.running()._note_success()
        self.commands().action_retry()
        self.commit()
        self.assertFalse(self.commands())
        there = {str(line["supplier_product_id"]) for line in self.box_lines()}
        self.assertEqual(there, {self.external_id(product) for product in self.products[1:3]})

    def test_a_document_in_between_brings_the_former_product_not_back(self):
        self.box.fail(path=LINES, kind="reset")
        self.first.product_id = self.products[2]
        self.commit()
        self.running()._note_success()
        self.box.edit_order(self.hashed_id, by="admin", note_message="x")
        self.pull()
        self.assertEqual(self.order.order_line.product_id, self.products[1] + self.products[2])
        self.commands().action_retry()
        self.commit()
        there = {str(line["supplier_product_id"]) for line in self.box_lines()}
        self.assertEqual(there, {self.external_id(product) for product in self.products[1:3]})

    def test_what_was_taken_off_there_and_is_added_again_here_is_told_after_a_limit_too(self):
        line_id = self.box.order(self.hashed_id)["order_details"][0]["id"]
        self.order.action_confirm()
        self.commit()
        self.box.edit_order(self.hashed_id, {line_id: 0}, by="admin")
        self.pull()
        self.assertEqual((self.first.product_uom_qty, self.first.marketplace_quantity), (0, 0))
        self.box.fail(path=LINES, status=429)
        self.first.product_uom_qty = 3
        self.commit()
        self.assertEqual((self.first.marketplace_quantity, self.commands().state), (0, "waiting"))
        self.running().limited = False
        self.again()
        self.assertFalse(self.commands())
        there = {str(line["supplier_product_id"]): line for line in self.box_lines()}
        again = there[self.external_id(self.products[0])]
        self.assertEqual((again["amount"], self.first.cartona_line_id), (3, str(again["id"])))

    def box_lines(self):
        return [line for line in self.box.order(self.hashed_id)["order_details"] if not line.get("cancelled")]

    # ------------------------------------------------------------------ refused while changed
    # The customer was changing the order when it was confirmed here, which nobody here knew.

    @property
    def told(self):
        return f"update-order-status/{self.hashed_id}"

    def test_a_status_that_was_refused_is_told_again_when_the_order_has_changed(self):
        self.box.fail(path=self.told, status=422, body={"error": "the retailer is editing"})
        self.order.action_confirm()
        self.commit()
        self.assertEqual(self.commands().state, "failed")
        self.box.edit_order(self.hashed_id, by="admin", note_message="done")
        self.pull()
        self.commit()
        self.assertFalse(self.commands())
        self.assertEqual(self.box.order(self.hashed_id)["status"], "approved")

    def test_one_that_is_refused_again_waits_for_a_person_again(self):
        self.box.fail(path=self.told, status=422, body={"error": "the retailer is editing"}, times=2)
        self.order.action_confirm()
        self.commit()
        self.box.edit_order(self.hashed_id, by="admin", note_message="done")
        self.pull()
        self.commit()
        self.assertEqual(self.commands().state, "failed")

    # ------------------------------------------------------------------ removed
    # A line that was removed may stay at the marketplace, as cancelled.

    def test_a_line_removed_here_that_stays_there_as_cancelled_does_not_come_back(self):
        self.box.options.keeps_removed_lines = True
        self.second.unlink()
        self.commit()
        self.box.edit_order(self.hashed_id, note_message="Ring twice")
        self.pull()
        self.assertTrue(self.box.order(self.hashed_id)["order_details"][1]["cancelled"])
        self.assertEqual(self.order.order_line, self.first)
        self.assertEqual((self.order.marketplace_total, self.order.marketplace_hold), (200.0, False))
        self.assertEqual(len(self.sent()), 1)
