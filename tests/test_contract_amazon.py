# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import fields

from ..marketplaces import amazon
from ..sandbox.amazon import AmazonBox
from .common import SECRET, MarketplaceCase
from .contract import AdapterContract
from .contract_tools import AdapterTools

EG, SA, US = "ARBP9OOSHTCHU", "A17E79C6D8DWNP", "ATVPDKIKX0DER"


class AmazonCase:
    """An account that is live at Amazon in a box."""

    code = "amazon"
    push_path = r"listings/2021-08-01/items/.+/"
    search_path = r"listings/2021-08-01/items/[^/]+$"
    pull_path = r"orders/2026-01-01/orders$"
    ship_path = "shipmentConfirmation"
    secrets = ("amzn-secret-of-the-box", "Atzr|refresh-of-the-box", SECRET)

    def prepare(self):
        # The company of the tests sells in whatever its currency is; Amazon is told a price with its currency.
        usd = self.env.ref("base.USD")
        usd.active = True
        self.pricelist = self.env["product.pricelist"].create({"name": "amazon.com", "currency_id": usd.id})
        super().prepare()

    def _make_box(self):
        return AmazonBox(skus=[self.external_id(product) for product in self.products])

    def _account_values(self):
        return {
            "base_url": self.box.url,
            "token_url": f"{self.box.url}auth/o2/token",
            **self.box.client,
            "refresh_token": self.box.refresh_token,
            "amazon_seller_id": self.box.seller,
            "amazon_marketplace": US,
            "pricelist_id": self.pricelist.id,
            "webhook_secret": SECRET,
            "orders_since": fields.Datetime.now() - timedelta(hours=1),
        }

    def external_id(self, product):
        return f"قهوة/SKU {product.id}"

    def place_order(self, *lines, **values):
        items = [(self.external_id(product), amount, price) for product, amount, price in lines]
        return self.box.add_order(items, **values)

    def expire_tokens(self):
        self.box.tokens.clear()


class AmazonTools(AmazonCase, AdapterTools):
    """What the tests of Amazon's own cases share."""

    product_count = 8

    def listed(self):
        """List all products, and return their listings when what that sends has gone."""
        listings = self.list_products()
        self.settle()
        self.box.clear_journal()
        return listings

    def reprice(self, price=21.5):
        for product in self.products:
            product.list_price = price

    def prices_there(self):
        return [self.box.listings[self.external_id(product)]["price"] for product in self.products]

    def orders_here(self):
        return self.env["sale.order"].search([("marketplace_config_id", "=", self.account.id)])

    def inbox(self):
        return self.env["marketplace.inbox"].search([("config_id", "=", self.account.id)])

    def as_feed(self):
        self.patch(amazon, "FEW", 1)


class TestContractAmazon(AmazonCase, AdapterContract, MarketplaceCase):
    """Amazon stands what every marketplace has to stand."""

    def price_there(self, product):
        return self.box.listings[self.external_id(product)]["price"]

    def quantity_there(self, product):
        return self.box.listings[self.external_id(product)]["quantity"]

    def refuse_product(self, product):
        self.box.refused_skus[self.external_id(product)] = "'[batteries_required]' is required but not supplied."

    def place_strange_order(self):
        return self.place_order((self.products[0], 1, 10.0), status=self.unknown_status)

    def page_size(self):
        self.box.page_size = 5
        return 5

    def cancel_there(self, external_id):
        self.box.change_order(external_id, "CANCELLED")

    def test_an_order_of_which_too_little_can_be_read_is_seen_and_holds_back_no_other(self):
        self.list_products()
        bad, good = (self.place_order((self.products[0], 1, 10.0)) for _number in range(2))
        self.box.orders[bad]["fulfillment"]["fulfillmentStatus"] = ["surprise"]
        self.pull()
        self.assertTrue(self.order_here(good))
        failed = self.env["marketplace.inbox"].search([("config_id", "=", self.account.id), ("state", "=", "failed")])
        self.assertEqual(failed.external_id, bad)
        self.assertIn("fulfillment", failed.last_error)

    def shipments_there(self, external_id):
        return [
            (one["trackingNumber"], {row["orderItemId"]: row["quantity"] for row in one["orderItems"]})
            for one in self.box.shipments.get(external_id, {}).values()
        ]
