# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import fields

from .common import MarketplaceCase


class TestLimits(MarketplaceCase):
    """A marketplace that limits calls (429): what asked too much waits, and nothing else."""

    def prepare(self):
        super().prepare()
        self.listings = self.stock_products()
        self.account.confirm_policy = "always"

    def limit_offers(self, **fault):
        self.box.fail(path="bulk-update$", status=429, times=None, **{"retry_after": "3600", **fault})
        self.products[0].list_price = 33
        self.commit()
        self.box.clear_journal()

    def place(self, **values):
        line = (self.products[1], 1, 5.0)
        values = {"status": "pending", "delivered_by": "delivered_by_supplier", **values}
        return self.box_order(line, **values)

    def waits(self, lane):
        """Return for how many seconds the lane is to wait."""
        until = self.running()._blocked_until(lane)
        return (until - fields.Datetime.now()).total_seconds() if until else 0

    def wait_is_over(self):
        limited = self.running().limited["offers"]
        self.running().limited = {"offers": {**limited, "until": "2020-01-01 00:00:00"}}

    def test_orders_come_in_and_are_answered_while_offers_wait(self):
        self.limit_offers()
        document = self.place()
        self.pull()
        order = self.order_of(document)
        self.assertEqual(order.state, "sale")
        self.assertEqual(self.box.order(order.cartona_id)["status"], "approved")
        self.products[2].list_price = 44
        self.commit()
        self.sweep()
        self.assertFalse(self.box.calls("bulk-update$"), "offers wait for as long as they were asked to")
        self.assertEqual((self.listings[0].state, self.listings[0].attempts), ("waiting", 0))

    def test_offers_go_out_while_the_pull_waits(self):
        self.box.fail(path="pull-orders", status=429, retry_after="3600", times=None)
        self.pull()
        self.products[0].list_price = 33
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 33)
        self.sweep()
        self.assertEqual(len(self.box.calls("pull-orders")), 1)

    def test_the_lane_comes_back_by_a_timed_job_and_its_success_ends_the_wait(self):
        self.limit_offers()
        timed = self.env["queue.job"].search([("identity_key", "=", f"marketplace:timed:{self.account.id}:offers")])
        self.assertGreater(timed.eta, fields.Datetime.add(fields.Datetime.now(), minutes=50))
        self.box.clear_faults()
        self.wait_is_over()
        self.sweep()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 33)
        self.assertFalse(self.running().limited)

    def test_without_a_time_the_wait_grows_and_a_person_is_told_in_the_end(self):
        self.limit_offers(retry_after=None)
        self.assertLessEqual(self.waits("offers"), 5)
        for _time in range(4):
            self.wait_is_over()
            self.sweep()
        self.assertGreater(self.waits("offers"), 30)
        self.assertRegex(self.account.activity_ids.summary, "limits our calls")
        self.assertFalse(self.running()._is_blocked())

    def test_an_outage_stops_all_lanes(self):
        self.box.fail(path="bulk-update$", status=503, retry_after="3600", times=None)
        self.products[0].list_price = 33
        self.commit()
        document = self.place()
        self.pull()
        self.assertFalse(self.box.calls("pull-orders"))
        self.box.clear_faults()
        self.running().blocked_until = False
        self.sweep()
        self.assertEqual(self.order_of(document).state, "sale")
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 33)

    def test_a_person_sees_what_waits_and_until_when(self):
        self.limit_offers()
        self.account.invalidate_recordset()
        self.assertEqual(self.account.condition, "live")
        (card,) = [one for one in self.account.get_dashboard_data()["accounts"] if one["id"] == self.account.id]
        self.assertEqual(card["state"], "live")
        self.assertRegex(card["limits"], r"^Prices and stock: the marketplace limits our calls\. It goes on at \S+")
        found = self.env["marketplace.doctor"]._examine(self.account)
        self.assertTrue([one for one in found if card["limits"] in one["title"]])

    def test_what_waits_for_a_limit_is_not_taken_for_stuck(self):
        self.box.fail(path="update-order-status", status=429, retry_after="3600", times=None)
        self.pull_order()
        self.assertGreater(self.waits("orders"), 3000)
        self.make_old()
        titles = [one["title"] for one in self.env["marketplace.doctor"]._examine(self.account)]
        self.assertFalse([title for title in titles if "work waits since" in title])

    def test_what_waits_for_no_limit_is_told_as_stuck_all_the_same(self):
        self.pull_order()
        self.running()._limit("offers", 3600)
        self.env["marketplace.outbox"].create(
            {"config_id": self.account.id, "lane": "orders", "order_id": self.order.id, "created_at": "2026-01-01"}
        )
        self.make_old()
        titles = [one["title"] for one in self.env["marketplace.doctor"]._examine(self.account)]
        self.assertTrue([title for title in titles if "work waits since" in title])

    def pull_order(self):
        document = self.place()
        self.pull()
        self.order = self.order_of(document)

    def make_old(self):
        self.env["marketplace.outbox"].flush_model()
        self.env.cr.execute("UPDATE marketplace_outbox SET created_at = created_at - interval '1 hour'")
        self.env.invalidate_all()
