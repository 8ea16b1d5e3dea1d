# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
import time
from unittest import mock

import psycopg2

from odoo import fields
from odoo.exceptions import UserError, ValidationError
from odoo.sql_db import TestCursor
from odoo.tests import Form, HttpCase, tagged
from odoo.tools import mute_logger

from ..transport import signatures
from .common import SECRET, MarketplaceCase, commit_with_hooks


@tagged("post_install", "-at_install")
class TestWebhook(MarketplaceCase, HttpCase):
    def prepare(self):
        super().prepare()
        self.list_products()
        self.set_stock(self.products[0], 50)
        self.commit()

    def deliver(self, body, kind="orders", secret=SECRET, now=None, key=None, headers=None, query=""):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = signatures.sign("hmac", raw, secret, now or time.time()) if secret else {}
        path = f"/marketplace_integration/webhook/{kind}"
        if key is not False:
            path += "/" + (key or self.account.webhook_key)
        answer = self.url_open(
            path + query, data=raw, headers={"Content-Type": "application/json", **signed, **(headers or {})}
        )
        self.finish_requests()
        return answer

    def document(self):
        return self.box_order((self.products[0], 2, 30.0), status="pending", delivered_by="delivered_by_supplier")

    def inbox(self):
        self.env.invalidate_all()
        return self.env["marketplace.inbox"].search([("config_id", "=", self.account.id)])

    # ------------------------------------------------------------------ taken

    def test_a_signed_delivery_is_stored_answered_and_becomes_an_order(self):
        document = self.document()
        answer = self.deliver(document)
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual(answer.json()["new"], 1)
        self.assertEqual(self.inbox().state, "waiting")
        self.commit()
        self.assertEqual(self.order_of(document).state, "sale")

    def test_an_account_that_no_database_can_look_for_is_refused_as_an_unknown_one(self):
        for query in ("?marketplace=%00", "?marketplace=a%00b"):
            self.assertEqual(self.deliver(self.document(), key=False, query=query).status_code, 401, query)

    def test_the_same_delivery_twice_makes_one_order(self):
        document = self.document()
        self.assertEqual(self.deliver(document).json()["new"], 1)
        self.assertEqual(self.deliver(document).json()["new"], 0)
        self.commit()
        self.pull()
        self.assertEqual(len(self.order_of(document)), 1)
        self.assertFalse(self.box.queued(), "the pull acknowledges what came by webhook")

    @mute_logger("odoo.http")
    def test_a_delivery_that_can_not_be_committed_is_not_said_to_be_taken(self):
        tried = []

        def full(cursor):
            cursor.execute("SELECT 1 FROM marketplace_inbox WHERE config_id = %s", [account_id])
            if cursor.rowcount:
                tried.append(cursor)
                raise psycopg2.OperationalError("no space left on device")
            commit_with_hooks(cursor)

        document, account_id = self.document(), self.account.id
        with mock.patch.object(TestCursor, "commit", full):
            answer = self.deliver(document)
        self.assertEqual(answer.status_code, 500, answer.text)
        self.assertTrue(tried)
        self.assertFalse(self.inbox())
        self.assertEqual(self.deliver(document).json()["new"], 1)

    @mute_logger("odoo.addons.cartona_integration.models.marketplace_sync_log")
    def test_a_delivery_whose_refusal_can_not_be_noted_is_refused_all_the_same(self):
        self.patch(self.registry["marketplace.sync.log"], "_count_refusal", lambda *_args: 1 / 0)
        self.assertEqual(self.deliver(self.document(), secret="other").status_code, 401)
        self.assertFalse(self.inbox())

    def test_the_account_may_be_named_by_header_or_query(self):
        self.assertEqual(self.deliver([], key=False, query=f"?marketplace={self.account.webhook_key}").status_code, 200)
        self.assertEqual(
            self.deliver([], key=False, headers={"X-Marketplace-Key": self.account.webhook_key}).status_code, 200
        )

    def test_a_status_delivery_moves_the_order(self):
        document = self.document()
        self.deliver(document)
        self.commit()
        answer = self.deliver({"hashed_id": document["hashed_id"], "status": "cancelled_by_retailer"}, kind="status")
        self.assertEqual(answer.status_code, 200, answer.text)
        self.commit()
        self.assertEqual(self.order_of(document).state, "cancel")

    def test_the_test_route_verifies_and_stores_nothing(self):
        answer = self.deliver({"hello": "there"}, kind="test")
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.json()["account"], self.account.name)
        self.assertIn("hashed_id", answer.json()["problem"])
        self.assertFalse(self.inbox())
        self.assertEqual(self.deliver({"hello": "there"}, kind="test", secret="other").status_code, 401)

    def test_the_test_route_tells_what_it_saw(self):
        self.account.write({"webhook_secret": "new one", "webhook_secret_previous": SECRET})
        document = self.document()
        strange = {**document, "hashed_id": "strange", "status": "teleported"}
        seen = self.deliver([document, strange], kind="test", now=time.time() - 100).json()
        self.assertEqual((seen["scheme"], seen["secret"], seen["received"]), ("hmac", "previous", 2))
        self.assertTrue(99 <= seen["age"] <= 130, seen["age"])
        self.assertEqual(
            [(one["order"], one["status"], one["account"]) for one in seen["documents"]],
            [(document["hashed_id"], "pending", self.account.name), ("strange", "", self.account.name)],
        )
        self.assertIn("teleported", seen["documents"][1]["problem"])
        self.account.webhook_secret = SECRET
        self.assertEqual(self.deliver([], kind="test").json()["secret"], "current")
        self.assertFalse(self.inbox())

    def test_two_secrets_are_accepted_while_they_are_changed_over(self):
        self.account.write({"webhook_secret": "new one", "webhook_secret_previous": SECRET})
        self.assertEqual(self.deliver([]).status_code, 200)
        self.assertEqual(self.deliver([], secret="new one").status_code, 200)
        self.account.webhook_secret_previous = False
        self.assertEqual(self.deliver([]).status_code, 401)

    # ------------------------------------------------------------------ set up from here

    def test_webhooks_are_set_up_from_the_account_where_the_marketplace_lets_us(self):
        api = self.registry["marketplace.api.cartona"]
        with self.assertRaisesRegex(UserError, "set up at the marketplace"):
            self.account.action_register_webhooks()
        self.assertNotIn("registers_webhooks", self.account._features())
        able = {**self.account._api()._capabilities(), "registers_webhooks": True}
        self.patch(api, "_capabilities", lambda adapter: able)
        self.patch(api, "_register_webhooks", lambda adapter, config: {"created": 3, "repaired": 1, "kept": 2})
        self.assertIn("registers_webhooks", self.account._features())
        told = self.account.action_register_webhooks()["params"]["message"]
        self.assertEqual(told, "Webhooks: 3 created, 1 repaired, 2 as they should be.")
        self.account.state = "draft"
        with self.assertRaisesRegex(UserError, "not live"):
            self.account.action_register_webhooks()

    # ------------------------------------------------------------------ how it is signed

    def deliver_signed(self, scheme, secret=SECRET, now=None, kind="test", body=b"[]", **options):
        signed = signatures.sign(scheme, body, secret, now or time.time(), **options)
        return self.deliver(body, kind=kind, secret=None, headers=signed)

    def test_the_account_says_how_its_deliveries_are_signed(self):
        own = {
            "header": "X-Relay-Hmac",
            "algorithm": "sha512",
            "encoding": "base64",
            "prefix": "",
            "base": "v1:{timestamp}:{body}",
            "timestamp_header": "X-Relay-Time",
        }
        self.account.write(
            {
                "webhook_scheme": "hmac",
                "webhook_header": own["header"],
                "webhook_algorithm": own["algorithm"],
                "webhook_encoding": own["encoding"],
                "webhook_prefix": False,
                "webhook_base": own["base"],
                "webhook_timestamp_header": own["timestamp_header"],
            }
        )
        self.assertEqual(self.deliver_signed("hmac", **own).json()["scheme"], "hmac")
        self.assertEqual(self.deliver_signed("hmac").status_code, 401, "the preset is another way")
        for name in own:
            other = {**own, name: signatures.verify_hmac.__kwdefaults__[name]}
            self.assertEqual(self.deliver_signed("hmac", **other).status_code, 401, name)
        document = self.document()
        now, body = time.time(), json.dumps(document).encode()
        for new in (1, 0):
            answer = self.deliver_signed("hmac", kind="orders", body=body, now=now, **own)
            self.assertEqual(answer.json()["new"], new)

    def test_standard_webhooks_are_taken(self):
        secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        self.account.write({"webhook_scheme": "standard", "webhook_secret": secret})
        answer = self.deliver_signed("standard", secret)
        self.assertEqual((answer.json()["scheme"], answer.json()["secret"]), ("standard", "current"))
        self.assertEqual(self.deliver_signed("hmac", secret).status_code, 401)

    def test_a_static_token_is_taken_with_its_prefix(self):
        self.account.write(
            {"webhook_scheme": "token", "webhook_header": "Authorization", "webhook_token_prefix": "Bearer"}
        )
        answer = self.deliver([], kind="test", secret=None, headers={"Authorization": f"Bearer {SECRET}"})
        self.assertEqual((answer.json()["scheme"], answer.json()["age"]), ("token", None))
        self.assertEqual(self.deliver([], kind="test", secret=None, headers={"Authorization": SECRET}).status_code, 401)

    def test_the_marketplace_has_its_own_way_until_the_account_says_otherwise(self):
        own = {"header": "X-Shop-Hmac", "encoding": "base64", "prefix": "", "base": "{body}"}
        self.patch(self.registry["marketplace.api.cartona"], "_webhook_preset", lambda adapter: ("hmac", own))
        self.assertEqual(self.deliver_signed("hmac", **own).status_code, 200)
        self.assertEqual(self.deliver_signed("hmac").status_code, 401)
        self.account.webhook_scheme = "hmac"
        self.assertEqual(self.deliver_signed("hmac").status_code, 200)

    def test_the_replay_window_is_the_accounts(self):
        self.assertEqual(self.deliver([], now=time.time() - 120).status_code, 200)
        self.account.webhook_tolerance = 60
        self.assertEqual(self.deliver([], now=time.time() - 120).status_code, 401)

    def test_settings_that_can_not_work_are_told_when_they_are_entered(self):
        with self.assertRaisesRegex(ValidationError, "{body}"):
            self.account.write({"webhook_scheme": "hmac", "webhook_base": "{timestamp}"})

    def test_the_form_shows_what_matters_for_the_scheme(self):
        with Form(self.account) as form:
            form.webhook_scheme = "token"
            form.webhook_token_prefix = "Bearer"
            with self.assertRaises(AssertionError):
                form.webhook_base = "{body}"
            form.webhook_scheme = "hmac"
            form.webhook_base = "{body}"

    # ------------------------------------------------------------------ by whom

    def test_a_paused_account_still_stores(self):
        self.account.action_pause()
        self.assertEqual(self.deliver(self.document()).status_code, 200)
        self.assertEqual(len(self.inbox()), 1)

    # ------------------------------------------------------------------ what the webhooks missed

    def loss(self):
        accounts = self.env["marketplace.config"].get_dashboard_data()["accounts"]
        return next(account for account in accounts if account["id"] == self.account.id)

    def test_orders_that_a_pull_found_first_are_counted_as_missed(self):
        self.account.confirm_policy = "never"
        self.pull_one()
        self.assertIsNone(self.loss()["webhook_loss"], "no webhook has told of an order yet")
        self.age(1)  # before the webhooks began
        for _number in range(3):
            document = self.document()
            self.deliver(document)
        self.commit()
        self.pull()  # brings the same three again
        self.assertEqual(self.loss()["webhook_loss"], 0.0)
        missed = self.pull_one()
        self.deliver({**missed, "note_message": "told late"})
        account = self.loss()
        self.assertEqual(account["webhook_loss"], 25.0)
        shown = self.env["marketplace.inbox"].search(
            [
                ("config_id", "=", self.account.id),
                ("first_of_order", "=", True),
                ("source", "=", "pull"),
                ("create_date", ">=", account["webhook_loss_since"]),
            ]
        )
        self.assertEqual(shown.external_id, missed["hashed_id"])
        self.age(8)
        self.assertIsNone(self.loss()["webhook_loss"])

    def age(self, days):
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE marketplace_inbox SET create_date = now() at time zone 'utc' - %s * interval '1 day'", [days]
        )

    def pull_one(self):
        document = self.document()
        self.pull()
        return document

    # ------------------------------------------------------------------ refused

    def refused(self, status, **kwargs):
        body = kwargs.pop("body", None) or self.document()
        answer = self.deliver(body, **kwargs)
        self.assertEqual(answer.status_code, status, answer.text)
        self.assertEqual(answer.json()["status"], "refused")
        self.assertFalse(self.inbox())
        return answer.json()["error"]

    def test_a_bad_signature_is_refused(self):
        self.refused(401, secret="guess")
        self.assertEqual(self.logged("webhook_orders")[0].status, "error")

    def test_many_refusals_for_one_reason_are_one_row_of_the_log_that_counts_them(self):
        for age in (1000, 2000, 3000):
            self.refused(401, now=time.time() - age)
        self.refused(401, secret="guess")
        rows = self.logged("webhook_orders")
        self.assertEqual(sorted(rows.mapped("failed_count")), [1, 3])
        rows.create_date = fields.Datetime.subtract(fields.Datetime.now(), minutes=2)
        self.env.flush_all()
        self.refused(401, secret="guess")
        self.assertEqual(sorted(self.logged("webhook_orders").mapped("failed_count")), [1, 1, 3])

    def test_an_unsigned_delivery_is_refused_before_anything_is_made_of_it(self):
        for body in (None, b"{", b"[1]", b"\xff\xfe"):
            self.refused(401, body=body, secret=None)
            self.refused(401, body=body, secret="guess")

    def test_without_a_secret_everything_is_refused(self):
        self.account.webhook_secret = False
        self.refused(401)
        self.refused(401, secret=None)

    def test_an_altered_body_is_refused(self):
        signed = signatures.sign("hmac", b'{"hashed_id": "a"}', SECRET, time.time())
        self.refused(401, body=b'{"hashed_id": "b"}', secret=None, headers=signed)

    def test_an_old_or_early_delivery_is_refused(self):
        self.refused(401, now=time.time() - 3600)
        self.refused(401, now=time.time() + 3600)

    def test_an_unknown_account_is_refused_as_a_bad_signature_is(self):
        self.refused(401, key="no-such-account")
        self.refused(401, key=False)

    def test_a_draft_account_takes_nothing(self):
        self.account.state = "draft"
        self.refused(401)

    def test_a_body_that_is_too_large_is_refused_whoever_signed_it(self):
        large = b"[" + b" " * (1024 * 1024) + b"]"
        for options in ({}, {"secret": "guess"}, {"secret": None}, {"key": "no-such-account"}):
            self.refused(413, body=large, **options)

    def test_a_body_of_unknown_length_is_refused(self):
        raw = json.dumps(self.document()).encode()
        signed = signatures.sign("hmac", raw, SECRET, time.time())
        path = f"/marketplace_integration/webhook/orders/{self.account.webhook_key}"
        # Of an iterator requests knows no length: it sends the body in chunks.
        answer = self.url_open(path, data=iter([raw]), headers={"Content-Type": "application/json", **signed})
        self.assertEqual((answer.status_code, answer.json()["status"]), (411, "refused"))
        self.assertFalse(self.inbox())

    def test_what_is_not_json_is_refused(self):
        for body in (b"<html>", b"{", b"\xff\xfe", b" "):
            with self.subTest(body=body):
                answer = self.deliver(body)
                self.assertEqual(answer.status_code, 400)
        self.refused(415, headers={"Content-Type": "text/plain"})
        self.refused(415, headers={"Content-Encoding": "gzip"})

    def test_json_of_the_wrong_shape_is_refused(self):
        for body in ([1], "text", 7, None, [{"status": "pending"}], {"hashed_id": {"a": 1}}):
            with self.subTest(body=body):
                self.assertEqual(self.deliver(json.dumps(body).encode()).status_code, 400)

    def test_only_post_is_answered(self):
        answer = self.url_open(f"/marketplace_integration/webhook/orders/{self.account.webhook_key}")
        self.assertEqual(answer.status_code, 401)  # a challenge, which Cartona does not ask
        self.assertEqual(self.url_open("/marketplace_integration/webhook/orders").status_code, 405)

    def test_a_copy_of_an_older_delivery_does_not_bring_back_what_it_said(self):
        document = self.document()
        now = time.time()
        self.account.confirm_policy = "never"
        self.deliver(document, now=now)
        newer = {**document, "order_details": [{**document["order_details"][0], "amount": 9}]}
        self.deliver(newer)
        self.assertEqual(self.deliver(document, now=now).json()["new"], 0)
        self.commit()
        self.assertEqual(self.order_of(document).order_line.product_uom_qty, 9)

    def test_a_delivery_that_comes_late_does_not_bring_back_what_the_order_was_before(self):
        """As a relay makes it, that signs anew what it could not deliver at once."""
        self.account.confirm_policy = "never"
        document = self.document()
        self.pull()
        newer = {**document, "order_details": [{**document["order_details"][0], "amount": 9}]}
        self.deliver(newer)
        self.commit()
        self.deliver(document)
        self.commit()
        self.assertEqual(self.order_of(document).order_line.product_uom_qty, 9)
        self.assertEqual(sorted(self.inbox().mapped("state")), ["done", "done", "superseded"])

    def test_a_status_that_comes_a_second_time_is_news(self):
        document = self.document()
        self.account.confirm_policy = "never"
        self.pull()
        self.account.pull_orders = False  # by which the end of editing would wait for the lines
        for second, status in enumerate(("editing", "pending", "editing")):
            # Within one second, the same words would be signed alike: a delivery that was recorded.
            signed_at = time.time() + second
            self.deliver({"hashed_id": document["hashed_id"], "status": status}, kind="status", now=signed_at)
            self.commit()
            self.assertEqual(self.order_of(document).marketplace_status, status)
        told = self.inbox().filtered(lambda row: row.kind == "status")
        self.assertEqual(told.mapped("state"), ["done"] * 3)

    def test_a_status_that_an_order_s_document_ended_is_news_when_it_comes_again(self):
        document = self.document()
        self.account.confirm_policy = "never"
        self.pull()
        for second in range(2):
            body = {"hashed_id": document["hashed_id"], "status": "editing"}
            self.deliver(body, kind="status", now=time.time() + second)
            self.commit()
            self.assertEqual(self.order_of(document).marketplace_status, "editing", second)
            self.box.edit_order(document["hashed_id"], note=f"again {second}")
            self.pull()
            self.assertEqual(self.order_of(document).marketplace_status, "pending", second)

    def test_an_order_that_is_handed_out_unchanged_ends_the_editing_that_was_told_since(self):
        document = self.document()
        self.account.confirm_policy = "never"
        self.pull()
        self.deliver({"hashed_id": document["hashed_id"], "status": "editing"}, kind="status")
        self.commit()
        self.assertEqual(self.order_of(document).marketplace_status, "editing")
        for _pull in range(2):
            self.box.edit_order(document["hashed_id"])  # opened and closed, with nothing changed
            self.pull()
            self.assertEqual(self.order_of(document).marketplace_status, "pending")
        self.assertEqual(len(self.inbox().filtered(lambda row: row.kind == "order")), 2, "once")

    def test_a_status_is_for_the_account_that_its_code_names_or_that_has_the_order(self):
        self.account.supplier_code = "1"
        second = self._create_account(name="Second", credentials_id=self.account.id, supplier_code="2")
        for code in ("2", None):
            document = self.box_order((self.products[0], 2, 30.0), supplier_code="2", status="pending")
            self.deliver(document)
            self.commit()
            order = self.env["sale.order"].search([("cartona_id", "=", document["hashed_id"])])
            self.assertEqual(order.marketplace_config_id, second)
            told = {"hashed_id": document["hashed_id"], "status": "cancelled_by_retailer"}
            self.deliver({**told, "supplier_code": code} if code else told, kind="status")
            self.commit()
            self.assertEqual(order.marketplace_status, "cancelled", code)
