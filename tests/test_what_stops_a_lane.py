# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""One order, listing or delivery that can't be dealt with, in whatever way, holds back no other for good."""

import secrets
import time
from datetime import timedelta
from unittest import mock

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models.marketplace_lane_inbox import MAX_ATTEMPTS
from ..schemas import RowResult
from ..transport import errors
from .common import MarketplaceCase
from .test_concurrency import CommittedCase
from .test_concurrency_doubt import Killed

MODELS = "odoo.addons.cartona_integration.models"
SQL_LOG = "odoo.sql_db"
INBOX_LOG = f"{MODELS}.marketplace_lane_inbox"
ORDERS_LOG = f"{MODELS}.marketplace_lane_orders"


class StoppingCase(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.listings = self.stock_products()

    def place(self, **values):
        line = (self.products[1], 1, 5.0)
        return self.box_order(line, status="pending", delivered_by="delivered_by_supplier", **values)

    def receive(self, *documents):
        rows = [(self.account, "order", document["hashed_id"], document) for document in documents]
        return self.env["marketplace.inbox"]._store(rows, "webhook")[0]


class TestWhatStopsALane(StoppingCase):
    # ------------------------------------------------------------------ documents

    def test_a_customer_code_that_fits_into_no_index_fails_alone(self):
        long = self.place(retailer={"retailer_name": "Long", "retailer_code": secrets.token_hex(4000)})
        others = [self.place() for _number in range(2)]
        first, *rest = self.receive(long, *others)
        with mute_logger(INBOX_LOG, SQL_LOG):
            self.commit()
        self.assertEqual((first.state, first.attempts), ("failed", 1))
        self.assertIn("index", first.last_error)
        self.assertEqual([row.state for row in rest], ["done"] * 2)

    def test_a_customers_name_that_fits_into_no_index_is_cut(self):
        document = self.place(retailer={"retailer_name": secrets.token_hex(4000), "retailer_code": "L1"})
        self.receive(document)
        self.commit()
        self.assertEqual(len(self.order_of(document).partner_id.name), 255)

    def test_a_query_that_takes_too_long_blames_the_listing_that_it_is_about(self):
        offers, bad = self.registry["marketplace.listing"]._offers, self.listings[0]

        def slow(listings, **options):
            if bad.id in listings.ids:
                listings.env.cr.execute("SET LOCAL statement_timeout = 20")
                listings.env.cr.execute("SELECT pg_sleep(60)")
            return offers(listings, **options)

        self.patch(self.registry["marketplace.listing"], "_offers", slow)
        for number, product in enumerate(self.products):
            product.list_price = 200 + number
        with mute_logger(f"{MODELS}.marketplace_lane_offers", SQL_LOG):
            self.commit()
        self.assertEqual((bad.state, self.listings[1].state), ("failed", "synced"))
        self.assertEqual(self.at_box(self.products[1])["selling_price"], 201)

    def test_an_older_version_that_was_stored_later_is_set_aside(self):
        self.patch(self.registry["marketplace.api.cartona"], "_version", lambda api, config, raw: raw["version"])
        document = self.place()
        newer, older = ({**document, "version": version} for version in ("2", "1"))
        rows = self.receive(newer) | self.receive(older)
        rows[1].write({"state": "waiting", "stale": False})  # as if it had not seen the newer one
        self.commit()
        self.assertEqual(rows.mapped("state"), ["done", "superseded"])

    # ------------------------------------------------------------------ the sweeper

    def test_a_single_lane_that_raises_does_not_make_the_cron_fail(self):
        self.products[0].list_price = 77
        self.env.cr.flush()
        self.env.cr.postcommit.clear()

        def broken(lane, config_id):
            raise ValueError("broken lane")

        self.patch(self.registry["marketplace.lane.offers"], "_step", broken)
        self.assertEqual(self.env["marketplace.wake"]._work(), [(self.account.id, "offers")])
        with self.assertLogs(f"{MODELS}.marketplace_wake", "ERROR") as logs:
            self.env["marketplace.wake"]._cron_sweep()
        self.assertIn("broken lane", logs.output[0])

    def test_of_two_timed_drains_the_earlier_comes(self):
        def timed(seconds):
            moment = fields.Datetime.now() + timedelta(seconds=seconds)
            self.env["marketplace.wake"]._queue_drain(self.account.id, "orders", eta=moment)
            key = f"marketplace:timed:{self.account.id}:orders"
            job = self.env["queue.job"].search([("identity_key", "=", key), ("state", "=", "pending")])
            return (job.eta - fields.Datetime.now()).total_seconds()

        self.assertGreater(timed(3600), 3000)
        self.assertLess(timed(60), 300)
        self.assertLess(timed(3600), 300, "the earlier one looks when the next has to come")

    def told(self):
        self.sweep()
        return self.account.activity_ids.mapped("summary")

    def test_a_pause_that_nobody_was_told_of_is_told(self):
        self.account.write({"state": "paused", "pause_cause": "error", "pause_reason": "The token is wrong"})
        self.assertEqual(self.told(), ["Cartona Test is paused"])
        self.assertIn("The token is wrong", self.account.activity_ids.note)
        self.assertEqual(len(self.told()), 1)
        self.account.activity_ids.unlink()
        self.assertFalse(self.told(), "once a day")

    def test_who_paused_the_account_is_not_told(self):
        self.account.action_pause()
        self.assertFalse(self.told())

    def test_what_does_not_get_through_for_long_and_nobody_was_told_of_is_told(self):
        later = fields.Datetime.to_string(fields.Datetime.now() + timedelta(hours=1))
        self.running().failing = {
            "orders": {"times": 7, "error": "No orders today", "until": later},
            "offers": {"times": 2, "error": "soon over", "until": later},
        }
        self.assertEqual(self.told(), ["Cartona Test: what is told of orders does not get through"])
        self.assertIn("No orders today", self.account.activity_ids.note)

    def test_a_marketplace_that_is_silent_and_nobody_was_told_of_is_told(self):
        moment = fields.Datetime.now() + timedelta(hours=1)
        self.running().write({"failures": 6, "blocked_until": moment, "last_error": "No answer"})
        self.assertEqual(self.told(), ["Cartona Test does not answer"])

    # ------------------------------------------------------------------ what follows an order

    def kill(self, model, name, about):
        """Have the process end where it does this for a record; return how often it did."""
        done, kills = getattr(self.registry[model], name), []

        def killed(*args):
            if about in args:
                kills.append(True)
                raise Killed
            return done(*args)

        self.patch(self.registry[model], name, killed)
        return kills

    def step(self, lane):
        self.env.flush_all()
        try:
            return self.env[f"marketplace.lane.{lane}"]._step(self.account.id)
        except Killed:
            return True
        finally:
            self.env.invalidate_all()

    def test_what_follows_an_order_and_ends_the_process_each_time_makes_way_and_is_left_to_a_person(self):
        documents = [self.place() for _number in range(3)]
        rows = self.receive(*documents)
        kills = self.kill("marketplace.order.processor", "_follow_up", rows[0])
        for _worker in range(4):
            self.step("inbox")
        self.assertEqual((rows.mapped("state"), len(kills)), (["imported", "done", "done"], 1))
        self.assertEqual([self.order_of(document).state for document in documents], ["draft", "sale", "sale"])
        for _try in range(MAX_ATTEMPTS):
            rows[0].next_attempt = False
            self.step("inbox")
        self.assertEqual((rows[0].state, len(kills)), ("failed", MAX_ATTEMPTS))
        self.assertIn("the server's process ended", rows[0].last_error)

    def test_what_follows_is_not_begun_once_the_time_is_over(self):
        document = self.place()
        row = self.receive(document)
        late = {"marketplace_deadline": time.monotonic() - 1}
        self.env["marketplace.lane.inbox"].with_context(**late)._step(self.account.id)
        self.env.invalidate_all()
        self.assertEqual((row.state, row.attempts), ("imported", 0))
        self.step("inbox")
        self.assertEqual((row.state, row.attempts, row.next_attempt), ("done", 0, False))

    def test_an_invoice_that_ends_the_process_each_time_makes_way_and_is_left_to_a_person(self):
        documents = [self.place() for _number in range(2)]
        self.receive(*documents)
        self.commit()
        bad, good = (self.order_of(document) for document in documents)
        made = []
        self.patch(self.registry["sale.order"], "_make_marketplace_invoice", lambda order: made.append(order.id))
        kills = self.kill("sale.order", "_make_marketplace_invoice", bad)
        outbox = self.env["marketplace.outbox"]
        for order in (bad, good):
            values = outbox._prepare_command_values(order, False)
            outbox.create({**values, "lane": "invoices", "state": "waiting"})
        for _try in range(MAX_ATTEMPTS + 2):
            self.step("invoices")
        self.assertEqual((made, len(kills)), ([good.id], MAX_ATTEMPTS))
        left = outbox.search([("lane", "=", "invoices")])
        self.assertEqual((left.order_id, left.state, left.attempts), (bad.id, "failed", MAX_ATTEMPTS))
        self.assertIn("the server's process ended", left.last_error)


class TestCommands(StoppingCase):
    def prepare(self):
        super().prepare()
        self.account.confirm_policy = "never"
        documents = [self.place() for _number in range(3)]
        self.pull()
        self.orders = [self.order_of(document) for document in documents]
        self.box.clear_journal()

    def cancel(self, *orders):
        for order in orders:
            order._action_cancel()
        self.commit()

    def calls(self, order):
        return len(self.box.calls(f"update-order-status/{order.cartona_id}"))

    def command(self, order):
        return self.env["marketplace.outbox"].search([("lane", "=", "orders"), ("order_id", "=", order.id)])

    def break_off(self, model, name, order, error):
        """Have a method of a model raise where it is about this order, as long as the list that is returned says so."""
        done, broken = getattr(self.registry[model], name), [True]

        def breaks(records, *args):
            if broken and order in (records, *args):
                raise error
            return done(records, *args)

        self.patch(self.registry[model], name, breaks)
        return broken

    def test_what_was_accepted_and_can_not_be_noted_is_not_told_again_and_stops_no_other(self):
        bad, *others = self.orders
        broken = self.break_off("sale.order", "_set_marketplace_status", bad, ValueError("no note"))
        with mute_logger(ORDERS_LOG):
            self.cancel(*self.orders)
        self.assertEqual([self.calls(order) for order in others], [1, 1])
        self.assertEqual([order.marketplace_status for order in others], ["cancelled"] * 2)
        command = self.command(bad)
        self.assertEqual((command.state, command.attempts, self.calls(bad)), ("accepted", 1, 1))
        self.assertIn("no note", command.last_error)
        self.sweep()
        self.assertEqual(self.calls(bad), 1)
        broken.clear()
        command.next_attempt = False
        self.sweep()
        self.assertFalse(command.exists())
        self.assertEqual((bad.marketplace_status, self.calls(bad)), ("cancelled", 1))

    def test_what_can_never_be_noted_is_told_to_a_person(self):
        self.break_off("sale.order", "_set_marketplace_status", self.orders[0], ValueError("no note"))
        with mute_logger(ORDERS_LOG):
            self.cancel(self.orders[0])
            for _try in range(9):
                self.command(self.orders[0]).next_attempt = False
                self.sweep()
        self.assertEqual((self.command(self.orders[0]).state, self.calls(self.orders[0])), ("accepted", 1))
        self.assertIn("no note", str(self.account.activity_ids.mapped("note")))

    def test_what_breaks_before_the_call_is_tried_later_and_stops_no_other(self):
        bad, *others = self.orders
        self.break_off("marketplace.lane.orders", "_is_wanted", bad, ValueError("no idea"))
        with mute_logger(ORDERS_LOG):
            self.cancel(*self.orders)
        self.assertEqual([self.calls(order) for order in self.orders], [0, 1, 1])
        command = self.command(bad)
        self.assertEqual((command.state, command.attempts), ("waiting", 1))
        self.assertGreater(command.next_attempt, fields.Datetime.now())
        self.assertIn("no idea", command.last_error)

    def test_what_a_persons_request_has_put_in_doubt_meanwhile_is_not_sent(self):
        order = self.orders[0]
        lane, met = self.registry["marketplace.lane.orders"], []
        lock_key = lane._lock_key

        def put_in_doubt(model, order_id):
            if not met:
                met.append(True)
                model.env["marketplace.outbox"].search([("order_id", "=", order_id)]).unlink()
                outbox = model.env["marketplace.outbox"]
                outbox._command(model.env["sale.order"].browse(order_id), "lines", payload={})
                outbox.search([("order_id", "=", order_id)]).write({"state": "failed", "error_code": "doubt"})
            return lock_key(model, order_id)

        self.patch(lane, "_lock_key", put_in_doubt)
        self.patch(self.registry["sale.order"], "_may_change_lines", lambda order: True)
        sent = []
        self.patch(lane, "_send", lambda lane, command: sent.append(command.id) or True)
        self.env["marketplace.outbox"]._command(order, "lines", payload={})
        self.commit()
        self.assertTrue(met)
        self.assertFalse(sent)

    def test_nothing_more_is_begun_once_the_time_is_over(self):
        for order in self.orders:
            order._action_cancel()
        self.env.cr.flush()
        late = {"marketplace_deadline": time.monotonic() - 1}
        self.env["marketplace.lane.orders"].with_context(**late)._step(self.account.id)
        self.assertFalse(self.box.journal)
        self.env["marketplace.lane.orders"]._step(self.account.id)
        self.assertEqual([self.calls(order) for order in self.orders], [1, 1, 1])

    def test_a_sender_hands_its_time_on_to_the_lane(self):
        seen, lane = [], self.registry["marketplace.lane.orders"]
        self.patch(lane, "_step", lambda model, config_id: seen.append(model._is_late()))
        self.orders[0]._action_cancel()
        self.env.cr.flush()
        self.env["marketplace.sender"]._drain(self.account.id, "orders", seconds=60)
        self.assertEqual(set(seen), {False})
        later = self.env["marketplace.lane.orders"].with_context(marketplace_deadline=time.monotonic())
        self.assertTrue(later._is_late())

    # ------------------------------------------------------------------ deliveries

    def ship(self, *answers):
        """Tell of a delivery of one order, as far as each of these answers goes; return what was told as repeated."""
        told, answers = [], list(answers)
        adapter, order = self.registry["marketplace.api.cartona"], self.orders[0]
        capabilities = adapter._capabilities

        def ship(api, config, external_id, package):
            told.append(package.repeated)
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        self.patch(adapter, "_capabilities", lambda api: {**capabilities(api), "ships": True})
        self.patch(adapter, "_ship", ship)
        order.action_confirm()
        self.commit()
        order.picking_ids.button_validate()
        self.commit()
        while answers:
            self.running()._note_success()
            self.command(order).action_retry()
            self.commit()
        self.assertTrue(order.picking_ids.marketplace_told_at)
        return told

    def test_a_delivery_that_did_not_get_there_is_no_repetition(self):
        refused, limited = errors.RequestRejected("no such carrier"), errors.RateLimited("too many")
        away = errors.TemporaryFailure("never connected")
        told = self.ship(refused, away, limited, RowResult.rejected("", "no number"), RowResult.accepted())
        self.assertEqual(told, [False] * 5)

    def test_a_delivery_whose_answer_was_lost_is_a_repetition_from_then_on(self):
        lost = errors.TemporaryFailure("no answer", maybe_applied=True)
        told = self.ship(lost, errors.TemporaryFailure("never connected"), RowResult.accepted())
        self.assertEqual(told, [False, True, True])


@tagged("post_install", "-at_install")
class TestStoppedWorkers(CommittedCase):
    def write_state(self, env, picking, state):
        """Have goods be delivered, or not, without a trace that could not be deleted."""
        env.cr.execute("UPDATE stock_move SET state = %s, quantity = 1 WHERE picking_id = %s", [state, picking.id])
        env.cr.execute("UPDATE stock_picking SET state = %s WHERE id = %s", [state, picking.id])
        env.invalidate_all()

    def test_a_delivery_whose_sender_was_killed_after_the_call_is_told_again_as_a_repetition(self):
        adapter, told = self.registry["marketplace.api.cartona"], []
        capabilities = adapter._capabilities

        def ship(api, config, external_id, package):
            told.append(package.repeated)
            return RowResult.accepted()

        self.patch(adapter, "_capabilities", lambda api: {**capabilities(api), "ships": True})
        self.patch(adapter, "_ship", ship)
        self.receive(self.place())
        self.drain("inbox")
        self.drain("orders")
        with self.transaction() as env:
            picking = env["sale.order"].search([("marketplace_config_id", "=", self.account_id)]).picking_ids
            self.write_state(env, picking, "done")
            picking._tell_marketplace_shipped()
        killed = mock.patch.object(self.registry["marketplace.lane.orders"], "_store", side_effect=Killed)
        with killed, self.assertRaises(Killed):
            self.drain("orders")
        self.drain("orders")
        self.assertEqual(told, [False, True])
        with self.transaction() as env:
            self.write_state(env, env["stock.picking"].browse(picking.id), "draft")

    def test_an_older_document_does_not_pass_by_a_newer_one_that_is_being_stored(self):
        self.patch(self.registry["marketplace.api.cartona"], "_version", lambda api, config, raw: raw.get("version"))
        document = self.place()
        newer, older = ({**document, "version": version} for version in ("2", "1"))
        with self.transaction() as env:
            account = env["marketplace.config"].browse(self.account_id)
            env["marketplace.inbox"]._store([(account, "order", document["hashed_id"], newer)], "webhook")
            env.flush_all()
            late = self.in_thread(self.receive, older)
            self.wait_for_lock("pg_advisory_xact_lock")
        self.join(late)
        with self.transaction() as env:
            rows = env["marketplace.inbox"].search([("config_id", "=", self.account_id)], order="id")
            self.assertEqual(rows.mapped("version"), ["2", "1"])
            self.assertEqual(rows.mapped("state"), ["waiting", "superseded"])
