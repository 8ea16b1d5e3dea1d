# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.tests import HttpCase, new_test_user, tagged

from ..models.marketplace_config import MANAGER
from .common import SECRET, MarketplaceCase


@tagged("post_install", "-at_install")
class TestSetupTour(MarketplaceCase, HttpCase):
    def prepare(self):
        super().prepare()
        new_test_user(self.env, "marketmanager", password="marketmanager", groups=MANAGER)

    def walk(self, tour, account=""):
        action = self.env.ref("cartona_integration.marketplace_config_action").id
        menu = self.env.ref("cartona_integration.menu_marketplace").id
        address = f"/web#action={action}&menu_id={menu}&model=marketplace.config&view_type=form&id={account}"
        self.start_tour(address, tour, login="marketmanager", timeout=120)

    def test_the_set_up_can_be_left_and_taken_up_again(self):
        self.account.unlink()
        self.env["ir.default"].set("marketplace.config", "base_url", self.box.url)
        self.walk("cartona_integration_setup")
        account = self.env["marketplace.config"].search([("name", "=", "Cartona of the guide")])
        self.assertEqual(account.condition, "live")
        self.assertTrue(account.policies_chosen)

    def test_a_secret_is_made_and_the_account_paused_and_resumed(self):
        self.walk("cartona_integration_secret", self.account.id)
        self.account.invalidate_recordset()
        self.assertEqual(self.account.webhook_secret_previous, SECRET)
        self.assertNotEqual(self.account.webhook_secret, SECRET)
        self.assertEqual(self.account.condition, "live")

    def test_a_token_that_is_there_is_replaced(self):
        self.walk("cartona_integration_token", self.account.id)
        self.account.invalidate_recordset()
        self.assertEqual((self.account.auth_token, self.account.name), ("token-of-tomorrow", "Cartona of today"))
