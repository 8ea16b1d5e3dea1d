# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.exceptions import ValidationError

from ..sandbox.ebay import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, EbayBox
from .common import MarketplaceCase
from .contract import AdapterContract
from .contract_tools import AdapterTools

VERIFICATION = "verification-token-of-the-tests-0123456789"


class EbayMarket:
    """An account that is live at an eBay in a box."""

    code = "ebay"
    push_path = "bulk_update"
    pull_path = "v1/order$"
    ship_path = "shipping_fulfillment"
    secrets = (CLIENT_SECRET, REFRESH_TOKEN, VERIFICATION)

    def _make_box(self):
        rows = [{"sku": self.external_id(product), "title": product.name} for product in self.products]
        return EbayBox(products=rows, currency=self.env.company.currency_id.name, page=12)

    def _account_values(self):
        return {
            "base_url": self.box.url,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "refresh_token": REFRESH_TOKEN,
            "webhook_secret": VERIFICATION,
            "ebay_marketplace": "EBAY_US",
        }

    def external_id(self, product):
        return f"{product.default_code}/أ 1" if product == self.products[3] else product.default_code

    def place_order(self, *lines, **values):
        rows = [(self.external_id(product), quantity, price) for product, quantity, price in lines]
        return self.box.add_order(rows, **values)["orderId"]

    def price_there(self, product):
        return float(self.box.offer_of(self.external_id(product))["pricingSummary"]["price"]["value"])

    def quantity_there(self, product):
        return self.box.shown(self.external_id(product))


class EbayTools(EbayMarket, AdapterTools):
    """What the tests of eBay's own cases share."""


class TestContractEbay(EbayTools, AdapterContract, MarketplaceCase):
    """eBay stands what every marketplace has to stand."""

    def refuse_product(self, product):
        self.box.refused[self.external_id(product)] = (400, "25759", "The quantity is less than the auction has.")

    def place_strange_order(self):
        return self.place_order((self.products[0], 1, 10.0), orderFulfillmentStatus=self.unknown_status)

    def expire_tokens(self):
        self.box.expire_tokens()

    def page_size(self):
        return self.box.page

    def cancel_there(self, external_id):
        self.box.cancel_order(external_id)

    def shipments_there(self, external_id):
        return [
            (one["fulfillmentId"], {row["lineItemId"]: row["quantity"] for row in one["lineItems"]})
            for one in self.box.fulfilments[external_id]
        ]

    def signed(self, body, secret=None, **values):
        """Signed with eBay's key, unless a secret is named: then by somebody else, in the name of that key."""
        self.key = getattr(self, "key", None) or self.box.add_key()
        if not secret:
            return {"x-ebay-signature": self.key.header(body)}
        forger = type(self.key)()
        forger.kid = self.key.kid
        return {"X-EBAY-SIGNATURE": forger.header(body)}

    # ------------------------------------------------------------------ account

    def test_missing_scopes_are_named(self):
        self.box.scopes.discard("sell.fulfillment")
        found = self.account._api()._test_connection(self.account)
        self.assertIn("sell.fulfillment", found["warnings"][0])
        self.assertEqual(found["name"], "Warehouse 1")
        shown = self.account.action_test_connection()["params"]
        self.assertEqual(shown["type"], "warning")
        self.assertIn("sell.fulfillment", shown["message"])

    def test_no_more_is_sent_than_ebay_takes_in_one_call(self):
        self.account.batch_size = 1
        with self.assertRaises(ValidationError):
            self.account.batch_size = 26
