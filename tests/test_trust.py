# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import os
from unittest import mock

from cryptography.fernet import Fernet

from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged

from .. import encryption
from ..transport.address import refuse_private
from ..transport.errors import ConfigurationError
from .common import SECRET, TOKEN, MarketplaceCase
from .test_contract_shopify import STATIC_TOKEN, ShopifyCase

CANARY = {"retailer_name": "Kanarienvogel متجر", "retailer_code": "7700", "retailer_number": "+201077712377"}


def new_key():
    return Fernet.generate_key().decode()


class Keys:
    def with_keys(self, *keys):
        patched = mock.patch.dict(os.environ, {encryption.ENVIRONMENT: ",".join(keys)})
        patched.start()
        self.addCleanup(patched.stop)
        self.env.flush_all()
        self.env.invalidate_all()


@tagged("post_install", "-at_install")
class TestForgetsAll(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.stock_products()
        self.document = self.box_order(
            (self.products[0], 1, 5.0), retailer=CANARY, note_message="Ask for Tweety Bird", status="pending"
        )
        self.pull()
        self.order = self.order_of(self.document)
        self.customer = self.order.partner_id

    def forget(self):
        self.customer.action_marketplace_forget()
        self.env["marketplace.erasure"]._cron_go_on()
        self.env.flush_all()
        self.env.invalidate_all()

    def test_a_number_in_a_waiting_command_is_no_code(self):
        self.env["marketplace.outbox"]._command(self.order, "ship", payload={"picking_id": 977007})
        self.forget()
        command = self.env["marketplace.outbox"].search([("operation", "=", "ship")])
        self.assertEqual(command.payload, {"picking_id": 977007})

    def test_an_excerpt_with_the_name_escaped_goes(self):
        log = self.env["marketplace.sync.log"]
        log._record(
            self.account, {"status": "error", "response": r'{"first_name": "Kanarienvogel \u0645\u062a\u062c\u0631"}'}
        )
        self.forget()
        self.env.cr.execute("SELECT response FROM marketplace_sync_log WHERE response LIKE '%%Kanarien%%'")
        self.assertFalse(self.env.cr.fetchall())

    def test_who_was_never_a_customer_of_a_marketplace_stays(self):
        vendor = self.env["res.partner"].create({"name": "Vendor of ours", "phone": "+20233334444"})
        vendor.message_post(body="Agreed on 30 days")
        groups = "base.group_user,base.group_partner_manager,cartona_integration.group_marketplace_manager"
        user = new_test_user(self.env, "boss-a3", groups)
        with self.assertRaisesRegex(UserError, "nothing to forget"):
            vendor.with_user(user).action_marketplace_forget()
        self.assertEqual(vendor.name, "Vendor of ours")

    def test_the_customers_note_on_the_invoice_goes(self):
        self.products.invoice_policy = "order"
        self.order.order_line.product_id.invoice_policy = "order"
        if self.order.state != "sale":
            self.order.action_confirm()
        invoice = self.order._create_invoices()
        self.assertIn("Tweety", str(invoice.narration))
        self.forget()
        self.assertNotIn("Tweety", str(invoice.narration))

    def test_an_archived_account_with_the_same_credentials_forgets_too(self):
        self.account.supplier_code = "1"
        second = self._create_account(
            name="Second", credentials_id=self.account.id, supplier_code="2", use_cartona_id=False
        )
        self.env["sale.order"].create(
            {"partner_id": self.customer.id, "marketplace_config_id": second.id, "cartona_id": "there"}
        )
        second.active = False
        self.env.flush_all()
        self.env.invalidate_all()
        self.forget()
        self.assertEqual(self.customer.name, "Forgotten customer")


@tagged("post_install", "-at_install")
class TestKeysAreLost(Keys, MarketplaceCase):
    def test_a_lost_token_of_one_account_does_not_keep_others_from_a_new_key(self):
        lost, former, current = new_key(), new_key(), new_key()
        self.with_keys(lost)
        other = self._create_account(name="Abandoned")
        self.env["marketplace.token"].create({"config_id": other.id, "access_token": "x", "refresh_token": "y"})
        self.with_keys(former)
        self.account.auth_token = TOKEN
        self.with_keys(current, former)
        self.assertTrue(self.account._former_secrets())
        self.env["marketplace.config"].apply_doctor_fix("_fix_secrets", self.account.id)
        self.env.flush_all()
        self.assertFalse(self.account._former_secrets())
        self.with_keys(current)
        self.assertEqual(self.account.auth_token, TOKEN)

    def test_all_that_the_form_shows_entered_again_mends_it(self):
        self.with_keys(new_key())
        self.account.write({"auth_token": TOKEN, "webhook_secret": SECRET, "webhook_secret_previous": "former-one"})
        self.with_keys(new_key())
        self.account.write({"auth_token": TOKEN, "webhook_secret": SECRET})
        self.assertFalse(self.account.webhook_secret_previous)  # so the form hides it
        titles = [finding["title"] for finding in self.env["marketplace.config"].get_doctor_findings()]
        self.assertNotIn(f"{self.account.name}: the credentials can't be decrypted.", titles)

    def test_a_number_is_a_token_too(self):
        self.account.auth_token = 12345
        self.assertEqual(self.account.auth_token, "12345")

    def test_the_guard_knows_private_addresses_in_other_clothes(self):
        for ip in ("64:ff9b::a00:1", "2002:a00:1::1", "fec0::1"):
            with self.subTest(ip), self.assertRaises(ConfigurationError):
                refuse_private("evil.example.com", ip)


@tagged("post_install", "-at_install")
class TestKeysAreLostOfAShop(Keys, ShopifyCase):
    def test_a_lost_previous_secret_does_not_stop_a_shop_with_a_token(self):
        self.with_keys(new_key())
        self.account.write(
            {
                "auth_token": STATIC_TOKEN,
                "client_id": False,
                "client_secret": False,
                "webhook_secret": SECRET,
                "webhook_secret_previous": "former-one",
            }
        )
        self.with_keys(new_key())
        self.account.write({"auth_token": STATIC_TOKEN, "webhook_secret": SECRET})
        self.assertEqual(self.account.action_test_connection()["params"]["type"], "success")
