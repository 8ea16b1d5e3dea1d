# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import gzip
import json
import os
from pathlib import Path
from types import SimpleNamespace

import requests

from odoo.exceptions import UserError, ValidationError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from ..marketplaces import amazon, amazon_forms
from ..marketplaces.amazon_marketplaces import BY_ID, MARKETPLACES, REGIONS
from ..schemas import UNLIMITED, Package
from ..transport import errors
from . import swagger
from .common import SECRET, MarketplaceCase, specs_folder
from .contract import AdapterContract
from .test_contract_amazon import US, AmazonCase

EG, SA = "ARBP9OOSHTCHU", "A17E79C6D8DWNP"
QUIET = "odoo.addons.cartona_integration.models.marketplace_sender"


class AmazonTools(AmazonCase):
    """What the tests of Amazon's own cases share."""

    product_count = 8
    _create_account = AdapterContract._create_account
    order_here = AdapterContract.order_here
    time_passes = AdapterContract.time_passes
    settle = AdapterContract.settle
    deliver = AdapterContract.deliver
    shipped_order = AdapterContract.shipped_order

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


class TestAmazonOffers(AmazonTools, MarketplaceCase):
    # ------------------------------------------------------------------ one by one

    def test_ids_travel_percent_encoded(self):
        self.listed()
        self.products[0].list_price = 20.0
        self.commit()
        self.assertIn("%D9%82%D9%87%D9%88%D8%A9%2FSKU%20", self.logged("push_offers")[0].url)

    def test_what_the_budget_does_not_take_waits_and_is_no_failure(self):
        listings = self.listed()
        self.box.limits = True
        self.box.budgets.clear()
        self.reprice()
        self.commit()
        self.assertEqual(sum(price == 21.5 for price in self.prices_there()), 5)
        waiting = listings.filtered(lambda listing: listing.state == "waiting")
        self.assertEqual((len(waiting), set(waiting.mapped("attempts"))), (3, {0}))
        self.assertTrue(all(waiting.mapped("next_attempt")))
        self.box.budgets.clear()
        self.time_passes()
        self.assertEqual(set(self.prices_there()), {21.5})
        self.assertEqual(set(listings.mapped("state")), {"synced"})

    def test_a_refusal_of_calls_in_the_middle_keeps_what_was_sent_before(self):
        listings = self.listed()
        self.box.fail(self.push_path, status=429, skip=2)
        self.reprice()
        self.commit()
        self.assertEqual(listings.mapped("state").count("synced"), 2)
        self.assertEqual(set(listings.mapped("attempts")), {0})
        self.assertFalse(self.running().blocked_until, "each operation has a budget of its own")
        self.time_passes()
        self.time_passes()
        self.assertEqual(set(self.prices_there()), {21.5})

    def test_an_outage_in_the_middle_keeps_what_was_sent_before(self):
        listings = self.listed()
        self.box.fail(self.push_path, status=500, skip=3, times=None)
        self.reprice()
        self.commit()
        self.assertEqual(listings.mapped("state").count("synced"), 3)
        self.time_passes()
        self.assertTrue(self.running().blocked_until)
        self.assertEqual(set(listings.mapped("attempts")), {0})
        self.box.clear_faults()
        for _try in range(2):
            self.time_passes()
        self.assertEqual(set(self.prices_there()), {21.5})

    def test_a_token_that_is_withdrawn_in_the_middle_is_renewed_once(self):
        self.listed()
        given = self.box.given
        self.box.fail(self.push_path, status=403, skip=2)
        self.reprice()
        self.commit()
        self.time_passes()
        self.assertEqual(self.box.given, given + 1)
        self.assertEqual(set(self.prices_there()), {21.5})
        self.assertEqual(self.account.state, "live")

    def test_a_refusal_within_a_good_answer_says_why(self):
        listings = self.listed()
        self.box.refused_skus[self.external_id(self.products[0])] = "The price is too low."
        self.products[0].list_price = 0.5
        self.settle()
        self.assertEqual((listings[0].state, listings[0].error_code), ("failed", "90220"))
        self.assertEqual(listings[0].last_error, "The price is too low.")

    @mute_logger(QUIET)
    def test_an_answer_that_makes_no_sense_blames_no_row(self):
        listings = self.listed()
        self.box.fail(self.push_path, status=200, body=["surprise"], times=None)
        self.reprice()
        self.commit()
        self.assertTrue(self.running().blocked_until)
        self.assertEqual((set(listings.mapped("attempts")), self.account.state), ({0}, "live"))
        self.assertEqual(len(self.box.calls(self.push_path)), 1)

    def test_a_price_in_another_currency_is_not_sent_and_pauses_the_account(self):
        self.listed()
        euros = self.env.ref("base.EUR")
        euros.active = True
        self.pricelist.copy({"name": "Euros", "currency_id": euros.id})
        self.account.pricelist_id = self.pricelist.search([("name", "=", "Euros")])
        self.reprice()
        self.settle()
        self.assertEqual(self.account.state, "paused")
        self.assertIn("USD", self.account.pause_reason)
        self.assertFalse(self.box.calls(self.push_path))
        with self.assertRaisesRegex(UserError, "EUR"):
            self.account.action_test_connection()

    def test_what_amazon_stores_itself_is_not_given_a_stock_of_ours(self):
        listings = self.listed()
        listings[0].remote = {"fulfilled_by": "AMAZON"}
        self.box.listings[self.external_id(self.products[0])]["channel"] = "AMAZON_NA"
        self.set_stock(self.products[0], 9)
        self.products[0].list_price = 33.0
        self.settle()
        there = self.box.listings[self.external_id(self.products[0])]
        self.assertEqual((there["channel"], there["quantity"], there["price"]), ("AMAZON_NA", 0, 33.0))
        self.set_stock(self.products[0], 11)
        self.settle()
        self.assertEqual((there["channel"], listings[0].state), ("AMAZON_NA", "synced"))

    def test_prices_have_the_decimals_of_the_currency(self):
        for currency, price in (("EGP", 129.56), ("JPY", 130.0), ("KWD", 129.556)):
            marketplace = BY_ID[EG]._replace(currency=currency)
            wire = amazon_forms.patch_of({"price": 129.5556}, marketplace, "PRODUCT")
            value = wire["patches"][0]["value"][0]
            self.assertEqual(
                (value["currency"], value["our_price"][0]["schedule"][0]["value_with_tax"]), (currency, price)
            )

    def test_a_quantity_without_end_is_a_large_one(self):
        wire = amazon_forms.patch_of({"quantity": UNLIMITED}, BY_ID[EG], "PRODUCT")
        self.assertEqual(wire["patches"][0]["value"][0]["quantity"], amazon_forms.MOST)

    def test_the_catalogue_is_read_page_by_page(self):
        self.box.listings.update({f"MORE-{n}": {"price": 5, "quantity": 1, "channel": "DEFAULT"} for n in range(33)})
        self.box.listings["MORE-0"]["channel"] = "AMAZON_EU"
        api, found, cursor = self.account._api(), [], None
        while not found or cursor:
            page, cursor = api._list_products(self.account, cursor)
            self.assertLessEqual(len(page), 20)
            found += page
        self.assertEqual([product.external_id for product in found], list(self.box.listings))
        by_id = {product.external_id: product for product in found}
        self.assertEqual((by_id["MORE-1"].price, by_id["MORE-1"].quantity, by_id["MORE-1"].remote), (5.0, 1.0, {}))
        self.assertEqual((by_id["MORE-0"].quantity, by_id["MORE-0"].remote), (None, {"fulfilled_by": "AMAZON"}))

    # ------------------------------------------------------------------ feeds

    def test_many_offers_go_as_one_feed_and_are_judged_later(self):
        listings = self.listed()
        self.as_feed()
        self.box.refused_skus[self.external_id(self.products[2])] = "'[batteries_required]' is missing."
        self.box.feed_polls = 2
        self.reprice()
        self.commit()
        self.assertEqual(len(self.box.feeds), 1)
        self.assertFalse(self.box.calls(self.push_path))
        self.assertEqual(len(listings.push_id), 1)
        self.assertNotIn(21.5, self.prices_there(), "accepted is not applied")
        self.assertNotIn(21.5, listings.mapped("pushed_price"))
        self.settle()
        self.assertFalse(listings.push_id)
        self.assertEqual(listings[2].state, "failed")
        self.assertEqual(
            (listings[2].error_code, listings[2].last_error), ("90220", "'[batteries_required]' is missing.")
        )
        others = listings - listings[2]
        self.assertEqual((set(others.mapped("state")), set(others.mapped("pushed_price"))), ({"synced"}, {21.5}))

    def test_the_file_store_sees_nothing_of_our_token(self):
        self.listed()
        self.as_feed()
        self.reprice()
        self.settle()
        self.assertEqual(len(self.box.headers_seen), 2)
        for headers in self.box.headers_seen:
            self.assertNotIn("x-amz-access-token", {name.lower() for name in headers})
        shown = " ".join(str(row.url) for row in self.logged("push_offers") | self.logged("poll_push"))
        self.assertIn("store/", shown)
        self.assertNotIn("signed-", shown, "who has the address may read the document")

    def test_a_report_that_is_not_packed_is_read_as_well(self):
        listings = self.listed()
        self.as_feed()
        self.box.gzip = False
        self.reprice()
        self.settle()
        self.assertEqual(set(listings.mapped("state")), {"synced"})

    def test_a_price_that_can_not_be_sent_is_said_though_the_stock_goes_by_feed(self):
        listings = self.list_products()
        self.settle()
        self.as_feed()
        for product, price, quantity in ((self.products[0], 0.0, 7), (self.products[1], 12.5, 3)):
            product.list_price = price
            self.set_stock(product, quantity)
        self.settle()
        self.assertEqual(self.box.listings[self.external_id(self.products[0])]["quantity"], 7)
        self.assertEqual(listings[0].state, "failed")
        self.assertIn("price", listings[0].last_error)
        self.assertEqual(listings[1].state, "synced")

    def test_a_feed_that_ends_badly_is_sent_again_with_the_reason(self):
        listings = self.listed()
        self.as_feed()
        for end in ("FATAL", "CANCELLED"):
            self.box.feed_end = end
            self.reprice(31.5 + len(self.box.feeds))
            self.commit()
            for _try in range(2):
                self.time_passes()
            self.assertEqual(set(listings.mapped("state")), {"waiting"})
            self.assertIn(end, listings[0].last_error)
            self.assertEqual(self.account.state, "live")
            self.box.feed_end = "DONE"
            self.settle()
            self.assertEqual(set(listings.mapped("state")), {"synced"})

    @mute_logger(QUIET)
    def test_an_address_that_has_run_out_is_asked_for_anew(self):
        listings = self.listed()
        self.as_feed()
        self.box.address_expired = 1  # at the upload
        self.reprice()
        self.commit()
        self.assertEqual((self.account.state, len(self.box.feeds)), ("live", 0))
        self.time_passes()
        self.assertEqual(len(self.box.feeds), 1)
        self.box.address_expired = 1  # at the download
        self.settle()
        self.assertEqual(len(self.box.feeds), 1, "the report is asked for again, nothing is sent again")
        self.assertEqual((self.account.state, set(listings.mapped("state"))), ("live", {"synced"}))

    def test_feeds_beyond_the_budget_wait_and_block_nothing_else(self):
        listings = self.listed()
        self.as_feed()
        self.box.fail("feeds/2021-06-30/feeds", status=429, method="POST")
        self.reprice()
        self.commit()
        self.assertEqual((set(listings.mapped("attempts")), set(listings.mapped("state"))), ({0}, {"waiting"}))
        self.assertFalse(self.running().blocked_until)
        self.settle()
        self.assertEqual(set(self.prices_there()), {21.5})

    def test_what_is_to_be_sent_again_is_sent_though_an_older_feed_is_accepted_meanwhile(self):
        self.listed()
        self.as_feed()
        self.reprice()
        self.commit()
        self.account.action_sync_all()
        self.settle()
        self.assertEqual(len(self.box.feeds), 2)

    def test_an_id_that_changes_while_its_feed_is_judged_gets_the_offer(self):
        listings = self.listed()
        self.as_feed()
        self.reprice()
        self.commit()
        self.box.listings["NEW-ID"] = {"price": 1, "quantity": 0, "channel": "DEFAULT"}
        listings[0].external_id = "NEW-ID"
        self.settle()
        self.assertEqual(self.box.listings["NEW-ID"]["price"], 21.5)

    def test_a_first_offer_whose_id_changes_while_it_is_judged_does_not_stay_on_sale_under_the_former(self):
        listings = self.listed()
        self.as_feed()
        for product in self.products:
            self.set_stock(product, 7)
        self.commit()
        self.assertTrue(listings[0].push_id)
        self.box.listings["NEW-ID"] = {"price": 1, "quantity": 0, "channel": "DEFAULT"}
        listings[0].external_id = "NEW-ID"
        self.settle()
        self.settle()
        self.assertEqual(self.box.listings["NEW-ID"]["quantity"], 7)
        self.assertEqual(self.box.listings[self.external_id(self.products[0])]["quantity"], 0)

    def test_what_a_feed_left_open_is_sent_even_if_it_is_what_was_there_before(self):
        self.listed()
        self.as_feed()
        before = {product: product.list_price for product in self.products}
        self.reprice()
        self.commit()
        for product, price in before.items():
            product.list_price = price
        self.commit()
        self.box.feed_end = "FATAL"
        self.time_passes()
        self.box.feed_end = "DONE"
        self.settle()
        self.assertEqual(len(self.box.feeds), 2, "nobody knows which price the marketplace shows")

    @mute_logger(QUIET)
    def test_a_token_that_is_refused_while_a_feed_is_asked_about_forgets_no_feed(self):
        listings = self.listed()
        self.as_feed()
        self.reprice()
        self.commit()
        self.box.fail("feeds/2021-06-30/feeds/", status=401, times=None)
        self.time_passes()
        self.assertEqual(self.account.state, "paused")
        self.assertTrue(listings.push_id)

    def test_issues_are_known_by_sku_or_by_place_and_else_are_everybodys(self):
        def report(*issues, invalid=0):
            rows = [{"code": "1", "message": "no", "severity": "ERROR", **issue} for issue in issues]
            return {"issues": rows, "summary": {"messagesInvalid": invalid}}

        judged = amazon_forms.judged
        self.assertEqual(judged(["a", "b"], report({"sku": "b", "messageId": 1})), ({2: ("1", "no")}, None))
        self.assertEqual(judged(["a", "b"], report({"messageId": 1})), ({1: ("1", "no")}, None))
        self.assertEqual(judged(["a", "b"], report({})), ({}, ("1", "no")))
        self.assertEqual(judged(["a", "b"], report({"sku": "a", "severity": "WARNING"})), ({}, None))
        self.assertEqual(judged(["a", "b"], {}), ({}, None))
        self.assertTrue(judged(["a", "b"], report(invalid=1))[1], "refused, and it is not said which")


class TestAmazonOrders(AmazonTools, MarketplaceCase):
    def setUp(self):
        super().setUp()
        self.list_products()

    # ------------------------------------------------------------------ which orders

    def test_an_unpaid_order_comes_in_when_its_prices_are_known(self):
        external_id = self.place_order((self.products[0], 2, 10.0), status="PENDING")
        priced = self.box.orders[external_id]
        bare = json.loads(json.dumps(priced))
        for item in bare["orderItems"]:
            del item["proceeds"], item["product"]["price"]
        del bare["proceeds"]
        self.box.orders[external_id] = bare
        self.pull()
        self.assertFalse(self.orders_here())
        self.box.orders[external_id] = priced
        self.box.change_order(external_id, "UNSHIPPED")
        self.pull()
        order = self.order_here(external_id)
        self.assertEqual((order.state, order.amount_total), ("sale", 20.0))

    def test_a_paid_order_without_any_price_is_no_order_for_nothing(self):
        external_id = self.place_order((self.products[0], 2, 10.0))
        order = self.box.orders[external_id]
        del order["orderItems"][0]["proceeds"], order["orderItems"][0]["product"]["price"], order["proceeds"]
        self.pull()
        self.assertFalse(self.orders_here())
        self.assertEqual(self.inbox().state, "failed")
        self.assertIn("orderItems[0].proceeds", self.inbox().last_error)

    def test_an_order_that_amazon_delivers_is_left_out(self):
        external_id = self.place_order((self.products[0], 1, 10.0))
        self.box.orders[external_id]["fulfillment"]["fulfilledBy"] = "AMAZON"
        self.pull()
        self.assertFalse(self.inbox())
        self.assertIsNone(self.account._api()._fetch_order(self.account, external_id))

    def test_an_unpaid_order_that_was_cancelled_is_cancelled_here(self):
        external_id = self.place_order((self.products[0], 1, 10.0), status="CANCELLED")
        order = self.box.orders[external_id]
        execution = {"cancelledBy": "BUYER", "cancelReason": "Changed his mind"}
        order["orderItems"][0].update({"proceeds": {}, "cancellation": {"cancellationExecution": execution}})
        del order["proceeds"], order["orderItems"][0]["product"]["price"]
        self.pull()
        found = self.order_here(external_id)
        self.assertEqual((found.state, found.marketplace_reason), ("cancel", "Changed his mind"))

    # ------------------------------------------------------------------ who and what

    def test_a_buyer_of_whom_amazon_tells_nothing_is_a_customer_all_the_same(self):
        first = self.place_order((self.products[0], 1, 10.0), buyer={}, recipient={})
        second = self.place_order((self.products[0], 1, 10.0), buyer=None, recipient=None)
        self.pull()
        partners = (self.order_here(first) | self.order_here(second)).partner_id
        self.assertEqual(len(partners), 2)
        self.assertEqual(partners.mapped("name"), [f"Amazon {first}", f"Amazon {second}"])

    def test_a_buyer_is_known_by_his_mail_and_not_by_a_number_that_many_share(self):
        shared = {"name": "A", "addressLine1": "1 Nile Street", "phone": "+1 480-555-0100 ext. 12345"}
        orders = []
        for number, mail in enumerate(
            ("a@marketplace.amazon.eg", "b@marketplace.amazon.eg", "a@marketplace.amazon.eg")
        ):
            address = {**shared, "phone": shared["phone"] + str(number)}
            orders.append(
                self.place_order(
                    (self.products[0], 1, 10.0), buyer={"buyerEmail": mail}, recipient={"deliveryAddress": address}
                )
            )
        self.pull()
        partners = [self.order_here(external_id).partner_id for external_id in orders]
        self.assertEqual(partners[0], partners[2])
        self.assertNotEqual(partners[0], partners[1])
        self.assertFalse(partners[0].phone)
        self.assertIn("ext. 12345", self.order_here(orders[0]).partner_shipping_id.marketplace_phone2)

    def test_an_item_without_a_sku_holds_the_order(self):
        external_id = self.place_order((self.products[0], 1, 10.0))
        del self.box.orders[external_id]["orderItems"][0]["product"]["sellerSku"]
        self.pull()
        self.assertTrue(self.order_here(external_id).marketplace_hold)

    def test_line_ids_beyond_what_a_float_holds_stay_as_they_are(self):
        external_id = self.place_order((self.products[0], 1, 10.0), (self.products[1], 1, 10.0))
        self.pull()
        ids = [item["orderItemId"] for item in self.box.orders[external_id]["orderItems"]]
        self.assertGreater(int(ids[0]), 2**53)
        self.assertEqual(self.order_here(external_id).order_line.mapped("cartona_line_id"), ids)

    # ------------------------------------------------------------------ money

    def amount(self, value):
        return {"amount": str(value), "currencyCode": "USD"}

    def parts(self, total, *parts):
        """Return the proceeds of an item: parts are ``(type, amount, {subtype: amount})``."""
        breakdowns = []
        for kind, value, *details in parts:
            rows = [
                {"subtype": name, "value": self.amount(one)} for name, one in (details[0] if details else {}).items()
            ]
            breakdowns.append({"type": kind, "subtotal": self.amount(value), "detailedBreakdowns": rows})
        return {"proceedsTotal": self.amount(total), "breakdowns": breakdowns}

    def test_the_lines_come_to_what_amazon_says_whatever_it_is_made_of(self):
        cases = {
            "shipping": (self.parts("35.00", ("ITEM", 30), ("SHIPPING", 5)), 10.0, {"SHIPPING": 5.0}),
            "free shipping": (
                self.parts("30.00", ("ITEM", 30), ("SHIPPING", 5), ("DISCOUNT", -5, {"SHIPPING": -5})),
                10.0,
                {},
            ),
            "promotion": (self.parts("27.00", ("ITEM", 30), ("DISCOUNT", "3.00", {"ITEM": "3.00"})), 9.0, {}),
            "tax on top": (
                self.parts("38.50", ("ITEM", 30), ("SHIPPING", 5), ("TAX", "3.5", {"ITEM": 3, "SHIPPING": "0.5"})),
                11.0,
                {"SHIPPING": 5.5},
            ),
            "tax within": (self.parts("30.00", ("ITEM", 30), ("TAX", "3.68", {"ITEM": "3.68"})), 10.0, {}),
            "gift and cash on delivery": (
                self.parts("37.25", ("ITEM", 30), ("GIFT_WRAP", 2), ("COD_FEE", "5.25")),
                10.0,
                {"GIFT_WRAP": 2.0, "COD_FEE": 5.25},
            ),
            "does not divide": (self.parts("10.00", ("ITEM", 10)), 3.33, {"ROUNDING": 0.01}),
            "unknown part": (self.parts("31.00", ("ITEM", 30), ("STARDUST", 1)), 10.0, {"OTHER": 1.0}),
        }
        for name, (proceeds, price, extras) in cases.items():
            with self.subTest(name):
                external_id = self.place_order((self.products[0], 3, 10.0))
                raw = self.box.orders[external_id]
                raw["orderItems"][0]["proceeds"] = proceeds
                raw["proceeds"] = {"grandTotal": proceeds["proceedsTotal"]}
                self.pull()
                order = self.order_here(external_id)
                self.assertFalse(order.marketplace_hold)
                self.assertAlmostEqual(order.amount_total, float(proceeds["proceedsTotal"]["amount"]))
                goods = order.order_line.filtered(lambda line: line.product_id == self.products[0])
                self.assertAlmostEqual(goods.price_unit, price)
                others = {line.cartona_line_id: round(line.price_unit, 2) for line in order.order_line - goods}
                self.assertEqual(others, extras)

    def test_a_total_that_is_not_that_of_the_lines_holds_the_order(self):
        external_id = self.place_order((self.products[0], 3, 10.0), proceeds={"grandTotal": self.amount("31.50")})
        self.pull()
        self.assertIn("31.50", self.order_here(external_id).marketplace_hold)

    def test_a_tip_for_the_delivery_is_a_line(self):
        tip = {"type": "DELIVERY_TIP", "status": "FINALIZED", "subtotal": self.amount("1.50")}
        external_id = self.place_order(
            (self.products[0], 3, 10.0), proceeds={"grandTotal": self.amount("31.50"), "breakdowns": [tip]}
        )
        self.pull()
        order = self.order_here(external_id)
        self.assertEqual((order.state, order.amount_total), ("sale", 31.5))

    def test_tax_that_odoo_adds_by_itself_is_not_part_of_the_price(self):
        item = {"orderItemId": "1", "quantityOrdered": 2, "product": {"sellerSku": "A"}}
        item["proceeds"] = self.parts("22.00", ("ITEM", 20), ("TAX", 2, {"ITEM": 2}))
        self.assertEqual(amazon_forms.lines_of({"orderItems": [item]}, "USD")[0].price_unit, 11.0)
        self.assertEqual(amazon_forms.lines_of({"orderItems": [item]}, "USD", with_tax=False)[0].price_unit, 10.0)

    def test_yen_have_no_decimals(self):
        item = {"orderItemId": "1", "quantityOrdered": 3, "product": {"sellerSku": "A"}}
        item["proceeds"] = {"proceedsTotal": {"amount": "5980", "currencyCode": "JPY"}}
        goods, rest = amazon_forms.lines_of({"orderItems": [item]}, "JPY")
        self.assertEqual((goods.price_unit, rest.external_id, rest.price_unit), (1993.0, "ROUNDING", 1.0))

    def test_what_was_cancelled_of_an_item_is_not_delivered(self):
        external_id = self.place_order((self.products[0], 3, 10.0), (self.products[1], 1, 10.0))
        raw = self.box.orders[external_id]
        raw["orderItems"][0]["fulfillment"] = {"quantityFulfilled": 0, "quantityUnfulfilled": 0}
        raw["orderItems"][0]["cancellation"] = {"cancellationExecution": {"cancelledBy": "MERCHANT"}}
        raw["orderItems"][0]["proceeds"] = {"proceedsTotal": self.amount(0)}
        raw["proceeds"] = {"grandTotal": self.amount(10)}
        self.pull()
        order = self.order_here(external_id)
        self.assertEqual((order.order_line.product_id, order.amount_total), (self.products[1], 10.0))

    # ------------------------------------------------------------------ pages

    def searches(self):
        return self.box.calls(self.pull_path)

    def test_the_next_pull_begins_where_amazon_says_that_it_has_looked_up_to(self):
        self.pull()
        after = json.loads(self.running().order_cursor)["after"]
        self.assertGreaterEqual(after, amazon_forms.zulu(self.account.orders_since))
        self.account.orders_since = "2020-01-01"
        self.running().order_cursor = False
        self.pull()
        self.assertEqual(self.searches()[-1].query["lastUpdatedAfter"], "2020-01-01T00:00:00Z")
        after = json.loads(self.running().order_cursor)["after"]
        self.assertGreater(after, "2026")
        self.pull()
        self.assertEqual(self.searches()[-1].query["lastUpdatedAfter"], after)

    def test_an_order_that_changes_between_two_pages_comes_once_as_it_is_last(self):
        self.box.page_size = 2
        ids = [self.place_order((self.products[0], 1, 10.0)) for _n in range(3)]
        config, api = self.account, self.account._api()
        page = api._pull_orders(config)
        self.assertTrue(page.more)
        self.box.change_order(ids[0], "CANCELLED")
        self.assertFalse(api._pull_orders(config, page.cursor).more)
        self.pull()
        self.pull()
        self.assertEqual(sorted(self.orders_here().mapped("cartona_id")), sorted(ids))
        self.assertEqual(self.order_here(ids[0]).state, "cancel")

    def test_a_page_whose_token_has_run_out_begins_the_search_again(self):
        self.box.page_size = 2
        ids = [self.place_order((self.products[0], 1, 10.0)) for _n in range(5)]
        page = self.account._api()._pull_orders(self.account)
        self.running().order_cursor = page.cursor
        self.box.pages.clear()
        self.pull()
        self.assertEqual(sorted(self.orders_here().mapped("cartona_id")), sorted(ids))
        self.assertNotIn("token", json.loads(self.running().order_cursor))

    def test_a_search_beyond_the_budget_goes_on_at_its_page_and_blocks_nothing_else(self):
        self.box.page_size = 1
        self.box.limits = True
        ids = [self.place_order((self.products[0], 1, 10.0)) for _n in range(22)]
        self.pull()
        self.assertEqual(len(self.orders_here()), 20)
        self.assertFalse(self.running().blocked_until)
        self.box.budgets.clear()
        self.pull()
        self.assertEqual(sorted(self.orders_here().mapped("cartona_id")), sorted(ids))

    def test_what_is_older_than_what_is_here_is_set_aside(self):
        external_id = self.place_order((self.products[0], 1, 10.0))
        older = json.loads(json.dumps(self.box.orders[external_id]))
        self.box.change_order(external_id, "CANCELLED")
        self.pull()
        self.env["marketplace.inbox"]._store([(self.account, "order", external_id, older)], "webhook")
        self.commit()
        self.assertEqual(self.order_here(external_id).state, "cancel")
        self.assertEqual(sorted(self.inbox().mapped("state")), ["done", "superseded"])

    # ------------------------------------------------------------------ deliveries

    def told(self, order):
        return list(self.box.shipments.get(order.cartona_id, {}).values())

    def waiting(self, order):
        return self.env["marketplace.outbox"].search([("order_id", "=", order.id), ("lane", "=", "orders")])

    def test_a_delivery_without_a_tracking_number_says_to_enter_it(self):
        self.env["marketplace.listing"].search([]).unlink()
        order = self.shipped_order((self.products[0], 2, 10.0))
        picking = self.deliver(order)
        self.assertFalse(self.told(order))
        self.assertIn("tracking number", self.waiting(order).last_error)
        self.assertIn(picking.name, self.waiting(order).last_error)
        picking.marketplace_tracking = "TN-1"
        self.settle()
        self.assertIn("carrier", self.waiting(order).last_error)
        picking.marketplace_carrier = "Egypt Post"
        self.settle()
        detail = self.told(order)[0]
        self.assertEqual((detail["carrierCode"], detail["carrierName"]), ("Other", "Egypt Post"))
        self.assertEqual(detail["packageReferenceId"], str(picking.id))
        self.assertEqual(order.marketplace_status, "shipped")

    def test_a_carrier_that_amazon_knows_is_told_by_its_code(self):
        package = Package("WH/OUT/1", [("1", 2.0)], carrier=" fedex ", tracking="T", number=7)
        wire = amazon_forms.shipment_of(package, EG, self.account.create_date)["packageDetail"]
        self.assertEqual((wire["carrierCode"], wire["orderItems"]), ("FedEx", [{"orderItemId": "1", "quantity": 2}]))

    def test_a_part_of_a_unit_is_refused_and_not_rounded(self):
        package = Package("WH/OUT/1", [("1", 0.5)], carrier="DHL", tracking="T", number=7)
        result = self.account._api()._ship(self.account, "902", package)
        self.assertEqual(result.outcome, "rejected")
        self.assertFalse(self.box.calls(self.ship_path))

    def test_a_delivery_whose_answer_was_lost_is_looked_for_before_it_is_told_again(self):
        self.env["marketplace.listing"].search([]).unlink()
        order = self.shipped_order((self.products[0], 2, 10.0))
        self.box.fail(self.ship_path, kind="drop")
        self.deliver(order, marketplace_carrier="DHL", marketplace_tracking="TN-2")
        for _try in range(3):
            self.time_passes()
        self.assertEqual(len(self.box.calls(self.ship_path)), 1)
        self.assertEqual(order.marketplace_status, "shipped")
        self.assertFalse(self.waiting(order))

    def test_a_delivery_that_never_arrived_is_told_again(self):
        self.env["marketplace.listing"].search([]).unlink()
        order = self.shipped_order((self.products[0], 2, 10.0))
        self.box.fail(self.ship_path, kind="reset")
        self.deliver(order, marketplace_carrier="DHL", marketplace_tracking="TN-3")
        for _try in range(3):
            self.time_passes()
        self.assertEqual([detail["trackingNumber"] for detail in self.told(order)], ["TN-3"])

    def test_nothing_but_deliveries_is_told(self):
        self.assertEqual(set(self.account.status_rule_ids.mapped("status")), {"nothing"})
        with self.assertRaises(errors.UnsupportedFeature):
            self.account._api()._push_order_status(self.account, "902", "cancelled", {})


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


@tagged("post_install", "-at_install")
class TestAmazonNotifications(AmazonTools, MarketplaceCase, HttpCase):
    def setUp(self):
        super().setUp()
        self.list_products()
        self.commit()

    def notification(self, external_id, number="n-1", **summary):
        told = {"MarketplaceId": US, "OrderStatus": "Unshipped", "FulfillmentType": "MFN", **summary}
        change = {"SellerId": self.box.seller, "AmazonOrderId": external_id, "OrderChangeType": "OrderStatusChange"}
        return {
            "NotificationType": "ORDER_CHANGE",
            "EventTime": "2026-01-01T00:00:00Z",
            "Payload": {"OrderChangeNotification": {**change, "Summary": told}},
            "NotificationMetadata": {"NotificationId": number},
        }

    def post(self, payload, key=SECRET, kind="orders"):
        headers = {"Content-Type": "application/json", "X-Api-Key": key}
        path = f"/marketplace_integration/webhook/{kind}/{self.account.webhook_key}"
        answer = self.url_open(path, data=json.dumps(payload).encode(), headers=headers)
        self.finish_requests()
        self.env.invalidate_all()
        return answer

    def test_a_notification_fetches_the_order(self):
        external_id = self.place_order((self.products[0], 2, 10.0))
        answer = self.post({"detail-type": "ORDER_CHANGE", "detail": self.notification(external_id)})
        self.assertEqual((answer.status_code, answer.json()["new"]), (200, 1))
        self.time_passes()
        self.assertEqual(self.order_here(external_id).state, "sale")
        self.pull()
        self.assertEqual(len(self.order_here(external_id)), 1)

    def test_a_copy_of_a_notification_is_no_news(self):
        external_id = self.place_order((self.products[0], 2, 10.0))
        self.assertEqual(self.post(self.notification(external_id)).json()["new"], 1)
        self.assertEqual(self.post(self.notification(external_id)).json()["new"], 0)
        self.time_passes()
        again = self.notification(external_id, OrderStatus="Canceled")
        self.assertEqual(self.post(again).json()["new"], 0, "the same id")
        self.assertEqual(self.post(self.notification(external_id, "n-2", OrderStatus="Canceled")).json()["new"], 1)

    def test_without_the_key_nothing_is_taken(self):
        message = self.notification(self.place_order((self.products[0], 2, 10.0)))
        for key in ("", "forged", SECRET[:-1]):
            self.assertEqual(self.post(message, key=key).status_code, 401)
        self.account.write({"webhook_secret": "new one", "webhook_secret_previous": SECRET})
        self.assertEqual(self.post(message, kind="test").json()["secret"], "previous")
        self.assertEqual(self.post(message, key="new one", kind="test").json()["secret"], "current")
        self.account.webhook_secret_previous = False
        self.assertEqual(self.post(message).status_code, 401)
        self.account.webhook_secret = False
        self.assertEqual(self.post(message, key="").status_code, 401)
        self.assertFalse(self.inbox())

    def test_what_is_not_imported_makes_no_call(self):
        external_id = self.place_order((self.products[0], 2, 10.0))
        for summary in (
            {"FulfillmentType": "AFN"},
            {"OrderStatus": "Pending"},
            {"MarketplaceId": SA},
        ):
            self.assertEqual(self.post(self.notification(external_id, **summary)).json()["received"], 0)
        other = {**self.notification(external_id), "NotificationType": "FEED_PROCESSING_FINISHED"}
        self.assertEqual(self.post(other).json()["received"], 0)

    def test_what_makes_no_sense_is_refused(self):
        stranger = self.notification("902-1")
        stranger["Payload"]["OrderChangeNotification"]["SellerId"] = "SOMEBODY"
        nameless = self.notification("")
        for payload in ({}, [1], {"detail": []}, stranger, nameless):
            self.assertEqual(self.post(payload).status_code, 400, payload)

    def test_the_test_route_tells_what_it_saw(self):
        seen = self.post(self.notification("902-1"), kind="test").json()
        self.assertEqual(
            seen["documents"], [{"order": "902-1", "status": "approved", "account": "amazon test", "problem": ""}]
        )

    def test_an_order_that_is_not_there_is_no_failure(self):
        self.post(self.notification("902-0000000-0000000"))
        self.time_passes()
        self.assertEqual(self.inbox().state, "done")


class TestAmazonModels(AmazonTools, MarketplaceCase):
    """What is sent, and what the box answers, is as the vendor's models say."""

    FILES = {
        "/orders/2026-01-01": "orders_2026-01-01.json",
        "/orders/v0": "ordersV0.json",
        "/listings/": "listingsItems_2021-08-01.json",
        "/feeds/": "feeds_2021-06-30.json",
        "/sellers/": "sellers.json",
    }

    def load(self, name):
        return json.loads((specs_folder("amazon") / name).read_text())

    def record(self):
        """Return the list that each call of the box and its answer is added to."""
        calls, work = [], self.box.app.work

        def recorded(request, path, text):
            response, rows = work(request, path, text)
            path = request.environ.get("RAW_URI", f"/{path}").partition("?")[0]
            calls.append(SimpleNamespace(request=request, path=path, sent=text, response=response))
            return response, rows

        self.box.app.work = recorded
        return calls

    def judge(self, call, models):
        model = next((model for start, model in models.items() if call.path.startswith(start)), None)
        if not model:
            return None
        operation = model.operation(call.request.method, call.path)
        self.assertTrue(operation, call.path)
        body = json.loads(call.sent) if call.sent else None
        answer = call.response.get_data(as_text=True)
        answer = json.loads(answer) if answer else None
        query = call.request.args.to_dict()
        found = model.problems(operation, query, body, call.response.status_code, answer)
        self.assertFalse(found, call.path)
        return operation.get("operationId")

    def round_trip(self):
        """Make every call once, and some with a refusal; return them."""
        calls = self.record()
        api = self.account._api()
        api._test_connection(self.account)
        api._list_products(self.account)
        order = self.shipped_order((self.products[0], 2, 10.0), (self.products[1], 1, 5.0))
        self.deliver(order, marketplace_carrier="DHL", marketplace_tracking="TN-1")
        api._fetch_order(self.account, order.cartona_id)
        api._fetch_order(self.account, "902-0000000-0000000")
        self.box.refused_skus[self.external_id(self.products[0])] = "No."
        self.as_feed()
        self.reprice()
        self.settle()
        return calls

    def test_every_call_and_every_answer_is_as_the_models_say(self):
        models = {start: swagger.Model(self.load(name)) for start, name in self.FILES.items()}
        calls = self.round_trip()
        judged = {self.judge(call, models) for call in calls} - {None}
        self.assertEqual(
            judged,
            {
                *(
                    "getMarketplaceParticipations",
                    "searchListingsItems",
                    "patchListingsItem",
                    "searchOrders",
                    "getOrder",
                ),
                *("confirmShipment", "createFeedDocument", "createFeed", "getFeed", "getFeedDocument"),
            },
        )
        documents = [call for call in calls if call.path.startswith("/store/")]
        feed = json.loads(next(call.sent for call in documents if call.request.method == "PUT"))
        schema = self.load("listings-feed-schema-v2.json")
        self.assertFalse(swagger.problems(schema, feed, schema, strict=True))
        report = next(call.response.get_data() for call in documents if call.request.method == "GET")
        schema = self.load("listings-feed-processing-report-schema-v2.json")
        self.assertFalse(swagger.problems(schema, json.loads(gzip.decompress(report)), schema, strict=True))

    def test_what_is_sent_can_be_written_down_for_the_vendors_own_client(self):
        target = os.environ.get("MARKETPLACE_WIRE")
        if not target:
            self.skipTest("asked for by `python -m dev conformance amazon`")
        rows = [
            {
                "method": call.request.method,
                "path": call.path,
                "query": call.request.query_string.decode(),
                "body": call.sent,
                "shows_token": "x-amz-access-token" in call.request.headers,
                "status": call.response.status_code,
                "answer": call.response.get_data(as_text=True),
            }
            for call in self.round_trip()
            if not call.path.startswith("/store/")
        ]
        Path(target).write_text(json.dumps(rows))

    def test_the_judge_finds_what_is_wrong(self):
        model = swagger.Model(self.load("ordersV0.json"))
        operation = model.operation("POST", "/orders/v0/orders/902-1/shipmentConfirmation")
        package = Package("WH/OUT/1", [("1", 2.0)], carrier="DHL", tracking="T", number=7)
        good = amazon_forms.shipment_of(package, EG, self.account.create_date)
        self.assertFalse(model.problems(operation, {}, good, 204, None))
        bad = json.loads(json.dumps(good))
        bad["packageDetail"]["orderItems"][0]["quantity"] = 2.5
        bad["packageDetail"]["colour"] = "red"
        del bad["marketplaceId"]
        self.assertEqual(len(model.problems(operation, {"x": "1"}, bad, 299, None)), 5)

    def test_the_vendors_own_notification_is_understood(self):
        sample = self.load("OrderChangeNotification.json")["examples"][0]
        change = sample["Payload"]["OrderChangeNotification"]
        self.account.amazon_seller_id = change["SellerId"]
        event = self.account._api()._parse_webhook(self.account, "orders", sample, {})[0]
        self.assertEqual((event.kind, event.external_id), ("notice", change["AmazonOrderId"]))
        self.assertEqual(event.event_id, sample["NotificationMetadata"]["NotificationId"])

    def test_the_vendors_own_orders_are_understood(self):
        model = self.load("orders_2026-01-01.json")
        seen = 0
        for methods in model["paths"].values():
            for case in methods["get"]["responses"]["200"]["x-amzn-api-sandbox"]["static"]:
                answer = case["response"]
                for raw in answer.get("orders") or [answer["order"]]:
                    order = self.account._api()._parse_order(self.account, raw)
                    self.assertTrue(order.lines and order.customer.name and order.currency)
                    seen += 1
        self.assertGreater(seen, 3)

    def test_the_box_gives_no_token_for_a_wrong_secret(self):
        form = {**self.box.client, "grant_type": "refresh_token", "refresh_token": "wrong"}
        answer = requests.post(f"{self.box.url}auth/o2/token", data=form, timeout=5)
        self.assertEqual((answer.status_code, answer.json()["error"]), (400, "invalid_grant"))
