# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json

from odoo.exceptions import UserError
from odoo.tests import HttpCase

from ..marketplaces import shopify_forms as forms
from ..sandbox.shopify import delivery
from .common import SECRET
from .contract import AdapterContract
from .test_contract_shopify import CLIENT, ShopifyCase


class TestShopifyWebhooks(ShopifyCase, HttpCase):
    def prepare(self):
        super().prepare()
        self.list_products()
        self.commit()

    def deliver(self, topic, payload, secret=SECRET, key=None, **values):
        headers, body = delivery(topic, payload, secret, **values)
        path = f"/marketplace_integration/webhook/orders/{self.account.webhook_key}"
        answer = self.url_open(path, data=body, headers=headers)
        self.finish_requests()
        return answer

    def placed(self):
        external_id = self.place_order((self.products[0], 2, "10.00"))
        return external_id, {"id": int(external_id), "updated_at": self.box.orders[external_id]["updatedAt"]}

    def order_here(self, external_id):
        self.env.invalidate_all()
        return AdapterContract.order_here(self, external_id)

    def test_a_delivery_has_the_order_fetched_under_both_spellings_of_its_headers(self):
        for prefix in ("X-", ""):
            external_id, payload = self.placed()
            answer = self.deliver("orders/create", payload, webhook_id=f"id{prefix}", prefix=prefix)
            self.assertEqual((answer.status_code, answer.json()["new"]), (200, 1), answer.text)
            self.sweep()  # the wake may still be on its way
            self.assertEqual(self.order_here(external_id).state, "sale")
            self.assertFalse(self.box.calls("#Orders$"))

    def test_a_copy_of_a_delivery_is_no_news(self):
        _external_id, payload = self.placed()
        self.assertEqual(self.deliver("orders/updated", payload, webhook_id="one").json()["new"], 1)
        self.assertEqual(self.deliver("orders/updated", payload, webhook_id="one").json()["new"], 0)

    def test_what_is_stored_of_a_delivery_tells_nothing_of_its_customer(self):
        _external_id, payload = self.placed()
        self.deliver("orders/create", {**payload, "email": "mona@example.com", "customer": {"phone": "0100"}})
        row = self.env["marketplace.inbox"].search([("config_id", "=", self.account.id), ("kind", "=", "notice")])
        self.assertEqual(set(json.loads(row.payload)), {"topic", "id", "delivery"})

    def test_forged_altered_and_unsigned_deliveries_are_refused(self):
        _external_id, payload = self.placed()
        self.assertEqual(self.deliver("orders/create", payload, secret="of somebody else").status_code, 401)
        headers, body = delivery("orders/create", payload, SECRET)
        path = f"/marketplace_integration/webhook/orders/{self.account.webhook_key}"
        self.assertEqual(self.url_open(path, data=body + b" ", headers=headers).status_code, 401)
        self.assertEqual(self.url_open(path, data=body, headers={"Content-Type": "application/json"}).status_code, 401)

    def test_the_client_secret_signs_where_no_other_was_entered_also_while_it_changes(self):
        self.account.webhook_secret = False
        self.assertEqual(self.deliver("shop/update", {}, secret=CLIENT[1]).status_code, 200)
        self.assertEqual(self.deliver("shop/update", {}, secret=SECRET).status_code, 401)
        self.account.webhook_secret_previous = SECRET
        self.assertEqual(self.deliver("shop/update", {}, secret=SECRET).status_code, 200)
        self.account.write({"client_secret": False, "webhook_secret_previous": False})
        self.assertEqual(self.deliver("shop/update", {}, secret="").status_code, 401)

    def test_the_test_route_tells_by_which_secret(self):
        self.account.write({"webhook_secret": False, "webhook_secret_previous": SECRET})
        _external_id, payload = self.placed()
        path = f"/marketplace_integration/webhook/test/{self.account.webhook_key}"
        for secret, name in ((CLIENT[1], "current"), (SECRET, "previous")):
            headers, body = delivery("orders/create", payload, secret)
            seen = self.url_open(path, data=body, headers=headers).json()
            self.assertEqual((seen["secret"], seen["received"]), (name, 1))

    def test_a_known_signature_of_others_is_accepted(self):
        body = b'{"id":1234567890,"email":"customer@example.com","total_price":"123.45"}'
        self.account.webhook_secret = "test-webhook-secret"
        headers = {"X-Shopify-Hmac-SHA256": "QNyObTlKbMx2qDlPF/ZOZcBqg5OgPg+2oky3zldc0Gw="}
        self.account._api()._verify_webhook(self.account, headers, body, 0.0)

    def test_a_cancellation_arrives(self):
        external_id, payload = self.placed()
        self.pull()
        self.box.cancel(external_id)
        self.deliver("orders/cancelled", payload)
        self.sweep()
        self.assertEqual(self.order_here(external_id).state, "cancel")

    def test_strange_deliveries_are_answered_and_harm_nothing(self):
        for topic, payload, status in (
            ("themes/publish", {"id": 1}, 200),
            ("orders/create", [], 400),
            ("orders/create", {"id": "../../1"}, 400),
            ("orders/create", {}, 400),
            ("", {"id": 1}, 400),
        ):
            with self.subTest(topic=topic, payload=payload):
                answer = self.deliver(topic, payload)
                self.assertEqual(answer.status_code, status, answer.text)
        self.assertFalse(self.env["marketplace.inbox"].search([("config_id", "=", self.account.id)]))

    def test_a_notice_of_an_order_that_is_gone_is_done(self):
        self.deliver("orders/delete", {"id": 77})
        self.sweep()
        row = self.env["marketplace.inbox"].search([("external_id", "=", "77")])
        self.assertEqual(row.state, "done")

    def test_an_app_that_was_uninstalled_pauses_the_account(self):
        self.account._api()._access_token(self.account)
        self.deliver("app/uninstalled", {"id": 690933842}, webhook_id="first")
        self.sweep()
        self.assertEqual(self.account.state, "live", "it still is installed: the shop says so itself")
        self.box.expire_tokens()
        self.box.client = ("", "")
        self.deliver("app/uninstalled", {"id": 690933842, "again": 1}, webhook_id="second")
        self.sweep()
        self.env.invalidate_all()
        self.assertEqual(self.account.state, "paused")
        self.assertTrue(self.account.activity_ids)

    def test_a_customer_whom_shopify_asks_to_forget_is_forgotten(self):
        there = self.box.customer()
        for number in range(2):  # who was forgotten may come again, and ask again
            external_id = self.place_order((self.products[0], 1, "10.00"))
            self.box.touch(external_id, customer=there)
            self.pull()
            customer = self.order_here(external_id).partner_id
            self.assertIn("Mona", customer.name)
            redaction = {"shop_id": 1, "customer": {"id": int(forms.tail(there, "id"))}, "orders_to_redact": []}
            self.deliver("customers/redact", redaction, webhook_id=f"redact {number}")
            self.sweep()
            self.env.invalidate_all()
            self.assertNotIn("Mona", customer.name)

    def test_webhooks_are_created_repaired_and_left_alone(self):
        def told():
            return self.account.action_register_webhooks()["params"]["message"]

        self.assertIn("4 created, 0 repaired, 0 as", told())
        rows = {row["topic"]: row for row in self.box.webhooks.values()}
        self.assertEqual({row["uri"] for row in rows.values()}, {self.account.webhook_url})
        self.assertIn("0 created, 0 repaired, 4 as", told())
        rows["ORDERS_CREATE"]["uri"] = f"https://old.example.com/x/{self.account.webhook_key}"
        rows["ORDERS_UPDATED"]["includeFields"] = []
        self.box.webhooks.pop(rows["APP_UNINSTALLED"]["id"])
        foreign = {
            "id": "gid://shopify/WebhookSubscription/1",
            "topic": "ORDERS_CREATE",
            "uri": "https://other.example",
        }
        others = {f"{foreign['id']}{number}": foreign for number in range(100)}  # more than a page holds
        ours = dict(self.box.webhooks)
        self.box.webhooks.clear()
        for key in (foreign["id"], *others):
            self.box.webhooks[key] = {**foreign, "id": key, "format": "JSON", "includeFields": []}
        self.box.webhooks.update(ours)
        self.assertIn("1 created, 2 repaired, 1 as", told())
        self.assertEqual(self.box.webhooks[foreign["id"]]["uri"], "https://other.example")
        self.assertEqual(rows["ORDERS_CREATE"]["uri"], self.account.webhook_url)

    def test_an_address_that_shopify_does_not_take_is_said(self):
        self.env["ir.config_parameter"].set_param("web.base.url", "http://shop.example.com")
        self.account.invalidate_recordset()
        with self.assertRaisesRegex(UserError, "not https"):
            self.account.action_register_webhooks()
