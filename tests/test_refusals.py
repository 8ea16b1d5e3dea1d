# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What is said when something does not fit, marketplace by marketplace, and what a database that breaks off leaves."""

import psycopg2

from odoo import Command
from odoo.exceptions import UserError
from odoo.tools import mute_logger

from ..database import CONFLICT_TRIES, retried_transaction
from ..models.marketplace_inbox import LOCKS
from ..models.marketplace_order_processor import STATUS_ATTEMPTS
from ..transport import errors
from .common import MarketplaceCase
from .contract_tools import AdapterTools
from .test_contract_amazon import AmazonTools
from .test_contract_rest import RestDialect
from .test_contract_shopify import ShopifyCase
from .test_contract_woocommerce import WoocommerceBase


class StoredCase(MarketplaceCase):
    def stored(self, kind, external_id, document):
        """Return a document that came by webhook, processed."""
        row = (self.account, kind, external_id, document, "")
        found = self.env["marketplace.inbox"]._store([row], "webhook")[0]
        self.commit()
        return found

    def price_error(self):
        """Return the error of a listing whose price is sent."""
        listing = self.list_products()[0]
        self.products[0].list_price = 77.5
        self.commit()
        return listing.last_error


class TestAmazonRefusals(AmazonTools, StoredCase):
    def test_a_catalogue_beyond_the_budget_is_to_be_asked_for_again_by_the_second(self):
        self.box.fail("listings/2021-08-01/items/[^/]+$", status=429, times=None)
        with self.assertRaises(errors.RateLimited) as caught:
            self.account._api()._list_products(self.account)
        self.assertEqual(caught.exception.seconds, 2.0)

    def test_a_search_that_is_refused_is_said(self):
        self.box.fail(self.pull_path, status=400, body={"errors": [{"code": "InvalidInput", "message": "No such day"}]})
        self.pull()
        self.assertIn("No such day", " ".join(self.logged("pull_orders").mapped("message")))

    def test_an_order_that_amazon_does_not_show_says_why(self):
        order_id = self.place_order((self.products[0], 1, 10.0))
        self.box.fail(f"orders/{order_id}$", status=400, body={"errors": [{"code": "x", "message": "Not today"}]})
        self.assertIn("Not today", self.stored("notice", order_id, {}).last_error)

    def test_an_unpaid_order_that_somebody_replays_says_why_it_waits(self):
        order_id = self.place_order((self.products[0], 1, 10.0), status="PENDING")
        document = self.stored("order", order_id, self.box.orders[order_id])
        self.assertIn("is PENDING: Amazon tells no prices before the order is paid", document.last_error)

    def test_a_report_that_can_not_be_read_is_said_of_each_row(self):
        listings = self.listed()
        self.as_feed()
        self.patch(type(self.box), "_process", self.broken_report)
        self.reprice()
        self.commit()
        for _try in range(2):
            self.time_passes()
        self.assertEqual(set(listings.mapped("state")), {"waiting"})
        words = "Amazon's report on a feed can't be read. What it is about is sent again."
        self.assertEqual(set(listings.mapped("last_error")), {words})

    @staticmethod
    def broken_report(box, feed_id, _feed):
        box.documents[f"amzn1.report.{feed_id}"] = {"body": b"\x1f\x8b no report", "packed": True}
        return f"amzn1.report.{feed_id}"


class TestShopifyRefusals(ShopifyCase, StoredCase):
    def test_what_shopify_says_against_a_call_is_said_when_the_connection_is_tested(self):
        def told(code):
            return {"errors": [{"message": "because", "extensions": {"code": code}}]}

        for body, words in (
            ({"hello": 1}, "Shopify's answer is no answer of GraphQL. Check the API URL"),
            (told("ACCESS_DENIED"), "Shopify refuses access: because. Check the token, and the app's rights"),
            (told("TIMEOUT"), "Shopify has a failure of its own: because"),
            (told("UNDEFINED"), "Shopify refuses this: because. Correct it, then retry"),
        ):
            with self.subTest(words), self.assertRaisesRegex(UserError, words):
                self.box.fail("#Test", status=200, body=body)
                self.account.action_test_connection()

    def test_a_refusal_of_stock_that_names_no_row_is_said_on_the_listing(self):
        listing = self.list_products()[0]
        problem = {"code": "NOT_STOCKED", "message": "The location is closed", "field": None}
        answer = {"data": {"inventorySetQuantities": {"userErrors": [problem]}}}
        self.box.fail("#SetQuantities", status=200, body=answer, times=None)
        self.set_stock(self.products[0], 8)
        self.commit()
        self.assertEqual((listing.error_code, listing.last_error), ("NOT_STOCKED", "The location is closed"))

    def test_an_amount_that_is_none_is_said_with_its_path(self):
        self.list_products()
        external_id = self.place_order((self.products[0], 1, "10.00"))
        raw = self.account._api()._fetch_order(self.account, external_id)
        raw["currentTotalPriceSet"]["shopMoney"]["amount"] = "much"
        self.assertIn("currentTotalPriceSet: should be an amount, is 'much'", self.stored("order", "7", raw).last_error)

    def test_a_delivery_that_is_refused_says_why(self):
        self.list_products()
        external_id = self.place_order((self.products[0], 1, "10.00"))
        self.set_stock(self.products[0], 8)
        self.pull()
        answer = {"data": {"fulfillmentCreate": {"userErrors": [{"message": "It is on hold"}]}}}
        self.box.fail("#Fulfill$", status=200, body=answer)
        order = self.env["sale.order"].search([("cartona_id", "=", external_id)])
        picking = order.picking_ids
        picking.move_ids.write({"quantity": 1, "picked": True})
        picking._action_done()
        self.commit()
        command = self.env["marketplace.outbox"].search([("order_id", "=", order.id), ("operation", "=", "ship")])
        self.assertEqual((command.state, command.last_error), ("failed", "It is on hold"))


class TestWoocommerceRefusals(WoocommerceBase, AdapterTools, StoredCase):
    def test_an_id_that_is_no_number_is_said(self):
        self.there[self.products[0]] = {"id": "shirt-7"}
        self.assertIn("WooCommerce has none with the ID shirt-7. Correct the external product ID", self.price_error())

    def test_rows_that_are_not_answered_are_said(self):
        self.list_products()
        self.settle()
        self.box.fail(self.push_path, status=200, body={"update": []}, times=None)
        self.change_offer(self.products[0])
        self.commit()
        self.assertIn("WooCommerce did not answer for each row. Check what its plugins do", self.account.last_error)

    def test_an_order_that_the_shop_does_not_show_says_why(self):
        external_id = self.place_order((self.products[0], 1, 10.0))
        self.box.fail(f"orders/{external_id}$", status=400, body={"code": "x", "message": "Not today"})
        self.assertIn("Not today", self.stored("notice", external_id, {}).last_error)


class TestRefusals(StoredCase):
    # ------------------------------------------------------------------ of Cartona

    def test_an_answer_that_is_no_list_is_said(self):
        self.box.fail("order", status=200, body={"orders": 5})
        self.pull()
        self.assertIn("The marketplace should answer with a list and sent something else", self.account.last_error)

    def test_an_account_whose_marketplace_is_not_installed_any_more_says_so(self):
        self.env.flush_all()
        self.env.cr.execute("UPDATE marketplace_config SET code = 'gone' WHERE id = %s", [self.account.id])
        self.env.invalidate_all()
        with self.assertRaisesRegex((UserError, errors.ConfigurationError), "No adapter for the marketplace 'gone'"):
            self.account.action_test_connection()

    def test_a_document_is_edited_as_json_alone(self):
        document = self.stored("order", "7", {"hashed_id": "7"})
        with self.assertRaisesRegex(UserError, "The document is not valid JSON"):
            document.payload = "{"

    def test_nothing_is_sent_of_an_account_that_is_not_live_yet(self):
        listing = self.list_products()[0]
        self.account.state = "draft"
        with self.assertRaisesRegex(UserError, f"{self.account.name} is not live yet. Start it first"):
            listing.action_sync()

    def test_a_status_whose_order_never_came_says_what_to_do(self):
        document = self.stored("status", "7", {"hashed_id": "7", "status": "delivered"})
        self.assertEqual((document.state, document.attempts), ("waiting", 1))
        document.write({"attempts": STATUS_ATTEMPTS, "next_attempt": False})
        self.sweep()
        self.assertIn("Order 7 is not here. Pull orders, then replay this", document.last_error)

    def test_an_adapter_that_does_not_answer_for_each_row_is_found_out(self):
        self.patch(self.registry["marketplace.api.cartona"], "_push_offers", lambda api, config, rows: [])
        self.price_error()
        self.assertIn("4 rows were sent, 0 were answered", self.account.last_error)

    # ------------------------------------------------------------------ of the database
    # What the database says says nothing about a listing, a document or a marketplace.

    def broken(self, *args, **kwargs):
        raise psycopg2.errors.DeadlockDetected("deadlock detected")

    def test_a_deadlock_blames_no_listing(self):
        listings = self.list_products()
        self.products[0].list_price = 77.5
        self.patch(self.registry["marketplace.listing"], "_offers", self.broken)
        with self.assertRaisesRegex(psycopg2.OperationalError, "deadlock"):
            self.commit()
        self.assertFalse(any(listings.mapped("last_error")))

    def test_a_deadlock_blames_no_document(self):
        self.patch(self.registry["marketplace.order.processor"], "_process", self.broken)
        with self.assertRaisesRegex(psycopg2.OperationalError, "deadlock"):
            self.stored("order", "7", {"hashed_id": "7"})
        document = self.env["marketplace.inbox"].search([("config_id", "=", self.account.id)])
        self.assertEqual((document.state, document.attempts, document.last_error), ("waiting", 0, False))

    @mute_logger("odoo.sql_db")
    def test_a_database_without_memory_blames_no_document(self):
        def exhausted(processor, *_args):
            raising = "RAISE EXCEPTION 'out of shared memory' USING ERRCODE = '53200'"
            processor.env.cr.execute(f"DO $$ BEGIN {raising}; END $$")

        self.patch(self.registry["marketplace.order.processor"], "_process", exhausted)
        with self.assertRaisesRegex(psycopg2.OperationalError, "out of shared memory"):
            self.stored("order", "7", {"hashed_id": "7"})
        document = self.env["marketplace.inbox"].search([("config_id", "=", self.account.id)])
        self.assertEqual((document.state, document.attempts, document.last_error), ("waiting", 0, False))

    def test_documents_that_are_stored_take_few_of_the_database_s_locks(self):
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        self.env.cr.execute(held)
        before = self.env.cr.fetchone()[0]
        inbox = self.env["marketplace.inbox"]
        inbox._lock_orders([(self.account, "order", str(number), {}) for number in range(20_000)])
        self.env.cr.execute(held)
        self.assertEqual(self.env.cr.fetchone()[0] - before, LOCKS)

    def test_a_deadlock_during_a_call_blames_no_marketplace(self):
        self.patch(self.registry["marketplace.api.cartona"], "_push_offers", self.broken)
        with self.assertRaisesRegex(psycopg2.OperationalError, "deadlock"):
            self.price_error()
        self.assertEqual((self.running().failures, self.account.last_error), (0, False))

    def test_a_deadlock_ends_the_job_of_an_audit_and_not_the_audit(self):
        audit = self.env["marketplace.audit"].create({"config_id": self.account.id})
        self.patch(self.registry["marketplace.audit"], "_compare_page", self.broken)
        with self.assertRaisesRegex(psycopg2.OperationalError, "deadlock"):
            audit._job_audit()
        self.assertEqual((audit.state, audit.last_error), ("running", False))

    @mute_logger("odoo.sql_db")
    def test_what_meets_others_again_and_again_gives_up_and_says_why(self):
        tries = []

        def act(env):
            tries.append(env)
            for _time in range(2):
                env.cr.execute("INSERT INTO ir_config_parameter (key, value) VALUES ('refusals.test', 'x')")

        with self.assertRaisesRegex(psycopg2.errors.UniqueViolation, "refusals.test"):
            retried_transaction(self.env, act)
        self.assertEqual(len(tries), CONFLICT_TRIES)


class TestRestDeliveries(RestDialect, AdapterTools, MarketplaceCase):
    def test_a_delivery_of_nothing_that_was_ordered_there_says_so(self):
        order = self.shipped_order((self.products[0], 2, 10.0))
        ours = self.products[1]
        order.order_line = [Command.create({"product_id": ours.id, "product_uom_qty": 1})]
        self.env["marketplace.outbox"].search([("order_id", "=", order.id)]).unlink()
        picking = self.deliver(order, {ours: 1})
        command = self.env["marketplace.outbox"].search([("order_id", "=", order.id), ("operation", "=", "ship")])
        self.assertIn(f"{picking.name} holds nothing that was ordered at the marketplace", command.last_error)
