# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from .common import MarketplaceCase


class TestAccountChanges(MarketplaceCase):
    """What follows when settings change that an adapter brings along."""

    def token(self):
        self.account.tested_at = "2026-01-01"
        return self.env["marketplace.token"].create({"config_id": self.account.id, "access_token": "for-a-day"})

    def test_settings_of_adapters_that_say_whose_shop_it_is_send_everything(self):
        for values in (
            {"amazon_seller_id": "A1"},
            {"amazon_marketplace": "ARBP9OOSHTCHU"},
            {"ebay_marketplace": "EBAY_DE"},
            {"rest_token_2": "x"},
        ):
            with self.subTest(values=values):
                self.account.place_since = False
                self.account.write(values)
                self.assertTrue(self.account.place_since)

    def test_what_tokens_are_asked_for_with_makes_the_former_ones_worthless(self):
        for values in ({"client_secret": "x"}, {"base_url": "http://127.0.0.1:1"}, {"rest_scope": "orders"}):
            with self.subTest(values=values):
                token = self.token()
                self.account.write(values)
                self.assertFalse(token.exists())
                self.assertFalse(self.account.tested_at)

    def test_another_name_keeps_the_tokens_and_the_place(self):
        token, since = self.token(), self.account.place_since
        self.account.write({"name": "Renamed", "timeout": 7})
        self.assertTrue(token.exists())
        self.assertTrue(self.account.tested_at)
        self.assertEqual(self.account.place_since, since)
