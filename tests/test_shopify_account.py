# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.exceptions import UserError

from .test_contract_shopify import STATIC_TOKEN, ShopifyCase


class TestShopifyAccount(ShopifyCase):
    def tell(self):
        return self.account.action_test_connection()["params"]

    def test_a_token_that_was_entered_is_used_and_none_is_asked_for(self):
        self.account.write({"auth_token": STATIC_TOKEN, "client_id": False, "client_secret": False})
        asked = len(self.logged("token"))
        self.assertEqual(self.tell()["type"], "success")
        self.assertEqual(len(self.logged("token")), asked)
        self.account.auth_token = "shpat_withdrawn"
        with self.assertRaisesRegex(UserError, "credentials"):
            self.tell()

    def test_without_any_credentials_it_says_what_to_enter(self):
        self.account.write({"client_secret": False})
        with self.assertRaisesRegex(UserError, "client ID and client secret"):
            self.tell()

    def test_wrong_client_credentials_are_said(self):
        self.account.client_secret = "wrong"
        with self.assertRaisesRegex(UserError, "gives no token"):
            self.tell()

    def test_missing_rights_and_another_currency_are_warned_of(self):
        self.box.scopes.remove("write_orders")
        self.box.currency = "KWD"
        told = self.tell()
        self.assertEqual(told["type"], "warning")
        self.assertIn("read_orders, write_orders", told["message"])
        self.assertIn("KWD", told["message"])

    def test_the_only_location_is_chosen_and_of_several_a_person_chooses(self):
        self.assertEqual(self.account.shopify_location_id.name, "Warehouse")
        self.account.shopify_location_id = False
        self.box.locations["655441492"] = "Shop"
        self.assertIn("Choose the location", self.tell()["message"])
        found = self.env["marketplace.shopify.location"].search([("config_id", "=", self.account.id)])
        self.assertEqual(sorted(found.mapped("name")), ["Shop", "Warehouse"])
        self.account.shopify_location_id = found.filtered(lambda location: location.name == "Shop")
        self.box.locations = {"655441492": "Boutique"}
        self.assertEqual(self.tell()["type"], "success")
        self.assertEqual(self.account.shopify_location_id.name, "Boutique")
        self.assertEqual(len(found.exists()), 1)

    def test_stock_waits_for_a_location_and_says_so(self):
        self.account.shopify_location_id = False
        self.list_products()
        self.assertEqual(self.account.state, "paused")
        self.assertIn("location", self.account.pause_reason)

    def test_an_address_without_a_shop_is_said(self):
        self.account.shopify_api_version = "2026-10"
        for status, word in ((404, "API version"), (402, "frozen"), (423, "API version")):
            self.box.fail("#Test", status=status, body={"errors": "Not Found"})
            with self.assertRaisesRegex(UserError, word):
                self.tell()

    def test_settings_stand_on_the_form_of_this_marketplace(self):
        view = self.env.ref("cartona_integration.marketplace_config_view_form").get_combined_arch()
        for name in ("shopify_api_version", "shopify_location_id", "shopify_notify", "shopify_refund"):
            self.assertIn(f'name="{name}"', view)
        self.assertEqual(self.account.cancellation_reason, "OTHER")
