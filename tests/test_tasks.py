# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import psycopg2.errors

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from ..marketplaces import cartona
from ..models.marketplace_lane_tasks import MAX_ATTEMPTS
from .common import MarketplaceCase


class TestTasks(MarketplaceCase):
    product_count = 6

    def task(self, kind):
        return self.env["marketplace.task"].search([("config_id", "=", self.account.id), ("kind", "=", kind)], limit=1)

    def start_match(self, pages_of=2):
        self.commit()  # what going live began
        self.patch(cartona, "CATALOGUE_PAGE", pages_of)
        self.account.action_match_products()
        return self.task("match")

    def step(self, lane):
        self.env.cr.flush()
        self.env[f"marketplace.lane.{lane}"]._step(self.account.id)
        self.env.invalidate_all()

    # ------------------------------------------------------------------ matching

    def test_matching_tells_how_far_it_is_and_ends(self):
        task = self.start_match()
        self.step("tasks")
        self.assertEqual((task.state, task.done, task.listed), ("running", 2, 2))
        self.assertEqual(task.summary, "2 read, 2 new listings")
        self.commit()
        self.assertEqual((task.state, task.done, task.listed), ("done", 6, 6))
        self.assertTrue(task.finished_at)

    def test_matching_that_was_stopped_goes_no_further(self):
        task = self.start_match()
        self.step("tasks")
        task.action_stop()
        self.commit()
        self.assertEqual(task.state, "stopped")
        self.assertEqual(len(self.account.listing_ids), 2)

    def test_a_page_that_arrives_after_the_stop_is_dropped(self):
        task = self.start_match()
        page, given = type(self.env["marketplace.api.cartona"])._list_products, []

        def stop_and_give(*args):
            task.action_stop()
            self.env.cr.flush()
            given.append(page(*args))
            return given[-1]

        self.patch(type(self.env["marketplace.api.cartona"]), "_list_products", stop_and_give)
        self.step("tasks")
        self.assertEqual(len(given[0][0]), 2)
        self.assertFalse(self.account.listing_ids)

    def test_matching_goes_on_at_its_page_after_a_kill(self):
        task = self.start_match()
        self.step("tasks")
        self.env["queue.job"].search([("identity_key", "=like", "marketplace:%")]).unlink()
        self.env.cr.postcommit.clear()
        self.sweep()
        self.assertEqual((task.state, task.done), ("done", 6))

    def test_matching_that_is_started_twice_is_one(self):
        task = self.start_match()
        self.assertIn("runs already", self.account.action_match_products()["params"]["message"])
        self.assertEqual(self.task("match"), task)
        self.commit()
        self.assertEqual(len(self.box.calls("supplier-product$", method="GET")), 4)

    def test_matching_waits_out_an_outage(self):
        task = self.start_match()
        self.box.fail(path="supplier-product$", status=503)
        self.commit()
        self.assertEqual(task.state, "running")
        self.assertIn("503", task.message)
        self.running().blocked_until = False
        self.sweep()
        self.assertEqual((task.state, task.message), ("done", False))

    def shown(self):
        (account,) = [one for one in self.account.get_dashboard_data()["accounts"] if one["id"] == self.account.id]
        return account["tasks"]

    def test_a_step_that_fails_here_says_so_is_tried_again_and_given_up_at_last(self):
        task = self.start_match()

        def broken(*_args):
            raise ValueError("a field is missing")

        original = self.registry["marketplace.matching"]._match_page
        self.patch(self.registry["marketplace.matching"], "_match_page", broken)
        for attempt in range(1, MAX_ATTEMPTS):
            with mute_logger("odoo.addons.cartona_integration.models.marketplace_lane_tasks"):
                self.commit() if attempt == 1 else self.sweep()
            self.assertEqual((task.state, task.attempts), ("running", attempt))
            self.assertIn("unforeseen happened here (a field is missing). Tell who looks after", task.message)
            self.assertEqual(self.shown()[0]["message"], task.message)
            self.sweep()
            self.assertEqual(task.attempts, attempt, "not before its time")
            task.next_attempt = fields.Datetime.now()
        with mute_logger("odoo.addons.cartona_integration.models.marketplace_lane_tasks"):
            self.sweep()
        self.assertEqual(task.state, "failed")
        self.assertIn("a field is missing", task.message)
        self.assertIn("could not be matched", self.account.activity_ids.summary)
        self.assertEqual([(one["id"], one["failed"]) for one in self.shown()], [(task.id, True)])
        self.patch(self.registry["marketplace.matching"], "_match_page", original)
        task.action_retry()
        self.assertEqual(len(self.shown()), 1)
        self.commit()
        self.assertFalse(self.shown())
        self.assertEqual(len(self.account.listing_ids), 6)

    def test_a_step_that_somebody_was_in_the_way_of_is_tried_again_however_often(self):
        task, matching = self.start_match(), self.registry["marketplace.matching"]
        original, met = matching._match_page, []

        def locked(*_args):
            met.append(True)
            raise psycopg2.errors.LockNotAvailable("somebody else has these rows")

        self.patch(matching, "_match_page", locked)
        self.commit()
        for _attempt in range(MAX_ATTEMPTS):
            self.assertGreater(task.next_attempt, fields.Datetime.now(), "not before its time")
            task.next_attempt = fields.Datetime.now()
            self.sweep()
        self.assertGreater(len(met), MAX_ATTEMPTS)
        self.assertEqual((task.state, task.attempts), ("running", 0))
        self.assertFalse(self.account.activity_ids)
        self.patch(matching, "_match_page", original)
        task.next_attempt = fields.Datetime.now()
        self.sweep()
        self.assertEqual((task.state, task.done, task.message), ("done", 6, False))

    def test_a_step_that_goes_well_forgets_what_failed_before(self):
        task = self.start_match()
        task.write({"attempts": MAX_ATTEMPTS - 1, "message": "x", "next_attempt": fields.Datetime.now()})
        self.step("tasks")
        self.assertEqual((task.attempts, task.message, task.next_attempt, task.done), (0, False, False, 2))

    def test_an_account_that_is_being_set_up_can_be_matched_and_is_not_paused_by_a_wrong_token(self):
        self.account.write({"state": "draft", "auth_token": "wrong"})
        task = self.start_match()
        self.commit()
        self.assertEqual((task.state, self.account.state), ("failed", "draft"))
        self.account.auth_token = self.box.token
        task = self.start_match()
        self.commit()
        self.assertEqual((task.state, task.done), ("done", 6))

    # ------------------------------------------------------------------ sending everything again

    def sync_all(self):
        self.list_products()
        self.account.batch_size = 2
        self.account.action_sync_all()
        return self.task("sync")

    def sent(self):
        return {row["supplier_product_id"] for row in self.sent_rows()}

    def test_a_copied_database_matches_nothing_for_an_account_that_is_being_set_up(self):
        self.commit()
        self.account.state = "draft"
        self.box.clear_journal()
        self.account.action_match_products()
        self.env["ir.config_parameter"].set_param("cartona_integration.identity", "original:of-another-machine")
        self.commit()
        self.assertFalse(self.box.calls("supplier-product"))

    def test_sync_all_tells_how_far_it_is_and_ends(self):
        task = self.sync_all()
        self.env.cr.flush()
        self.assertEqual((task.total, task.progress), (6, 0.0))
        self.commit()
        self.assertEqual((task.state, task.done, task.progress), ("done", 6, 100.0))
        self.assertEqual(len(self.sent()), 6)

    def test_sync_all_pressed_again_writes_nothing_where_a_sender_may_be_at_work(self):
        task = self.sync_all()
        self.env.cr.flush()

        def version():
            self.env.flush_all()
            self.env.cr.execute("SELECT ctid::text FROM marketplace_task WHERE id = %s", [task.id])
            return self.env.cr.fetchone()

        before = version()
        somebody_else = new_test_user(self.env, "second", groups="cartona_integration.group_marketplace_manager")
        self.account.with_user(somebody_else).action_sync_all()
        self.assertEqual(version(), before)
        self.env["marketplace.task"]._start(self.account, "sync", total=9)
        self.assertEqual(task.total, 9)

    def test_sync_all_that_starts_while_a_sender_ends_is_not_taken_for_done(self):
        self.list_products()
        self.account.action_sync_all()
        self.env.cr.flush()
        self.env["marketplace.sender"]._come_back(self.account, "offers")
        self.env.invalidate_all()
        self.assertEqual(self.task("sync").state, "running")

    def test_sync_all_ends_though_its_sender_was_killed_after_the_last_call(self):
        self.list_products()
        self.account.action_sync_all()
        self.step("offers")
        self.env.cr.postcommit.clear()
        self.assertEqual(self.task("sync").state, "running")
        self.sweep()
        self.assertEqual(self.task("sync").state, "done")

    def test_sync_all_that_is_cancelled_still_sends_what_changed(self):
        task = self.sync_all()
        self.products[5].list_price = 999
        self.env.cr.flush()
        self.env["marketplace.lane.offers"]._fold(self.account)
        task.action_stop()
        self.commit()
        self.assertEqual(self.at_box(self.products[5])["selling_price"], 999)
        self.assertEqual(self.sent(), {str(1000 + self.products[5].id)})
        self.assertEqual(task.state, "stopped")
        self.assertFalse(self.account.listing_ids.filtered(lambda listing: listing.forced or listing.price_due))

    def test_sync_all_that_is_cancelled_before_it_began_sends_nothing(self):
        task = self.sync_all()
        self.env.cr.flush()
        task.action_stop()
        self.commit()
        self.assertFalse(self.sent())

    def test_sync_all_after_a_cancelled_one_sends_everything(self):
        self.sync_all().action_stop()
        self.env.cr.flush()
        self.account.action_sync_all()
        self.commit()
        self.assertEqual(len(self.sent()), 6)

    def test_cancelling_drops_no_change_of_the_pricelist(self):
        task = self.sync_all()
        self.account.pricelist_id = self.env["product.pricelist"].create(
            {
                "name": "Half",
                "item_ids": [(0, 0, {"compute_price": "percentage", "percent_price": 50, "applied_on": "3_global"})],
            }
        )
        self.env.cr.flush()
        task.action_stop()
        self.commit()
        self.assertEqual(self.at_box(self.products[3])["selling_price"], 20.0)

    # ------------------------------------------------------------------ rights, retry

    def test_only_who_may_change_the_account_stops_its_tasks(self):
        task = self.start_match()
        user = new_test_user(self.env, "task-user", "cartona_integration.group_marketplace_user")
        self.assertEqual(task.with_user(user).summary, "0 read, 0 new listings")
        with self.assertRaises(AccessError):
            task.with_user(user).action_stop()
        manager = new_test_user(self.env, "task-manager", "cartona_integration.group_marketplace_manager")
        task.with_user(manager).action_stop()
        self.assertEqual(task.state, "stopped")
        task.state = "failed"
        with self.assertRaises(AccessError):
            task.with_user(user).action_retry()
        task.with_user(manager).action_retry()
        self.assertEqual(self.task("match").state, "running")

    def test_another_companys_manager_starts_nothing(self):
        company = self.env["res.company"].create({"name": "Theirs"})
        manager = new_test_user(
            self.env,
            "theirs",
            "cartona_integration.group_marketplace_manager",
            company_id=company.id,
            company_ids=company.ids,
        )
        for action in ("action_match_products", "action_sync_all"):
            with self.subTest(action), self.assertRaises(AccessError):
                getattr(self.account.with_user(manager), action)()

    def test_everything_that_failed_is_retried_with_one_button(self):
        listings = self.list_products()
        gone = [self.box.state.products.pop(listing.external_id) for listing in listings[:2]]
        self.products[0].list_price = 71
        self.products[1].list_price = 72
        self.commit()
        self.assertEqual(len(listings.filtered(lambda listing: listing.state == "failed")), 2)
        self.box.state.products.update(zip(listings[:2].mapped("external_id"), gone, strict=True))
        self.account.action_retry_failed()
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 71)
        self.assertEqual(set(listings.mapped("state")), {"synced"})
