# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import release

from .test_order_changes import OrderChangesCase


class ChangedThereCase(OrderChangesCase):
    """The marketplace's staff change an order that is confirmed here: a person is asked, and then decides."""

    def total_there(self):
        return self.box.order(self.hashed_id)["total_price"]

    def assert_same_sums(self, total):
        self.assertEqual((self.total_there(), self.order.marketplace_total), (total, total))
        self.assertEqual(self.order.marketplace_to_collect, total)

    def line_there(self, index, **values):
        details = self.box.order(self.hashed_id)["order_details"]
        details[index].update(values)
        return details


class TestChangedThere(ChangedThereCase):
    # ------------------------------------------------------------------ quantities and prices

    def test_more_that_is_taken_over_is_not_told_and_not_added_twice(self):
        self.edit_there({self.first_id: 12})
        self.first.product_uom_qty = 12
        self.commit()
        self.assertFalse(self.sent())
        self.assert_same_sums(440.0)
        self.edit_there(note_message="x")
        self.assertEqual(len(self.order.activity_ids), 1)
        self.first.product_uom_qty = 11
        self.commit()
        self.assertEqual(self.sent(), [[{"id": self.first_id, "amount": 11}]])
        self.assert_same_sums(420.0)

    def test_another_price_that_is_taken_over_is_not_taken_off_twice(self):
        self.edit_there(order_details=self.line_there(0, selling_price=15.0))
        self.first.price_unit = 15.0
        self.commit()
        self.assertFalse(self.sent())
        self.assert_same_sums(350.0)

    def test_what_is_changed_here_to_something_else_is_told_and_counted_from_what_is_there(self):
        self.edit_there({self.first_id: 12})
        self.first.product_uom_qty = 11
        self.commit()
        self.assertEqual(self.sent(), [[{"id": self.first_id, "amount": 11}]])
        self.assert_same_sums(420.0)

    def test_a_change_of_another_line_decides_nothing(self):
        self.edit_there({self.first_id: 12})
        self.second.product_uom_qty = 4
        self.commit()
        self.assertEqual(self.sent(), [[{"id": self.second_id, "amount": 4}]])
        self.assert_same_sums(400.0)

    def test_a_quantity_decides_nothing_about_a_price(self):
        self.edit_there(order_details=self.line_there(0, selling_price=15.0, amount=12))
        self.first.product_uom_qty = 11
        self.commit()
        self.assertEqual(self.sent(), [[{"id": self.first_id, "amount": 11}]])
        self.assert_same_sums(365.0)
        self.first.price_unit = 15.0
        self.commit()
        self.assertEqual(len(self.sent()), 1)
        self.assert_same_sums(365.0)

    def test_what_is_not_taken_over_is_told_when_all_has_left(self):
        self.edit_there({self.first_id: 12})
        self.deliver(10, 5)
        self.commit()
        self.assertEqual(self.steps(), ["lines", "assigned_to_salesman"])
        self.assertEqual(self.there(), [self.sold(0, 10, 20.0), self.sold(1, 5, 40.0)])
        self.assert_same_sums(400.0)

    def test_what_is_changed_there_after_it_has_left_is_asked_about(self):
        self.deliver(10, 5)
        self.commit()
        self.edit_there({self.first_id: 4})
        self.assertIn("Changed at the marketplace", self.order.activity_ids.summary)
        self.order.action_confirm_marketplace_delivery()
        self.commit()
        self.assertEqual(self.steps(), ["assigned_to_salesman", "lines", "delivered"])
        self.assert_same_sums(400.0)

    def test_what_is_changed_there_to_what_has_left_is_agreed_on(self):
        self.account.push_lines = False
        self.deliver(4, 5)
        self.commit()
        self.order.activity_ids.unlink()
        self.edit_there({self.first_id: 4})
        self.assertFalse(self.order.activity_ids)
        self.assertFalse(self.order.marketplace_there)
        self.assert_same_sums(280.0)

    def test_it_is_forgotten_with_the_next_document_once_the_order_is_a_draft_again(self):
        self.edit_there({self.first_id: 12})
        self.account.action_pause()
        self.order._action_cancel()
        self.order.action_draft()
        self.account.action_go_live()
        self.commit()
        self.edit_there({self.first_id: 7})
        self.assertEqual(self.first.product_uom_qty, 7)
        self.assertFalse(self.order.marketplace_there)
        self.assertEqual(self.order.state, "sale")
        self.first.product_uom_qty = 8
        self.commit()
        self.assert_same_sums(360.0)

    def test_the_first_of_two_shipments_decides_nothing(self):
        self.edit_there({self.first_id: 12})
        self.deliver_quantities(4, 5)
        self.assertFalse(self.steps())

    def test_where_lines_are_not_told_a_person_settles_what_has_not_left(self):
        self.account.push_lines = False
        self.edit_there({self.first_id: 12})
        self.deliver(10, 5)
        self.commit()
        asked = self.order.activity_ids.filtered(lambda activity: activity.marketplace_cause == "quantities")
        self.assertIn("10 of 12", asked.note)

    def test_what_is_taken_back_there_is_forgotten(self):
        self.edit_there({self.first_id: 12})
        self.edit_there({self.first_id: 10})
        self.assertFalse(self.order.marketplace_there)
        self.first.product_uom_qty = 12
        self.commit()
        self.assertEqual(self.sent(), [[{"id": self.first_id, "amount": 12}]])
        self.assert_same_sums(440.0)

    def test_less_that_was_taken_over_is_settled(self):
        self.edit_there({self.first_id: 4})
        self.assertEqual(self.first.product_uom_qty, 4)
        self.assertFalse(self.order.marketplace_there)
        self.assert_same_sums(280.0)

    def test_a_document_that_is_looked_at_again_changes_none_of_it(self):
        self.edit_there({self.first_id: 12})
        self.second.product_uom_qty = 4
        self.commit()
        self.order.action_marketplace_retry()
        self.commit()
        self.first.product_uom_qty = 12
        self.commit()
        self.assertEqual(len(self.sent()), 1)
        self.assert_same_sums(400.0)

    def test_a_line_that_is_deleted_here_is_taken_off_with_all_that_it_was_there(self):
        self.edit_there({self.first_id: 12})
        self.order.picking_ids.move_ids[0]._action_cancel()
        self.first.with_context(force_delete=True).product_uom_qty = 0
        self.commit()
        self.assertEqual(self.sent(), [[{"id": self.first_id, "cancelled": True}]])
        self.assert_same_sums(200.0)

    # ------------------------------------------------------------------ added lines

    def add_there(self, quantity=3, price=30.0):
        details = self.box.order(self.hashed_id)["order_details"]
        new = {**details[0], "supplier_product_id": str(1000 + self.products[2].id), "product_name": "Added"}
        del new["id"]
        details.append({**new, "internal_product_id": "CI-003", "amount": quantity, "selling_price": price})
        self.edit_there(order_details=details)
        return self.box.order(self.hashed_id)["order_details"][2]["id"]

    def test_a_line_that_is_taken_over_is_not_added_there_once_more(self):
        line_id = self.add_there()
        line = self.add_line(self.products[2], 3, 30.0)
        self.assertFalse(self.sent())
        self.assertEqual(line.cartona_line_id, str(line_id))
        self.assertEqual(len(self.there()), 3)
        self.assert_same_sums(490.0)
        self.edit_there(note_message="x")
        self.assertFalse(self.order.marketplace_there)
        self.assertEqual(len(self.order.activity_ids), 1)

    def test_less_of_a_line_that_is_taken_over_is_told_by_its_id(self):
        line_id = self.add_there()
        self.add_line(self.products[2], 2, 30.0)
        self.assertEqual(self.sent(), [[{"id": line_id, "amount": 2}]])
        self.assert_same_sums(460.0)

    def test_an_added_line_is_known_also_when_other_lines_were_told_in_between(self):
        line_id = self.add_there()
        self.first.product_uom_qty = 9
        self.commit()
        line = self.add_line(self.products[2], 3, 30.0)
        self.assertEqual(line.cartona_line_id, str(line_id))
        self.assertEqual(len(self.there()), 3)
        self.assert_same_sums(470.0)

    def test_an_added_line_is_known_also_where_it_comes_after_it_was_added_here(self):
        self.box.fail(path="update-order-details", status=503)
        line = self.add_line(self.products[2], 3, 30.0)
        self.running()._note_success()
        line_id = self.add_there()
        self.commands().next_attempt = False  # it waited for the document
        self.sweep()
        self.assertEqual(line.cartona_line_id, str(line_id))
        self.assertEqual(len(self.there()), 3)
        self.assertFalse(self.commands())
        self.assert_same_sums(490.0)

    def test_another_product_is_an_addition(self):
        self.add_there()
        self.add_line(self.products[3], 1, 40.0)
        self.assertEqual(len(self.there()), 4)
        self.assert_same_sums(530.0)

    def test_a_second_line_of_the_product_is_an_addition(self):
        self.add_there()
        self.add_line(self.products[2], 3, 30.0)
        self.add_line(self.products[2], 1, 30.0)
        self.assertEqual(len(self.there()), 4)
        self.assert_same_sums(520.0)


class TestLinesWithoutAnId(ChangedThereCase):
    """The marketplace answers an addition without saying its id of the new line."""

    def prepare(self):
        super().prepare()
        self.box.options.returns_new_ids = False
        self.added = self.add_line(self.products[2], 3, 30.0)
        self.assertFalse(self.added.cartona_line_id)
        self.box.clear_journal()

    def asked(self):
        return self.order.activity_ids.filtered(lambda activity: activity.marketplace_cause == "line-ids")

    def test_less_of_one_is_asked_about_and_holds_back_nothing(self):
        self.deliver(10, 5, 2)
        self.commit()
        self.assertEqual(self.steps(), ["assigned_to_salesman"])
        self.assertFalse(self.commands())
        self.assertIn("2 at 30", self.asked().note)

    def test_the_same_is_asked_once(self):
        self.deliver(10, 5, 2)
        self.commit()
        self.assertEqual(len(self.asked()), 1)
        self.asked().action_done()
        self.order.order_line._mark_marketplace_lines()
        self.commit()
        self.assertFalse(self.asked() or self.commands())

    def test_what_else_was_changed_is_told(self):
        self.deliver(4, 5, 2)
        self.commit()
        self.assertEqual(self.steps(), ["lines", "assigned_to_salesman"])
        self.assertEqual(self.sent(), [[{"id": self.first_id, "amount": 4}]])

    def test_another_product_in_place_of_one_is_asked_about_and_not_added_there(self):
        self.account.confirm_policy = "never"
        if release.version_info[0] > 17:
            self.skipTest("this series lets nobody replace the product of a confirmed line")
        self.added.write({"product_id": self.products[3].id, "price_unit": 40.0})
        self.first.product_uom_qty = 9
        self.commit()
        self.assertEqual(self.sent(), [[{"id": self.first_id, "amount": 9}]])
        self.assertFalse(self.commands())
        self.assertIn(f"in place of {self.products[2].display_name}", self.asked().note)
        self.assert_same_sums(470.0)

    def test_when_a_document_tells_the_id_the_change_is_told(self):
        self.added.product_uom_qty = 2
        self.commit()
        self.assertTrue(self.asked())
        self.edit_there(note_message="x")
        self.assertEqual(self.there()[2], self.sold(2, 2, 30.0))
        self.assertFalse(self.commands())
