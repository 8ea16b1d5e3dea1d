# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import base64
import json
import os
from datetime import timedelta
from pathlib import Path

from odoo import fields
from odoo.exceptions import ValidationError
from odoo.tests import HttpCase, tagged

from ..marketplaces import ebay_signature
from ..sandbox.ebay import SigningKey, challenge_answer, read_signature
from ..transport.errors import WebhookRejected
from .common import MarketplaceCase
from .test_contract_ebay import VERIFICATION, EbayMarket

KEYS = "public_key"
USER = {"username": "buyer1", "userId": "id-of-buyer1", "eiasToken": "nY+sHZ2PrBmdj6wVnY"}


class EbayWebhookCase(EbayMarket, MarketplaceCase):
    def _create_account(self, **values):
        values = {"name": "eBay", "code": "ebay", **self._account_values(), **values}
        return super()._create_account(**values)

    def prepare(self):
        super().prepare()
        self.list_products()
        self.key = self.box.add_key()

    def inbox(self):
        self.env.invalidate_all()
        return self.env["marketplace.inbox"].search([("config_id", "=", self.account.id)])

    def order_here(self, order_id):
        return self.env["sale.order"].search([("cartona_id", "=", order_id)])


@tagged("post_install", "-at_install")
class TestEbayNotifications(EbayWebhookCase, HttpCase):
    """What eBay sends is taken when it is eBay's, and known by its id."""

    def deliver(self, document, key=None, header=None, **values):
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        header = (key or self.key).header(values.pop("signed", raw)) if header is None else header
        headers = {"Content-Type": "application/json", "X-Ebay-Signature": header}
        return self.post(f"/marketplace_integration/webhook/orders/{self.account.webhook_key}", raw, headers)

    def post(self, path, raw, headers):
        answer = self.url_open(path, raw, headers=headers)
        self.finish_requests()
        return answer

    def order(self):
        return self.box.add_order([(self.external_id(self.products[0]), 1, 10.0)])

    def asked(self):
        return len(self.box.calls(KEYS))

    # ------------------------------------------------------------------ the address

    def challenge(self, query):
        return self.url_open(f"/marketplace_integration/webhook/orders/{self.account.webhook_key}{query}")

    def test_the_address_is_proven_to_be_ours(self):
        answer = self.challenge("?challenge_code=a8628072-3d33-45ee-9004-bee86830a22d")
        self.assertEqual(answer.status_code, 200)
        self.assertTrue(answer.headers["Content-Type"].startswith("application/json"))
        expected = challenge_answer("a8628072-3d33-45ee-9004-bee86830a22d", VERIFICATION, self.account.webhook_url)
        self.assertEqual(answer.json(), {"challengeResponse": expected})

    def test_without_a_code_or_a_token_nothing_is_proven(self):
        self.assertEqual(self.challenge("").status_code, 401)
        self.account.webhook_secret = False
        self.assertEqual(self.challenge("?challenge_code=a").status_code, 401)

    def test_the_answer_is_the_digest_of_code_token_and_address(self):
        """Inputs of a test of eBay's SDK for Node.js; the digest was computed apart, eBay publishes none."""
        found = ebay_signature.challenge_answer(
            "71745723-d031-455c-bfa5-f90d11b4f20a",
            "71745723-d031-455c-bfa5-f90d11b4f20a",
            "http://www.testendpoint.com/webhook",
        )
        self.assertEqual(found, "048de9ffd0e35021fefc0388d5c52e0f475324f582f3778ca81a53354ccbbc97")

    def test_the_verification_token_is_one_that_ebay_takes(self):
        for token in ("short", "x" * 81, "with a space in it, and long enough to pass"):
            with self.assertRaises(ValidationError):
                self.account.webhook_secret = token

    # ------------------------------------------------------------------ proof

    def test_the_published_example_is_genuine_and_nothing_else_is(self):
        folder = Path(os.environ.get("MARKETPLACE_SPECS") or Path(__file__).resolve().parents[2] / "shared" / "specs")
        file = folder / "webhook-vectors.json"
        if not file.exists():
            self.skipTest("the collected examples of marketplaces' deliveries are not here")
        [vector] = [one for one in json.loads(file.read_text()) if one["scheme"] == "ebay"]
        kid, signed = ebay_signature.read_header(vector["headers"]["X-EBAY-SIGNATURE"])
        self.assertEqual(kid, "9936261a-7d7b-4621-a0f1-96ccb428af49")
        key, body = vector["public_key"], base64.b64decode(vector["body_b64"])
        ebay_signature.verify(key["key"], key["digest"], signed, body)
        for altered in (body.replace(b"test_user", b"best_user"), body + b"1", b""):
            with self.assertRaises(WebhookRejected):
                ebay_signature.verify(key["key"], key["digest"], signed, altered)
        with self.assertRaises(WebhookRejected):
            ebay_signature.verify(key["key"], "SHA256", signed, body)

    def test_a_confirmed_order_is_fetched_and_becomes_an_order(self):
        order = self.order()
        answer = self.deliver(self.box.confirmation(order))
        self.assertEqual((answer.status_code, answer.json().get("new")), (200, 1), answer.text)
        self.assertFalse(self.box.calls("v1/order"), "not while eBay waits")
        self.sweep()  # whenever the wake comes
        self.assertEqual(self.order_here(order["orderId"]).state, "sale")

    def test_a_notification_that_comes_again_is_known_by_its_id(self):
        document = self.box.confirmation(self.order())
        self.deliver(document)
        document["notification"]["publishAttemptCount"] = 2
        self.assertEqual(self.deliver(document).json()["new"], 0)
        self.assertEqual(len(self.inbox()), 1)

    def test_each_line_of_an_order_is_told_and_the_order_fetched_once(self):
        order = self.order()
        for _line in range(3):
            self.assertEqual(self.deliver(self.box.confirmation(order)).status_code, 200)
        self.sweep()  # whenever the wake comes
        self.assertEqual(len(self.box.calls(f"v1/order/{order['orderId']}$")), 1)
        self.assertEqual(len(self.order_here(order["orderId"])), 1)

    def test_what_is_not_ebays_is_refused_as_ebay_expects(self):
        document = self.box.confirmation(self.order())
        raw = json.dumps(document).encode()
        forger = SigningKey()
        forger.kid = self.key.kid
        good = read_signature(self.key.header(raw))

        def altered(**values):
            return base64.b64encode(json.dumps({**good, **values}).encode()).decode()

        for name, answer in {
            "forged": self.deliver(document, key=forger),
            "altered": self.deliver(raw.replace(b"1", b"2"), signed=raw),
            "not signed": self.deliver(document, header=""),
            "no base64": self.deliver(document, header="%%%"),
            "no JSON": self.deliver(document, header=base64.b64encode(b"[1").decode()),
            "no object": self.deliver(document, header=base64.b64encode(b"[1]").decode()),
            "no signature": self.deliver(document, header=altered(signature="")),
            "a number": self.deliver(document, header=altered(signature=5)),
            "no DER": self.deliver(document, header=altered(signature="AAAA")),
            "no id": self.deliver(document, header=altered(kid="../order")),
            "unknown id": self.deliver(document, header=altered(kid="99999999-0000")),
        }.items():
            with self.subTest(name):
                self.assertEqual(answer.status_code, 412, answer.text)
        self.assertFalse(self.inbox())
        self.assertEqual(self.deliver(document).status_code, 200)

    def test_without_a_verification_token_all_are_refused(self):
        self.account.webhook_secret = False
        self.assertEqual(self.deliver(self.box.confirmation(self.order())).status_code, 412)
        self.assertEqual(self.asked(), 0)

    def test_spaces_may_have_changed_on_the_way(self):
        document = self.box.confirmation(self.order())
        document["notification"]["data"]["user"]["username"] = "käufer"
        compact = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
        pretty = json.dumps(document, indent=2).encode()
        self.assertEqual(self.deliver(pretty, signed=compact).status_code, 200)

    def test_the_digest_is_that_of_the_key(self):
        key = self.box.add_key("SHA256")
        document = self.box.confirmation(self.order())
        self.assertEqual(self.deliver(document, key=key).status_code, 200)
        weak = SigningKey("SHA1")
        weak.kid, weak.private = key.kid, key.private
        self.assertEqual(self.deliver(self.box.confirmation(self.order()), key=weak).status_code, 412)

    def test_a_relay_may_sign_as_the_account_says(self):
        self.account.write({"webhook_scheme": "token", "webhook_header": "X-Relay"})
        raw = json.dumps(self.box.confirmation(self.order())).encode()
        path = f"/marketplace_integration/webhook/orders/{self.account.webhook_key}"
        for token, status in ((VERIFICATION, 200), ("other", 401)):
            headers = {"Content-Type": "application/json", "X-Relay": token}
            self.assertEqual(self.post(path, raw, headers).status_code, status)

    # ------------------------------------------------------------------ keys

    def test_a_key_is_asked_for_once_an_hour(self):
        for _delivery in range(3):
            self.assertEqual(self.deliver(self.box.confirmation(self.order())).status_code, 200)
        self.assertEqual(self.asked(), 1)
        self.env["marketplace.ebay.key"].search([]).fetched_at = fields.Datetime.now() - timedelta(minutes=61)
        self.env.flush_all()
        self.assertEqual(self.deliver(self.box.confirmation(self.order())).status_code, 200)
        self.assertEqual(self.asked(), 2)
        self.assertEqual(len(self.env["marketplace.ebay.key"].search([])), 1)

    def test_a_key_that_was_fetched_a_month_ago_is_deleted(self):
        now = fields.Datetime.now()
        values = {"config_id": self.account.id, "key": "x", "digest": "SHA1"}
        keys = self.env["marketplace.ebay.key"].create(
            [{**values, "kid": str(days), "fetched_at": now - timedelta(days=days)} for days in (29, 31)]
        )
        self.env["marketplace.ebay.key"]._gc_old_keys()
        self.assertEqual(keys.exists(), keys[0])

    def test_a_new_key_is_taken_beside_the_old_one(self):
        self.assertEqual(self.deliver(self.box.confirmation(self.order())).status_code, 200)
        rotated = self.box.add_key()
        self.assertEqual(self.deliver(self.box.confirmation(self.order()), key=rotated).status_code, 200)
        self.assertEqual(self.deliver(self.box.confirmation(self.order())).status_code, 200)
        self.assertEqual(self.asked(), 2)

    def test_whoever_names_many_keys_does_not_make_us_ask_for_all(self):
        for _delivery in range(15):
            self.assertEqual(self.deliver({}, key=SigningKey()).status_code, 412)
        self.assertEqual(self.asked(), 10)
        self.assertFalse(self.account.activity_ids)

    def test_whoever_names_keys_while_ebay_fails_does_not_make_us_ask_on_and_on(self):
        for path in ("oauth2/token", KEYS):
            with self.subTest(path):
                self.env["marketplace.ebay.key"].search([]).unlink()
                self.env.flush_all()
                before = len(self.box.calls(path))
                self.box.fail(path, status=503, times=30)
                for _delivery in range(25):
                    self.assertEqual(self.deliver({}, key=SigningKey()).status_code, 412)
                self.assertEqual(len(self.box.calls(path)) - before, 10)
                self.box.clear_faults()

    def test_the_known_key_is_asked_for_again_whatever_else_was_named(self):
        self.deliver(self.box.confirmation(self.order()))
        for _delivery in range(12):
            self.deliver({}, key=SigningKey())
        known = self.env["marketplace.ebay.key"].search([("kid", "=", self.key.kid)])
        known.fetched_at = fields.Datetime.now() - timedelta(hours=2)
        self.env.flush_all()
        self.assertEqual(self.deliver(self.box.confirmation(self.order())).status_code, 200)

    def test_without_its_key_a_delivery_is_refused_and_the_account_goes_on(self):
        document = self.box.confirmation(self.order())
        for fault in ({"status": 500}, {"status": 401}, {"status": 429}, {"kind": "html"}, {"kind": "reset"}):
            with self.subTest(**fault):
                self.box.fail(KEYS, **fault)
                self.assertEqual(self.deliver(document).status_code, 412)
        self.assertEqual((self.account.state, self.running().failures), ("live", 0))
        self.assertEqual(self.deliver(document).status_code, 200, "nothing of that was kept")

    def test_a_copy_of_the_database_asks_ebay_nothing(self):
        self.env["ir.config_parameter"].set_param("cartona_integration.identity", "another:1")
        self.env.flush_all()
        self.assertEqual(self.deliver(self.box.confirmation(self.order())).status_code, 412)
        self.assertEqual(self.asked(), 0)

    def test_no_token_of_the_app_stands_in_the_log(self):
        self.deliver(self.box.confirmation(self.order()))
        self.env.cr.execute("SELECT string_agg(l::text, ' ') FROM marketplace_sync_log l")
        shown = self.env.cr.fetchone()[0]
        self.assertIn(KEYS, shown)
        self.assertTrue(self.box.app_tokens)
        for token in self.box.app_tokens:
            self.assertNotIn(token, shown)

    # ------------------------------------------------------------------ what it says

    def test_what_is_not_for_us_is_answered_and_left_alone(self):
        for topic in ("AUTHORIZATION_REVOCATION", "ITEM_MARKED_SHIPPED", "SOMETHING_NEW"):
            answer = self.deliver(self.box.notification(topic, {}))
            self.assertEqual((answer.status_code, answer.json()["received"]), (200, 0))
        self.assertEqual(self.deliver({"metadata": {}}).status_code, 400)
        self.assertEqual(self.deliver(self.box.notification("ORDER_CONFIRMATION", {})).status_code, 400)

    def test_the_test_route_tells_what_it_saw(self):
        raw = json.dumps(self.box.confirmation(self.order())).encode()
        headers = {"Content-Type": "application/json", "X-EBAY-SIGNATURE": self.key.header(raw)}
        path = f"/marketplace_integration/webhook/test/{self.account.webhook_key}"
        seen = self.post(path, raw, headers).json()
        self.assertEqual((seen["scheme"], seen["received"]), ("ecdsa", 1))

    def test_a_customer_whom_nobody_knows_leaves_no_trace(self):
        answer = self.deliver(self.box.notification("MARKETPLACE_ACCOUNT_DELETION", USER))
        self.assertEqual((answer.status_code, answer.json()["received"]), (200, 0))
        self.assertFalse(self.inbox())

    def test_a_customer_is_forgotten_by_name_or_by_id(self):
        for number, known_as in enumerate(("buyer1", "id-of-buyer1")):
            order = self.order()
            order["buyer"]["username"] = known_as
            self.pull()
            partner = self.order_here(order["orderId"]).partner_id
            self.assertEqual(partner.cartona_id, f"retailer_{known_as}")
            document = self.box.notification("MARKETPLACE_ACCOUNT_DELETION", USER)
            self.assertEqual(self.deliver(document).json()["new"], 1)
            self.assertEqual(self.deliver(document).json()["new"], 0, "a copy")
            self.sweep()  # whenever the wake comes
            self.assertEqual((partner.name, partner.cartona_id), ("Forgotten customer", False), number)
        self.assertFalse(self.inbox().filtered(lambda row: row.kind == "erase" and row.external_id))


@tagged("post_install", "-at_install")
class TestForgottenCustomers(EbayWebhookCase):
    """A customer who asks for it is forgotten everywhere; the orders stay."""

    words = ("buyer1", "Käufer 1", "Hauptstra", "10115", "30 1000", "members.ebay", "Ring twice")

    def prepare(self):
        super().prepare()
        raw = self.box.add_order(
            [(self.external_id(self.products[0]), 2, 10.0)], buyerCheckoutNotes="Ring twice at Käufer 1"
        )
        self.pull()
        self.order = self.order_here(raw["orderId"])
        self.customer = self.order.partner_id

    def forget(self, code="buyer1"):
        self.env["res.partner"]._marketplace_forget(self.account, code)
        self.env["marketplace.erasure"]._cron_go_on()
        self.env.flush_all()
        self.env.invalidate_all()

    def everything(self):
        """Return all that is written of the customer, the documents and the log, as one text."""
        people, texts = self.customer | self.customer.child_ids, []
        for table, whose in (
            ("res_partner t", "t.id"),
            ("mail_message t", "t.model = 'res.partner' AND t.res_id"),
        ):
            self.env.cr.execute(f"SELECT string_agg(t::text, ' ') FROM {table} WHERE {whose} = ANY(%s)", [people.ids])
            texts.append(self.env.cr.fetchone()[0] or "")
        for table in ("marketplace_inbox", "marketplace_sync_log"):
            self.env.cr.execute(f"SELECT string_agg(t::text, ' ') FROM {table} t")
            texts.append(self.env.cr.fetchone()[0] or "")
        return " ".join([*texts, str(self.order.note)])

    def test_nothing_tells_who_it_was_and_the_order_stays(self):
        before = self.everything()
        for word in self.words:
            self.assertIn(word, before)
        self.customer.message_post(body="Called: wants it in red")
        self.env.flush_all()
        self.assertIn("in red", self.everything())
        self.forget()
        after = self.everything()
        for word in (*self.words, "in red"):
            self.assertNotIn(word, after)
        self.assertEqual(self.order.state, "sale")
        self.assertEqual(self.order.partner_id, self.customer)
        self.assertEqual(self.order.partner_shipping_id.name, "Forgotten customer")
        self.assertAlmostEqual(self.order.amount_total, 20.0)
        self.assertIn(self.order.cartona_id, after, "the order is known by its id")

    def test_whoever_is_forgotten_may_come_back_as_somebody_new(self):
        self.forget()
        raw = self.box.add_order([(self.external_id(self.products[0]), 1, 10.0)], buyer={"username": "buyer1"})
        self.pull()
        again = self.order_here(raw["orderId"]).partner_id
        self.assertNotEqual(again, self.customer)
        self.assertEqual(again.cartona_id, "retailer_buyer1")

    def test_others_are_left_alone(self):
        other = self.box.add_order([(self.external_id(self.products[0]), 1, 10.0)], buyer={"username": "buyer11"})
        waiting = self.box.add_order([], buyer={"username": "buyer111"}, orderPaymentStatus="teleported")
        self.pull()
        self.forget("buyer")
        self.forget("buyer11x")
        self.assertEqual(self.customer.name, "Käufer 1")
        self.forget()
        self.assertEqual(self.order_here(other["orderId"]).partner_id.name, "Käufer 2")
        rows = self.inbox().filtered(lambda row: row.external_id in (other["orderId"], waiting["orderId"]))
        self.assertEqual(len(rows), 2)
        self.assertFalse(any(rows.mapped("redacted_at")))

    def test_a_document_that_could_not_be_processed_forgets_too(self):
        raw = self.box.add_order([], buyer={"username": "nobody"}, orderPaymentStatus="teleported")
        self.pull()
        self.assertTrue(self.env["res.partner"]._marketplace_knows(self.account, "nobody"))
        self.assertFalse(self.env["res.partner"]._marketplace_knows(self.account, "nobo"))
        self.forget("nobody")
        row = self.inbox().filtered(lambda row: row.external_id == raw["orderId"])
        self.assertTrue(row.redacted_at)
        self.assertNotIn("nobody", row.payload)
        self.assertFalse(self.env["res.partner"]._marketplace_knows(self.account, "nobody"))

    def test_a_contact_that_was_merged_is_forgotten_by_each_of_its_codes(self):
        raw = self.box.add_order([(self.external_id(self.products[0]), 1, 10.0)])
        self.pull()
        other = self.order_here(raw["orderId"]).partner_id
        wizard = self.env["base.partner.merge.automatic.wizard"]
        wizard._merge([self.customer.id, other.id], self.customer, extra_checks=False)
        self.assertEqual(self.customer.marketplace_code_ids.code, "retailer_buyer2")
        self.forget("buyer2")
        self.assertEqual(self.customer.name, "Forgotten customer")
        self.assertFalse(self.customer.cartona_id or self.customer.marketplace_code_ids)

    def test_a_customer_who_is_ours_stays_and_a_person_is_asked(self):
        self.env["sale.order"].create({"partner_id": self.customer.id})
        delivery = self.order.partner_shipping_id
        self.forget()
        self.run_hooks()
        self.assertEqual((self.customer.name, self.customer.cartona_id), ("Käufer 1", False))
        self.assertEqual(delivery.name, "Forgotten customer", "what the marketplace alone has told")
        self.assertTrue(self.account.activity_ids)
