# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import time
from contextlib import contextmanager
from unittest.mock import patch

from psycopg2.errors import LockNotAvailable

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..database import own_transaction
from ..models import marketplace_line_changes as line_changes
from ..models.marketplace_lane_offers import PROBE_FAILURES
from .common import MarketplaceCase
from .test_concurrency import CommittedCase


@contextmanager
def impatient(env, *args):
    """Give a transaction as ours are, that waits for no other without end."""
    with own_transaction(env, *args) as own_env:
        own_env.cr.execute("SET LOCAL lock_timeout = '5s'")
        yield own_env


class Killed(BaseException):
    """What no handler catches, as little as SIGKILL."""


class TestConcurrencyDoubt(MarketplaceCase):
    """The marketplace has taken what was sent, and we never heard of it. What is changed back meanwhile must be sent,
    although it is what was sent last as far as we know."""

    def prepare(self):
        super().prepare()
        self.listing = self.stock_products()[0]
        self.product = self.products[0]
        self.former = self.product.list_price

    def shown(self):
        there = self.at_box(self.product)
        return there["selling_price"], there["available_stock_quantity"], there["is_published"]

    def go_on(self):
        self.running()._note_success()
        self.sweep()

    def test_a_price_that_is_changed_back_after_its_answer_was_lost_is_sent(self):
        self.box.fail(path="bulk-update$", kind="drop")
        self.product.list_price = 44
        self.commit()
        self.assertEqual(self.shown()[0], 44)
        self.product.list_price = self.former
        self.go_on()
        self.assertEqual(self.shown()[0], self.former)
        self.assertEqual(self.listing.state, "synced")

    def test_a_call_that_was_given_up_and_arrives_after_a_newer_one_is_found_and_undone_by_the_audit(self):
        self.box.fail(path="bulk-update$", kind="delay", seconds=600)
        self.account.timeout = 0.5
        self.product.list_price = 44
        self.commit()
        self.assertTrue(self.listing.price_due, "the call was given up")
        self.account.timeout = 5.0
        self.product.list_price = 55
        self.go_on()
        self.assertEqual((self.shown()[0], self.listing.state), (55, "synced"))
        self.box.clear_faults()  # what was held up goes on, and does its work
        for _moment in range(600):
            if self.shown()[0] == 44:
                break
            time.sleep(0.05)
        self.assertEqual((self.shown()[0], self.listing.pushed_price), (44, 55))
        self.account.action_audit()
        self.commit()
        self.assertEqual(self.shown()[0], 55)

    def test_a_quantity_that_is_changed_back_after_its_answer_was_lost_is_sent(self):
        self.box.fail(path="bulk-update$", kind="truncated")
        self.set_stock(self.product, 7)
        self.commit()
        self.assertEqual(self.shown()[1], 7)
        self.set_stock(self.product, 100)
        self.go_on()
        self.assertEqual(self.shown()[1], 100)

    def test_what_is_put_back_on_sale_after_its_answer_was_lost_is_shown(self):
        self.box.fail(path="bulk-update$", kind="drop")
        self.product.product_tmpl_id.marketplace_sync_enabled = False
        self.commit()
        self.assertFalse(self.shown()[2])
        self.product.product_tmpl_id.marketplace_sync_enabled = True
        self.go_on()
        self.assertEqual(self.shown(), (self.former, 100, True))

    def test_what_is_taken_off_again_after_its_answer_was_lost_is_hidden(self):
        self.product.product_tmpl_id.marketplace_sync_enabled = False
        self.commit()
        self.box.fail(path="bulk-update$", kind="drop")
        self.product.product_tmpl_id.marketplace_sync_enabled = True
        self.commit()
        self.assertTrue(self.shown()[2])
        self.product.product_tmpl_id.marketplace_sync_enabled = False
        self.go_on()
        self.assertFalse(self.shown()[2])

    def test_what_is_hidden_there_stays_hidden_though_it_was_to_be_taken_off_while_nothing_was_sent(self):
        other = self.products[1]
        for offer in self.box.state.products[self.external_id(other)].offers.values():
            offer["is_published"] = False
        self.running().failures = PROBE_FAILURES  # one row alone is sent, to see whether there is an answer
        self.box.fail(path="bulk-update$", kind="drop")
        self.product.list_price = 44
        other.product_tmpl_id.marketplace_sync_enabled = False
        self.commit()
        self.assertNotIn(self.external_id(other), str(self.sent_rows()))
        other.product_tmpl_id.marketplace_sync_enabled = True
        self.go_on()
        self.assertFalse(self.at_box(other)["is_published"])

    def test_what_is_hidden_there_stays_hidden_though_it_was_to_be_taken_off_while_nobody_was_let_in(self):
        for fault in ({"status": 401}, {"status": 429}, {"status": 503}):
            with self.subTest(fault=fault):
                for offer in self.box.state.products[self.external_id(self.product)].offers.values():
                    offer["is_published"] = False
                self.box.fail(path="bulk-update$", **fault)
                self.product.product_tmpl_id.marketplace_sync_enabled = False
                self.commit()
                self.product.product_tmpl_id.marketplace_sync_enabled = True
                self.account.action_go_live()
                self.go_on()
                self.assertFalse(self.shown()[2])

    def test_what_was_answered_is_not_sent_again(self):
        self.product.list_price = 44
        self.commit()
        self.assertEqual(len(self.sent_rows()), 1)
        self.product.list_price = self.former
        self.product.list_price = 44
        self.commit()
        self.go_on()
        self.assertEqual(len(self.sent_rows()), 1)


class TestConcurrencyFirstDoubt(MarketplaceCase):
    """What was sent for the first time, and never answered, may be on sale."""

    def list_one(self, stock=3, **values):
        product = self.products[0]
        self.set_stock(product, stock)
        values = {"external_id": self.external_id(product), **values}
        return self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": product.id, **values}
        )

    def lose_the_first_answer(self):
        listing = self.list_one()
        self.box.fail(path="bulk-update$", kind="drop")
        self.commit()
        self.assertEqual(self.stock_there(), 3)
        return listing

    def stock_there(self):
        return self.at_box(self.products[0])["available_stock_quantity"]

    def go_on(self):
        self.running()._note_success()
        self.sweep()

    def test_it_is_not_deleted_before_it_is_sold_out_there(self):
        listing = self.lose_the_first_answer()
        with self.assertRaisesRegex(UserError, "may be, on sale"):
            listing.unlink()
        listing.active = False
        self.go_on()
        self.assertEqual(self.stock_there(), 0)
        listing.unlink()

    def test_it_is_taken_off_under_its_former_id(self):
        listing = self.lose_the_first_answer()
        listing.external_id = self.external_id(self.products[1])
        self.go_on()
        self.assertEqual(self.stock_there(), 0)
        self.assertEqual(self.at_box(self.products[1])["available_stock_quantity"], 3)
        self.assertFalse(listing.doubt_since)

    def test_what_the_marketplace_does_not_have_can_be_deleted(self):
        listing = self.list_one(external_id="77777")
        self.commit()
        self.assertEqual(listing.state, "failed")
        listing.unlink()

    def test_what_was_never_sent_can_be_deleted(self):
        self.account.action_pause()
        listing = self.list_one()
        self.commit()
        listing.unlink()

    def test_a_claimed_listing_that_is_deleted_before_its_batch_begins_is_not_sent(self):
        listing = self.list_one()
        self.before_the_batch(listing.unlink)
        self.commit()
        self.assertEqual(self.stock_there(), 0)

    def test_a_claimed_listing_that_is_renamed_before_its_batch_begins_is_sent_under_its_new_id_alone(self):
        listing = self.list_one()
        new_id = self.external_id(self.products[1])
        self.before_the_batch(lambda: (listing.write({"external_id": new_id}), self.env.flush_all()))
        self.commit()
        self.assertEqual(self.stock_there(), 0)
        self.assertEqual(self.at_box(self.products[1])["available_stock_quantity"], 3)

    def test_a_claimed_listing_that_moves_to_another_account_is_not_sent_to_the_former_one(self):
        listing = self.list_one()
        other = self.account.copy({"name": "Other"})
        self.before_the_batch(lambda: (listing.write({"config_id": other.id}), self.env.flush_all()))
        self.commit()
        self.assertEqual(self.stock_there(), 0)

    def test_a_listing_without_a_price_that_is_deleted_while_it_is_sent_loses_no_answer_of_the_others(self):
        self.products[0].list_price = 0
        listing = self.list_one(stock=0)
        other = {"product_id": self.products[1].id, "external_id": self.external_id(self.products[1])}
        second = listing.copy(other)
        self.after_the_call(listing.unlink)
        self.commit()
        self.assertEqual((second.state, second.pushed_price), ("synced", self.products[1].list_price))

    def test_a_product_that_is_made_anew_there_is_told_its_price_again(self):
        listing = self.list_one()
        self.commit()
        there = self.box.state.products.pop(listing.external_id)
        self.set_stock(self.products[0], 4)
        self.commit()
        self.assertEqual(listing.state, "failed")
        self.box.state.products[listing.external_id] = there
        for offer in there.offers.values():
            offer["selling_price"] = 1.0
        self.account.action_retry_failed()
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], self.products[0].list_price)

    def test_what_the_marketplace_refused_as_a_whole_can_be_deleted(self):
        self.box.fail(path="bulk-update$", status=422, body={"error": "The price is too high"})
        listing = self.list_one()
        self.commit()
        self.assertEqual(listing.state, "failed")
        listing.unlink()

    def test_what_was_refused_after_its_first_answer_was_lost_is_not_deleted(self):
        listing = self.lose_the_first_answer()
        self.box.fail(path="bulk-update$", status=422, body={"error": "The price is too high"})
        self.go_on()
        self.assertEqual(listing.state, "failed")
        with self.assertRaisesRegex(UserError, "may be, on sale"):
            listing.unlink()

    def test_what_may_have_been_taken_of_a_batch_is_not_deleted_since_its_half_was_not_let_in(self):
        listing = self.list_one()
        listing.copy({"product_id": self.products[1].id, "external_id": self.external_id(self.products[1])})
        self.box.fail(path="bulk-update$", status=200, body={"error": "One of them is wrong"})
        self.box.fail(path="bulk-update$", status=503)
        self.commit()
        self.assertTrue(self.running()._is_blocked())
        with self.assertRaisesRegex(UserError, "may be, on sale"):
            listing.unlink()

    def test_of_a_batch_whose_account_is_paused_before_its_call_nothing_is_doubtful(self):
        listing = self.list_one()
        self.before_the_batch(lambda: None, lambda: (self.account.action_pause(), self.env.flush_all()))
        self.commit()
        self.assertEqual(self.stock_there(), 0)
        listing.unlink()

    def test_what_never_left_while_the_answer_about_the_rest_was_lost_can_be_deleted(self):
        adapter = type(self.env["marketplace.api.cartona"])
        serialize = adapter._serialize_product
        listing = self.list_one()
        listing.copy({"product_id": self.products[1].id, "external_id": self.external_id(self.products[1])})

        def serialized(api, config, data):
            if data["listing_id"] == listing.id:
                raise ValueError("can't be written")
            return serialize(api, config, data)

        self.patch(adapter, "_serialize_product", serialized)
        self.box.fail(path="bulk-update$", kind="drop")
        with mute_logger("odoo.addons.cartona_integration.models.marketplace_lane_offers"):
            self.commit()
            self.go_on()
        self.assertEqual(listing.state, "failed")
        listing.unlink()

    def test_what_never_left_this_machine_can_be_deleted(self):
        def fail(*args):
            raise ValueError("can't be written: product not found in the map")

        self.patch(type(self.env["marketplace.api.cartona"]), "_serialize_product", fail)
        listing = self.list_one()
        with mute_logger("odoo.addons.cartona_integration.models.marketplace_lane_offers"):
            self.commit()
        self.assertEqual(listing.state, "failed")
        self.assertIn("can't be written", listing.last_error)
        listing.unlink()

    def test_what_never_left_this_machine_ends_no_doubt_of_what_did(self):
        def fail(*args):
            raise ValueError("product not found in the map")

        listing = self.lose_the_first_answer()
        self.patch(type(self.env["marketplace.api.cartona"]), "_serialize_product", fail)
        with mute_logger("odoo.addons.cartona_integration.models.marketplace_lane_offers"):
            self.go_on()
        self.assertEqual(listing.state, "failed")
        with self.assertRaisesRegex(UserError, "may be, on sale"):
            listing.unlink()

    def test_of_a_batch_that_is_not_begun_since_the_account_was_paused_nothing_is_doubtful(self):
        self.account.batch_size = 1
        first = self.list_one()
        self.set_stock(self.products[1], 4)
        other = {"product_id": self.products[1].id, "external_id": self.external_id(self.products[1])}
        second = first.copy(other)
        push = self.registry["marketplace.api.cartona"]._push_offers

        def pushed(api, config, rows):
            answers = push(api, config, rows)
            self.account.action_pause()
            self.env.flush_all()
            return answers

        self.patch(self.registry["marketplace.api.cartona"], "_push_offers", pushed)
        self.commit()
        self.assertEqual(self.stock_there(), 3)
        self.assertFalse(second.doubt_since)
        second.unlink()

    def test_what_is_gone_at_the_marketplace_can_be_deleted(self):
        listing = self.list_one()
        self.commit()
        self.assertEqual(listing.pushed_quantity, 3)
        self.box.state.products.pop(listing.external_id)
        listing.active = False
        self.commit()
        self.assertEqual(listing.state, "failed")
        listing.unlink()

    def after_the_call(self, act):
        """Have somebody do ``act`` between the marketplace's answer and its storing."""
        adapter = self.registry["marketplace.api.cartona"]
        push = adapter._push_offers

        def pushed(api, config, rows):
            answers = push(api, config, rows)
            act()
            self.env.flush_all()
            api.env.invalidate_all()
            return answers

        self.patch(adapter, "_push_offers", pushed)

    def before_the_batch(self, act, then=lambda: None):
        """Have somebody do ``act`` between the sender's claim and its first batch, and ``then`` before the call."""
        begin, done = self.registry["marketplace.lane.offers"]._begin_batch, []

        def begun(lane, *args, **options):
            if not done:
                done.append(True)
                act()
                lane.env.invalidate_all()
            parts = begin(lane, *args, **options)
            then()
            return parts

        self.patch(self.registry["marketplace.lane.offers"], "_begin_batch", begun)


@tagged("post_install", "-at_install")
class TestConcurrencyKilled(CommittedCase):
    def test_a_price_that_is_changed_back_after_its_sender_was_killed_is_sent(self):
        self.set_price(44)
        killed = patch.object(self.registry["marketplace.lane.offers"], "_store", side_effect=Killed)
        with killed, self.assertRaises(Killed):
            self.drain("offers")
        self.assertEqual(self.box.product("cc-0")["selling_price"], 44)
        self.set_price(10)
        self.drain("offers")
        self.assertEqual(self.box.product("cc-0")["selling_price"], 10)
        self.assertEqual(self.sent_prices(), [44, 10])

    def test_an_added_line_whose_answer_could_not_be_noted_waits_for_a_person_and_is_not_added_twice(self):
        self.place()
        for lane in ("pull", "inbox", "orders"):
            self.ask_for_orders()
            self.drain(lane)
        changes = self.registry["marketplace.line.changes"]
        for number, error in enumerate((ValueError("no"), LockNotAvailable("busy")), 1):
            self.add_line(self.product_ids[number])
            with (
                self.subTest(error=error),
                patch.object(changes, "_clear_doubt", side_effect=error),
                mute_logger("odoo.addons.cartona_integration.models.marketplace_lane_orders"),
            ):
                self.drain("orders")
            self.drain("orders")
            self.assertEqual(len(self.box.calls("update-order-details")), number)
            with self.transaction() as env:
                ours = [("lane", "=", "orders"), ("config_id", "=", self.account_id)]
                command = env["marketplace.outbox"].search(ours)
                self.assertEqual((command.state, command.error_code, command.attempts), ("failed", "doubt", 0))
                account = env["marketplace.config"].browse(self.account_id)
                self.assertIn("not known whether", account.activity_ids.note)
                command.unlink()  # the person has found it there

    def test_a_question_about_the_lines_of_an_order_holds_nothing_that_its_sender_needs(self):
        self.box.options.returns_new_ids = False
        self.place()
        for lane in ("pull", "inbox", "orders"):
            self.ask_for_orders()
            self.drain(lane)
        self.add_line(self.product_ids[1])
        self.drain("orders")
        with self.transaction() as env:
            order = env["sale.order"].search([("marketplace_config_id", "=", self.account_id)])
            self.assertFalse(order.order_line[1].cartona_line_id)
            order.order_line[1].product_uom_qty = 2
            order.order_line[0].product_uom_qty = 2
            order.order_line = [Command.create({"product_id": self.product_ids[2], "price_unit": 15.0})]
        changes, free = self.registry["marketplace.line.changes"], []
        call = changes._call

        def looked_at(self_, config, order, sent):
            with self.transaction() as env:
                env.cr.execute("SELECT id FROM sale_order WHERE id = %s FOR UPDATE NOWAIT", [order.id])
                free.append(order.id)
            return call(self_, config, order, sent)

        with patch.object(line_changes, "own_transaction", impatient), patch.object(changes, "_call", looked_at):
            self.drain("orders")
        self.assertTrue(free)
        with self.transaction() as env:
            order = env["sale.order"].browse(free)
            self.assertIn("ID the marketplace has not told", order.activity_ids.summary)
            self.assertEqual(len(self.box.order(order.cartona_id)["order_details"]), 3)

    def ask_for_orders(self):
        with self.transaction() as env:
            env["marketplace.config"].browse(self.account_id)._request_pull()

    def add_line(self, product_id):
        line = {"product_id": product_id, "product_uom_qty": 3, "price_unit": 15.0}
        with self.transaction() as env:
            order = env["sale.order"].search([("marketplace_config_id", "=", self.account_id)])
            order.order_line = [Command.create(line)]
