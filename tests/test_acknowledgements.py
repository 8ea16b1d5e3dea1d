# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from .common import MarketplaceCase

ACKNOWLEDGED = "update-order-status$"


class AcknowledgementCase(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.stock_products()

    def orders(self, count):
        return [self.box_order((self.products[0], 1, 5.0))["hashed_id"] for _n in range(count)]

    def stored(self, external_id):
        return self.env["marketplace.inbox"].search([("external_id", "=", external_id)])

    def patch_limit(self, limit):
        from ..marketplaces import cartona

        self.patch(cartona, "PULL_LIMIT", limit)

    def refuse(self, external_id, **values):
        self.box.fail(path=ACKNOWLEDGED, content=external_id, times=None, **{"status": 422, **values})


class TestAcknowledgements(AcknowledgementCase):
    """A queue hands its orders out until they are acknowledged: one that is refused holds back no other."""

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

    def test_what_changes_before_the_acknowledgement_comes_with_the_order_s_next_change_at_the_latest(self):
        """Where an acknowledgement covers it, no call fetches it; but nothing is taken for known that was not read."""
        lane = self.registry["marketplace.lane.pull"]
        acknowledge, changes = lane._acknowledge, {}

        def meanwhile(worker, config_id, row_ids):
            while row_ids and changes:
                self.box.edit_order(*changes.popitem(), by="admin")
            return acknowledge(worker, config_id, row_ids)

        self.patch(lane, "_acknowledge", meanwhile)
        self.account.confirm_policy = "never"
        for unseen in (False, True):
            self.box.options.acknowledges_unseen = unseen
            (external_id,) = self.orders(1)
            changes[external_id] = {line["id"]: 3 for line in self.box.order(external_id)["order_details"]}
            self.pull()
            order = self.env["sale.order"].search([("cartona_id", "=", external_id)])
            self.assertEqual(order.order_line.product_uom_qty, 1 if unseen else 3)
            self.box.edit_order(external_id, by="admin", delivery_day="2026-12-24")
            self.pull()
            self.assertEqual(order.order_line.product_uom_qty, 3)


class TestFailingAcknowledgements(AcknowledgementCase):
    """So it is with one that the marketplace fails at each time."""

    def prepare(self):
        super().prepare()
        self.account.confirm_policy = "never"  # the documents stay as they are

    def pulls(self, count):
        """Pull so often, each time when every wait is over."""
        for _time in range(count):
            failing = (self.running().failing or {}).items()
            self.running().failing = {lane: {**entry, "until": None} for lane, entry in failing} or False
            self.running().blocked_until = False
            self.pull()

    def acknowledged(self, external_ids):
        return [external_id for external_id in external_ids if self.stored(external_id).acknowledged_at]

    def test_an_order_at_whose_acknowledgement_the_marketplace_fails_holds_back_no_other(self):
        external_ids = self.orders(9)
        bad = external_ids[0]
        self.refuse(bad, status=500)
        self.pulls(4)
        self.assertEqual(self.box.queued(), [bad])
        self.assertEqual(self.acknowledged(external_ids), external_ids[1:])
        self.assertFalse(self.stored(bad).ack_error or self.account.activity_ids, "it may pass")

    def test_so_it_is_where_there_are_several_of_them_and_new_orders_come(self):
        external_ids = self.orders(9)
        self.refuse(f"{external_ids[2]}|{external_ids[7]}", status=500)
        for _pull in range(8):
            external_ids += self.orders(1)
            self.pulls(1)
        self.assertEqual(self.box.queued(), [external_ids[2], external_ids[7]])

    def test_when_it_goes_on_a_person_is_told_which_order_it_is(self):
        external_ids = self.orders(9)
        bad = external_ids[4]
        self.refuse(bad, status=500)
        for _pull in range(6):
            external_ids += self.orders(1)
            self.pulls(1)
        row = self.stored(bad)
        self.assertIn("failure of its own", row.ack_error)
        (told,) = self.account.activity_ids
        self.assertIn("does not let us say that its orders are here", told.summary)
        self.assertIn(bad, told.note)
        self.box.clear_faults()
        self.pulls(1)
        self.assertTrue(row.acknowledged_at)
        self.assertFalse(row.ack_error or self.box.queued() or self.running().failing)

    def test_where_all_fail_a_person_is_told_no_order_is_blamed_and_orders_come_in(self):
        external_ids = self.orders(9)
        self.refuse("", status=500)
        for _pull in range(8):
            self.box.clear_journal()
            self.pulls(1)
            self.assertEqual(len(self.box.calls(ACKNOWLEDGED)), 1, "it is not asked for each of them")
        self.assertIn("does not let us say that its orders are here", self.account.activity_ids.summary)
        self.assertIn("failure of its own", self.account.activity_ids.note)
        self.assertFalse(any(self.stored(external_id).ack_error for external_id in external_ids))
        external_ids += self.orders(1)
        self.pulls(1)
        self.assertEqual(self.stored(external_ids[-1]).state, "done")
        self.box.clear_faults()
        self.pulls(1)
        self.assertEqual(self.acknowledged(external_ids), external_ids)

    def test_orders_behind_the_one_at_which_the_marketplace_fails_come_in(self):
        self.patch_limit(2)
        external_ids = self.orders(7)
        self.refuse(external_ids[0], status=500)
        self.pulls(2)  # the first failure may be the marketplace's
        self.assertTrue(all(self.stored(external_id) for external_id in external_ids))
        self.pulls(6)
        self.assertEqual(self.box.queued(), external_ids[:1])

    def test_orders_behind_those_that_a_limit_lets_nobody_acknowledge_come_in(self):
        self.patch_limit(2)
        external_ids = self.orders(7)
        self.refuse("", status=429, retry_after="3600")
        self.pull()
        self.assertTrue(all(self.stored(external_id) for external_id in external_ids))
        self.assertEqual(len(self.box.calls(ACKNOWLEDGED)), 1)

    def test_a_limit_of_acknowledgements_blames_no_order_and_stops_no_pull(self):
        external_ids = self.orders(2)
        self.refuse("", status=429, retry_after="3600")
        for _pull in range(6):
            external_ids += self.orders(1)
            self.pulls(1)
        self.assertTrue(all(self.stored(external_id).state == "done" for external_id in external_ids))
        self.assertEqual(len(self.box.calls(ACKNOWLEDGED)), 1)
        self.assertFalse(any(self.stored(external_id).ack_attempts for external_id in external_ids))
