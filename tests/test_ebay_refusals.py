# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What an eBay account says to its person, and eBay, when something does not fit."""

import json

import odoo
from odoo.exceptions import UserError
from odoo.tests import HttpCase, tagged

from ..database import transaction_lock
from .common import MarketplaceCase
from .test_contract_ebay import EbayTools
from .test_ebay_notifications import KEYS, EbayWebhookCase


class TestEbayRefusals(EbayTools, MarketplaceCase):
    def stored(self, kind, external_id, document):
        """Return the error of a document that came by webhook."""
        row = (self.account, kind, external_id, document, "")
        found = self.env["marketplace.inbox"]._store([row], "webhook")[0]
        self.commit()
        return found.last_error

    def test_a_token_that_is_refused_is_said_when_the_connection_is_tested(self):
        self.box.fail("v1/location$", status=401, body={"errors": [{"message": "Token withdrawn"}]}, times=None)
        with self.assertRaisesRegex(UserError, "Token withdrawn"):
            self.account.action_test_connection()

    def test_without_any_of_its_rights_the_connection_is_no_good_and_all_are_named(self):
        self.box.scopes.clear()
        with self.assertRaisesRegex(UserError, "Consent again, to the scopes sell.inventory, sell.fulfillment"):
            self.account.action_test_connection()

    def test_without_a_refresh_token_it_says_what_to_enter(self):
        self.account.refresh_token = False
        with self.assertRaisesRegex(UserError, "Invalid token: it is empty. Enter it on the account"):
            self.account.action_test_connection()

    def test_a_price_alone_in_another_currency_is_not_sent_and_says_which_pricelist_to_choose(self):
        for offer in self.box.offers.values():
            offer["pricingSummary"]["price"]["currency"] = "CHF"
        listing = self.list_products()[0]
        self.box.clear_journal()
        self.products[0].list_price = 77.5
        self.settle()
        self.assertFalse(self.box.calls(self.push_path))
        self.assertIn("eBay sells this in CHF", listing.last_error)
        self.assertIn("Choose a pricelist in CHF", listing.last_error)

    def test_a_listing_whose_sku_changes_is_sent_to_the_offer_of_the_new_one(self):
        listing = self.list_products()[0]
        self.settle()
        self.box.add_product("NEW")
        old = self.external_id(self.products[0])
        listing.external_id = "NEW"
        self.change_offer(self.products[0])
        self.settle()
        price = {sku: self.box.offer_of(sku)["pricingSummary"]["price"]["value"] for sku in (old, "NEW")}
        self.assertEqual((float(price["NEW"]), listing.state), (77.5, "synced"))
        self.assertNotEqual(float(price[old]), 77.5)

    def test_an_order_that_ebay_does_not_show_is_asked_for_again_and_says_why(self):
        order_id = self.place_order((self.products[0], 1, 10.0))
        self.box.fail(f"order/{order_id}$", status=400, body={"errors": [{"message": "Not today"}]})
        self.assertIn("Not today", self.stored("notice", order_id, {}))
        self.time_passes()
        self.assertTrue(self.order_here(order_id))

    def test_a_status_without_an_order_is_said(self):
        raw = self.box.orders[self.place_order((self.products[0], 1, 10.0))]
        del raw["orderId"]
        self.assertIn("orderId: is missing", self.stored("status", "7", raw))

    def test_an_answer_that_is_none_of_ebays_is_said(self):
        for body, words in (
            ([1], "eBay should answer with an object. Check the API URL"),
            ({"orders": 5}, "eBay's list of orders makes no sense. Check the API URL"),
            ({"orders": [5]}, "eBay's list of orders makes no sense. Check the API URL"),
        ):
            with self.subTest(body=body):
                self.box.fail(self.pull_path, status=200, body=body)
                self.pull()
                self.assertIn(words, self.account.last_error)
                self.running().blocked_until = False


@tagged("post_install", "-at_install")
class TestEbayKeyRefusals(EbayWebhookCase, HttpCase):
    """eBay hears nothing of the reason; the log has it."""

    def refused(self):
        raw = json.dumps(self.box.confirmation(self.box.add_order([]))).encode()
        headers = {"Content-Type": "application/json", "X-Ebay-Signature": self.key.header(raw)}
        path = f"/marketplace_integration/webhook/orders/{self.account.webhook_key}"
        answer = self.url_open(path, raw, headers=headers)
        self.finish_requests()
        self.env.invalidate_all()
        self.assertEqual(answer.status_code, 412)
        self.assertFalse(self.inbox())
        return self.logged("webhook_orders")[0].message

    def test_a_key_that_is_just_being_fetched_is_not_asked_for_a_second_time(self):
        with odoo.sql_db.db_connect(self.env.cr.dbname).cursor() as other:
            transaction_lock(other, f"marketplace:ebay-key:{self.account.id}")
            self.assertIn("eBay's key is just being fetched", self.refused())
        self.assertFalse(self.box.calls(KEYS))

    def test_without_client_id_and_secret_no_key_can_be_fetched(self):
        self.account.client_secret = False
        self.env.flush_all()
        self.assertIn("The client ID and secret are empty. Enter them on the account", self.refused())

    def test_a_key_with_a_digest_that_nobody_knows_proves_nothing(self):
        self.key.public = lambda public=self.key.public: {**public(), "digest": "MD5"}
        self.assertIn("eBay's key is of a kind that is not known here", self.refused())
