# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import contextlib
from datetime import timedelta
from unittest.mock import patch

from odoo import Command, fields
from odoo.tools import mute_logger

from ..models.marketplace_wake import DATED, DATES_SINCE, EACH_MINUTE
from .common import MarketplaceCase


class TestSweeper(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.listings = self.list_products()

    def lose_the_wake(self):
        """Commit as a process does that is killed between the commit and its hooks."""
        self.env.cr.flush()
        self.env.cr.postcommit.clear()

    def test_a_crash_between_commit_and_wake_is_repaired(self):
        self.products[0].list_price = 71
        self.lose_the_wake()
        self.commit()
        self.assertFalse(self.box.journal)
        self.env["marketplace.wake"]._cron_sweep()
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 71)

    @mute_logger("odoo.addons.cartona_integration.models.marketplace_wake")
    def test_whatever_fails_each_minute_keeps_nothing_else_from_being_done(self):
        each = [*((model, "_mark_marketplace_dates") for model in DATED), *EACH_MINUTE]
        for number, (broken, method) in enumerate(each):
            with self.subTest(f"{broken}.{method}"), contextlib.ExitStack() as stack:
                done = []
                for model, name in each:
                    what = (lambda *_args: 1 / 0) if (model, name) == (broken, method) else None
                    stack.enter_context(self.watched(model, name, done, what))
                self.products[0].list_price = price = 71 + number
                self.lose_the_wake()
                self.sweep()
                kept = [one for one in each if one != (broken, method)]
                self.assertEqual(done[: len(kept)], kept)
                self.assertEqual(self.at_box(self.products[0])["selling_price"], price)

    @contextlib.contextmanager
    def watched(self, model, name, done, instead):
        method = getattr(self.registry[model], name)

        def watching(records, *arguments):
            result = (instead or method)(records, *arguments)
            done.append((model, name))
            return result

        with patch.object(self.registry[model], name, watching):
            yield

    @mute_logger("odoo.addons.cartona_integration.models.marketplace_wake")
    def test_dates_that_could_not_be_looked_at_are_looked_at_as_soon_as_that_goes_again(self):
        now = fields.Datetime.now()
        values = {"applied_on": "0_product_variant", "compute_price": "fixed", "fixed_price": 44.0}
        values.update(product_id=self.products[0].id, date_start=now + timedelta(hours=1))
        self.account.pricelist_id = self.env["product.pricelist"].create(
            {"name": "Dated", "item_ids": [Command.create(values)]}
        )
        self.commit()
        for _minute in range(2):
            self.sweep()  # settings that were made are looked at twice
        before = self.at_box(self.products[0])["selling_price"]
        rule = self.account.pricelist_id.item_ids.filtered("date_start")
        # Time passes.
        query = "UPDATE product_pricelist_item SET date_start = %s WHERE id = %s"
        self.env.cr.execute(query, [now - timedelta(minutes=30), rule.id])
        self.env.invalidate_all()

        def sweep(minutes_ago):
            self.env["marketplace.wake"].with_context(lastcall=now - timedelta(minutes=minutes_ago))._cron_sweep()
            self.commit()
            return self.at_box(self.products[0])["selling_price"]

        with patch.object(self.registry["product.pricelist.item"], "_mark_marketplace_dates", lambda *_args: 1 / 0):
            self.assertEqual(sweep(31), before)
            self.assertEqual(sweep(20), before)
        self.assertEqual(sweep(10), 44.0)
        self.assertFalse(self.env["ir.config_parameter"].sudo().search([("key", "=like", f"{DATES_SINCE}.%")]))

    def test_a_lane_without_work_takes_no_step(self):
        steps, lane = [], type(self.env["marketplace.lane.offers"])
        step = lane._step
        self.patch(lane, "_step", lambda model, config_id: steps.append(config_id) or step(model, config_id))
        self.env["marketplace.sender"]._drain(self.account.id, "offers")
        self.assertFalse(steps)
        self.products[0].list_price = 71
        self.commit()
        self.assertEqual(set(steps), {self.account.id})

    def test_without_a_job_runner_the_sweeper_does_the_work_itself(self):
        self.products[0].list_price = 72
        self.run_hooks()
        self.box_order((self.products[0], 1, 5.0))
        self.env["marketplace.config"]._cron_pull_orders()
        stuck = self.env["queue.job"].search([("identity_key", "=like", "marketplace:%"), ("state", "=", "pending")])
        self.assertTrue(stuck)
        self.env.cr.execute(
            "UPDATE queue_job SET date_created = %s WHERE id = ANY(%s)",
            [fields.Datetime.now() - timedelta(minutes=5), stuck.ids],
        )
        with mute_logger("odoo.addons.cartona_integration.models.marketplace_wake"):
            self.env["marketplace.wake"]._cron_sweep()
            self.env["marketplace.wake"]._cron_sweep()  # what the first one stored is processed by the next
        self.env.invalidate_all()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 72)
        self.assertEqual(len(self.env["sale.order"].search([("marketplace_config_id", "=", self.account.id)])), 1)

    def test_an_idle_system_queues_no_jobs(self):
        for _minute in range(2):
            self.sweep()  # settings that were made are looked at twice
        jobs = self.env["queue.job"].search_count([])
        self.env["marketplace.wake"]._cron_sweep()
        self.assertEqual(self.env["queue.job"].search_count([]), jobs)

    def test_a_wake_that_fails_does_not_reach_the_user(self):
        self.patch(type(self.env["marketplace.wake"]), "_free_key", lambda *args: 1 / 0)
        self.products[0].list_price = 73
        with mute_logger("odoo.addons.cartona_integration.models.marketplace_wake"):
            self.run_hooks()
        self.assertTrue(self.env["marketplace.outbox"].search([]))

    def test_a_drain_that_runs_out_of_time_queues_the_rest(self):
        self.products[0].list_price = 74
        self.env.cr.flush()
        self.env["marketplace.sender"]._drain(self.account.id, "offers", seconds=0)
        key = f"marketplace:drain:{self.account.id}:offers"
        self.assertTrue(self.env["queue.job"].search([("identity_key", "=", key), ("state", "=", "pending")]))

    def test_old_log_rows_are_deleted(self):
        self.account.action_test_connection()
        log = self.logged("test_connection")
        self.account.action_test_connection()
        young = self.logged("test_connection") - log
        for row, days in ((log, 31), (young, 29)):
            row.create_date = fields.Datetime.now() - timedelta(days=days)
        self.env.flush_all()
        self.env["marketplace.sync.log"]._gc_old_rows()
        self.env.invalidate_all()
        self.assertEqual(self.logged("test_connection"), young)

    def test_what_is_due_and_can_not_be_done_queues_no_drain_for_ever(self):
        def timed(seconds):
            moment = fields.Datetime.now() + timedelta(seconds=seconds)
            self.patch(self.registry["marketplace.lane.offers"], "_next_attempt", lambda _lane, _config: moment)
            self.env["marketplace.sender"]._come_back(self.account, "offers")
            key = f"marketplace:timed:{self.account.id}:offers"
            return self.env["queue.job"].search_count([("identity_key", "=", key), ("state", "=", "pending")])

        self.assertEqual(timed(-1), 0)
        self.assertEqual(timed(60), 1)
