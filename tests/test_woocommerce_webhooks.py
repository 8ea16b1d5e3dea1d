# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.exceptions import UserError
from odoo.tests import HttpCase

from .common import SECRET, MarketplaceCase
from .contract import AdapterContract
from .test_contract_woocommerce import WoocommerceBase


class TestWoocommerceWebhooks(WoocommerceBase, MarketplaceCase, HttpCase):
    """Deliveries as WooCommerce sends them, to our controller."""

    _create_account = AdapterContract._create_account
    order_here = AdapterContract.order_here

    def prepare(self):
        super().prepare()
        self.list_products()
        self.order = self.box.add_order((self.there[self.products[0]], 2, 10.0))
        self.commit()

    def send(self, topic="order.created", payload=None, secret=SECRET, body=None, **values):
        headers, signed = self.box.delivery(topic, payload or self.order, secret, **values)
        path = f"/marketplace_integration/webhook/orders/{self.account.webhook_key}"
        answer = self.url_open(path, data=body or signed, headers=headers)
        self.finish_requests()
        return answer

    def here(self):
        self.env.invalidate_all()
        return self.order_here(str(self.order["id"]))

    def test_a_delivery_becomes_an_order_once_also_when_it_is_pulled(self):
        self.assertEqual(self.send().json()["new"], 1)
        self.assertEqual(self.send().json()["new"], 0)
        self.commit()
        self.pull()
        self.assertEqual(self.here().state, "sale")
        self.assertEqual(self.env["marketplace.inbox"].search_count([("config_id", "=", self.account.id)]), 1)

    def test_two_deliveries_of_one_second_have_one_id_and_both_count(self):
        other = self.box.add_order((self.there[self.products[1]], 1, 5.0))
        self.assertEqual(self.send().json()["new"], 1)
        self.assertEqual(self.send(payload=other).json()["new"], 1)

    def test_forged_altered_and_unsigned_deliveries_are_refused(self):
        self.assertEqual(self.send(secret="of somebody else").status_code, 401)
        self.assertEqual(self.send(body=b'{"id": 1}').status_code, 401)
        self.account.webhook_secret = False
        self.assertEqual(self.send().status_code, 401)

    def test_two_secrets_count_while_one_takes_the_place_of_the_other(self):
        self.account.write({"webhook_secret": "new one", "webhook_secret_previous": SECRET})
        self.assertEqual(self.send().status_code, 200)
        self.assertEqual(self.send(secret="new one").status_code, 200)

    def test_the_secret_is_that_of_the_web_page_without_its_entities(self):
        self.account.webhook_secret = "a&amp;b"
        self.assertEqual(self.send(secret="a&b").status_code, 200)

    def test_the_published_example_of_the_algorithm_holds(self):
        body = b'{"id":1234567890,"email":"customer@example.com","total_price":"123.45"}'
        self.account.webhook_secret = "test-webhook-secret"
        headers = {"x-wc-webhook-signature": "QNyObTlKbMx2qDlPF/ZOZcBqg5OgPg+2oky3zldc0Gw="}
        self.assertEqual(self.api._verify_webhook(self.account, headers, body, 0.0).secret, 0)

    def test_the_unsigned_ping_is_answered_and_nothing_else_without_a_signature(self):
        path = f"/marketplace_integration/webhook/orders/{self.account.webhook_key}"
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        self.assertEqual(self.url_open(path, data=b"webhook_id=12", headers=form).status_code, 200)
        for body in (b"webhook_id=12&x=1", b"webhook_id=", b"webhook_id=1e3"):
            self.assertNotEqual(self.url_open(path, data=body, headers=form).status_code, 200, body)

    def test_other_topics_are_taken_and_nothing_is_made_of_them(self):
        answer = self.send("product.updated", {"id": 5, "name": "Shirt"})
        self.assertEqual((answer.status_code, answer.json()["received"]), (200, 0))
        self.assertEqual(self.send(payload={"order": 1}).status_code, 400)

    def test_an_order_in_the_bin_is_fetched_and_cancelled(self):
        self.send()
        self.sweep()
        self.assertEqual(self.here().state, "sale")
        self.box.change_order(self.order, status="trash")
        self.assertEqual(self.send("order.deleted", {"id": self.order["id"]}).json()["new"], 1)
        self.sweep()
        self.assertEqual(self.here().state, "cancel")

    def test_an_order_that_was_deleted_for_good_is_told_to_a_person(self):
        self.send()
        self.sweep()
        self.assertEqual(self.here().state, "sale")
        self.box.remove_order(self.order)
        self.send("order.deleted", {"id": self.order["id"]})
        self.sweep()
        self.assertEqual(self.here().activity_ids.mapped("summary"), ["Deleted at the marketplace"])
        self.assertEqual(self.here().state, "sale")

    def test_what_was_answered_of_a_deleted_order_is_asked_again_when_it_was_there_in_between(self):
        self.send()
        self.sweep()
        self.box.remove_order(self.order)
        for number, (restored, asked) in enumerate(((False, 1), (False, 0), (True, 1))):
            if restored:
                self.send("order.updated", {**self.order, "customer_note": "Here again"})
                self.sweep()
            self.send("order.deleted", {"id": self.order["id"]}, delivery_id=f"deleted-{number}")
            self.sweep()
            self.assertEqual(len(self.here().activity_ids), asked)
            self.here().activity_ids.action_done()

    # ------------------------------------------------------------------ setting them up

    def test_webhooks_are_made_repaired_and_left_alone(self):
        stranger = {"topic": "order.created", "delivery_url": "https://other.example.com/x", "secret": "s"}
        self.box.webhooks[1] = {"id": 1, "status": "disabled", **stranger}
        self.assertIn("3 created, 0 repaired", self.account.action_register_webhooks()["params"]["message"])
        ours = [webhook for webhook in self.box.webhooks.values() if webhook["id"] != 1]
        self.assertEqual(
            {(webhook["topic"], webhook["delivery_url"], webhook["secret"]) for webhook in ours},
            {(f"order.{event}", self.account.webhook_url, SECRET) for event in ("created", "updated", "deleted")},
        )
        ours[0]["status"] = "disabled"
        ours[1]["delivery_url"] = ours[1]["delivery_url"].replace("http://", "https://old.")
        ours[2]["secret"] = "old"
        self.assertIn("0 created, 2 repaired, 1", self.account.action_register_webhooks()["params"]["message"])
        self.assertEqual({(webhook["status"], webhook["secret"]) for webhook in ours}, {("active", SECRET)})
        self.assertEqual(self.box.webhooks[1]["status"], "disabled")
        self.account.webhook_secret = False
        with self.assertRaisesRegex(UserError, "webhook secret"):
            self.account.action_register_webhooks()
