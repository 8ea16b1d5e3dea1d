# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import gzip
import json
from datetime import datetime, timedelta
from unittest import skipUnless

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import HttpCase

from ..marketplaces import shopify, shopify_webhooks
from ..marketplaces import shopify_documents as documents
from ..marketplaces import shopify_forms as forms
from ..sandbox.shopify import FIRST_ID, ShopifyBox, delivery
from ..schemas import Package
from ..transport import errors
from .common import SECRET, MarketplaceCase, specs_folder
from .contract import AdapterContract

try:
    import graphql
except ImportError:
    graphql = None

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


class TestShopifyAccount(ShopifyCase):
    def tell(self):
        return self.account.action_test_connection()["params"]

    def test_a_token_that_was_entered_is_used_and_none_is_asked_for(self):
        self.account.write({"auth_token": STATIC_TOKEN, "client_id": False, "client_secret": False})
        asked = len(self.logged("token"))
        self.assertEqual(self.tell()["type"], "success")
        self.assertEqual(len(self.logged("token")), asked)
        self.account.auth_token = "shpat_withdrawn"
        with self.assertRaisesRegex(UserError, "credentials"):
            self.tell()

    def test_without_any_credentials_it_says_what_to_enter(self):
        self.account.write({"client_secret": False})
        with self.assertRaisesRegex(UserError, "client ID and client secret"):
            self.tell()

    def test_wrong_client_credentials_are_said(self):
        self.account.client_secret = "wrong"
        with self.assertRaisesRegex(UserError, "gives no token"):
            self.tell()

    def test_missing_rights_and_another_currency_are_warned_of(self):
        self.box.scopes.remove("write_orders")
        self.box.currency = "KWD"
        told = self.tell()
        self.assertEqual(told["type"], "warning")
        self.assertIn("read_orders, write_orders", told["message"])
        self.assertIn("KWD", told["message"])

    def test_the_only_location_is_chosen_and_of_several_a_person_chooses(self):
        self.assertEqual(self.account.shopify_location_id.name, "Warehouse")
        self.account.shopify_location_id = False
        self.box.locations["655441492"] = "Shop"
        self.assertIn("Choose the location", self.tell()["message"])
        found = self.env["marketplace.shopify.location"].search([("config_id", "=", self.account.id)])
        self.assertEqual(sorted(found.mapped("name")), ["Shop", "Warehouse"])
        self.account.shopify_location_id = found.filtered(lambda location: location.name == "Shop")
        self.box.locations = {"655441492": "Boutique"}
        self.assertEqual(self.tell()["type"], "success")
        self.assertEqual(self.account.shopify_location_id.name, "Boutique")
        self.assertEqual(len(found.exists()), 1)

    def test_stock_waits_for_a_location_and_says_so(self):
        self.account.shopify_location_id = False
        self.list_products()
        self.assertEqual(self.account.state, "paused")
        self.assertIn("location", self.account.pause_reason)

    def test_an_address_without_a_shop_is_said(self):
        self.account.shopify_api_version = "2026-10"
        for status, word in ((404, "API version"), (402, "frozen"), (423, "API version")):
            self.box.fail("#Test", status=status, body={"errors": "Not Found"})
            with self.assertRaisesRegex(UserError, word):
                self.tell()

    def test_settings_stand_on_the_form_of_this_marketplace(self):
        view = self.env.ref("cartona_integration.marketplace_config_view_form").get_combined_arch()
        for name in ("shopify_api_version", "shopify_location_id", "shopify_notify", "shopify_refund"):
            self.assertIn(f'name="{name}"', view)
        self.assertEqual(self.account.cancellation_reason, "OTHER")


class TestShopifyOffers(ShopifyCase):
    def setUp(self):
        super().setUp()
        self.list_products()
        self.commit()

    def sent(self, operation):
        return [entry.body["variables"] for entry in self.box.calls(f"#{operation}$")]

    def settle(self):
        self.commit()
        for _try in range(3):
            self.env["marketplace.listing"].search([("config_id", "=", self.account.id)]).next_attempt = False
            self.running().blocked_until = False
            self.sweep()

    def test_each_version_is_told_stock_in_its_own_words(self):
        for number, version in enumerate(("2025-10", "2026-01", "2026-04", "2026-07", "2026-10"), start=1):
            with self.subTest(version):
                self.account.shopify_api_version = version
                self.box.clear_journal()
                self.set_stock(self.products[0], number)
                self.commit()
                self.assertEqual(self.at_box(self.products[0])["stock"], {"655441491": number})
                given = self.sent("SetQuantities")[-1]
                old = version in ("2025-10", "2026-01")
                self.assertEqual("ignoreCompareQuantity" in given["input"], old)
                self.assertEqual("key" in given, not old)
                row = given["input"]["quantities"][0]
                self.assertEqual("changeFromQuantity" in row and row["changeFromQuantity"] is None, not old)

    def test_the_same_stock_twice_is_told_twice_under_two_keys(self):
        for quantity in (5, 6, 5):
            self.set_stock(self.products[0], quantity)
            self.commit()
        self.assertEqual(self.at_box(self.products[0])["stock"], {"655441491": 5})

    def test_variants_of_one_product_go_in_one_call(self):
        for product in self.products[:3]:
            self.at_box(product)["product"] = "632910392"
        self.account.listing_ids.remote = False
        self.box.clear_journal()
        for number, product in enumerate(self.products):
            product.list_price = 50.0 + number
        self.commit()
        sizes = sorted(len(given["variants"]) for given in self.sent("SetPrices"))
        self.assertEqual(sizes, [1, 3])
        self.assertEqual(
            [self.at_box(product)["price"] for product in self.products], ["50.00", "51.00", "52.00", "53.00"]
        )

    def test_prices_have_the_decimals_of_their_currency(self):
        api = self.account._api()
        for name, written in (("JPY", "1500"), ("USD", "1500.50"), ("KWD", "1500.500")):
            currency = self.env["res.currency"].with_context(active_test=False).search([("name", "=", name)])
            self.account.pricelist_id = self.env["product.pricelist"].create({"name": name, "currency_id": currency.id})
            data = {"external_id": "1", "remote": {"product": "2"}, "price": 1500.0 if name == "JPY" else 1500.5}
            self.assertEqual(api._serialize_product(self.account, data)["variant"]["price"], written)

    def test_what_is_without_end_is_the_most_that_shopify_knows(self):
        service = self.env["product.product"].create({"name": "Service", "type": "service"})
        self.box.add_variant(self.external_id(service))
        self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": service.id, "external_id": self.external_id(service)}
        )
        self.commit()
        self.assertEqual(self.at_box(service)["stock"], {"655441491": 1_000_000_000})

    def test_a_product_that_was_made_anew_is_looked_up_again(self):
        self.at_box(self.products[0]).update(product="632910399", item="808950899")
        self.products[0].list_price = 42.0
        self.set_stock(self.products[0], 4)
        self.settle()
        there = self.at_box(self.products[0])
        self.assertEqual((there["price"], there["stock"]), ("42.00", {"655441491": 4}))
        listing = self.account.listing_ids.filtered(lambda one: one.product_id == self.products[0])
        self.assertEqual((listing.state, listing.remote["product"]), ("synced", "632910399"))

    def test_a_refusal_names_its_row_and_the_others_are_sent_again(self):
        self.box.refused.add(self.external_id(self.products[1]))
        self.box.clear_journal()
        for product in self.products[:3]:
            self.set_stock(product, 8)
        self.commit()
        self.assertEqual([len(given["input"]["quantities"]) for given in self.sent("SetQuantities")], [3, 2])
        states = {listing.product_id: (listing.state, listing.error_code) for listing in self.account.listing_ids}
        self.assertEqual(states[self.products[1]], ("failed", "INVALID_QUANTITY_TOO_HIGH"))
        self.assertEqual(states[self.products[2]][0], "synced")

    def test_having_asked_too_much_waits_as_long_as_the_points_take(self):
        self.box.points, self.box.restore_rate = 0, 2
        self.box.PRICE_COST = 100
        self.products[0].list_price = 42.0
        self.commit()
        listing = self.account.listing_ids.filtered(lambda one: one.product_id == self.products[0])
        wait = self.running().blocked_until - fields.Datetime.now()
        self.assertTrue(timedelta(seconds=45) <= wait <= timedelta(seconds=50), wait)
        self.assertEqual((listing.attempts, self.account.state), (0, "live"))
        self.box.points = None
        self.settle()
        self.assertEqual(self.at_box(self.products[0])["price"], "42.00")

    def test_what_was_not_tried_because_of_the_limit_is_no_failed_attempt(self):
        self.box.points = 10  # the first call alone
        for product in self.products[:2]:
            product.list_price = 43.0
        self.commit()
        waiting = self.account.listing_ids.filtered(lambda listing: listing.state == "waiting")
        self.assertEqual((len(waiting), waiting.attempts), (1, 0))
        self.box.points = None
        self.settle()
        self.assertEqual([self.at_box(product)["price"] for product in self.products[:2]], ["43.00", "43.00"])

    def test_250_pairs_go_in_one_call_and_one_more_in_a_second(self):
        api, rows = self.account._api(), []
        for number in range(251):
            variant = self.box.add_variant(str(10**6 + number))
            remote = {"product": variant["product"], "inventory_item": variant["item"]}
            row = {"external_id": variant["id"], "remote": remote, "quantity": 3, "listing_id": number}
            rows.append({**row, "wire": api._serialize_product(self.account, row)})
        self.box.clear_journal()
        results = api._push_offers(self.account, rows)
        self.assertEqual({result.outcome for result in results}, {"accepted"})
        self.assertEqual([len(given["input"]["quantities"]) for given in self.sent("SetQuantities")], [250, 1])

    def test_many_prices_go_in_several_pushes(self):
        api, rows = self.account._api(), []
        for number in range(52):
            variant = self.box.add_variant(str(10**6 + number))
            remote = {"product": variant["product"], "inventory_item": variant["item"]}
            row = {"external_id": variant["id"], "remote": remote, "price": 3.0, "listing_id": number}
            rows.append({**row, "wire": api._serialize_product(self.account, row)})
        outcomes = [result.outcome for result in api._push_offers(self.account, rows)]
        self.assertEqual((outcomes.count("accepted"), outcomes.count("wait")), (50, 2))

    def test_the_catalogue_is_read_page_by_page_with_the_stock_of_the_location(self):
        for number in range(documents.CATALOGUE_PAGE):
            self.box.add_variant(str(10**6 + number), f"SKU/{number} ع")
        self.at_box(self.products[0])["stock"] = {"655441491": 7, "655441499": 100}
        api = self.account._api()
        first, cursor = api._list_products(self.account)
        second, end = api._list_products(self.account, cursor)
        self.assertEqual((len(first), len(second), end), (documents.CATALOGUE_PAGE, len(self.products), None))
        found = {product.external_id: product for product in second}[self.external_id(self.products[0])]
        self.assertEqual((found.quantity, found.sku), (7.0, self.products[0].default_code))
        self.assertEqual(first[0].sku, "SKU/0 ع")


class TestShopifyOrders(ShopifyCase):
    def setUp(self):
        super().setUp()
        self.list_products()
        self.commit()

    def order_here(self, external_id):
        return AdapterContract.order_here(self, external_id)

    def pulled(self, external_id):
        self.pull()
        order = self.order_here(external_id)
        self.assertTrue(order)
        return order

    def line(self, product, *args, **values):
        return self.box.line(self.external_id(product), *args, **values)

    def assert_proven(self, order):
        self.assertFalse(order.marketplace_hold)
        self.assertAlmostEqual(order.amount_total, order.marketplace_total, 2)

    # ------------------------------------------------------------------ sums

    def test_discounts_taxes_and_shipping_come_to_the_total(self):
        for included in (True, False):
            with self.subTest(taxes_included=included):
                order = self.pulled(
                    self.box.add_order(
                        self.line(self.products[0], 3, "19.99", discount="9.00", tax="7.14"),
                        self.line(self.products[1], 7, "10.00", discount="0.01", tax="9.80"),
                        shippingLines=[self.box.shipping("5.50", tax="0.77")],
                        taxesIncluded=included,
                        totalTipReceivedSet=self.box.money("2.00"),
                        currentTotalDutiesSet=self.box.money("1.25"),
                    )
                )
                self.assert_proven(order)
                self.assertAlmostEqual(order.amount_total, 129.71 if included else 147.42, 2)
                shipping = order.order_line.filtered(lambda line: line.name == "Standard")
                self.assertEqual(shipping.price_unit, 5.5 if included else 6.27)

    def test_taxes_that_odoo_adds_itself_are_not_in_the_prices(self):
        tax = self.env["account.tax"].create({"name": "14%", "amount": 14.0, "amount_type": "percent"})
        self.products[0].taxes_id = tax
        self.account.tax_policy = "product"
        order = self.pulled(
            self.box.add_order(self.line(self.products[0], 2, "50.00", tax="14.00"), taxesIncluded=False)
        )
        self.assertEqual(order.order_line.price_unit, 50.0)
        self.assert_proven(order)

    def test_a_sum_that_the_units_do_not_divide_is_two_lines_a_cent_apart(self):
        order = self.pulled(self.box.add_order(self.line(self.products[0], 100, "1.00", discount="0.34")))
        self.assertEqual(
            [(line.product_uom_qty, line.price_unit) for line in order.order_line], [(34.0, 0.99), (66.0, 1.0)]
        )
        self.assert_proven(order)

    def test_what_an_edit_took_off_takes_its_share_of_discounts_and_taxes(self):
        row = self.line(self.products[0], 4, "10.00", discount="4.00", tax="5.04")
        gone = self.line(self.products[1], 1, "10.00")
        self.account.confirm_policy = "never"
        external_id = self.box.add_order(row, gone, taxesIncluded=False)
        self.assertEqual(self.pulled(external_id).order_line.mapped("product_uom_qty"), [4.0, 1.0])
        row["currentQuantity"], gone["currentQuantity"] = 3, 0
        self.box.touch(external_id)
        order = self.pulled(external_id)
        self.assertEqual(order.order_line.mapped("product_uom_qty"), [3.0])
        self.assertAlmostEqual(order.amount_total, 30.78, 2)
        self.assert_proven(order)

    def test_amounts_are_the_shops_and_have_the_decimals_of_its_currency(self):
        for code, digits, amount in (("JPY", 0, "1500.0"), ("USD", 2, "10.05"), ("KWD", 3, "1.235")):
            with self.subTest(code):
                raw = self.raw(self.box.line("5", 1, amount), currencyCode=code)
                order = forms.order_of(raw, digits, True)
                self.assertEqual((order.currency, order.lines[0].price_unit), (code, float(amount)))
                self.assertEqual(order.total, float(amount))

    def raw(self, *lines, **values):
        external_id = self.box.add_order(*lines, **values)
        return self.account._api()._fetch_order(self.account, external_id)

    def test_cents_that_rounding_leaves_over_do_not_hold_an_order(self):
        lines = [self.line(self.products[0], 1, "3.335"), self.line(self.products[1], 1, "3.335")]
        external_id = self.box.add_order(*lines)
        self.box.orders[external_id]["currentTotalPriceSet"] = self.box.money("6.67")
        order = self.pulled(external_id)
        self.assert_proven(order)
        self.assertAlmostEqual(order.amount_total, 6.67, 2)

    def test_a_sum_that_is_really_wrong_is_still_seen(self):
        external_id = self.place_order((self.products[0], 2, "10.00"))
        self.box.orders[external_id]["currentTotalPriceSet"] = self.box.money("12.00")
        self.assertIn("20.00", self.pulled(external_id).marketplace_hold)

    # ------------------------------------------------------------------ who and what

    def test_a_guest_without_address_phone_or_name_is_no_obstacle(self):
        order = self.pulled(self.place_order((self.products[0], 1, "10.00"), customer=False))
        self.assertTrue(order.partner_id.name)
        self.assertEqual(order.state, "sale")

    def test_customers_that_the_app_may_not_see_do_not_hold_back_their_orders(self):
        self.box.hidden = True
        self.assertEqual(self.pulled(self.place_order((self.products[0], 1, "10.00"))).state, "sale")

    def test_the_address_is_taken_over_and_the_order_named_as_there(self):
        order = self.pulled(
            self.place_order((self.products[0], 1, "10.00"), email="mona@example.com", note="Ring twice")
        )
        place = order.partner_shipping_id
        self.assertEqual((place.street, place.city, place.zip), ("12 شارع النيل", "Cairo", "11511"))
        self.assertEqual((place.country_id.code, order.partner_id.name), ("EG", "Mona Adel"))
        self.assertTrue(order.client_order_ref.startswith("#"))
        self.assertIn("Ring twice", order.note)

    def test_ids_that_no_float_holds_are_kept_exactly(self):
        external_id = self.place_order((self.products[0], 1, "10.00"))
        order = self.pulled(external_id)
        self.assertGreater(int(external_id), 2**53)
        self.assertNotEqual(int(float(external_id)), int(external_id))
        row = self.box.orders[external_id]["lineItems"][0]
        self.assertEqual(order.cartona_id, external_id)
        self.assertEqual(order.order_line.cartona_line_id, forms.tail(row, "id"))

    def test_a_line_without_variant_is_found_by_its_sku_and_without_both_holds_the_order(self):
        by_sku = self.box.line(None, 1, "10.00", sku=self.products[0].default_code)
        self.assertEqual(self.pulled(self.box.add_order(by_sku)).order_line.product_id, self.products[0])
        nothing = self.box.line(None, 1, "10.00", sku=None)
        self.assertTrue(self.pulled(self.box.add_order(nothing)).marketplace_hold)

    def test_all_lines_of_a_long_order_come_in(self):
        rows = [self.line(self.products[number % 4], 1, "1.00") for number in range(73)]
        order = self.pulled(self.box.add_order(*rows))
        self.assertEqual(len(order.order_line), 73)
        self.assert_proven(order)

    # ------------------------------------------------------------------ statuses

    def test_payment_and_fulfilment_make_the_status(self):
        cases = {
            ("PENDING", "UNFULFILLED"): "pending",
            ("PARTIALLY_PAID", "UNFULFILLED"): "pending",
            ("EXPIRED", "UNFULFILLED"): "pending",
            ("VOIDED", "UNFULFILLED"): "pending",
            ("AUTHORIZED", "UNFULFILLED"): "approved",
            ("PAID", "PARTIALLY_FULFILLED"): "approved",
            ("PAID", "FULFILLMENT_NOT_REQUIRED"): "approved",
            ("PARTIALLY_REFUNDED", "ON_HOLD"): "approved",
            ("REFUNDED", "UNFULFILLED"): "cancelled",
            ("REFUNDED", "PARTIALLY_FULFILLED"): "cancelled",
            ("REFUNDED", "FULFILLED"): "shipped",
            ("PAID", "FULFILLED"): "shipped",
            ("PENDING", "FULFILLED"): "shipped",
            ("TELEPORTED", "UNFULFILLED"): "pending",
            (None, "BEAMED"): "pending",
        }
        for (payment, fulfilment), status in cases.items():
            with self.subTest(payment=payment, fulfilment=fulfilment):
                raw = self.raw(
                    self.line(self.products[0], 1, "1.00"),
                    displayFinancialStatus=payment,
                    displayFulfillmentStatus=fulfilment,
                    returnStatus="SOMETHING_NEW",
                )
                self.assertEqual(forms.status_of(raw), status)

    def test_an_order_of_which_nothing_is_left_was_sent_back_or_called_off(self):
        for sent, status in (("FULFILLED", "returned"), ("UNFULFILLED", "cancelled")):
            raw = self.raw(
                self.line(self.products[0], 2, "1.00", currentQuantity=0),
                displayFinancialStatus="REFUNDED",
                displayFulfillmentStatus=sent,
            )
            order = self.account._api()._parse_order(self.account, raw)
            self.assertEqual((order.status, order.lines[0].quantity, order.total), (status, 2.0, 0.0))

    def test_what_is_not_paid_yet_waits_and_what_was_paid_back_is_not_delivered(self):
        unpaid = self.place_order((self.products[0], 1, "10.00"), displayFinancialStatus="PENDING")
        paid_back = self.place_order((self.products[0], 1, "10.00"), displayFinancialStatus="REFUNDED")
        self.pull()
        states = [AdapterContract.order_here(self, external_id).state for external_id in (unpaid, paid_back)]
        self.assertEqual(states, ["draft", "cancel"])
        self.box.touch(unpaid, displayFinancialStatus="PAID")
        self.pull()
        self.assertEqual(AdapterContract.order_here(self, unpaid).state, "sale")

    def test_an_older_version_does_not_win(self):
        external_id = self.place_order((self.products[0], 1, "10.00"))
        old = self.account._api()._fetch_order(self.account, external_id)
        self.box.touch(external_id, note="newer")
        self.pull()
        self.env["marketplace.inbox"]._store([(self.account, "order", external_id, old)], "webhook")
        row = self.env["marketplace.inbox"].search([("external_id", "=", external_id)], limit=1)
        self.assertTrue(row.stale)

    # ------------------------------------------------------------------ pulling

    def test_the_next_pull_begins_with_an_overlap_by_the_shops_clock(self):
        self.place_order((self.products[0], 1, "10.00"))
        self.box._clock += timedelta(hours=3)  # the shop's clock is ahead of ours
        external_id = self.place_order((self.products[0], 1, "10.00"))
        self.pull()
        since = json.loads(self.running().order_cursor)["since"]
        newest = self.box.orders[external_id]["updatedAt"]
        gap = datetime.fromisoformat(newest[:19]) - datetime.fromisoformat(since[:19])
        self.assertEqual(gap, timedelta(minutes=5))
        self.pull()
        self.assertEqual(len(self.order_here(external_id)), 1)

    def test_an_order_that_changes_while_pages_are_read_is_not_passed_over(self):
        ids = [self.place_order((self.products[0], 1, "10.00")) for _n in range(documents.ORDERS_PAGE + 2)]
        api = self.account._api()
        page = api._pull_orders(self.account)
        self.assertTrue(page.more)
        self.box.touch(ids[0], note="changed meanwhile")
        rest = api._pull_orders(self.account, page.cursor)
        self.assertFalse(rest.more)
        found = [api._identify(self.account, raw)[0] for raw in page.documents + rest.documents]
        self.assertEqual((set(found), found.count(ids[0])), (set(ids), 2))

    def test_a_very_long_search_is_begun_anew(self):
        ids = [self.place_order((self.products[0], 1, "10.00")) for _n in range(3 * documents.ORDERS_PAGE)]
        self.patch(type(self.account._api()), "_pages_of_search", 2)
        self.pull()
        found = self.env["sale.order"].search([("marketplace_config_id", "=", self.account.id)])
        self.assertEqual(set(found.mapped("cartona_id")), set(ids))
        self.assertIn(None, [entry.body["variables"]["after"] for entry in self.box.calls("#Orders$")][1:])

    def test_orders_of_before_the_account_are_asked_for_only_if_wanted(self):
        self.account.orders_since = fields.Datetime.now() + timedelta(days=1)
        self.place_order((self.products[0], 1, "10.00"))
        self.pull()
        self.assertFalse(self.env["sale.order"].search([("marketplace_config_id", "=", self.account.id)]))

    # ------------------------------------------------------------------ cancelling

    def test_an_order_cancelled_here_is_cancelled_there_with_its_reason(self):
        for reason, told in (("INVENTORY", "INVENTORY"), (False, "OTHER")):
            external_id = self.place_order((self.products[0], 1, "10.00"))
            order = self.pulled(external_id)
            order.marketplace_cancel_reason = reason
            order._action_cancel()
            self.commit()
            there = self.box.orders[external_id]
            self.assertEqual((there["cancelReason"], there["displayFinancialStatus"]), (told, "PAID"))
            self.assertEqual(order.marketplace_status, "cancelled")

    def test_money_goes_back_only_where_the_account_says_so(self):
        self.account.shopify_refund = True
        external_id = self.place_order((self.products[0], 1, "10.00"))
        self.pulled(external_id)._action_cancel()
        self.commit()
        self.assertEqual(self.box.orders[external_id]["displayFinancialStatus"], "REFUNDED")

    def test_cancelling_what_is_cancelled_there_already_is_no_failure(self):
        external_id = self.place_order((self.products[0], 1, "10.00"))
        order = self.pulled(external_id)
        self.box.cancel(external_id)
        order._action_cancel()
        self.commit()
        self.assertFalse(self.env["marketplace.outbox"].search([("order_id", "=", order.id)]))

    def test_a_cancellation_that_is_refused_stands_there_with_the_reason(self):
        external_id = self.place_order((self.products[0], 1, "10.00"))
        order = self.pulled(external_id)
        self.box.orders[external_id]["fulfillments"].append({"status": "SUCCESS"})
        order._action_cancel()
        self.commit()
        command = self.env["marketplace.outbox"].search([("order_id", "=", order.id)])
        self.assertEqual((command.state, command.error_code), ("failed", "INVALID"))
        self.assertIn("has fulfillments", command.last_error)


class TestShopifyDeliveries(ShopifyCase):
    def setUp(self):
        super().setUp()
        self.list_products()
        self.commit()
        self.api = self.account._api()

    def order(self, *quantities):
        lines = [(product, quantity, "10.00") for product, quantity in zip(self.products, quantities, strict=False)]
        external_id = self.place_order(*lines)
        return external_id, [forms.tail(row, "id") for row in self.box.orders[external_id]["lineItems"]]

    def ship(self, external_id, lines, tracking="1Z1", **values):
        package = Package("WH/OUT/1", lines, "Aramex", tracking, "https://example.com/1Z1", **values)
        return self.api._ship(self.account, external_id, package)

    def held(self, external_id):
        return [
            {forms.tail(item, "lineItem", "id"): item["quantity"] for item in row["fulfillmentLineItems"]}
            for row in self.box.orders[external_id]["fulfillments"]
        ]

    def test_a_repeated_delivery_is_known_by_its_tracking_number(self):
        external_id, (first, second) = self.order(2, 3)
        for repeated in (False, True, False):
            result = self.ship(external_id, [(first, 1.0), (second, 3.0)], repeated=repeated)
            self.assertEqual(result.outcome, "accepted")
        self.assertEqual(self.held(external_id), [{first: 1, second: 3}])

    def test_without_a_tracking_number_it_is_known_by_what_it_holds(self):
        external_id, (first, second) = self.order(4, 1)
        self.ship(external_id, [(first, 2.0)], "")
        self.ship(external_id, [(first, 2.0)], "", repeated=True)
        self.assertEqual(self.held(external_id), [{first: 2}])
        self.ship(external_id, [(first, 2.0)], "")
        self.assertEqual(self.held(external_id), [{first: 2}, {first: 2}])

    def test_two_deliveries_may_share_a_tracking_number(self):
        external_id, (first, second) = self.order(2, 3)
        self.ship(external_id, [(first, 2.0)])
        self.ship(external_id, [(second, 3.0)])
        self.assertEqual(self.held(external_id), [{first: 2}, {second: 3}])

    def test_what_somebody_has_fulfilled_there_already_is_accepted(self):
        external_id, (first,) = self.order(2)
        self.ship(external_id, [(first, 2.0)], "by hand")
        self.assertEqual(self.ship(external_id, [(first, 2.0)], "1Z9").outcome, "accepted")
        self.assertEqual(len(self.held(external_id)), 1)

    def test_what_shopify_holds_back_is_refused_and_not_taken_for_told(self):
        external_id, (first,) = self.order(2)
        for status in ("ON_HOLD", "SCHEDULED"):
            self.box.orders[external_id]["fulfillmentOrders"][0]["status"] = status
            result = self.ship(external_id, [(first, 2.0)])
            self.assertEqual(result.outcome, "rejected", status)
            self.assertIn("hold", result.message)
        self.box.orders[external_id]["fulfillmentOrders"][0]["status"] = "OPEN"
        self.assertEqual(self.ship(external_id, [(first, 2.0)]).outcome, "accepted")
        self.assertEqual(self.held(external_id), [{first: 2}])

    def test_more_than_is_left_there_is_refused_with_the_reason(self):
        external_id, (first,) = self.order(3)
        self.ship(external_id, [(first, 2.0)], "A")
        result = self.ship(external_id, [(first, 2.0)], "B")
        self.assertEqual(result.outcome, "rejected")
        self.assertIn("less of this order left", result.message)
        self.assertEqual(len(self.held(external_id)), 1)

    def test_what_leaves_from_two_locations_is_a_fulfilment_each_and_a_half_told_one_is_completed(self):
        external_id, (first, second) = self.order(2, 3)
        order = self.box.orders[external_id]
        items = order["fulfillmentOrders"][0]["lineItems"]
        other = self.box._fulfillment_order([], "655441492")
        other["lineItems"] = [items.pop()]
        order["fulfillmentOrders"].append(other)
        self.box.fail("#Fulfill$", skip=1, status=503)
        with self.assertRaises(errors.TemporaryFailure):
            self.ship(external_id, [(first, 2.0), (second, 3.0)])
        self.assertEqual(self.ship(external_id, [(first, 2.0), (second, 3.0)], repeated=True).outcome, "accepted")
        self.assertEqual(self.held(external_id), [{first: 2}, {second: 3}])

    def test_the_parts_of_a_line_are_one_line_there(self):
        external_id, (first,) = self.order(5)
        self.ship(external_id, [(first, 2.0), (f"{first}:2", 3.0)])
        self.assertEqual(self.held(external_id), [{first: 5}])

    def test_half_a_unit_is_told_by_a_person(self):
        external_id, (first,) = self.order(5)
        self.assertEqual(self.ship(external_id, [(first, 0.5)]).outcome, "rejected")

    def test_an_order_that_is_gone_is_said(self):
        with self.assertRaisesRegex(errors.RequestRejected, "no such order"):
            self.ship("1", [("2", 1.0)])

    def test_customers_are_written_to_by_the_accounts_setting(self):
        for notify in (True, False):
            self.account.shopify_notify = notify
            external_id, (first,) = self.order(1)
            self.ship(external_id, [(first, 1.0)])
            gid = self.box.orders[external_id]["id"]
            self.assertEqual(gid in self.box.mail, notify)

    def test_a_long_order_is_fulfilled_whole(self):
        rows = [self.box.line(self.external_id(self.products[0]), 1, "1.00") for _n in range(45)]
        external_id = self.box.add_order(*rows)
        lines = [(forms.tail(row, "id"), 1.0) for row in rows]
        self.assertEqual(self.ship(external_id, lines).outcome, "accepted")
        self.assertEqual(self.ship(external_id, lines, repeated=True).outcome, "accepted")
        self.assertEqual([len(held) for held in self.held(external_id)], [45])


class TestShopifyWebhooks(ShopifyCase, HttpCase):
    def setUp(self):
        super().setUp()
        self.list_products()
        self.commit()

    def deliver(self, topic, payload, secret=SECRET, key=None, **values):
        headers, body = delivery(topic, payload, secret, **values)
        path = f"/marketplace_integration/webhook/orders/{self.account.webhook_key}"
        answer = self.url_open(path, data=body, headers=headers)
        self.finish_requests()
        return answer

    def placed(self):
        external_id = self.place_order((self.products[0], 2, "10.00"))
        return external_id, {"id": int(external_id), "updated_at": self.box.orders[external_id]["updatedAt"]}

    def order_here(self, external_id):
        self.env.invalidate_all()
        return AdapterContract.order_here(self, external_id)

    def test_a_delivery_has_the_order_fetched_under_both_spellings_of_its_headers(self):
        for prefix in ("X-", ""):
            external_id, payload = self.placed()
            answer = self.deliver("orders/create", payload, webhook_id=f"id{prefix}", prefix=prefix)
            self.assertEqual((answer.status_code, answer.json()["new"]), (200, 1), answer.text)
            self.sweep()  # the wake may still be on its way
            self.assertEqual(self.order_here(external_id).state, "sale")
            self.assertFalse(self.box.calls("#Orders$"))

    def test_a_copy_of_a_delivery_is_no_news(self):
        _external_id, payload = self.placed()
        self.assertEqual(self.deliver("orders/updated", payload, webhook_id="one").json()["new"], 1)
        self.assertEqual(self.deliver("orders/updated", payload, webhook_id="one").json()["new"], 0)

    def test_what_is_stored_of_a_delivery_tells_nothing_of_its_customer(self):
        _external_id, payload = self.placed()
        self.deliver("orders/create", {**payload, "email": "mona@example.com", "customer": {"phone": "0100"}})
        row = self.env["marketplace.inbox"].search([("config_id", "=", self.account.id), ("kind", "=", "notice")])
        self.assertEqual(set(json.loads(row.payload)), {"topic", "id", "delivery"})

    def test_forged_altered_and_unsigned_deliveries_are_refused(self):
        _external_id, payload = self.placed()
        self.assertEqual(self.deliver("orders/create", payload, secret="of somebody else").status_code, 401)
        headers, body = delivery("orders/create", payload, SECRET)
        path = f"/marketplace_integration/webhook/orders/{self.account.webhook_key}"
        self.assertEqual(self.url_open(path, data=body + b" ", headers=headers).status_code, 401)
        self.assertEqual(self.url_open(path, data=body, headers={"Content-Type": "application/json"}).status_code, 401)

    def test_the_client_secret_signs_where_no_other_was_entered_also_while_it_changes(self):
        self.account.webhook_secret = False
        self.assertEqual(self.deliver("shop/update", {}, secret=CLIENT[1]).status_code, 200)
        self.assertEqual(self.deliver("shop/update", {}, secret=SECRET).status_code, 401)
        self.account.webhook_secret_previous = SECRET
        self.assertEqual(self.deliver("shop/update", {}, secret=SECRET).status_code, 200)
        self.account.write({"client_secret": False, "webhook_secret_previous": False})
        self.assertEqual(self.deliver("shop/update", {}, secret="").status_code, 401)

    def test_the_test_route_tells_by_which_secret(self):
        self.account.write({"webhook_secret": False, "webhook_secret_previous": SECRET})
        _external_id, payload = self.placed()
        path = f"/marketplace_integration/webhook/test/{self.account.webhook_key}"
        for secret, name in ((CLIENT[1], "current"), (SECRET, "previous")):
            headers, body = delivery("orders/create", payload, secret)
            seen = self.url_open(path, data=body, headers=headers).json()
            self.assertEqual((seen["secret"], seen["received"]), (name, 1))

    def test_a_known_signature_of_others_is_accepted(self):
        body = b'{"id":1234567890,"email":"customer@example.com","total_price":"123.45"}'
        self.account.webhook_secret = "test-webhook-secret"
        headers = {"X-Shopify-Hmac-SHA256": "QNyObTlKbMx2qDlPF/ZOZcBqg5OgPg+2oky3zldc0Gw="}
        self.account._api()._verify_webhook(self.account, headers, body, 0.0)

    def test_a_cancellation_arrives(self):
        external_id, payload = self.placed()
        self.pull()
        self.box.cancel(external_id)
        self.deliver("orders/cancelled", payload)
        self.sweep()
        self.assertEqual(self.order_here(external_id).state, "cancel")

    def test_strange_deliveries_are_answered_and_harm_nothing(self):
        for topic, payload, status in (
            ("themes/publish", {"id": 1}, 200),
            ("orders/create", [], 400),
            ("orders/create", {"id": "../../1"}, 400),
            ("orders/create", {}, 400),
            ("", {"id": 1}, 400),
        ):
            with self.subTest(topic=topic, payload=payload):
                answer = self.deliver(topic, payload)
                self.assertEqual(answer.status_code, status, answer.text)
        self.assertFalse(self.env["marketplace.inbox"].search([("config_id", "=", self.account.id)]))

    def test_a_notice_of_an_order_that_is_gone_is_done(self):
        self.deliver("orders/delete", {"id": 77})
        self.sweep()
        row = self.env["marketplace.inbox"].search([("external_id", "=", "77")])
        self.assertEqual(row.state, "done")

    def test_an_app_that_was_uninstalled_pauses_the_account(self):
        self.account._api()._access_token(self.account)
        self.deliver("app/uninstalled", {"id": 690933842}, webhook_id="first")
        self.sweep()
        self.assertEqual(self.account.state, "live", "it still is installed: the shop says so itself")
        self.box.expire_tokens()
        self.box.client = ("", "")
        self.deliver("app/uninstalled", {"id": 690933842, "again": 1}, webhook_id="second")
        self.sweep()
        self.env.invalidate_all()
        self.assertEqual(self.account.state, "paused")
        self.assertTrue(self.account.activity_ids)

    def test_a_customer_whom_shopify_asks_to_forget_is_forgotten(self):
        there = self.box.customer()
        for number in range(2):  # who was forgotten may come again, and ask again
            external_id = self.place_order((self.products[0], 1, "10.00"))
            self.box.touch(external_id, customer=there)
            self.pull()
            customer = self.order_here(external_id).partner_id
            self.assertIn("Mona", customer.name)
            redaction = {"shop_id": 1, "customer": {"id": int(forms.tail(there, "id"))}, "orders_to_redact": []}
            self.deliver("customers/redact", redaction, webhook_id=f"redact {number}")
            self.sweep()
            self.env.invalidate_all()
            self.assertNotIn("Mona", customer.name)

    def test_webhooks_are_created_repaired_and_left_alone(self):
        def told():
            return self.account.action_register_webhooks()["params"]["message"]

        self.assertIn("4 created, 0 repaired, 0 as", told())
        rows = {row["topic"]: row for row in self.box.webhooks.values()}
        self.assertEqual({row["uri"] for row in rows.values()}, {self.account.webhook_url})
        self.assertIn("0 created, 0 repaired, 4 as", told())
        rows["ORDERS_CREATE"]["uri"] = f"https://old.example.com/x/{self.account.webhook_key}"
        rows["ORDERS_UPDATED"]["includeFields"] = []
        self.box.webhooks.pop(rows["APP_UNINSTALLED"]["id"])
        foreign = {
            "id": "gid://shopify/WebhookSubscription/1",
            "topic": "ORDERS_CREATE",
            "uri": "https://other.example",
        }
        self.box.webhooks[foreign["id"]] = {**foreign, "format": "JSON", "includeFields": []}
        self.assertIn("1 created, 2 repaired, 1 as", told())
        self.assertEqual(self.box.webhooks[foreign["id"]]["uri"], "https://other.example")
        self.assertEqual(rows["ORDERS_CREATE"]["uri"], self.account.webhook_url)

    def test_an_address_that_shopify_does_not_take_is_said(self):
        self.env["ir.config_parameter"].set_param("web.base.url", "http://shop.example.com")
        self.account.invalidate_recordset()
        with self.assertRaisesRegex(UserError, "not https"):
            self.account.action_register_webhooks()


class TestShopifySchemas(ShopifyCase):
    """What is sent and read, against what Shopify publishes."""

    def schemas(self):
        found = sorted(specs_folder("shopify").glob("admin_*.json.gz"))
        self.assertTrue(found)
        for path in found:
            model = json.loads(gzip.decompress(path.read_bytes()))
            yield path.name[6:13], graphql.build_client_schema(model.get("data", model), assume_valid=True)

    @skipUnless(graphql, "graphql-core is not installed")
    def test_every_query_and_mutation_is_one_of_shopifys(self):
        checked = 0
        for version, schema in self.schemas():
            for text in documents.all_documents():
                if text == documents.SET_QUANTITIES_OLD and version not in documents.OLD_VERSIONS:
                    continue
                with self.subTest(version=version, document=documents.operation_name(text)):
                    self.assertFalse(graphql.validate(schema, graphql.parse(text)))
                    checked += 1
        self.assertGreater(checked, 15)

    @skipUnless(graphql, "graphql-core is not installed")
    def test_the_variables_that_were_really_sent_are_what_shopify_takes(self):
        schemas = dict(self.schemas())
        self.drive_everything()
        seen = set()
        for entry in self.box.calls("graphql.json"):
            body = entry.body
            for version, schema in schemas.items():
                operation = graphql.parse(body["query"]).definitions[0]
                with self.subTest(version=version, operation=body["operationName"]):
                    found = graphql.execution.values.get_variable_values(
                        schema, operation.variable_definitions or [], body["variables"]
                    )
                    self.assertIsInstance(found, dict, found)
            seen.add(body["operationName"])
        self.assertLessEqual({documents.operation_name(text) for text in documents.all_documents()} - seen, {"More"})

    def drive_everything(self):
        api = self.account._api()
        self.list_products()
        self.account.action_test_connection()
        api._fetch_order(self.account, "app/uninstalled")
        api._locate_products(self.account, [self.external_id(self.products[0])])
        self.products[0].list_price = 12.5
        self.set_stock(self.products[0], 5)
        self.commit()
        api._list_products(self.account)
        external_id = self.place_order((self.products[0], 1, "10.00"))
        self.pull()
        raw = api._fetch_order(self.account, external_id)
        lines = [(line.external_id, line.quantity) for line in api._parse_order(self.account, raw).lines]
        api._ship(self.account, external_id, Package("WH/OUT/1", lines, "Aramex", "1Z1", "https://example.com/1Z1"))
        for _try in range(2):
            other = self.place_order((self.products[0], 1, "10.00"))
        for _try in range(2):
            api._push_order_status(self.account, other, "cancelled", {"reason": "INVENTORY"})
        api._register_webhooks(self.account)
        next(iter(self.box.webhooks.values()))["uri"] += f"/x/{self.account.webhook_key}"
        api._register_webhooks(self.account)

    @skipUnless(graphql, "graphql-core is not installed")
    def test_the_words_we_know_are_shopifys(self):
        for _version, schema in self.schemas():
            words = {name: set(kind.values) for name, kind in schema.type_map.items() if hasattr(kind, "values")}
            self.assertLessEqual(set(forms.STATUS_BY_PAYMENT), words["OrderDisplayFinancialStatus"])
            self.assertIn(forms.SHIPPED, words["OrderDisplayFulfillmentStatus"])
            self.assertLessEqual(set(forms.SENT_BACK), words["OrderReturnStatus"])
            self.assertEqual(set(shopify.REASONS), words["OrderCancelReason"])
            self.assertLessEqual(set(shopify_webhooks.TOPICS), words["WebhookSubscriptionTopic"])

    def test_what_is_read_of_a_webhook_stands_in_shopifys_own_schemas(self):
        folder = specs_folder("shopify") / "webhook-schemas-2025-10"
        for topic in ("create", "updated", "cancelled"):
            model = json.loads((folder / f"orders_{topic}.schema.json").read_text())
            for name in shopify_webhooks.TOPICS[f"ORDERS_{topic.upper()}"]:
                self.assertIn(name, model["properties"])
            self.assertIn("integer", model["properties"]["id"]["type"])
