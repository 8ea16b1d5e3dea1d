# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import date, datetime, timedelta
from unittest import mock

from odoo import fields

from ..schemas import Customer, Order
from .common import MarketplaceCase


class TestDeadlines(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.stock_products()
        self.account.confirm_policy = "never"

    def imported(self, **values):
        document = self.box_order((self.products[0], 1, 10.0), **values)
        self.pull()
        return self.order_of(document)

    def shown(self):
        data = self.env["marketplace.config"].get_dashboard_data()
        return next(one for one in data["accounts"] if one["id"] == self.account.id)

    def test_an_order_leaves_by_the_end_of_its_delivery_day_where_the_company_is(self):
        self.account.company_id.partner_id.tz = "Africa/Cairo"
        order = self.imported(estimated_delivery_day="2026-01-15")
        self.assertEqual(order.marketplace_deadline, datetime(2026, 1, 15, 21, 59, 59))

    def test_what_the_marketplace_fetches_has_no_time_but_that_which_it_names(self):
        order = self.imported(estimated_delivery_day="2026-01-15", delivered_by="delivered_by_cartona")
        self.assertEqual((order.marketplace_delivers, order.marketplace_deadline), (True, False))
        processor, moment = self.env["marketplace.order.processor"], datetime(2026, 1, 15, 8)
        named = Order("1", "pending", "", Customer(""), [], delivered_by_marketplace=True, ship_by=moment)
        self.assertEqual(processor._deadline(self.account, named), moment)

    def test_what_the_marketplace_fetches_after_all_loses_a_time_that_was_not_its_own(self):
        order = self.imported(estimated_delivery_day="2026-01-15", delivered_by="delivered_by_supplier")
        self.assertTrue(order.marketplace_deadline)
        self.box.edit_order(order.cartona_id, delivered_by="delivered_by_cartona")
        self.pull()
        self.assertEqual((order.marketplace_delivers, order.marketplace_deadline), (True, False))

    def test_without_such_a_day_the_account_says_when(self):
        order = self.imported(estimated_delivery_day=None)
        self.assertFalse(order.marketplace_deadline)
        self.account.ship_within_hours = 24
        order = self.imported(estimated_delivery_day=None)
        self.assertEqual(order.marketplace_deadline, order.date_order + timedelta(hours=24))

    def test_a_late_order_is_found_counted_and_told_once(self):
        day = fields.Date.to_string(date.today() - timedelta(days=2))
        late = self.imported(estimated_delivery_day=day)
        timely = self.imported(estimated_delivery_day="2100-01-01")
        self.assertTrue(late.marketplace_late)
        self.assertFalse(timely.marketplace_late)
        found = self.env["sale.order"].search(
            [("marketplace_late", "=", True), ("marketplace_config_id", "=", self.account.id)]
        )
        self.assertEqual(found, late)
        others = self.env["sale.order"].search([("marketplace_late", "=", False), ("id", "in", (late | timely).ids)])
        self.assertEqual(others, timely)
        self.assertEqual(self.shown()["late"], 1)
        for _time in range(2):
            self.env["marketplace.config"]._cron_deadlines()
            self.run_hooks()
        told = self.account.activity_ids.filtered(lambda activity: "have to leave" in activity.summary)
        self.assertEqual(len(told), 1)

    def test_an_account_whose_deadlines_can_not_be_told_keeps_no_other_from_it(self):
        accounts = self.account | self._create_account(name="Second")
        told = []

        def tell(config):
            told.append(config)
            if config == told[0]:
                raise ValueError("no")

        with (
            mock.patch.object(self.registry["marketplace.config"], "_tell_of_deadlines", tell),
            self.assertLogs("odoo.addons.cartona_integration.models.sale_order_deadline", "ERROR") as logs,
        ):
            self.env["marketplace.config"]._cron_deadlines()
        self.assertLessEqual(set(accounts.ids), {config.id for config in told})
        self.assertEqual(len(logs.output), 1)

    def in_hours(self, hours):
        order = self.imported()
        order.marketplace_deadline = fields.Datetime.now() + timedelta(hours=hours)
        return order

    def look(self):
        self.env.flush_all()
        self.env["marketplace.config"]._cron_deadlines()
        self.run_hooks()
        self.env.invalidate_all()
        return self.account.activity_ids.filtered(lambda activity: activity.marketplace_cause == "deadlines")

    def test_each_order_is_told_before_it_is_late_whatever_was_told_that_day(self):
        first = self.in_hours(-20)
        self.look().action_done()
        self.assertFalse(self.look(), "it is known")
        second = self.in_hours(3)
        told = self.look()
        self.assertIn("2", told.note)
        third = self.in_hours(2)
        self.assertEqual(self.look(), told, "it is open, and says how many there are by now")
        self.assertRegex(told.note, ": 3")
        first.marketplace_status = "shipped"
        self.assertEqual(self.look(), told)
        self.assertRegex(told.note, ": 2")
        (second | third).write({"marketplace_status": "shipped"})
        self.assertFalse(self.look(), "nothing is left to be done")

    def test_an_order_whose_deadline_was_moved_is_told_again(self):
        order = self.in_hours(3)
        self.look().action_done()
        order.marketplace_deadline += timedelta(hours=20)
        self.assertFalse(self.look())
        order.marketplace_deadline -= timedelta(hours=21)
        self.assertTrue(self.look())

    def test_what_has_left_or_is_cancelled_is_not_late(self):
        day = fields.Date.to_string(date.today() - timedelta(days=2))
        gone, cancelled = self.imported(estimated_delivery_day=day), self.imported(estimated_delivery_day=day)
        gone.marketplace_status = "shipped"
        cancelled._action_cancel()
        self.assertFalse(gone.marketplace_late)
        self.assertFalse(cancelled.marketplace_late)
        self.assertEqual(self.shown()["late"], 0)

    def test_a_newer_version_may_move_the_deadline(self):
        document = self.box_order((self.products[0], 1, 10.0), estimated_delivery_day="2026-01-15")
        self.pull()
        order = self.order_of(document)
        before = order.marketplace_deadline
        self.box.edit_order(document["hashed_id"], estimated_delivery_day="2026-01-16")
        self.pull()
        self.assertEqual(order.marketplace_deadline - before, timedelta(days=1))

    def test_an_agreed_day_counts_where_no_other_is_told_and_a_wish_alone_does_not(self):
        days = {"estimated_delivery_day": None, "retailer_preferred_delivery_date": "2026-01-17"}
        self.assertFalse(self.imported(**days).marketplace_deadline)
        order = self.imported(**days, delivery_day="2026-01-18")
        self.assertEqual(order.marketplace_deadline.date(), date(2026, 1, 18))

    def test_an_order_without_a_time_of_its_own_leaves_by_when_it_came_here_not_by_its_newest_version(self):
        self.account.ship_within_hours = 24
        values = {"estimated_delivery_day": None, "created_at": None}
        document = self.box_order((self.products[0], 1, 10.0), **values)
        self.pull()
        order = self.order_of(document)
        self.env.flush_all()
        long_ago = datetime(2026, 1, 1, 10)
        self.env.cr.execute("UPDATE sale_order SET create_date = %s WHERE id = %s", [long_ago, order.id])
        order.invalidate_recordset()
        self.box.edit_order(document["hashed_id"], note_message="x")
        self.pull()
        self.assertEqual(order.marketplace_deadline, long_ago + timedelta(hours=24))


class TestMovedDeliveryDays(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.stock_products()
        self.account.company_id.partner_id.tz = "UTC"

    def place(self, policy):
        self.account.confirm_policy = policy
        self.document = self.box_order((self.products[0], 1, 10.0), status="pending", delivery_day="2100-01-15")
        self.pull()
        order = self.order_of(self.document)
        self.assertEqual(order.commitment_date, datetime(2100, 1, 15, 12))
        return order

    def move(self, day="2100-01-20", **values):
        self.box.edit_order(self.document["hashed_id"], by="admin", delivery_day=day, **values)
        self.pull()

    def test_a_draft_is_promised_for_the_new_day(self):
        order = self.place("never")
        self.move()
        self.assertEqual(order.commitment_date, datetime(2100, 1, 20, 12))

    def test_so_is_a_confirmed_order_with_its_delivery(self):
        order = self.place("always")
        before = order.picking_ids.scheduled_date
        self.move()
        self.assertEqual(order.commitment_date, datetime(2100, 1, 20, 12))
        self.assertEqual(order.picking_ids.date_deadline, datetime(2100, 1, 20, 12))
        self.assertEqual(order.picking_ids.scheduled_date - before, timedelta(days=5))

    def test_so_are_all_steps_of_its_delivery(self):
        self.warehouse.delivery_steps = "pick_ship"
        order = self.place("always")
        steps = order.picking_ids
        before = [step.scheduled_date for step in steps]
        self.move()
        days = [step.scheduled_date - then for step, then in zip(steps, before, strict=True)]
        self.assertEqual(days, [timedelta(days=5)] * len(steps))

    def test_a_day_that_was_chosen_here_stays(self):
        for policy in ("never", "always"):
            order = self.place(policy)
            order.commitment_date = datetime(2100, 1, 12, 12)
            self.move("2100-01-15", note_message="x")
            self.assertEqual(order.commitment_date, datetime(2100, 1, 12, 12))
            self.move()
            self.assertEqual(order.commitment_date, datetime(2100, 1, 12, 12))

    def test_an_older_version_moves_nothing(self):
        order = self.place("always")
        order.write({"marketplace_status": "shipped", "marketplace_heard_status": "shipped"})
        deadline = order.marketplace_deadline
        self.move()
        self.assertEqual((order.commitment_date, order.marketplace_deadline), (datetime(2100, 1, 15, 12), deadline))

    def test_the_day_is_that_of_the_company_wherever_it_is(self):
        for zone, moment in (
            ("America/New_York", datetime(2100, 1, 15, 17)),
            ("Africa/Cairo", datetime(2100, 1, 15, 10)),
            ("Pacific/Kiritimati", datetime(2100, 1, 14, 22)),
        ):
            self.account.company_id.partner_id.tz = zone
            document = self.box_order((self.products[0], 1, 10.0), status="pending", delivery_day="2100-01-15")
            with self.subTest(zone):
                self.pull()
                order = self.order_of(document)
                self.assertEqual((order.commitment_date, order.marketplace_promised_at), (moment, moment))
                local = fields.Datetime.context_timestamp(order.with_context(tz=zone), order.commitment_date)
                self.assertEqual(str(local.date()), "2100-01-15")

    def test_the_same_day_at_another_hour_is_no_news(self):
        order = self.place("always")
        midnight = datetime(2100, 1, 15)
        order.write({"commitment_date": midnight, "marketplace_promised_at": midnight})
        self.move("2100-01-15", note_message="x")
        self.assertEqual(order.commitment_date, midnight)
