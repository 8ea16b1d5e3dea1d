# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""People who meet each other, and the machinery, at one order and at one listing; as requests run: what meets another
transaction is repeated by Odoo, out of their sight."""

import time
from contextlib import ExitStack
from unittest import mock

from odoo.service.model import retrying
from odoo.tests import tagged

from ..database import own_transaction
from .test_concurrency import CommittedCase

# The queries that an order of one account may be found by before its goods are reserved.
READS = (
    ("marketplace.inbox", "_demand_by_product"),
    ("product.product", "_marketplace_held"),
    ("product.product", "_marketplace_demand"),
    ("product.product", "_marketplace_unreserved"),
)


@tagged("post_install", "-at_install")
class TestMeetings(CommittedCase):
    def request(self, act):
        """Do what a request does, in its transaction and with its repetitions."""
        with self.transaction() as env:
            retrying(lambda: act(env), env)

    # ------------------------------------------------------------------ one order

    def pull(self):
        self.request(lambda env: env["marketplace.config"].browse(self.account_id)._request_pull())
        self.drain("pull")

    def replay(self):
        self.request(lambda env: env["marketplace.inbox"].search([("config_id", "=", self.account_id)]).action_replay())

    def test_an_order_by_webhook_and_pull_and_replay_at_once_is_there_once(self):
        document = self.place()
        self.receive(document)
        for _round in range(3):
            self.join(
                *[self.in_thread(self.receive, document) for _n in range(2)],
                *[self.in_thread(self.pull) for _n in range(2)],
                *[self.in_thread(self.replay) for _n in range(2)],
                *[self.in_thread(self.drain, "inbox") for _n in range(3)],
            )
        self.drain("inbox")
        with self.transaction() as env:
            order = env["sale.order"].search([("marketplace_config_id", "=", self.account_id)])
            self.assertEqual(order.mapped("cartona_id"), [document["hashed_id"]])
            self.assertEqual(order.state, "sale")
            self.assertEqual(order.order_line.mapped("product_uom_qty"), [1.0])
            rows = env["marketplace.inbox"].search([("config_id", "=", self.account_id)])
            self.assertEqual(rows.mapped("state"), ["done"])
        self.assertFalse(self.box.queued())

    def order_in(self, env):
        return env["sale.order"].search([("marketplace_config_id", "=", self.account_id)])

    def test_who_confirms_a_draft_whose_newer_version_is_being_taken_over_delivers_what_was_confirmed(self):
        self.request(lambda env: env["marketplace.config"].browse(self.account_id).write({"confirm_policy": "never"}))
        document = self.place()
        self.receive(document)
        self.drain("inbox")
        amounts = {document["order_details"][0]["id"]: 3}
        self.box.edit_order(document["hashed_id"], amounts, by="admin")
        self.receive(self.box.order(document["hashed_id"]))
        processor, met = self.registry["marketplace.order.processor"], []
        find_orders = processor._find_orders

        def find_before_it_is_confirmed(*args):
            found = find_orders(*args)
            if not met:
                met.append(self.request(lambda env: self.order_in(env).action_confirm()))
            return found

        self.patch(processor, "_find_orders", find_before_it_is_confirmed)
        self.drain("inbox")
        self.assertTrue(met)
        with self.transaction() as env:
            order = self.order_in(env)
            self.assertEqual((order.state, order.order_line.product_uom_qty), ("sale", 1.0))
            self.assertEqual(order.picking_ids.move_ids.product_uom_qty, 1.0)
            self.assertIn("Changed at the marketplace after it was confirmed", order.activity_ids.mapped("summary"))

    def test_a_status_that_the_marketplace_accepts_while_an_older_one_is_taken_over_stays(self):
        document = self.place()
        self.receive(document)
        self.drain("inbox")
        with self.transaction() as env:
            account, raw = env["marketplace.config"].browse(self.account_id), {"status": "approved"}
            raw["hashed_id"] = document["hashed_id"]
            env["marketplace.inbox"]._store([(account, "status", document["hashed_id"], raw)], "webhook")
        processor, threads = self.registry["marketplace.order.processor"], []
        is_stale = processor._is_stale

        def is_stale_and_then_it_is_accepted(*args):
            answer = is_stale(*args)
            threads.append(
                self.in_thread(self.request, lambda env: self.order_in(env)._set_marketplace_status("shipped"))
            )
            self.wait_for_lock("sale_order")  # it waits for what is being taken over
            return answer

        self.patch(processor, "_is_stale", is_stale_and_then_it_is_accepted)
        self.drain("inbox")
        self.join(*threads)
        with self.transaction() as env:
            self.assertEqual(self.order_in(env).marketplace_status, "shipped")

    def test_a_status_is_noted_while_somebody_adds_a_line_to_the_order(self):
        self.receive(self.place())
        self.drain("inbox")
        with self.transaction() as adding:
            # What PostgreSQL does to the order when a line is added that names it.
            adding.cr.execute("SELECT 1 FROM sale_order WHERE id = %s FOR KEY SHARE", [self.order_in(adding).id])
            with self.transaction() as noting:
                noting.cr.execute("SET LOCAL lock_timeout = '3s'")
                self.order_in(noting)._set_marketplace_status("shipped")

    # ------------------------------------------------------------------ one order and what is left to sell

    def available(self, after, step):
        """Return what is left to sell of the product, where ``step`` is taken and committed after so many of the
        queries that tell it."""
        seen = []

        def watched(read):
            def reads(*args):
                found = read(*args)
                seen.append(read)
                if len(seen) == after:
                    step()
                return found

            return reads

        with ExitStack() as patches, self.transaction() as env:
            for model, name in READS:
                adapted = self.registry[model]
                patches.enter_context(mock.patch.object(adapted, name, watched(getattr(adapted, name))))
            with own_transaction(env) as own:
                product = own["product.product"].browse(self.product_ids[0])
                available = product._marketplace_available(own["marketplace.config"].browse(self.account_id))
            self.assertEqual(len(seen), len(READS))
            return available[product.id]

    def take_in(self):
        self.drain("inbox")

    def confirm(self):
        def act(env):
            mine = [("marketplace_config_id", "=", self.account_id), ("state", "=", "draft")]
            env["sale.order"].search(mine).action_confirm()

        self.request(act)

    def test_who_works_at_an_order_waits_for_no_call_about_it(self):
        with self.transaction() as env:
            env["marketplace.config"].browse(self.account_id).timeout = 120
        self.receive(self.place())
        self.drain("inbox")
        self.box.fail(path="update-order-status", kind="delay", seconds=120)
        sender = self.in_thread(self.drain, "orders")
        while not self.box.faults.held:
            time.sleep(0.01)
        for act, kept in ((self.ship, False), (self.double, True), (self.call_off, True)):
            with self.subTest(act=act.__name__), self.transaction() as env:
                env.cr.execute("SET LOCAL lock_timeout = '10s'")
                act(env["sale.order"].search([("marketplace_config_id", "=", self.account_id)]))
                env.cr.flush()
                if not kept:
                    env.cr.rollback()
        self.assertFalse(self.box.calls("update-order-status"), "the call is still under way")
        self.box.clear_faults()
        self.join(sender)
        self.drain("orders")
        told = [entry.body["status"] for entry in self.box.calls("update-order-status")]
        self.assertEqual(told, ["approved", "cancelled_by_supplier"])

    def ship(self, order):
        order.picking_ids.move_ids.write({"quantity": 1, "picked": True})
        order.picking_ids.with_context(skip_sms=True)._action_done()
        self.assertEqual(order.picking_ids.state, "done")

    def double(self, order):
        order.order_line.product_uom_qty = 2

    def call_off(self, order):
        order._action_cancel()

    def test_an_order_that_goes_on_while_what_is_left_is_summed_up_is_never_left_out(self):
        self.request(lambda env: self.add_stock(env, None))
        self.request(lambda env: env["marketplace.config"].browse(self.account_id).write({"confirm_policy": "never"}))
        for after in range(1, len(READS) + 1):
            self.receive(self.place())
            for step in (self.take_in, self.confirm):
                with self.subTest(after=after, step=step.__name__):
                    self.assertLessEqual(self.available(after, step), 4 - after, "one piece less with each order")
            self.assertEqual(self.available(0, None), 4 - after, "and no more than one")

    # ------------------------------------------------------------------ one listing

    def add_stock(self, env, _value):
        product = env["product.product"].browse(self.product_ids[0])
        location = env["stock.warehouse"].search([("company_id", "=", env.company.id)], limit=1).lot_stock_id
        env["stock.quant"]._update_available_quantity(product, location, 4)

    def change_price(self, env, price):
        env["product.product"].browse(self.product_ids[0]).list_price = price

    def test_two_people_change_one_listing_while_it_is_sent_and_the_last_values_are_there(self):
        def keep_on(change, last):
            for value in range(last - 10, last):
                self.request(lambda env, value=value: change(env, value + 1))

        people = [self.in_thread(keep_on, self.change_price, 60), self.in_thread(keep_on, self.add_stock, 40)]
        while any(person.is_alive() for person in people):
            self.drain("offers")
        self.join(*people)
        self.drain("offers")
        there = self.box.product("cc-0")
        self.assertEqual((there["selling_price"], there["available_stock_quantity"]), (60, 40))
        self.assertEqual(self.sent_prices(), sorted(self.sent_prices()), "never a step back")
        with self.transaction() as env:
            listing = env["marketplace.listing"].search(
                [("config_id", "=", self.account_id), ("external_id", "=", "cc-0")]
            )
            self.assertEqual((listing.pushed_price, listing.pushed_quantity, listing.state), (60, 40, "synced"))
