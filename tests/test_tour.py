# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.tests import HttpCase, tagged

from .common import MarketplaceCase


@tagged("post_install", "-at_install")
class TestTour(MarketplaceCase, HttpCase):
    def test_a_newcomer_connects_an_account_and_sees_it_on_the_dashboard(self):
        self.account.unlink()
        self.env["ir.default"].set("marketplace.config", "base_url", self.box.url)
        self.start_tour("/web", "cartona_integration_first_account", login="admin", timeout=120)
        account = self.env["marketplace.config"].search([("name", "=", "Cartona of the tour")])
        self.assertEqual(account.state, "live")
        self.assertEqual(self.box.calls("supplier-product$")[0].status, 200)
