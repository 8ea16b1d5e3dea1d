# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from ..marketplaces import shopify_documents as documents
from ..marketplaces import shopify_forms as forms
from ..sandbox.shopify import FIRST_ID, ShopifyBox, delivery
from .common import SECRET, MarketplaceCase
from .contract import AdapterContract

CLIENT = ("client-of-the-tests", "client-secret-of-the-tests")
STATIC_TOKEN = "shpat_token-of-the-tests"
VARIANT = FIRST_ID + 10**9


class ShopifyCase(MarketplaceCase):
    code = "shopify"

    def _make_box(self):
        box = ShopifyBox(STATIC_TOKEN, CLIENT, currency=self.env.company.currency_id.name)
        for product in self.products:
            box.add_variant(self.external_id(product), product.default_code, product.name)
        return box

    def _account_values(self):
        return {"base_url": self.box.root, "client_id": CLIENT[0], "client_secret": CLIENT[1], "webhook_secret": SECRET}

    def _create_account(self, **values):
        account = AdapterContract._create_account(self, **values)
        account.action_test_connection()  # it finds the one location there is
        return account

    def external_id(self, product):
        return str(VARIANT + product.id)

    def at_box(self, product):
        return self.box.variants[self.external_id(product)]

    def place_order(self, *lines, **values):
        return self.box.add_order(*[(self.external_id(product), *rest) for product, *rest in lines], **values)


class TestContractShopify(AdapterContract, ShopifyCase):
    """Shopify stands what every marketplace has to stand."""

    code = "shopify"
    push_path = "#Set"
    pull_path = "#Orders?$"
    ship_path = "#Fulfill$"
    secrets = (CLIENT[1], SECRET)

    _make_box = ShopifyCase._make_box
    _account_values = ShopifyCase._account_values
    _create_account = ShopifyCase._create_account
    external_id = ShopifyCase.external_id
    place_order = ShopifyCase.place_order

    def price_there(self, product):
        return float(self.at_box(product)["price"])

    def quantity_there(self, product):
        return sum(self.at_box(product)["stock"].values())

    def refuse_product(self, product):
        self.box.refused.add(self.external_id(product))

    def place_strange_order(self):
        return self.place_order((self.products[0], 1, 10.0), displayFinancialStatus=self.unknown_status)

    def expire_tokens(self):
        self.box.expire_tokens()

    def page_size(self):
        return documents.ORDERS_PAGE

    def cancel_there(self, external_id):
        self.box.cancel(external_id)

    def shipments_there(self, external_id):
        return [
            (
                row["trackingInfo"][0]["number"],
                {forms.tail(item, "lineItem", "id"): item["quantity"] for item in row["fulfillmentLineItems"]},
            )
            for row in self.box.orders[external_id]["fulfillments"]
        ]

    def signed(self, body, secret=SECRET, **values):
        return delivery("orders/create", body, secret, **values)[0]
