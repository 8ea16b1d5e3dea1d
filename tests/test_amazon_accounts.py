# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.exceptions import UserError, ValidationError

from ..marketplaces.amazon_marketplaces import BY_ID, MARKETPLACES, REGIONS
from .common import MarketplaceCase
from .test_contract_amazon import EG, SA, US, AmazonTools


class TestAmazonAccounts(AmazonTools, MarketplaceCase):
    def test_the_table_of_marketplaces_makes_sense(self):
        self.assertEqual(len(BY_ID), len(MARKETPLACES))
        self.assertLessEqual({row.region for row in MARKETPLACES}, set(REGIONS))
        self.assertEqual((BY_ID[EG].currency, BY_ID[SA].currency, BY_ID[US].region), ("EGP", "SAR", "na"))

    def test_the_marketplace_decides_where_amazon_answers(self):
        config = self.env["marketplace.config"].new({"code": "amazon", "amazon_marketplace": US})
        config._onchange_code()
        config._onchange_amazon_marketplace()
        self.assertEqual((config.amazon_region, config.base_url), ("na", REGIONS["na"][1]))

    def test_a_marketplace_where_the_seller_is_not_is_said_with_those_where_he_is(self):
        self.box.participating = {SA}
        with self.assertRaisesRegex(UserError, "amazon.com, but at: Amazon A17E"):
            self.account.action_test_connection()

    def test_what_is_missing_on_the_account_is_said(self):
        for values, words in (
            ({"amazon_seller_id": False}, "seller ID"),
            ({"amazon_marketplace": False}, "marketplace"),
            ({"refresh_token": False}, "refresh token"),
        ):
            with self.subTest(words), self.cr.savepoint() as savepoint:
                self.account.write(values)
                self.env.flush_all()
                with self.assertRaisesRegex(UserError, words):
                    self.account.action_test_connection()
                savepoint.rollback()
                self.env.invalidate_all()

    def sibling(self, **values):
        return self._create_account(
            name="Amazon too", credentials_id=self.account.id, base_url=False, refresh_token=False, **values
        )

    def test_accounts_of_several_marketplaces_share_one_pull_and_get_each_its_orders(self):
        self.account.supplier_code = "US"
        canada = self.sibling(amazon_marketplace="A2EUQ1WTGCTBG2", supplier_code="CA", sync_price=False)
        product = self.products[0]
        self.env["marketplace.listing"].create(
            {"config_id": canada.id, "product_id": product.id, "external_id": self.external_id(product)}
        )
        self.list_products()
        here = self.place_order((self.products[0], 1, 10.0))
        there = self.place_order((self.products[0], 1, 10.0))
        self.box.orders[there]["salesChannel"]["marketplaceId"] = "A2EUQ1WTGCTBG2"
        self.pull()
        self.assertEqual(len(self.box.calls(self.pull_path)), 1)
        found = self.env["sale.order"].search([("cartona_id", "in", [here, there])])
        self.assertEqual(
            {order.cartona_id: order.marketplace_config_id for order in found}, {here: self.account, there: canada}
        )

    def test_accounts_that_share_credentials_sell_in_one_region_and_not_twice_in_one_place(self):
        self.account.supplier_code = "US"
        for marketplace in (EG, US):
            with self.assertRaises(ValidationError):
                self.sibling(amazon_marketplace=marketplace, supplier_code="2")

    def test_old_documents_forget_who_ordered(self):
        self.list_products()
        self.place_order((self.products[0], 1, 10.0))
        self.pull()
        document = self.inbox()
        self.assertIn("Buyer 1", str(document.payload))
        document._redact()
        for word in ("Buyer 1", "Nile Street", "marketplace.amazon"):
            self.assertNotIn(word, str(document.payload))
