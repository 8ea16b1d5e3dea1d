# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.tests import TransactionCase, tagged

from ..transport.errors import RequestRejected


@tagged("post_install", "-at_install")
class TestCartonaAnswers(TransactionCase):
    """What a bulk call answers is not documented: each shape that may occur, read as it is meant."""

    def outcomes(self, answer, ids=("1", "2", "3")):
        wire = [{"supplier_product_id": external_id} for external_id in ids]
        keys = ("supplier_product_id", "suppler_prodcut_id", "id")
        return [result.outcome for result in self.env["marketplace.api.cartona"]._row_results(wire, answer, keys)]

    def test_nothing_said_is_all_accepted(self):
        for answer in (None, [], {}, {"success": True}):
            self.assertEqual(self.outcomes(answer), ["accepted"] * 3)

    def test_a_failed_row_is_found_by_any_spelling_of_its_id(self):
        for key in ("supplier_product_id", "suppler_prodcut_id", "id"):
            self.assertEqual(self.outcomes([{key: 2, "error": "no"}]), ["accepted", "rejected", "accepted"])

    def test_rows_in_another_order_are_told_apart_by_their_ids(self):
        answer = [{"id": "3", "error": "no"}, {"id": "1"}, {"id": "2"}]
        self.assertEqual(self.outcomes(answer), ["accepted", "accepted", "rejected"])

    def test_rows_without_ids_count_by_position(self):
        self.assertEqual(
            self.outcomes([{"success": True}, {"success": False}, {"errors": ["a", {"b": "c"}]}]),
            ["accepted", "rejected", "rejected"],
        )

    def test_a_failure_that_can_not_be_placed_refuses_the_batch(self):
        with self.assertRaises(RequestRejected):
            self.outcomes([{"error": "somewhere"}])
        with self.assertRaises(RequestRejected):
            self.outcomes({"error": "everything"})

    def test_what_nobody_reads_of_a_line_holds_no_order_back(self):
        line = {"id": 1, "amount": 2, "selling_price": 5, "unit": "box", "unit_count": "a dozen", "base_product_id": []}
        order = {"hashed_id": "x", "status": "pending", "order_details": [line]}
        parsed = self.env["marketplace.api.cartona"]._parse_order(self.env["marketplace.config"], order)
        self.assertEqual([(one.quantity, one.price_unit, one.unit) for one in parsed.lines], [(2, 5, "box")])
