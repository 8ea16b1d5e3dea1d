# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import inspect
import json
import re
from datetime import timedelta

from odoo.exceptions import UserError, ValidationError
from odoo.tests import BaseCase, HttpCase, tagged

from ..marketplaces import woocommerce_forms as forms
from ..sandbox.woocommerce import ADDRESS, WooCommerceBox
from ..schemas import UNLIMITED
from ..transport import errors
from .common import SECRET, MarketplaceCase, specs_folder
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
        self.box.currency = "XTS"
        told = self.account.action_test_connection()["params"]
        self.assertEqual(told["type"], "warning")
        self.assertIn("XTS", told["message"])

    def test_an_address_without_woocommerce_is_a_setting_to_correct(self):
        self.box.fail("system_status", status=404, body={"code": "rest_no_route", "message": "No route was found"})
        with self.assertRaisesRegex(UserError, "Check the API URL"):
            self.account.action_test_connection()

    def test_keys_have_to_be_entered(self):
        self.account.client_secret = " "
        with self.assertRaisesRegex(UserError, "consumer secret"):
            self.account.action_test_connection()

    # ------------------------------------------------------------------ products

    def test_the_catalogue_is_read_with_all_variations(self):
        parent = self.box.add_product(name="Trousers", type="variable")
        for n in range(PAGE + 1):
            attributes = [{"name": "Size", "option": f"{n} &amp; more"}]
            self.box.add_product(f"T-{n}", "Trousers", parent=parent, attributes=attributes)
        self.box.add_product("SET", "Set", type="grouped")
        for n in range(PAGE):
            self.box.add_product(f"P-{n}", "Piece", manage_stock=True, stock_quantity=n, price="12.50")
        found = self.catalogue()
        self.assertEqual(len(found), len(self.products) + PAGE + 1 + PAGE)
        self.assertEqual(len({product.external_id for product in found}), len(found))
        by_sku = {product.sku: product for product in found}
        self.assertNotIn("SET", by_sku)
        shirt, piece = by_sku[self.products[-1].default_code], by_sku["P-7"]
        self.assertEqual(shirt.remote, {"parent": self.there[self.products[-1]]["parent_id"]})
        self.assertEqual(by_sku["T-3"].name, "Trousers (3 & more)")
        self.assertEqual(
            (piece.price, piece.quantity, piece.published, piece.remote), (12.5, 7, True, {"parent": None})
        )

    def catalogue(self):
        found, cursor = [], None
        while True:
            page, cursor = self.api._list_products(self.account, cursor)
            found += page
            if not cursor:
                return found

    def test_variations_entered_by_hand_are_found_under_their_products(self):
        for count in (3, 30):
            with self.subTest(count=count):
                parent = self.box.add_product(name="Trousers", type="variable")
                ids = [str(self.box.add_product(parent=parent)["id"]) for _n in range(count)]
                self.box.clear_journal()
                located = self.api._locate_products(self.account, [*ids, self.external_id(self.products[0]), "77", "x"])
                expected = dict.fromkeys(ids, {"parent": parent["id"]})
                self.assertEqual(located, {**expected, self.external_id(self.products[0]): {"parent": None}})
                self.assertLess(len(self.box.calls()), 10)

    def test_a_hundred_go_in_one_call_and_one_more_in_another(self):
        wanted = [self.row(self.box.add_product()) for _n in range(101)]
        with self.assertRaisesRegex(errors.InvalidResponse, "each row"):
            self.box.fail("batch", body={"update": []}, status=200)
            self.api._push_offers(self.account, wanted[:2])
        self.box.clear_journal()
        results = self.api._push_offers(self.account, wanted)
        self.assertEqual({result.outcome for result in results}, {"accepted"})
        self.assertEqual([len(call.body["update"]) for call in self.box.calls("batch")], [101, 50, 51])

    def row(self, product, **wire):
        wire = {"id": product["id"], "regular_price": "5.00", **wire}
        return {"listing_id": product["id"], "remote": {"parent": product["parent_id"] or None}, "wire": wire}

    def test_variations_of_several_products_go_by_product_and_an_outage_in_between_forgets_none(self):
        parents = [self.box.add_product(name=str(n)) for n in range(3)]
        rows = [self.row(self.box.add_product(parent=parent)) for parent in (*parents, *parents)]
        self.box.fail(f"{parents[1]['id']}/variations", status=503, retry_after="7")
        results = self.api._push_offers(self.account, rows)
        self.assertEqual([result.outcome for result in results], ["accepted", "wait", "wait"] * 2)
        self.assertEqual(results[1].after, 7)
        results = self.api._push_offers(self.account, rows)
        self.assertEqual({result.outcome for result in results}, {"accepted"})

    def test_a_product_that_became_a_variation_is_found_again(self):
        listings = self.list_products()
        self.settle()
        parent = self.box.add_product(name="Coat", type="variable")
        there = self.there[self.products[0]]
        there.update(parent_id=parent["id"], type="variation")
        parent["variations"].append(there["id"])
        self.change_offer(self.products[0])
        self.settle()
        self.assert_there(self.products[0])
        self.assertEqual(listings[0].remote, {"parent": parent["id"]})

    def test_a_shop_that_keeps_no_stock_is_told_instead_of_selling_what_is_not_there(self):
        self.box.keeps_stock = False
        self.list_products()
        self.change_offer(self.products[0])
        self.settle()
        listing = self.account.listing_ids.filtered(lambda one: one.product_id == self.products[0])
        self.assertEqual(listing.state, "failed")
        self.assertIn("stock management", listing.last_error)

    def test_a_variable_product_has_no_price_of_its_own(self):
        parent = self.box.add_product(name="Coat", type="variable", price="")
        results = self.api._push_offers(self.account, [self.row(parent)])
        self.assertEqual((results[0].outcome, results[0].code), ("rejected", "price"))

    def test_prices_are_texts_with_the_decimals_of_the_currency(self):
        for currency, price in (("JPY", "1235"), ("USD", "1234.50"), ("KWD", "1234.500")):
            with self.subTest(currency=currency):
                self.account.pricelist_id = self.pricelist(currency)
                wire = self.api._serialize_product(self.account, {"external_id": "5", "price": 1234.5})
                self.assertEqual(wire["regular_price"], price if currency != "JPY" else f"{1234.5:.0f}")

    def pricelist(self, name):
        currency = self.env["res.currency"].with_context(active_test=False).search([("name", "=", name)])
        currency.active = True
        return self.env["product.pricelist"].create({"name": name, "currency_id": currency.id})

    def test_the_sale_price_is_left_alone_and_what_odoo_keeps_no_stock_of_is_not_managed(self):
        wire = self.api._serialize_product(
            self.account, {"external_id": "5", "price": 3.0, "quantity": UNLIMITED, "published": False}
        )
        self.assertEqual(
            wire,
            {"id": 5, "regular_price": "3.00", "manage_stock": False, "stock_status": "instock", "status": "private"},
        )

    # ------------------------------------------------------------------ orders: the walk

    def pulled(self, cursor=None, between=None):
        """Walk to the end; return the ids in the order they came, and the cursor. ``between`` happens after a page."""
        ids, pages = [], 0
        while True:
            page = self.api._pull_orders(self.account, cursor)
            ids += [raw["id"] for raw in page.documents]
            cursor, pages = page.cursor, pages + 1
            if not page.more:
                return ids, cursor
            if between:
                between(pages)

    def orders(self, count, **values):
        return [self.box.add_order((self.there[self.products[0]], 1, 10.0), **values) for _n in range(count)]

    def test_orders_that_are_deleted_while_pages_are_read_hide_no_other(self):
        orders = self.orders(2 * PAGE + 20)

        def between(pages):
            if pages == 1:
                for order in orders[: PAGE // 2]:
                    self.box.remove_order(order)

        ids, _cursor = self.pulled(between=between)
        self.assertEqual(set(ids), {order["id"] for order in orders})

    def test_an_order_that_changes_while_pages_are_read_comes_with_the_next_walk(self):
        old = self.box.add_order((self.there[self.products[0]], 1, 10.0), date_modified_gmt="2020-01-01T00:00:00")
        orders = self.orders(PAGE + 20)

        def between(pages):
            if pages == 1:
                self.box.change_order(old, status="completed")

        ids, cursor = self.pulled(between=between)
        self.assertNotIn(old["id"], ids)
        self.assertEqual(set(ids), {order["id"] for order in orders})
        self.assertIn(old["id"], self.pulled(cursor)[0])

    def test_the_next_walk_begins_by_the_clock_of_the_shop_and_never_earlier_than_the_last(self):
        for ahead in (timedelta(hours=-3), timedelta(hours=3)):
            with self.subTest(ahead=ahead):
                self.box.clock = ahead
                self.account.orders_since = "2020-01-01 00:00:00"
                order = self.orders(1)[0]
                cursor = self.pulled()[1]
                since = json.loads(cursor)["since"]
                self.assertLess(since, order["date_modified_gmt"])
                self.assertGreater(since, "2020-01-02")
                self.assertEqual(json.loads(self.pulled(cursor)[1])["since"], since)
                late = self.orders(1)[0]
                self.assertIn(late["id"], self.pulled(cursor)[0])

    def test_without_a_time_to_begin_with_it_is_when_the_account_went_live(self):
        self.orders(1, date_modified_gmt="2020-01-01T00:00:00")
        new = self.orders(1)
        self.assertTrue(self.account.orders_since)
        self.account.orders_since -= timedelta(seconds=5)
        self.assertEqual(self.pulled()[0], [new[0]["id"]])

    def test_a_checkout_that_was_never_sent_is_no_order(self):
        self.orders(1, status="checkout-draft")
        self.assertEqual(self.pulled()[0], [])

    # ------------------------------------------------------------------ orders: what they say

    def taken(self, **values):
        self.list_products()
        external_id = self.place_order((self.products[0], 2, 10.0), **values)
        self.pull()
        return self.order_here(external_id)

    def test_what_is_not_paid_is_not_confirmed_until_it_is(self):
        self.list_products()
        for status in ("pending", "on-hold", "failed"):
            with self.subTest(status=status):
                external_id = self.place_order((self.products[0], 2, 10.0), status=status, date_paid_gmt=None)
                self.pull()
                order = self.order_here(external_id)
                self.assertEqual((order.state, order.marketplace_status), ("draft", "pending"))
                self.box.change_order(self.box.orders[int(order.cartona_id)], status="processing")
                self.pull()
                self.assertEqual((order.state, order.marketplace_status), ("sale", "approved"))
        self.settle()
        self.assertFalse(self.box.calls("orders/", "PUT"))

    def test_own_statuses_mean_what_the_account_says(self):
        self.account.woocommerce_statuses = " packed = approved , wc-courier=shipped"
        order = self.taken(status="packed")
        self.assertEqual((order.state, order.marketplace_status), ("sale", "approved"))
        with self.assertRaises(ValidationError):
            self.account.woocommerce_statuses = "packed=gone"

    def test_what_is_paid_is_not_collected_again(self):
        self.assertEqual(self.taken().marketplace_to_collect, 0.0)
        external_id = self.place_order((self.products[0], 2, 10.0), payment_method="cod", date_paid_gmt=None)
        self.pull()
        self.assertEqual(self.order_here(external_id).marketplace_to_collect, 20.0)

    def test_coupons_fees_and_delivery_come_to_the_total_of_the_shop(self):
        self.list_products()
        order = self.box.add_order((self.there[self.products[0]], 3, 10.0), delivery=7.5)
        order["line_items"][0].update(total="24.00", total_tax="0.00")
        order["coupon_lines"] = [{"id": 1, "code": "SAVE", "discount": "6.00", "discount_tax": "0.00"}]
        order["fee_lines"] = [{"id": 2**60, "name": "Gift wrap", "total": "1.25", "total_tax": "0.00"}]
        order["total"] = "32.75"
        self.pull()
        here = self.order_here(str(order["id"]))
        self.assertFalse(here.marketplace_hold)
        self.assertEqual(here.amount_total, 32.75)
        line = here.order_line[0]
        self.assertEqual((line.price_unit, line.marketplace_supplier_discount), (8.0, 2.0))
        self.assertEqual(here.order_line.mapped("name")[1:], ["Flat rate", "Gift wrap"])

    def test_what_can_not_be_divided_comes_to_the_total_all_the_same(self):
        self.list_products()
        order = self.box.add_order((self.there[self.products[0]], 7, 1.43), (self.there[self.products[1]], 300, 1.0))
        order["line_items"][0].update(total="10.00", subtotal="10.00")
        order["line_items"][1].update(total="100.00", subtotal="100.00")
        order["total"] = "110.00"
        self.pull()
        here = self.order_here(str(order["id"]))
        self.assertFalse(here.marketplace_hold)
        self.assertAlmostEqual(here.amount_total, 110.0)
        order["total"] = "150.00"
        self.assertEqual(len(self.api._parse_order(self.account, order).lines), 2, "that is no rounding")

    def test_taxes_are_in_the_prices_unless_they_are_computed_here(self):
        order = self.box.add_order((self.there[self.products[0]], 4, 25.0), taxes=14.0, delivery=10.0)
        for policy, included, price in (
            ("included", False, 28.5),
            ("none", False, 28.5),
            ("product", False, 25.0),
            ("product", True, 28.5),
        ):
            with self.subTest(policy=policy, included=included):
                self.account.tax_policy = policy
                order["prices_include_tax"] = included
                parsed = self.api._parse_order(self.account, order)
                self.assertEqual(parsed.lines[0].price_unit, price)
                self.assertEqual(parsed.total, 125.4)
                self.assertEqual([line.kind for line in parsed.lines], ["product", "delivery"])

    def test_currencies_of_0_and_3_decimals(self):
        for currency, total in (("JPY", "1000"), ("KWD", "10.005")):
            with self.subTest(currency=currency):
                order = self.box.add_order((self.there[self.products[0]], 1, 1.0), currency=currency, total=total)
                order["line_items"][0].update(total=total)
                parsed = self.api._parse_order(self.account, order)
                self.assertEqual((parsed.currency, parsed.total), (currency, float(total)))
                self.assertEqual([line.price_unit for line in parsed.lines], [float(total)])

    def test_a_line_whose_product_is_deleted_there_is_known_by_its_reference(self):
        order = self.box.add_order((self.there[self.products[0]], 1, 10.0))
        order["line_items"][0].update(product_id=0)
        line = self.api._parse_order(self.account, order).lines[0]
        self.assertEqual((line.product_external_id, line.product_sku), ("", self.products[0].default_code))
        order["line_items"][0].update(product_id=None, sku=None, name="Tea &amp; Milk")
        line = self.api._parse_order(self.account, order).lines[0]
        self.assertEqual((line.product_external_id, line.product_sku, line.name), ("", "", "Tea & Milk"))

    def test_guests_are_known_by_phone_else_by_mail_and_may_have_neither(self):
        person = {"first_name": "Omar", "last_name": "Zaki"}
        for billing, code in (
            ({**person, "phone": "01001234567", "email": "Omar@example.com"}, ""),
            ({**person, "phone": "", "email": "Omar@example.com"}, "omar@example.com"),
            ({**person}, ""),
            ([], ""),
            (None, ""),
        ):
            with self.subTest(billing=billing):
                order = self.box.add_order(customer_id=0, billing=billing, shipping=[])
                self.assertEqual(self.api._parse_order(self.account, order).customer.code, code)
        self.list_products()
        external_id = self.place_order((self.products[0], 1, 10.0), customer_id=0, billing=[], shipping=[])
        self.pull()
        self.assertTrue(self.order_here(external_id).partner_id.name)

    def test_the_goods_go_to_the_shipping_address_and_the_customer_keeps_that_of_the_invoice(self):
        elsewhere = {
            **ADDRESS,
            "first_name": "Heba",
            "address_1": "5 Harbour Road",
            "city": "Alexandria",
            "state": "EGALX",
        }
        order = self.taken(shipping=elsewhere)
        self.assertEqual((order.partner_id.street, order.partner_id.city), ("12 Nile Street", "Cairo"))
        address = order.partner_shipping_id
        self.assertEqual((address.street, address.city), ("5 Harbour Road", "Alexandria"))
        self.assertEqual(address.state_id.code, "ALX")
        self.assertIn("Heba", address.marketplace_notes)

    # ------------------------------------------------------------------ orders: afterwards

    def activities(self, order):
        return order.activity_ids.mapped("summary")

    def test_a_part_that_was_refunded_is_told_to_a_person_once(self):
        order = self.taken()
        there = self.box.orders[int(order.cartona_id)]
        self.box.change_order(there, refunds=[{"id": 1, "reason": "Broken", "total": "-4.00"}])
        self.pull()
        self.assertEqual(self.activities(order), ["Partly refunded at the marketplace"])
        order.activity_ids.unlink()
        self.box.change_order(there, customer_note="Thanks")
        self.pull()
        self.assertFalse(order.activity_ids)
        self.assertEqual(order.marketplace_refunded, 4.0)

    def test_a_refund_before_shipping_cancels_and_one_afterwards_takes_back(self):
        order = self.taken()
        self.box.change_order(self.box.orders[int(order.cartona_id)], status="refunded")
        self.pull()
        self.assertEqual((order.state, order.marketplace_status), ("cancel", "cancelled"))
        there = self.box.add_order(status="refunded", date_completed_gmt="2026-01-01T00:00:00")
        self.assertEqual(self.api._parse_status(self.account, there)[1], "returned")

    def test_an_order_that_is_opened_again_is_told_to_a_person(self):
        order = self.taken()
        there = self.box.orders[int(order.cartona_id)]
        self.box.clock += timedelta(seconds=5)
        self.box.change_order(there, status="cancelled")
        self.pull()
        self.box.clock += timedelta(seconds=5)
        self.box.change_order(there, status="processing")
        self.pull()
        self.assertEqual(order.state, "cancel")
        self.assertIn("Stepped back at the marketplace", self.activities(order))

    def test_an_older_version_that_comes_late_changes_nothing(self):
        order = self.taken(status="processing")
        there = self.box.orders[int(order.cartona_id)]
        late = json.loads(json.dumps(there))
        self.box.clock += timedelta(seconds=5)
        self.box.change_order(there, status="cancelled")
        self.pull()
        self.env["marketplace.inbox"]._store([(self.account, "order", order.cartona_id, late)], "webhook")
        self.commit()
        self.assertEqual((order.marketplace_status, self.activities(order)), ("cancelled", []))

    # ------------------------------------------------------------------ telling the shop

    def test_the_last_delivery_completes_the_order_and_the_first_only_tells_of_itself(self):
        order = self.shipped_order((self.products[0], 2, 10.0), (self.products[1], 3, 5.0))
        there = self.box.orders[int(order.cartona_id)]
        self.deliver(order, {self.products[0]: 2}, marketplace_carrier="Aramex", marketplace_tracking="1Z1")
        self.assertEqual(there["status"], "processing")
        self.deliver(order)
        self.assertEqual(there["status"], "completed")
        self.assertEqual(len(self.shipments_there(order.cartona_id)), 1, "without a number there is nothing to tell")
        self.pull()
        self.assertEqual(order.marketplace_status, "delivered")
        self.assertEqual(len(self.box.calls("orders/[0-9]+$", "PUT")), 1)

    def test_what_was_cancelled_there_a_moment_ago_is_not_completed(self):
        order = self.shipped_order((self.products[0], 2, 10.0))
        there = self.box.orders[int(order.cartona_id)]
        self.box.change_order(there, status="cancelled")
        self.deliver(order, marketplace_carrier="Aramex", marketplace_tracking="1Z1")
        self.assertEqual(there["status"], "cancelled")
        self.assertFalse(self.box.notes)
        failed = self.env["marketplace.outbox"].search([("config_id", "=", self.account.id), ("state", "=", "failed")])
        self.assertIn("cancelled in WooCommerce", failed[:1].last_error)

    def test_a_cancellation_here_cancels_there(self):
        order = self.taken()
        order._action_cancel()
        self.settle()
        self.assertEqual(self.box.orders[int(order.cartona_id)]["status"], "cancelled")


@tagged("post_install", "-at_install")
class TestWoocommerceDocumentation(BaseCase):
    """What is sent and read, against what WooCommerce says of its interface."""

    def documented(self, page, *headings):
        """Return what the tables under these headings of a page tell of each attribute: ``{name: (type, words)}``."""
        folder = specs_folder("woocommerce")
        told = {}
        for part in re.split(r"^#+ ", (folder / f"wc_v3_{page}.md").read_text(), flags=re.MULTILINE):
            if any(part.startswith(heading) for heading in headings):
                for row in re.findall(r"^\| *`(\w+)` *\| *([\w-]+) *\|(.*)$", part, flags=re.MULTILINE):
                    told[row[0]] = row[1:]
        self.assertTrue(told, headings)
        return told

    def assert_writable(self, told, names):
        for name in names:
            self.assertIn(name, told)
            self.assertNotIn("read-only", told[name][1], name)

    def test_what_is_sent_of_products_may_be_written(self):
        for page, heading in (("products", "Product properties"), ("product-variations", "Product variation prop")):
            told = self.documented(page, heading)
            self.assert_writable(told, ("regular_price", "manage_stock", "stock_quantity", "stock_status", "status"))
            self.assertEqual(told["regular_price"][0], "string")
            self.assertEqual(told["stock_quantity"][0], "integer")
            for word in ("publish", "private"):
                self.assertIn(f"`{word}`", told["status"][1])
            self.assertIn("`instock`", told["stock_status"][1])

    def test_every_status_of_an_order_is_known(self):
        status = self.documented("orders", "Order properties")["status"][1]
        words = set(re.findall(r"`([\w-]+)`", status))
        self.assertIn("on-hold", words)
        self.assertEqual(words, {*forms.STATUS_FROM_WOOCOMMERCE, "refunded"})

    def test_what_is_read_and_asked_of_orders_is_there(self):
        told = self.documented("orders", "Order properties", "Order - ")
        names = re.findall(r'"([a-z]\w+)"', inspect.getsource(forms.parse_order) + inspect.getsource(forms._parse_line))
        known = {"total_tax", "subtotal_tax", "line_items", "date_modified_gmt", *names} - {"coupons"}
        self.assertEqual(known - told.keys(), set())
        asked = self.documented("orders", "List all orders", "Available parameters")
        wanted = {"modified_after", "dates_are_gmt", "orderby", "order", "per_page", "offset"}
        self.assertEqual(wanted - asked.keys(), set())
        self.assertIn("`id`", asked["orderby"][1])

    def test_notes_and_webhooks_may_be_made_as_they_are(self):
        self.assert_writable(self.documented("order-notes", "Order note prop"), ("note", "customer_note"))
        told = self.documented("webhooks", "Webhook properties")
        for name in ("delivery_url", "topic", "secret"):
            self.assertIn("mandatory", told[name][1])
        self.assert_writable(told, ("name", "status"))


class TestWoocommerceWebhooks(WoocommerceBase, MarketplaceCase, HttpCase):
    """Deliveries as WooCommerce sends them, to our controller."""

    _create_account = AdapterContract._create_account
    order_here = AdapterContract.order_here

    def setUp(self):
        super().setUp()
        self.list_products()
        self.order = self.box.add_order((self.there[self.products[0]], 2, 10.0))
        self.commit()

    def send(self, topic="order.created", payload=None, secret=SECRET, body=None, **values):
        headers, signed = self.box.delivery(topic, payload or self.order, secret, **values)
        path = f"/marketplace_integration/webhook/orders/{self.account.webhook_key}"
        answer = self.url_open(path, data=body or signed, headers=headers)
        self.finish_requests()
        return answer

    def here(self):
        self.env.invalidate_all()
        return self.order_here(str(self.order["id"]))

    def test_a_delivery_becomes_an_order_once_also_when_it_is_pulled(self):
        self.assertEqual(self.send().json()["new"], 1)
        self.assertEqual(self.send().json()["new"], 0)
        self.commit()
        self.pull()
        self.assertEqual(self.here().state, "sale")
        self.assertEqual(self.env["marketplace.inbox"].search_count([("config_id", "=", self.account.id)]), 1)

    def test_two_deliveries_of_one_second_have_one_id_and_both_count(self):
        other = self.box.add_order((self.there[self.products[1]], 1, 5.0))
        self.assertEqual(self.send().json()["new"], 1)
        self.assertEqual(self.send(payload=other).json()["new"], 1)

    def test_forged_altered_and_unsigned_deliveries_are_refused(self):
        self.assertEqual(self.send(secret="of somebody else").status_code, 401)
        self.assertEqual(self.send(body=b'{"id": 1}').status_code, 401)
        self.account.webhook_secret = False
        self.assertEqual(self.send().status_code, 401)

    def test_two_secrets_count_while_one_takes_the_place_of_the_other(self):
        self.account.write({"webhook_secret": "new one", "webhook_secret_previous": SECRET})
        self.assertEqual(self.send().status_code, 200)
        self.assertEqual(self.send(secret="new one").status_code, 200)

    def test_the_secret_is_that_of_the_web_page_without_its_entities(self):
        self.account.webhook_secret = "a&amp;b"
        self.assertEqual(self.send(secret="a&b").status_code, 200)

    def test_the_published_example_of_the_algorithm_holds(self):
        body = b'{"id":1234567890,"email":"customer@example.com","total_price":"123.45"}'
        self.account.webhook_secret = "test-webhook-secret"
        headers = {"x-wc-webhook-signature": "QNyObTlKbMx2qDlPF/ZOZcBqg5OgPg+2oky3zldc0Gw="}
        self.assertEqual(self.api._verify_webhook(self.account, headers, body, 0.0).secret, 0)

    def test_the_unsigned_ping_is_answered_and_nothing_else_without_a_signature(self):
        path = f"/marketplace_integration/webhook/orders/{self.account.webhook_key}"
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        self.assertEqual(self.url_open(path, data=b"webhook_id=12", headers=form).status_code, 200)
        for body in (b"webhook_id=12&x=1", b"webhook_id=", b"webhook_id=1e3"):
            self.assertNotEqual(self.url_open(path, data=body, headers=form).status_code, 200, body)

    def test_other_topics_are_taken_and_nothing_is_made_of_them(self):
        answer = self.send("product.updated", {"id": 5, "name": "Shirt"})
        self.assertEqual((answer.status_code, answer.json()["received"]), (200, 0))
        self.assertEqual(self.send(payload={"order": 1}).status_code, 400)

    def test_an_order_in_the_bin_is_fetched_and_cancelled(self):
        self.send()
        self.sweep()
        self.assertEqual(self.here().state, "sale")
        self.box.change_order(self.order, status="trash")
        self.assertEqual(self.send("order.deleted", {"id": self.order["id"]}).json()["new"], 1)
        self.sweep()
        self.assertEqual(self.here().state, "cancel")

    def test_an_order_that_was_deleted_for_good_is_told_to_a_person(self):
        self.send()
        self.sweep()
        self.assertEqual(self.here().state, "sale")
        self.box.remove_order(self.order)
        self.send("order.deleted", {"id": self.order["id"]})
        self.sweep()
        self.assertEqual(self.here().activity_ids.mapped("summary"), ["Deleted at the marketplace"])
        self.assertEqual(self.here().state, "sale")

    # ------------------------------------------------------------------ setting them up

    def test_webhooks_are_made_repaired_and_left_alone(self):
        stranger = {"topic": "order.created", "delivery_url": "https://other.example.com/x", "secret": "s"}
        self.box.webhooks[1] = {"id": 1, "status": "disabled", **stranger}
        self.assertIn("3 created, 0 repaired", self.account.action_register_webhooks()["params"]["message"])
        ours = [webhook for webhook in self.box.webhooks.values() if webhook["id"] != 1]
        self.assertEqual(
            {(webhook["topic"], webhook["delivery_url"], webhook["secret"]) for webhook in ours},
            {(f"order.{event}", self.account.webhook_url, SECRET) for event in ("created", "updated", "deleted")},
        )
        ours[0]["status"] = "disabled"
        ours[1]["delivery_url"] = ours[1]["delivery_url"].replace("http://", "https://old.")
        ours[2]["secret"] = "old"
        self.assertIn("0 created, 2 repaired, 1", self.account.action_register_webhooks()["params"]["message"])
        self.assertEqual({(webhook["status"], webhook["secret"]) for webhook in ours}, {("active", SECRET)})
        self.assertEqual(self.box.webhooks[1]["status"], "disabled")
        self.account.webhook_secret = False
        with self.assertRaisesRegex(UserError, "webhook secret"):
            self.account.action_register_webhooks()
