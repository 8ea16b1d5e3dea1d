# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.exceptions import UserError

from ..marketplaces import woocommerce, woocommerce_walk
from ..sandbox.woocommerce import WooCommerceBox
from .common import SECRET, MarketplaceCase
from .contract import AdapterContract

KEY, CONSUMER_SECRET = "ck_of_the_tests", "cs_of_the_tests"
PAGE = 100
# More than a float can tell apart.
FIRST_ID = 2**53 + 1


class WoocommerceBase:
    """A shop in a box, and how to ask it."""

    code = "woocommerce"
    push_path = r"batch"
    pull_path = r"orders$"
    ship_path = r"notes$"
    secrets = (CONSUMER_SECRET, SECRET)
    status_when_left = "delivered"

    @property
    def api(self):
        return self.account._api()

    def _make_box(self):
        box = WooCommerceBox(
            key=KEY, secret=CONSUMER_SECRET, first_id=FIRST_ID, currency=self.env.company.currency_id.name
        )
        parent = box.add_product(name="Shirt")
        self.there = {}
        for index, product in enumerate(self.products):
            # The last one is a variation: each behaves like the others.
            last = index == len(self.products) - 1
            self.there[product] = box.add_product(product.default_code, product.name, parent=parent if last else None)
        return box

    def _account_values(self):
        return {
            "base_url": self.box.root,
            "client_id": KEY,
            "client_secret": CONSUMER_SECRET,
            "webhook_secret": SECRET,
        }

    def external_id(self, product):
        return str(self.there[product]["id"])

    def price_there(self, product):
        return float(self.there[product]["regular_price"])

    def quantity_there(self, product):
        return self.there[product]["stock_quantity"]

    def refuse_product(self, product):
        self.box.refused.add(self.there[product]["id"])

    def place_order(self, *lines, **values):
        return str(self.box.add_order(*[(self.there[line[0]], *line[1:]) for line in lines], **values)["id"])

    def place_strange_order(self):
        return self.place_order((self.products[0], 1, 10.0), status=self.unknown_status)

    def cancel_there(self, external_id):
        self.box.change_order(self.box.orders[int(external_id)], status="cancelled")

    def signed(self, body, secret=SECRET, **values):
        return self.box.sign(body, secret)

    def shipments_there(self, external_id):
        return [self.shipment(external_id, note["note"]) for note in reversed(self.box.notes.get(int(external_id), []))]

    def shipment(self, external_id, note):
        """Return what a note tells of a delivery: ``(tracking number, {line id: quantity})``."""
        _reference, held = note.split(": ", 1)
        held, how = held.rsplit(". ", 1)
        ids = {line["name"]: str(line["id"]) for line in self.box.orders[int(external_id)]["line_items"]}
        parts = [part.split(" × ") for part in held.split(", ")]
        return how.split()[1], {ids[name]: float(quantity) for quantity, name in parts}


class TestContractWoocommerce(WoocommerceBase, AdapterContract, MarketplaceCase):
    """WooCommerce stands what every marketplace has to stand, and what is its own."""

    def page_size(self):
        for module in (woocommerce, woocommerce_walk):
            self.patch(module, "PAGE", 5)
        return 5

    # ------------------------------------------------------------------ account

    def test_the_shop_address_and_the_address_of_its_api_both_do(self):
        for url in ("", "/", "/wp-json", "/wp-json/", "/wp-json/wc/v3", "/wp-json/wc/v3/"):
            with self.subTest(url=url):
                self.account.base_url = self.box.root + url
                self.assertEqual(self.api._test_connection(self.account)["name"], "shop.example.com")

    def test_a_key_that_may_not_see_the_settings_is_good_enough(self):
        self.box.settings = False
        self.assertEqual(self.api._test_connection(self.account)["name"], "127.0.0.1")

    def test_a_key_that_may_only_read_is_told(self):
        self.box.may_write = False
        with self.assertRaisesRegex(UserError, "Read/Write"):
            self.account.action_test_connection()

    def test_another_currency_is_told(self):
        self.box.currency = "EUR"
        told = self.account.action_test_connection()["params"]
        self.assertEqual(told["type"], "warning")
        self.assertIn("EUR", told["message"])

    def test_an_address_without_woocommerce_is_a_setting_to_correct(self):
        self.box.fail("system_status", status=404, body={"code": "rest_no_route", "message": "No route was found"})
        with self.assertRaisesRegex(UserError, "Check the API URL"):
            self.account.action_test_connection()

    def test_keys_have_to_be_entered(self):
        self.account.client_secret = " "
        with self.assertRaisesRegex(UserError, "consumer secret"):
            self.account.action_test_connection()
