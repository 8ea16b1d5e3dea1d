# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import os
from contextlib import suppress
from datetime import timedelta
from unittest import mock

import psycopg2.errors
from cryptography.fernet import Fernet

from odoo import fields

from .. import encryption
from ..models import marketplace_erasure
from ..models.marketplace_lane_inbox import FORGET_SOON, MAX_ATTEMPTS
from .common import MarketplaceCase

NAME = "Kanarienvogel"
RETAILER = {"retailer_name": NAME, "retailer_code": "KV00777", "retailer_number": "+201077700077"}


class TestErasures(MarketplaceCase):
    """A marketplace asks for a customer to be forgotten, and the log of a busy account is long."""

    def prepare(self):
        super().prepare()
        self.stock_products()
        document = self.box_order((self.products[0], 1, 5.0), retailer=RETAILER, status="pending")
        self.pull()
        self.customer = self.order_of(document).partner_id
        self.log = self.env["marketplace.sync.log"]

    def request(self):
        rows, _new = self.env["marketplace.inbox"]._store([(self.account, "erase", "KV00777", {}, "one")], "webhook")
        return rows

    def come_in(self):
        """Have an order come in, unprocessed as yet."""
        document = self.box_order((self.products[1], 1, 5.0), status="pending")
        documents = [(self.account, "order", document["hashed_id"], document)]
        self.env["marketplace.inbox"]._store(documents, "pull")
        return document

    def step(self):
        self.env.flush_all()
        try:
            return self.env["marketplace.lane.inbox"]._step(self.account.id)
        finally:
            self.env.invalidate_all()

    def write_log(self, *responses, **values):
        self.log.search([]).unlink()
        row = {"config_id": self.account.id, "status": "success", **values}
        return self.log.create([{**row, "response": response} for response in responses])

    # ------------------------------------------------------------------ apart from orders

    def test_a_request_that_ends_its_worker_stops_no_order_and_is_given_up_after_some_attempts(self):
        def end_worker(*_args):
            raise SystemExit

        row = self.request()
        patcher = mock.patch.object(self.registry["marketplace.lane.inbox"], "_forget_once", end_worker)
        with patcher:
            for attempt in range(1, MAX_ATTEMPTS + 1):
                document = self.come_in()
                row.next_attempt = False
                with suppress(SystemExit):  # assertRaises would undo what the step has committed
                    self.step()
                self.assertTrue(self.order_of(document))
                self.assertEqual((row.state, row.attempts), ("waiting", attempt))
                self.assertTrue(row.next_attempt)
            row.next_attempt = False
            self.step()
        self.assertEqual(row.state, "failed")
        self.assertIn("never came to its end", row.last_error)
        self.assertTrue(self.account.activity_ids)
        row.action_replay()
        self.commit()
        self.assertEqual((row.state, self.customer.name), ("done", "Forgotten customer"))

    def test_a_request_that_fails_is_tried_again_later_with_its_reason(self):
        row = self.request()
        people = self.registry["res.partner"]
        failure = mock.patch.object(people, "_marketplace_forget", side_effect=ValueError("no"))
        with failure, self.assertLogs("odoo.addons.cartona_integration.models.marketplace_lane_inbox", "ERROR"):
            began = fields.Datetime.now()
            self.commit()
        self.assertEqual((row.state, row.attempts, bool(row.last_error)), ("waiting", 1, True))
        self.assertGreaterEqual(row.next_attempt, began + timedelta(seconds=FORGET_SOON / 2 - 1))
        row.next_attempt = False
        self.step()
        self.assertEqual((row.state, row.attempts, row.last_error), ("done", 0, False))
        self.assertEqual(self.customer.name, "Forgotten customer")

    def test_a_request_that_meets_others_at_the_same_customer_is_not_given_up_for_it(self):
        row = self.request()
        met = mock.patch.object(
            self.registry["res.partner"], "_marketplace_forget", side_effect=psycopg2.errors.LockNotAvailable("busy")
        )
        with met:
            for _attempt in range(MAX_ATTEMPTS + 1):
                row.next_attempt = False
                self.step()
        self.assertEqual((row.state, row.attempts, bool(row.next_attempt)), ("waiting", 0, True))
        row.next_attempt = False
        self.step()
        self.assertEqual((row.state, self.customer.name), ("done", "Forgotten customer"))

    # ------------------------------------------------------------------ the log

    def test_the_log_is_read_in_pieces_and_goes_on_where_it_was_left(self):
        self.patch(marketplace_erasure, "PIECE", 2)
        rows = self.write_log("a", f"of {NAME}", "b", f"to {NAME}", "c", f"for {NAME}")
        self.customer.action_marketplace_forget()
        erasures = self.env["marketplace.erasure"]
        self.assertEqual(len(erasures.search([])), 1)
        self.assertTrue(erasures._step())
        self.assertEqual(rows.mapped("response"), ["a", False, "b", f"to {NAME}", "c", f"for {NAME}"])
        erasures.invalidate_model()
        erasures._cron_go_on()
        rows.invalidate_recordset()
        self.assertEqual(rows.mapped("response"), ["a", False, "b", False, "c", False])
        self.assertFalse(erasures.search([]))

    def test_who_is_to_be_forgotten_stands_nowhere_while_the_log_waits(self):
        self.write_log("a")
        self.customer.action_marketplace_forget()
        self.env.flush_all()
        self.env.cr.execute("SELECT string_agg(e::text, ' ') FROM marketplace_erasure e")
        (waiting,) = self.env.cr.fetchone()
        self.assertTrue(waiting)
        self.assertNotIn(NAME, waiting)

    def test_a_message_is_masked_and_an_order_is_named_by_its_id(self):
        order = self.customer.sale_order_ids.cartona_id
        rows = self.write_log(
            f'["{order}"]', "other", message=f"{NAME} is unknown", url="http://box/orders?who=KV00777"
        )
        self.customer.action_marketplace_forget()
        self.env["marketplace.erasure"]._cron_go_on()
        self.env.invalidate_all()
        self.assertEqual(rows.mapped("response"), [False, "other"])
        self.assertEqual(set(rows.mapped("message")), {"*** is unknown"})
        self.assertEqual(set(rows.mapped("url")), {"http://box/orders?who=***"})

    def test_where_no_key_opens_what_is_to_be_forgotten_all_is(self):
        rows = self.write_log("a", f"of {NAME}", url=f"http://box/orders?who={NAME}")
        self.customer.action_marketplace_forget()
        key = {encryption.ENVIRONMENT: Fernet.generate_key().decode()}
        self.env.flush_all()
        self.env.invalidate_all()
        with mock.patch.dict(os.environ, key), mock.patch.object(encryption, "FILE", "no such file"):
            self.env["marketplace.erasure"]._cron_go_on()
        rows.invalidate_recordset()
        self.assertEqual(rows.mapped("response"), [False, False])
        self.assertEqual(rows.mapped("url"), [False, False])

    def test_while_the_key_is_away_the_log_waits(self):
        rows = self.write_log("a", f"of {NAME}")
        self.customer.action_marketplace_forget()
        self.env.flush_all()
        self.env.invalidate_all()
        with mock.patch.object(encryption, "FILE", "no such file"):
            self.env["marketplace.erasure"]._cron_go_on()
        self.env.invalidate_all()
        self.assertEqual(rows.mapped("response"), ["a", f"of {NAME}"])
        self.env["marketplace.erasure"]._cron_go_on()
        self.env.invalidate_all()
        self.assertEqual(rows.mapped("response"), ["a", False])

    def test_the_log_of_other_accounts_stays(self):
        other = self._create_account(name="Other", auth_token="another", supplier_code="S2")
        rows = self.write_log(f"of {NAME}", config_id=other.id)
        self.customer.action_marketplace_forget()
        self.env["marketplace.erasure"]._cron_go_on()
        rows.invalidate_recordset()
        self.assertEqual(rows.response, f"of {NAME}")
