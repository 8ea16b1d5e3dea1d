# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from . import (
    test_contract_amazon,
    test_contract_cartona,
    test_contract_ebay,
    test_contract_rest,
    test_contract_shopify,
    test_contract_woocommerce,
)
from .common import MarketplaceCase

# By module, so that their own tests are not found here once more.
CONTRACTS = (
    test_contract_cartona.TestContractCartona,
    test_contract_amazon.TestContractAmazon,
    test_contract_ebay.TestContractEbay,
    test_contract_shopify.TestContractShopify,
    test_contract_woocommerce.TestContractWoocommerce,
    test_contract_rest.TestRestPlain,
    test_contract_rest.TestRestSalla,
    test_contract_rest.TestRestZid,
)

# How a product of each marketplace is given a number that is none.
SPOILED = {
    "cartona": lambda shop, product: shop.box.state.products[shop.external_id(product)].card.update(unit_count="dear"),
    "amazon": lambda shop, product: shop.box.listings[shop.external_id(product)].update(price="dear"),
    "ebay": lambda shop, product: shop.box.offer_of(shop.external_id(product))["pricingSummary"]["price"].update(
        value="dear"
    ),
    "shopify": lambda shop, product: shop.at_box(product).update(price="dear"),
    "woocommerce": lambda shop, product: shop.there[product].update(regular_price="dear"),
    "rest": lambda shop, product: shop.box.products[shop.external_id(product)].update(price="dear"),
}


class TestAllMarketplaces(MarketplaceCase):
    """One supplier, one Odoo, every marketplace at once, all through the same engine."""

    def setUp(self):
        super().setUp()
        dollar = self.env.ref("base.USD")
        dollar.active = True
        self.pricelist = self.env["product.pricelist"].create({"name": "Dollars", "currency_id": dollar.id})
        self.account.active = False  # each marketplace brings its own
        self.shops = [self.open_shop(contract) for contract in CONTRACTS]

    def open_shop(self, contract):
        """Return a marketplace in a box with an account that is live there, as its contract tests make them."""
        shop = contract("test_price_and_stock_reach_the_marketplace")
        shop.env, shop.products, shop.warehouse, shop.registry = self.env, self.products, self.warehouse, self.registry
        shop.pricelist = self.pricelist
        shop.box = shop._make_box()
        shop.box.start()
        self.addCleanup(shop.box.stop)
        shop.account = shop._create_account(name=contract.__name__)
        return shop

    def settle(self):
        self.commit()
        for _try in range(3):
            for shop in self.shops:
                shop.time_passes()

    def test_a_price_a_stock_and_an_order_go_round_at_all_of_them(self):
        first, second = self.products[:2]
        for shop in self.shops:
            self.env["marketplace.listing"].create(
                [
                    {"config_id": shop.account.id, "product_id": product.id, "external_id": shop.external_id(product)}
                    for product in self.products
                ]
            )
        first.list_price = 43.25
        self.set_stock(first, 100)
        self.set_stock(second, 20)
        self.settle()
        for shop in self.shops:
            with self.subTest(shop=shop.account.name):
                shop.assert_there(first, 43.25, 100)
                shop.assert_there(second, second.list_price, 20)
                self.assertEqual(set(shop.account.listing_ids.mapped("state")), {"synced"})

        orders = {shop.account: shop.place_order((first, 3, 43.25)) for shop in self.shops}
        for account, external_id in orders.items():
            account.action_pull_orders()
            self.commit()
            with self.subTest(shop=account.name):
                order = self.env["sale.order"].search(
                    [("marketplace_config_id", "=", account.id), ("cartona_id", "=", external_id)]
                )
                self.assertEqual(len(order), 1)
                self.assertEqual(order.state, "sale", order.marketplace_hold)
                self.assertEqual(order.amount_total, 3 * 43.25)

        # What was sold at one of them is gone at all others.
        self.settle()
        left = 100 - 3 * len(self.shops)
        self.assertEqual(first.free_qty, left)
        for shop in self.shops:
            with self.subTest(shop=shop.account.name):
                shop.assert_there(first, 43.25, left)
                shop.assert_there(second, second.list_price, 20)

    def test_a_product_that_makes_no_sense_is_left_out_and_counted_and_hides_no_other(self):
        bad, *others = self.products
        for shop in self.shops:
            SPOILED[shop.code](shop, bad)
        self.commit()
        for shop in self.shops:
            with self.subTest(shop=shop.account.name):
                found, cursor = [], None
                while not found or cursor:
                    page, cursor = shop.account._api()._list_products(shop.account, cursor)
                    found += [product.external_id for product in page]
                self.assertEqual(sorted(found), sorted(shop.external_id(product) for product in others))
                self.assertEqual(sum(shop.logged("list_products").mapped("failed_count")), 1)
