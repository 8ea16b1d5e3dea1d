# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.exceptions import AccessError

from .common import SECRET, TOKEN, MarketplaceCase


class TestSetup(MarketplaceCase):
    """The way to the first live account, as the form shows it."""

    def draft(self, **values):
        return self.env["marketplace.config"].create({"name": "New", "code": "cartona", **values})

    def test_each_step_comes_after_the_one_before(self):
        account = self.draft()
        self.assertEqual(account.setup_step, "credentials")
        self.assertEqual(account._missing_credentials(), ["API URL", "Token"])
        account.write({"base_url": self.box.url, "auth_token": TOKEN})
        self.assertEqual(account.setup_step, "test")
        account.action_test_connection()
        self.assertEqual(account.setup_step, "match")
        account.action_match_products()
        self.commit()
        account.invalidate_recordset()
        self.assertTrue(account.listing_count)
        self.assertEqual(account.setup_step, "policies")
        account.action_choose_policies()
        self.assertEqual(account.setup_step, "live")
        account.action_go_live()
        self.assertFalse(account.setup_step)

    def test_other_credentials_have_to_be_tested_again(self):
        account = self.draft(base_url=self.box.url, auth_token=TOKEN)
        account.action_test_connection()
        account.auth_token = "another"
        self.assertEqual(account.setup_step, "test")

    def test_an_account_that_is_live_or_paused_is_set_up(self):
        self.assertFalse(self.account.setup_step)
        self.account.action_pause()
        self.assertFalse(self.account.setup_step)

    def test_a_new_secret_leaves_the_former_one_good(self):
        self.account.action_generate_webhook_secret()
        self.assertEqual(self.account.webhook_secret_previous, SECRET)
        self.assertNotEqual(self.account.webhook_secret, SECRET)
        self.assertGreaterEqual(len(self.account.webhook_secret), 32)

    def test_whoever_only_looks_changes_nothing(self):
        looker = self.env["res.users"].create(
            {
                "name": "Looker",
                "login": "looker",
                "groups_id": [(4, self.env.ref("cartona_integration.group_marketplace_user").id)],
            }
        )
        account = self.account.with_user(looker)
        self.assertFalse(account.setup_step)
        for button in ("action_generate_webhook_secret", "action_choose_policies", "action_test_connection"):
            with self.assertRaises(AccessError):
                getattr(account, button)()
