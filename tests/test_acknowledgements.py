# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from .common import MarketplaceCase

ACKNOWLEDGED = "update-order-status$"


class TestAcknowledgements(MarketplaceCase):
    """A queue hands its orders out until they are acknowledged: one that is refused holds back no other."""

    def prepare(self):
        super().prepare()
        self.stock_products()

    def orders(self, count):
        return [self.box_order((self.products[0], 1, 5.0))["hashed_id"] for _n in range(count)]

    def stored(self, external_id):
        return self.env["marketplace.inbox"].search([("external_id", "=", external_id)])

    def refuse(self, external_id, **values):
        self.box.fail(path=ACKNOWLEDGED, content=external_id, times=None, **{"status": 422, **values})

    def patch_limit(self, limit):
        from ..marketplaces import cartona

        self.patch(cartona, "PULL_LIMIT", limit)

    def test_an_order_whose_acknowledgement_is_refused_holds_back_no_other(self):
        good, bad, *more = self.orders(5)
        self.refuse(bad, body={"error": "no such order"})
        self.pull()
        self.assertEqual(self.box.queued(), [bad])
        self.assertTrue(all(self.stored(external_id).acknowledged_at for external_id in (good, *more)))
        self.assertFalse(self.stored(bad).acknowledged_at)

    def test_a_refusal_that_is_told_with_200_holds_back_no_other_either(self):
        _good, bad, *_more = self.orders(3)
        self.refuse(bad, status=200, body={"error": "no such order"})
        self.pull()
        self.assertEqual(self.box.queued(), [bad])

    def test_a_refused_acknowledgement_is_told_to_a_person_and_stands_with_its_document(self):
        (bad,) = self.orders(1)
        self.refuse(bad, body={"error": "no such order"})
        self.pull()
        row = self.stored(bad)
        self.assertEqual(row.state, "done", "the order itself is here")
        self.assertIn("no such order", row.ack_error)
        self.assertIn("no such order", self.account.activity_ids.note)
        self.box.clear_faults()
        self.pull()
        self.assertTrue(row.acknowledged_at)
        self.assertFalse(row.ack_error or self.box.queued())

    def test_one_row_of_the_answer_that_was_refused_is_told_too(self):
        good, bad = self.orders(2)
        self.refuse(bad, status=200, body=[{"hashed_id": bad, "error": "no such order"}])
        self.pull()
        self.assertTrue(self.stored(good).acknowledged_at)
        self.assertIn("no such order", self.stored(bad).ack_error)

    def test_orders_behind_those_whose_acknowledgement_is_refused_come_in(self):
        self.patch_limit(2)
        external_ids = self.orders(7)
        self.refuse("", body={"error": "not today"})
        self.pull()
        self.assertTrue(all(self.stored(external_id) for external_id in external_ids))

    def test_where_all_are_refused_not_each_of_them_is_tried_alone(self):
        self.account.confirm_policy = "never"
        self.orders(60)
        self.refuse("", body={"error": "not today"})
        self.pull()
        self.assertFalse(self.env["marketplace.inbox"].search([("acknowledged_at", "!=", False)]))
        self.assertLess(len(self.box.calls(ACKNOWLEDGED)), 45)

    def test_an_outage_is_no_refusal(self):
        (external_id,) = self.orders(1)
        self.refuse("", status=503)
        self.pull()
        self.assertFalse(self.stored(external_id).ack_error)
        self.assertEqual(len(self.box.calls(ACKNOWLEDGED)), 1)
