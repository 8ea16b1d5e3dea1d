# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.tests import TransactionCase, tagged

from ..schemas import LineChange
from ..transport.errors import RequestRejected
from .common import MarketplaceCase


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

    def test_a_failure_of_an_id_that_was_not_sent_is_not_taken_for_success(self):
        answer = [{"id": 11973734, "internal_product_id": "904#2", "error": "price too low"}]
        for ids in (("1", "2", "3"), ("1",)):
            with self.assertRaisesRegex(RequestRejected, "price too low"):
                self.outcomes(answer, ids)
        self.assertEqual(self.outcomes([{"id": 11973734, "success": True}]), ["accepted"] * 3)

    def test_of_all_that_is_told_of_a_row_its_failure_counts(self):
        self.assertEqual(self.outcomes([{"id": 1, "error": "no"}, {"id": 1}], ("1",)), ["rejected"])

    def test_success_and_status_are_read_by_their_value(self):
        refused = [
            False,
            0,
            "false",
            "False",
            "0",
            "error",
            "Failed",
            "rejected",
            "refused",
            "invalid",
            422,
            "404",
            500.0,
        ]
        for status in refused:
            self.assertEqual(self.outcomes([{"id": 1, "status": status}], ("1",)), ["rejected"], status)
        for success in (False, 0, "false", "no"):
            self.assertEqual(self.outcomes([{"id": 1, "success": success}], ("1",)), ["rejected"], success)
        for status in (None, "", True, 1, "true", "ok", "success", 200, "200", "synced", "cancelled_by_supplier"):
            self.assertEqual(self.outcomes([{"id": 1, "status": status}], ("1",)), ["accepted"], status)
        with self.assertRaises(RequestRejected):
            self.outcomes({"success": "false"})

    def test_what_nobody_reads_of_a_line_holds_no_order_back(self):
        line = {"id": 1, "amount": 2, "selling_price": 5, "unit": "box", "unit_count": "a dozen", "base_product_id": []}
        order = {"hashed_id": "x", "status": "pending", "order_details": [line]}
        parsed = self.env["marketplace.api.cartona"]._parse_order(self.env["marketplace.config"], order)
        self.assertEqual([(one.quantity, one.price_unit, one.unit) for one in parsed.lines], [(2, 5, "box")])


class TestCartonaLines(MarketplaceCase):
    """What is answered of changed lines, which may stand with the order or with each of its lines."""

    def changed(self, answer):
        self.box.fail(path="update-order-details$", status=200, body=answer)
        changes = [LineChange(external_id="1", quantity=2.0), LineChange(product_external_id="7", quantity=1.0)]
        return self.env["marketplace.api.cartona"]._push_order_lines(self.account, "x", changes)

    def test_a_line_that_failed_is_not_taken_for_success(self):
        for failed in ({"error": "not in stock"}, {"errors": ["not in stock"]}, {"success": "false"}):
            lines = [{"id": 2, "supplier_product_id": "7"}, {"id": 1, **failed}]
            result, _told = self.changed([{"hashed_id": "x", "order_details": lines}])
            self.assertEqual(result.outcome, "rejected")
        self.assertTrue(result.message)
        result, _told = self.changed([{"hashed_id": "x", "order_details": [{"id": 1, "error": "not in stock"}]}])
        self.assertEqual(result.message, "not in stock")
        self.assertEqual(self.logged("push_lines")[:1].failed_count, 2)

    def test_lines_without_a_failure_are_accepted_with_their_ids(self):
        result, told = self.changed([{"hashed_id": "x", "order_details": [{"id": 2, "supplier_product_id": "7"}]}])
        self.assertEqual((result.outcome, told), ("accepted", [("2", "7")]))
