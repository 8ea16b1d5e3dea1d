# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta
from unittest import mock

from odoo import fields
from odoo.tools import mute_logger

from ..models import marketplace_lane_offers
from ..models.marketplace_sender import PROBE_FAILURES
from ..schemas import RowResult
from ..transport.errors import RateLimited, TemporaryFailure
from .common import MarketplaceCase


class TestOfferFailures(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.listings = self.list_products()

    def test_a_refused_row_keeps_its_error_and_the_others_go_in(self):
        self.box.state.products.pop(self.listings[0].external_id)
        for product in self.products:
            product.list_price += 1
        self.commit()
        self.assertEqual(self.listings[0].state, "failed")
        self.assertTrue(self.listings[0].last_error)
        self.assertEqual(set(self.listings[1:].mapped("state")), {"synced"})
        log = self.logged("push_offers")[0]
        self.assertEqual((log.status, log.row_count, log.failed_count), ("partial", 4, 1))

    def test_a_batch_refused_as_a_whole_is_halved_until_the_bad_row_is_alone(self):
        bad = self.listings[2].external_id
        self.box.fail(path="bulk-update$", content=bad, status=422, times=None, body={"error": "bad row"})
        for product in self.products:
            product.list_price += 1
        self.commit()
        self.assertEqual(self.listings.mapped("state"), ["synced", "synced", "failed", "synced"])
        self.assertIn("bad row", self.listings[2].last_error)

    def test_an_outage_blocks_the_account_and_blames_no_row(self):
        for fault in ({"status": 503}, {"kind": "reset"}, {"kind": "broken_json"}, {"kind": "html"}):
            with self.subTest(fault=fault):
                self.running()._note_success()
                self.box.fail(path="bulk-update$", **fault)
                self.products[0].list_price += 1
                self.commit()
                self.assertTrue(self.running()._is_blocked())
                self.assertTrue(self.running().last_error)
                self.assertEqual((self.listings[0].state, self.listings[0].attempts), ("waiting", 0))
                self.assertTrue(self.listings[0].price_due)
        self.running()._note_success()
        self.sweep()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], self.products[0].list_price)

    def test_after_an_outage_few_rows_go_as_a_probe_then_all_that_waits(self):
        self.box.fail(path="bulk-update$", status=503, times=3)
        for product in self.products:
            product.list_price += 1
        self.commit()
        for _time in range(3):
            self.running().blocked_until = False
            self.sweep()
        sizes = [len(entry.body) for entry in self.box.calls("bulk-update$")]
        self.assertEqual(sizes, [4, 4, 2, 1, 2, 1], "a failure halves what is tried, an answer doubles it")

    def test_one_row_asks_whether_a_marketplace_answers_again_that_others_found_away(self):
        self.running().failures = PROBE_FAILURES
        for product in self.products:
            product.list_price += 1
        self.commit()
        self.assertEqual([len(entry.body) for entry in self.box.calls("bulk-update$")], [1, 3])
        self.assertEqual(set(self.listings.mapped("state")), {"synced"})

    def test_a_blocked_account_comes_back_by_a_timed_job(self):
        self.box.fail(path="bulk-update$", status=503)
        self.products[0].list_price = 33
        self.commit()
        timed = self.env["queue.job"].search([("identity_key", "=", f"marketplace:timed:{self.account.id}:offers")])
        self.assertTrue(timed.eta)

    def test_retry_after_is_kept(self):
        before = fields.Datetime.now()
        self.box.fail(path="bulk-update$", status=429, retry_after="120")
        self.products[0].list_price = 33
        self.commit()
        blocked = self.running()._blocked_until("offers")
        self.assertGreaterEqual(blocked, before + timedelta(seconds=120))
        self.assertLessEqual(blocked, fields.Datetime.now() + timedelta(seconds=120))

    def test_a_marketplace_that_asks_for_no_wait_is_left_alone_for_a_second_all_the_same(self):
        before = fields.Datetime.now()
        self.running()._note_failure(RateLimited("Too many calls", 0))
        self.assertGreater(self.running().blocked_until, before)

    def test_an_answer_lost_after_the_change_was_applied_is_sent_again_and_does_no_harm(self):
        self.box.fail(path="bulk-update$", kind="drop")
        self.products[0].list_price = 44
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 44)
        self.assertTrue(self.listings[0].price_due)
        self.running()._note_success()
        self.sweep()
        self.assertEqual(self.listings[0].state, "synced")
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 44)

    def test_a_wrong_token_pauses_the_account_tells_its_person_once_and_keeps_the_work(self):
        self.account.auth_token = "wrong"
        self.products[0].list_price = 45
        self.commit()
        self.assertEqual(self.account.state, "paused")
        self.assertTrue(self.account.pause_reason)
        self.assertEqual(len(self.account.activity_ids), 1)
        self.products[1].list_price = 46
        self.commit()
        self.account.auth_token = self.box.token
        self.account.action_go_live()
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 45)
        self.assertEqual(self.at_box(self.products[1])["selling_price"], 46)
        self.assertEqual(len(self.account.activity_ids), 1)

    def test_a_notice_that_can_not_be_given_stops_nothing_and_is_given_later(self):
        accounts = self.registry["marketplace.config"]
        self.account.auth_token = "wrong"
        self.products[0].list_price = 45
        with (
            mock.patch.object(accounts, "_schedule_activity", side_effect=ValueError("no")),
            self.assertLogs("odoo.addons.cartona_integration.models.marketplace_config", "ERROR"),
        ):
            self.commit()
        self.assertEqual((self.account.state, self.listings[0].state), ("paused", "waiting"))
        self.assertFalse(self.account.activity_ids)
        self.account.action_go_live()
        self.commit()
        self.assertEqual(len(self.account.activity_ids), 1)

    def test_who_is_done_with_a_cause_is_told_of_it_again_tomorrow_or_when_the_account_was_resumed(self):
        def tell():
            self.account._tell_responsible("Something", "Look.", cause="Something")
            self.account._tell_responsible("Something else", "Look, too.", cause="Something else")
            self.run_hooks()
            self.env.invalidate_all()
            told = sorted(self.account.activity_ids.mapped("summary"))
            self.account.activity_ids.action_done()
            return told

        both = ["Something", "Something else"]
        self.assertEqual(tell(), both)
        self.assertEqual(tell(), [], "once a day")
        self.running().told = dict.fromkeys(both, "2026-01-01")
        self.assertEqual(tell(), both, "another day")
        self.account.action_pause()
        self.account.action_go_live()
        self.assertEqual(tell(), both, "what fails now has a new cause")

    @mute_logger("odoo.addons.cartona_integration.models.marketplace_sync_log")
    def test_a_log_that_can_not_be_written_stops_neither_offers_nor_orders(self):
        self.patch(self.registry["marketplace.sync.log"], "create", lambda *_args: 1 / 0)
        listing = self.account.listing_ids.filtered(lambda one: one.product_id == self.products[0])
        self.products[0].list_price = 71.0
        document = self.box_order((self.products[1], 1, 5.0), status="pending")
        self.commit()
        self.pull()
        self.assertEqual((self.at_box(self.products[0])["selling_price"], listing.state), (71.0, "synced"))
        self.assertEqual((self.order_of(document).state, self.box.queued()), ("sale", []))

    def test_five_failures_in_a_row_tell_a_person_once(self):
        for failures, told in ((4, 0), (1, 1), (2, 1)):
            for n in range(failures):
                self.running()._note_failure(TemporaryFailure(f"down {n}"))
            self.commit()
            self.assertEqual(len(self.account.activity_ids), told)
        self.assertIn("does not answer", self.account.activity_ids.summary)

    def test_a_pause_keeps_the_work_and_folds_it(self):
        self.account.action_pause()
        for n in range(5):
            self.products[0].list_price = 60 + n
            self.commit()
        self.assertFalse(self.env["marketplace.outbox"].search([]), "folded into due marks")
        self.assertFalse(self.sent_rows())
        self.account.action_go_live()
        self.commit()
        self.assertEqual([row["selling_price"] for row in self.sent_rows()], [64])

    def test_a_bug_of_an_adapter_blocks_its_account_and_is_seen(self):
        self.patch(type(self.env["marketplace.api.cartona"]), "_push_offers", lambda *args: [][1])
        self.products[0].list_price = 45
        with mute_logger("odoo.addons.cartona_integration.models.marketplace_sender"):
            self.commit()
        self.assertIn("unforeseen happened here (list index out of range)", self.running().last_error)
        self.assertTrue(self.listings[0].price_due)

    def test_a_failed_price_is_not_forgotten_over_the_next_change_of_stock(self):
        self.products[0].list_price = 0
        self.commit()
        self.assertEqual(self.listings[0].state, "failed")
        self.set_stock(self.products[0], 3)
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 3)
        self.assertEqual(self.listings[0].state, "failed")
        self.assertIn("above 0", self.listings[0].last_error)
        self.products[0].list_price = 15
        self.box.fail(path="bulk-update$", status=422, body={"error": "no"})
        self.commit()
        self.set_stock(self.products[0], 4)
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 15, "sent along with the stock")
        self.assertEqual(self.listings[0].state, "synced")

    def test_what_failed_waits_for_a_person_and_is_not_tried_again_by_itself(self):
        self.box.fail(path="bulk-update$", status=422, times=None, body={"error": "no"})
        self.products[0].list_price = 15
        self.commit()
        calls = len(self.box.calls("bulk-update$"))
        self.sweep()
        self.assertEqual(len(self.box.calls("bulk-update$")), calls)
        self.box.clear_faults()
        self.listings[0].action_sync()
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 15)

    def test_a_listing_that_can_not_be_computed_holds_back_no_other(self):
        bad = self.listings[1].id
        for model, name in (("marketplace.api.cartona", "_serialize_product"), ("marketplace.listing", "_taxed")):
            with self.subTest(hook=name):
                original = getattr(type(self.env[model]), name)

                def broken(record, *args, original=original):
                    about = args[1]["listing_id"] if isinstance(args[-1], dict) else record.id
                    return {}["no such key"] if about == bad else original(record, *args)

                with (
                    mock.patch.object(type(self.env[model]), name, broken),
                    mute_logger("odoo.addons.cartona_integration.models.marketplace_lane_offers"),
                ):
                    for product in self.products:
                        product.list_price += 1
                    self.commit()
                self.assertEqual(self.listings.mapped("state"), ["synced", "failed", "synced", "synced"])
                self.assertRegex(self.listings[1].last_error, r"unforeseen .*no such key.* Tell who looks after Odoo")
                self.assertNotIn("KeyError", self.listings[1].last_error)
                self.assertFalse(self.running()._is_blocked())

    def test_a_listing_that_is_deleted_while_its_offer_is_refused_holds_back_no_other(self):
        adapter = type(self.env["marketplace.api.cartona"])
        push, gone = adapter._push_offers, self.listings[0]
        self.box.state.products.pop(gone.external_id)

        def push_and_delete(api, config, rows):
            answers = push(api, config, rows)
            api.env.cr.execute("DELETE FROM marketplace_listing WHERE id = %s", [gone.id])
            return answers

        self.patch(adapter, "_push_offers", push_and_delete)
        for product in self.products:
            product.list_price += 1
        self.commit()
        self.assertFalse(gone.exists())
        self.assertEqual(self.listings[1:].mapped("state"), ["synced"] * 3)
        self.assertEqual(self.listings[1:].mapped("pushed_price"), self.products[1:].mapped("list_price"))

    def test_an_error_text_that_no_database_takes_is_stored_all_the_same(self):
        self.box.fail(path="bulk-update$", status=422, body={"error": "bad \x00 row \ud800"})
        self.products[0].list_price = 15
        self.commit()
        self.assertEqual(self.listings[0].state, "failed")
        self.assertIn("bad  row", self.listings[0].last_error)

    def test_a_row_that_the_marketplace_can_not_stand_does_not_stop_the_others(self):
        poison = self.listings[0].external_id
        self.box.fail(path="bulk-update$", content=poison, status=500, times=None)
        for product in self.products:
            product.list_price += 1
        self.commit()
        for _minute in range(6):
            self.env.cr.execute("UPDATE marketplace_config_state SET blocked_until = NULL")
            self.sweep()
        self.assertEqual(self.listings.mapped("state"), ["waiting", "synced", "synced", "synced"])

    def test_a_slow_marketplace_does_not_keep_the_bad_row_from_being_found(self):
        self.patch(marketplace_lane_offers, "FRESH_SECONDS", 0.0)
        self.box.fail(path="bulk-update$", content=self.listings[0].external_id, status=422, times=None)
        for product in self.products:
            product.list_price += 1
        self.env.cr.flush()
        self.env["marketplace.lane.offers"]._step(self.account.id)
        self.env.invalidate_all()
        self.assertEqual(self.listings.mapped("state"), ["failed", "synced", "synced", "synced"])


class TestAttempts(MarketplaceCase):
    """When what was not taken is tried again, and when it is left to a person."""

    def prepare(self):
        super().prepare()
        self.listing = self.list_products()[0]
        self.lane = self.env["marketplace.lane.offers"]

    def wait(self, find):
        """Return the least and the most seconds until the time that ``find`` gives."""
        before = fields.Datetime.now()
        moment = find()
        return (moment - fields.Datetime.now()).total_seconds(), (moment - before).total_seconds()

    def put_off(self, attempts, **values):
        self.listing.attempts = attempts
        self.lane._store([{"listing_id": self.listing.id}], [RowResult.retry("Busy", **values)])
        return self.listing.next_attempt

    def test_a_row_is_tried_again_when_the_marketplace_says_else_later_each_time(self):
        for attempts, after, least, most in ((0, 120, 120, 120), (7, 0, 0, 0), (0, None, 2, 5), (3, None, 20, 40)):
            with self.subTest(attempts=attempts, after=after):
                soonest, latest = self.wait(lambda attempts=attempts, after=after: self.put_off(attempts, after=after))
                self.assertLessEqual(soonest, most)
                self.assertGreaterEqual(latest, least)
                self.assertEqual((self.listing.state, self.listing.attempts), ("waiting", attempts + 1))

    def test_after_ten_attempts_a_row_waits_for_a_person(self):
        self.assertTrue(self.put_off(8))
        self.assertEqual(self.listing.state, "waiting")
        self.assertFalse(self.put_off(9))
        self.assertEqual((self.listing.state, self.listing.attempts), ("failed", 10))

    def test_after_ten_attempts_a_command_waits_for_a_person(self):
        order = self.env["sale.order"].create(
            {"partner_id": self.env.user.partner_id.id, "marketplace_config_id": self.account.id, "cartona_id": "x"}
        )
        self.env["marketplace.outbox"]._command(order, "status", "approved")
        command = self.env["marketplace.outbox"].search([("order_id", "=", order.id)])
        for attempts, state in ((8, "waiting"), (9, "failed")):
            command.attempts = attempts
            self.env["marketplace.lane.orders"]._store_failure(command, RowResult.retry("Busy"))
            self.assertEqual((command.state, command.attempts, bool(command.next_attempt)),
                             (state, attempts + 1, state == "waiting"))  # fmt: skip

    def test_what_failed_as_a_probe_makes_way_for_longer_than_the_next_probe_takes(self):
        for failures, least, most in ((3, 20, 40), (4, 40, 80)):
            self.running().failing = {"offers": {"times": failures}, "orders": {"times": 9}}
            soonest, latest = self.wait(lambda: self.lane._aside_until(self.account))
            self.assertLessEqual(soonest, most)
            self.assertGreaterEqual(latest, least)
        self.running().failing = {"offers": {"times": 2}, "orders": {"times": 9}}
        self.assertIsNone(self.lane._aside_until(self.account))
