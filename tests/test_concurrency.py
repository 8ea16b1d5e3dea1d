# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Two at once, for real: transactions that are committed, on connections of their own, and a marketplace that is slow.

What is committed is deleted at the end; the wakes that commits queue stay with nobody to run them, so that each test
decides when a sender works.
"""

import threading
import time
from contextlib import contextmanager
from unittest import mock

import odoo
from odoo import SUPERUSER_ID, Command, api
from odoo.tests import get_db_name, tagged

from ..database import own_transaction
from ..models import marketplace_sender
from ..sandbox import Sandbox
from ..schemas import RemoteProduct
from .common import TOKEN, LoopbackCase, gone_live, storable


class CommittedCase(LoopbackCase):
    """An account, three products and a marketplace that outlive transactions, which are real ones here."""

    def setUp(self):
        super().setUp()
        self.registry = odoo.registry(get_db_name())
        self.linger(0.0)
        self.box = Sandbox(products=[{"id": f"cc-{n}", "selling_price": 1.0} for n in range(3)], token=TOKEN)
        self.box.start()
        self.addCleanup(self.box.stop)
        self.addCleanup(self.delete_all)
        with self.transaction() as env:
            account = env["marketplace.config"].create(
                {
                    "name": "Concurrency",
                    "code": "cartona",
                    "base_url": self.box.url,
                    "auth_token": TOKEN,
                    "batch_size": 2,
                    "tax_policy": "none",
                    "timeout": 10,
                }
            )
            gone_live(account)
            products = env["product.product"].create(
                [
                    storable(
                        {
                            "name": f"CC {n}",
                            "list_price": 10.0,
                            "cartona_id": f"cc-{n}",
                            "marketplace_sync_enabled": True,
                        }
                    )
                    for n in range(3)
                ]
            )
            self.account_id, self.product_ids = account.id, products.ids
        self.drain("tasks")
        self.drain("offers")
        self.box.clear_journal()

    def delete_all(self):
        with self.transaction() as env:
            env.cr.execute("DELETE FROM marketplace_outbox WHERE config_id = %s", [self.account_id])
            env.cr.execute("DELETE FROM queue_job WHERE identity_key LIKE 'marketplace:%%'")
            account = env["marketplace.config"].browse(self.account_id)
            orders = env["sale.order"].search([("marketplace_config_id", "=", account.id)])
            orders._action_cancel()
            orders.picking_ids.unlink()
            partners = orders.partner_id | orders.partner_shipping_id
            env.cr.execute("DELETE FROM marketplace_outbox WHERE config_id = %s", [self.account_id])
            orders.unlink()
            partners.unlink()
            account.action_pause()  # what is on sale there may stay so
            account.unlink()
            env["stock.quant"].search([("product_id", "in", self.product_ids)]).unlink()
            env["product.product"].browse(self.product_ids).product_tmpl_id.unlink()

    # ------------------------------------------------------------------ helpers

    @contextmanager
    def transaction(self):
        with self.registry.cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {"tracking_disable": True})

    def linger(self, seconds):
        """Have a sender wait so long for what else changes; else nothing comes while a test waits."""
        self.patch(self.registry["marketplace.lane.offers"], "_linger_seconds", seconds)

    def set_price(self, price, index=0):
        with self.transaction() as env:
            env["product.product"].browse(self.product_ids[index]).list_price = price

    def place(self):
        return self.box.add_order(
            status="pending",
            delivered_by="delivered_by_supplier",
            retailer={"retailer_name": "Shop", "retailer_code": "CC1"},
            order_details=[{"supplier_product_id": "cc-0", "amount": 1, "selling_price": 5}],
        )

    def drain(self, lane):
        with self.transaction() as env:
            env["marketplace.sender"]._drain(self.account_id, lane)

    def in_thread(self, target, *args):
        failures = []

        def run():
            try:
                target(*args)
            except Exception as err:
                failures.append(err)

        thread = threading.Thread(target=run)
        thread.failures = failures
        thread.start()
        return thread

    def join(self, *threads):
        for thread in threads:
            thread.join(30)
            self.assertFalse(thread.is_alive())
            self.assertFalse(thread.failures)

    def wait_for_lock(self, table):
        """Wait until some transaction waits for another one's row of ``table``."""
        with self.transaction() as env:
            for _try in range(1000):
                env.cr.execute(
                    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' "
                    "AND query LIKE %s",
                    [f"%{table}%"],
                )
                if env.cr.fetchone():
                    return
                env.cr.commit()
                time.sleep(0.01)
        self.fail(f"nobody waits for a row of {table}")

    def receive(self, document):
        """Do what the webhook does with a verified delivery."""
        with self.transaction() as env:
            config = env["marketplace.config"].browse(self.account_id)
            with own_transaction(env) as own:
                account = own["marketplace.config"].browse(config.id)
                own["marketplace.inbox"]._store([(account, "order", document["hashed_id"], document)], "webhook")

    def sent_prices(self, external_id="cc-0"):
        return [
            row["selling_price"]
            for entry in self.box.calls("bulk-update$")
            for row in entry.body
            if row["supplier_product_id"] == external_id and "selling_price" in row
        ]


@tagged("post_install", "-at_install")
class TestConcurrency(CommittedCase):
    # ------------------------------------------------------------------ offers

    def test_a_change_committed_while_a_sender_waits_for_the_marketplace_is_sent_last(self):
        with self.transaction() as env:
            env["marketplace.config"].browse(self.account_id).timeout = 120
        self.box.fail(path="bulk-update$", kind="delay", seconds=120)
        self.set_price(11)
        sender = self.in_thread(self.drain, "offers")
        while not self.box.faults.held:
            time.sleep(0.01)
        self.set_price(12)
        self.assertFalse(self.box.calls("bulk-update$"), "a user waits for no marketplace: the call is still under way")
        self.drain("offers")  # the wake of this change: it finds the sender at work, and leaves
        self.assertFalse(self.box.calls("bulk-update$"), "one sender at a time")
        self.box.clear_faults()
        self.join(sender)
        self.assertEqual(self.sent_prices(), [11, 12])

    def test_who_holds_a_listing_of_the_next_batch_holds_back_no_result_of_this_one(self):
        adapter = self.registry["marketplace.api.cartona"]
        push, user = adapter._push_offers, self.registry.cursor()
        self.addCleanup(user.close)
        held = []

        def pushed(api, config, rows):
            if not held:
                held.append(True)
                user.execute("SELECT 1 FROM marketplace_listing WHERE external_id = 'cc-2' FOR UPDATE")
            return push(api, config, rows)

        self.patch(adapter, "_push_offers", pushed)
        for index in range(3):
            self.set_price(20 + index, index)
        sender = self.in_thread(self.drain, "offers")
        self.wait_for_lock("marketplace_listing")
        with self.transaction() as env:
            listings = env["marketplace.listing"].search([("config_id", "=", self.account_id)], order="external_id")
            self.assertEqual(listings.mapped("pushed_price"), [20, 21, 10])
        user.rollback()
        self.join(sender)
        self.assertEqual(self.sent_prices("cc-2"), [22])

    def test_a_wake_that_finds_the_lock_taken_is_not_lost(self):
        """The change is committed after the sender's last look at the outbox, before it gives its lock up."""
        lane = self.registry["marketplace.lane.offers"]
        step, changed = lane._step, []

        def last_step(self_, config_id):
            worked = step(self_, config_id)
            if not worked and not changed:
                changed.append(True)
                self.set_price(31)
                self.drain("offers")
            return worked

        self.patch(lane, "_step", last_step)
        self.set_price(30)
        self.drain("offers")
        self.assertEqual(self.sent_prices(), [30, 31])

    def test_many_small_transactions_make_few_calls(self):
        changed = []

        def others_work_meanwhile(_seconds):
            if not changed:
                changed.append(True)
                for n in range(30):
                    self.set_price(51 + n)

        self.linger(0.2)
        self.set_price(50)
        with mock.patch.object(marketplace_sender.time, "sleep", others_work_meanwhile):
            self.drain("offers")
        self.assertEqual(self.sent_prices(), [50, 80])

    def test_many_senders_at_once_send_each_value_once_and_the_newest_last(self):
        for price in (21, 22, 23):
            self.set_price(price)
            self.join(*[self.in_thread(self.drain, "offers") for _n in range(4)])
        self.assertEqual(self.sent_prices(), [21, 22, 23])

    def test_a_kill_between_the_answer_and_the_commit_sends_the_same_value_again(self):
        lane = self.registry["marketplace.lane.offers"]

        def killed(*_args):
            raise SystemExit

        self.set_price(41)
        with self.subTest("killed"):
            original = lane._store
            lane._store = killed
            try:
                with self.assertRaises(SystemExit):
                    self.drain("offers")
            finally:
                lane._store = original
        self.set_price(42, index=1)
        self.drain("offers")
        self.assertEqual(self.sent_prices(), [41, 41])
        self.assertEqual(self.sent_prices("cc-1"), [42])

    def test_users_change_prices_while_a_sender_works_and_nobody_fails(self):
        stop = threading.Event()

        def keep_draining():
            while not stop.is_set():
                self.drain("offers")

        def keep_changing(index):
            for n in range(15):
                self.set_price(100 + n, index)

        sender = self.in_thread(keep_draining)
        users = [self.in_thread(keep_changing, index) for index in range(3)]
        self.join(*users)
        stop.set()
        self.join(sender)
        self.drain("offers")
        for n in range(3):
            self.assertEqual(self.box.product(f"cc-{n}")["selling_price"], 114)
            self.assertEqual(self.sent_prices(f"cc-{n}"), sorted(self.sent_prices(f"cc-{n}")), "never a step back")

    # ------------------------------------------------------------------ matching

    def keep_unmatched(self, env, *external_ids):
        refused = [(RemoteProduct(key, "x"), "unknown", env["product.product"]) for key in external_ids]
        env["marketplace.unmatched"]._store(env["marketplace.config"].browse(self.account_id), refused)

    def test_two_runs_of_matching_that_meet_keep_each_product_once(self):
        def second_run():
            with self.transaction() as env, own_transaction(env) as own:
                self.keep_unmatched(own, "u-2", "u-1", "u-3")

        with self.transaction() as env:
            self.keep_unmatched(env, "u-1", "u-2")
            run = self.in_thread(second_run)
            self.wait_for_lock("marketplace_unmatched")
        self.join(run)
        with self.transaction() as env:
            rows = env["marketplace.unmatched"].search([("config_id", "=", self.account_id)])
            self.assertEqual(sorted(rows.mapped("external_id")), ["u-1", "u-2", "u-3"])

    # ------------------------------------------------------------------ tasks

    def click(self, action, told):
        with self.transaction() as env:
            notification = getattr(env["marketplace.config"].browse(self.account_id), action)()
            told.append(notification["params"]["message"])

    def test_two_clicks_at_once_start_one_task_and_the_second_is_told_so(self):
        for action in ("action_match_products", "action_sync_all"):
            told = []
            with self.subTest(action), self.transaction() as env:
                getattr(env["marketplace.config"].browse(self.account_id), action)()
                env.flush_all()
                second = self.in_thread(self.click, action, told)
                self.wait_for_lock("marketplace_task")
                env.cr.commit()
                self.join(second)
                self.assertIn("runs already", told[0])
                self.assertEqual(len(env["marketplace.config"].browse(self.account_id).task_ids), 1)
                env["marketplace.task"].search([("config_id", "=", self.account_id)]).unlink()

    # ------------------------------------------------------------------ orders

    def pull(self):
        with self.transaction() as env:
            env["marketplace.config"].browse(self.account_id)._request_pull()
        self.drain("pull")

    def test_pulls_and_webhooks_of_the_same_orders_at_once_make_each_order_once(self):
        documents = [self.place() for _n in range(6)]

        def receive_all():
            for document in documents:
                self.receive(document)

        self.join(
            *[self.in_thread(self.pull) for _n in range(3)],
            *[self.in_thread(receive_all) for _n in range(3)],
            *[self.in_thread(self.drain, "inbox") for _n in range(3)],
        )
        self.pull()
        self.join(*[self.in_thread(self.drain, "inbox") for _n in range(3)])
        with self.transaction() as env:
            orders = env["sale.order"].search([("marketplace_config_id", "=", self.account_id)])
            self.assertEqual(sorted(orders.mapped("cartona_id")), sorted(d["hashed_id"] for d in documents))
            self.assertEqual(set(orders.mapped("state")), {"sale"})
            self.assertEqual(len(orders.partner_id), 1)
            rows = env["marketplace.inbox"].search([("config_id", "=", self.account_id)])
            self.assertFalse(rows.filtered(lambda row: row.state not in ("done", "superseded")).mapped("last_error"))
        self.assertFalse(self.box.queued())

    def test_a_document_that_comes_while_a_sender_is_at_work_needs_no_wake(self):
        first, second = self.place(), self.place()
        lane = self.registry["marketplace.lane.inbox"]
        step, wakes = lane._step, []

        def step_meanwhile(lane_, config_id):
            step(lane_, config_id)
            if not wakes:  # the last step has begun without it, and ends after it came
                self.clear_wakes()
                self.receive(second)
                wakes.append(self.count_wakes())
            return False

        self.receive(first)
        self.assertEqual(self.count_wakes(), 1, "nobody is at work yet")
        with mock.patch.object(lane, "_step", step_meanwhile):
            self.drain("inbox")
        self.assertEqual(wakes, [0])
        with self.transaction() as env:
            orders = env["sale.order"].search([("marketplace_config_id", "=", self.account_id)])
            self.assertEqual(set(orders.mapped("cartona_id")), {first["hashed_id"], second["hashed_id"]})

    def clear_wakes(self):
        with self.transaction() as env:
            env.cr.execute("DELETE FROM queue_job WHERE identity_key LIKE 'marketplace:%%'")

    def count_wakes(self):
        with self.transaction() as env:
            return env["queue.job"].search_count(
                [("identity_key", "=like", "marketplace:dispatch%"), ("state", "=", "pending")]
            )

    def test_a_webhook_whose_account_is_being_edited_is_stored_without_waiting(self):
        document = self.place()
        with self.transaction() as env:
            env["marketplace.config"].browse(self.account_id).name = "Being edited"
            env.flush_all()
            receiver = self.in_thread(self.receive, document)
            receiver.join(5)
            self.assertFalse(receiver.is_alive())
            with self.transaction() as other:
                rows = other["marketplace.inbox"].search([("config_id", "=", self.account_id)])
                self.assertEqual(rows.mapped("external_id"), [document["hashed_id"]])
        self.join(receiver)

    def test_confirming_while_a_user_reserves_the_same_goods_loses_no_reservation(self):
        with self.transaction() as env:
            product = env["product.product"].browse(self.product_ids[0])
            warehouse = env["stock.warehouse"].search([("company_id", "=", env.company.id)], limit=1)
            env["stock.quant"]._update_available_quantity(product, warehouse.lot_stock_id, 100)
            partner = env["res.partner"].create({"name": "Walk-in"})
            line = {"product_id": product.id, "product_uom_qty": 5}
            theirs = env["sale.order"].create({"partner_id": partner.id, "order_line": [Command.create(line)]})
        self.addCleanup(self.delete_order, theirs.id)
        self.receive(self.place())
        processor = self.registry["marketplace.order.processor"]
        follow_up, met = processor._follow_up, []

        def follow_up_slowly(self_, row):
            quants = self_.env["product.product"].browse(self.product_ids[0]).stock_quant_ids
            quants.mapped("reserved_quantity")
            if not met:
                met.append(True)  # the lane has read the quants; now a user confirms another order
                with self.transaction() as other:
                    other["sale.order"].browse(theirs.id).action_confirm()
            return follow_up(self_, row)

        self.patch(processor, "_follow_up", follow_up_slowly)
        self.drain("inbox")
        self.assertTrue(met)
        with self.transaction() as env:
            product = env["product.product"].browse(self.product_ids[0])
            moves = env["stock.move.line"].search([("product_id", "=", product.id), ("state", "!=", "cancel")])
            self.assertEqual(sum(moves.mapped("quantity")), 6)
            quants = product.stock_quant_ids.filtered(lambda quant: quant.location_id.usage == "internal")
            self.assertEqual(sum(quants.mapped("reserved_quantity")), 6)

    def delete_order(self, order_id):
        with self.transaction() as env:
            order = env["sale.order"].browse(order_id)
            order._action_cancel()
            order.picking_ids.unlink()
            partner = order.partner_id | order.partner_shipping_id
            order.unlink()
            partner.unlink()

    # ------------------------------------------------------------------ listings made by two

    def unlist(self):
        with self.transaction() as env:
            listings = env["marketplace.listing"].search([("config_id", "=", self.account_id)])
            env.cr.execute("DELETE FROM marketplace_listing WHERE id = ANY(%s)", [listings.ids])

    def count_listings(self):
        with self.transaction() as env:
            domain = [("config_id", "=", self.account_id), ("product_id", "in", self.product_ids)]
            return env["marketplace.listing"].search_count(domain)

    def test_matching_meets_somebody_who_lists_the_same_products(self):
        self.unlist()
        with self.transaction() as env:
            env["marketplace.config"].browse(self.account_id).action_match_products()
        with self.transaction() as other:
            product = other["product.product"].browse(self.product_ids[0])
            account = other["marketplace.config"].browse(self.account_id)
            other["marketplace.listing"]._ensure_for_products(product, account)
            other.flush_all()
            matching = self.in_thread(self.drain, "tasks")
            self.wait_for_lock("marketplace_listing")
        self.join(matching)
        with self.transaction() as env:
            task = env["marketplace.task"].search([("config_id", "=", self.account_id), ("kind", "=", "match")])
            self.assertEqual((task.state, task.done), ("done", 3))
        self.assertEqual(self.count_listings(), 3)

    def test_who_enters_an_id_does_not_fail_because_the_catalogue_is_being_matched(self):
        self.unlist()
        with self.transaction() as user:
            product = user["product.product"].browse(self.product_ids[0])
            account = user["marketplace.config"].browse(self.account_id)
            self.assertTrue(account.name)  # which takes the snapshot of the user
            with self.transaction() as matching:
                products = matching["product.product"].browse(self.product_ids[:1])
                matching["marketplace.listing"]._ensure_for_products(products, account.with_env(matching))
            listings = user["marketplace.listing"]._ensure_for_products(product, account)
            self.assertFalse(listings)
            product.name = "CC 0, renamed"
        self.assertEqual(self.count_listings(), 1)
