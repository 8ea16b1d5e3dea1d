# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import time

from ..sandbox.rest import RestBox
from ..sandbox.rest_shops import SallaBox, ZidBox
from ..schemas import UNLIMITED
from ..transport import signatures
from .common import SECRET, MarketplaceCase, gone_live
from .contract import AdapterContract, WireContract
from .rest_dialects import configuration

SECOND = "second-token-of-the-tests"


class RestDialect:
    """A dialect: what the fake speaks, and the file that the account is set up with."""

    code = "rest"
    push_path = r"api/products/(batch|.*/(price|stock))"
    pull_path = r"api/orders$"
    ship_path = r"shipments$"
    dialect = {}
    results = "all"
    unknown_status = "TELEPORTED"

    def _make_box(self):
        products = {self.external_id(one): {"sku": one.default_code, "name": one.name} for one in self.products}
        return RestBox(products, results=self.results or "all", **self.dialect)

    def _configuration(self):
        paging, queue = self.dialect.get("paging", "page"), self.dialect.get("queue", False)
        return configuration(paging, self.results, queue, rest_auth=self.dialect.get("auth", "header"))

    def _account_values(self):
        values = {"base_url": self.box.url, "webhook_secret": SECRET}
        auth = self.dialect.get("auth", "header")
        if auth in ("header", "query"):
            values["auth_token"] = self.box.key
        else:
            values.update(client_id=self.box.client[0], client_secret=self.box.client[1])
        if auth in ("client_credentials", "refresh_token"):
            values.update(token_url=self.box.token_url, refresh_token=self.box.refresh_token)
        if self.dialect.get("second"):
            values.update(rest_header_2="X-Second", rest_token_2=self.dialect["second"])
        return values

    def _create_account(self, **values):
        account = self.env["marketplace.config"].create(
            {
                "name": "REST test",
                "code": "rest",
                "warehouse_ids": self.warehouse.ids,
                "timeout": 5.0,
                "tax_policy": "none",
            }
        )
        account._import_rest(self._configuration())
        account.write({**self._account_values(), **values})
        account.place_since = False  # the sandbox's address was entered just now, and nothing was sent before
        self.make_pricelist(self.box.currency)
        return gone_live(account)

    def make_pricelist(self, code):
        """Orders come in this currency; they need a pricelist in it."""
        currency = self.env["res.currency"].with_context(active_test=False).search([("name", "=", code)])
        currency.active = True
        self.env["product.pricelist"].create({"name": code, "currency_id": currency.id})

    @property
    def secrets(self):
        found = self.account.sudo()
        names = ("auth_token", "client_secret", "refresh_token", "rest_token_2", "webhook_secret")
        return [found[name] for name in names if found[name]]

    def external_id(self, product):
        return str(1000 + product.id)

    def price_there(self, product):
        return float(self.box.products[self.external_id(product)]["price"])

    def quantity_there(self, product):
        return self.box.products[self.external_id(product)]["stock"]

    def refuse_product(self, product):
        self.box.refused.add(self.external_id(product))

    def place_order(self, *lines, **values):
        return self.box.add_order(
            [(self.external_id(product), amount, price) for product, amount, price in lines], **values
        )

    def place_strange_order(self):
        return self.place_order((self.products[0], 1, 10.0), state=self.unknown_status)

    def cancel_there(self, external_id):
        self.box.change_order(external_id, state="VOID")

    def expire_tokens(self):
        self.box.tokens.clear()

    def page_size(self):
        return 5

    def shipments_there(self, external_id):
        parcels = self.box.orders[external_id]["parcels"]
        return [(one["tracking"], {row["row"]: row["qty"] for row in one["of"]}) for one in parcels]

    def signed(self, body, secret=SECRET, **values):
        scheme, options = self.account._api()._webhook_recipe(self.account)
        return signatures.sign(scheme, body, secret, time.time(), **options)


class RestContract(RestDialect, AdapterContract):
    """What every adapter has to stand, in one dialect."""


class TestRestPlain(RestContract, MarketplaceCase):
    """A token in a header beside a second one, numbered pages, a result for each row, each delivery told."""

    dialect = {"second": SECOND}

    def test_ids_beyond_what_javascript_counts_stay_whole(self):
        self.list_products()
        external_id = self.place_order((self.products[0], 1, 10.0))
        self.assertGreater(int(external_id), 2**53)
        self.pull()
        self.assertTrue(self.order_here(external_id))

    def test_a_product_without_end_is_sent_as_such(self):
        data = {"external_id": "7", "sku": "S", "account_code": "", "quantity": UNLIMITED}
        wire = self.account._api()._serialize_product(self.account, data)
        self.assertEqual(wire, {"push_offers": {"id": "7", "unlimited": True}})

    def test_an_order_without_buyer_comes_in(self):
        self.list_products()
        external_id = self.place_order((self.products[0], 1, 10.0), buyer=None)
        self.pull()
        self.assertTrue(self.order_here(external_id).partner_id)

    def test_a_webhook_with_the_whole_order_makes_the_order(self):
        api = self.account._api()
        events = api._parse_webhook(self.account, "orders", {"id": 7, "state": "NEW"}, {})
        self.assertEqual([(event.kind, event.external_id) for event in events], [("order", "7")])

    def test_personal_data_is_known_by_the_fields_of_the_account(self):
        keys = self.account._api()._account_personal_keys(self.account)
        self.assertLessEqual({"full_name", "tel", "where"}, keys)
        self.assertNotIn("id", keys)


class TestRestQueue(RestDialect, WireContract, MarketplaceCase):
    """Client credentials, cursors, a queue of orders, prices and stock row by row."""

    dialect = {"auth": "client_credentials", "paging": "cursor", "queue": True}
    results = None

    def test_a_limit_in_the_middle_loses_nothing_that_was_accepted(self):
        self.list_products()
        self.settle()
        for product in self.products:
            self.change_offer(product)
        self.box.fail(f"{self.external_id(self.products[2])}/price", status=429, retry_after="1")
        self.commit()
        self.assert_there(self.products[0])
        listing = self.account.listing_ids.filtered(lambda one: one.product_id == self.products[2])
        self.assertEqual((listing.state, listing.attempts), ("waiting", 0))
        self.settle()
        self.assert_there(self.products[3])

    def test_a_failure_in_the_middle_blames_the_row_whose_call_it_was_and_no_other(self):
        listings = self.list_products()
        self.settle()
        for product in self.products:
            product.list_price += 1
        self.box.fail(f"{self.external_id(self.products[2])}/price", status=500)
        self.commit()
        self.assertEqual(listings.mapped("state"), ["synced", "synced", "waiting", "waiting"])
        self.assertEqual(listings.mapped("attempts"), [0, 0, 1, 0])
        self.settle()
        self.assertEqual([self.price_there(one) for one in self.products], self.products.mapped("list_price"))
        self.assertEqual(set(listings.mapped("state")), {"synced"})

    def test_an_order_that_is_fetched_for_a_notice_is_acknowledged_and_only_then_the_notice_is_done(self):
        self.list_products()
        external_id = self.place_order((self.products[0], 1, 10.0))
        self.box.fail("orders/ack", status=422)
        notices, _new = self.env["marketplace.inbox"]._store([(self.account, "notice", external_id, {})], "webhook")
        self.commit()
        self.assertEqual(self.order_here(external_id).state, "sale")
        self.assertEqual((notices.state, notices.attempts), ("waiting", 1))
        self.assertEqual(self.box.waiting, [external_id])
        self.time_passes()
        self.assertEqual((notices.state, notices.last_error), ("done", False))
        self.assertEqual(self.box.waiting, [])
        self.assertFalse(self.box.calls("orders$"), "nothing was pulled")

    def test_a_limit_of_acknowledgements_blames_no_notice(self):
        self.list_products()
        external_id = self.place_order((self.products[0], 1, 10.0))
        self.box.fail("orders/ack", status=429, retry_after="3600", times=None)
        notices, _new = self.env["marketplace.inbox"]._store([(self.account, "notice", external_id, {})] * 2, "webhook")
        self.commit()
        self.assertEqual(self.order_here(external_id).state, "sale")
        self.box.clear_journal()
        self.sweep()
        self.assertFalse(self.box.journal, "it is fetched again when it can be acknowledged")
        self.assertEqual(set(notices.mapped("next_attempt")), {self.running()._blocked_until("acknowledge")})
        for _try in range(12):
            notices.next_attempt = False
            self.sweep()
        self.assertEqual(set(notices.mapped("state")), {"waiting"})
        self.assertFalse(any(notices.mapped("attempts")))
        self.box.clear_faults()
        self.time_passes()
        self.assertEqual(set(notices.mapped("state")), {"done"})


class TestRestNext(RestDialect, WireContract, MarketplaceCase):
    """A refresh token that changes, the URL of the next page, results of failed rows only."""

    dialect = {"auth": "refresh_token", "paging": "next"}
    results = "failed"


class TestRestSalla(RestContract, MarketplaceCase):
    """The preset for Salla."""

    push_path = r"admin/v2/products/"
    pull_path = r"admin/v2/orders$"
    dialect = {"auth": "refresh_token"}
    unknown_status = "teleported"

    def _make_box(self):
        return SallaBox({self.external_id(one): {"sku": one.default_code, "name": one.name} for one in self.products})

    def _configuration(self):
        data = self.env["marketplace.config"]._preset_rest("salla")
        self.assertNotIn("auth_token", data["account"])
        return data

    def page_size(self):
        return 15

    def place_strange_order(self):
        return self.place_order((self.products[0], 1, 10.0), status={"slug": self.unknown_status})

    def cancel_there(self, external_id):
        self.box.change_order(external_id, status={"slug": "canceled"})

    def test_an_event_leads_to_the_order_and_others_are_passed_over(self):
        api = self.account._api()
        payload = {"event": "order.created", "merchant": 1, "data": {"id": 2**53 + 5}}
        events = api._parse_webhook(self.account, "orders", payload, {})
        self.assertEqual([(event.kind, event.external_id) for event in events], [("notice", str(2**53 + 5))])
        payload = {"event": "order.status.updated", "data": {"id": 9, "order": {"id": 8}}}
        self.assertEqual(api._parse_webhook(self.account, "orders", payload, {})[0].external_id, "8")
        self.assertEqual(api._parse_webhook(self.account, "orders", {"event": "product.created", "data": {}}, {}), [])

    def test_times_are_in_the_zone_of_the_shop(self):
        raw = {"date": {"date": "2026-01-01 15:00:00.000000", "timezone": "Asia/Riyadh"}}
        found = self.account._api()._values(self.account, "order", raw, only=("ordered_at",))
        self.assertEqual(str(found["ordered_at"]), "2026-01-01 12:00:00")

    def test_an_order_waits_until_it_is_paid(self):
        self.list_products()
        external_id = self.place_order((self.products[0], 1, 10.0), status={"slug": "payment_pending"})
        self.pull()
        self.assertEqual(self.order_here(external_id).state, "draft")
        self.box.change_order(external_id, status={"slug": "under_review"})
        self.pull()
        self.assertEqual(self.order_here(external_id).state, "sale")

    def test_totals_that_do_not_divide_hold_no_order(self):
        self.list_products()
        external_id = self.place_order((self.products[0], 6, 10.0 / 6), (self.products[1], 7, 10.0 / 7))
        self.pull()
        order = self.order_here(external_id)
        self.assertEqual((order.state, order.amount_total), ("sale", 20.0))
        lost = order.order_line[2:].mapped("price_unit")
        # Newer series store a price with all its decimals, so nothing is lost.
        self.assertEqual(lost, [] if order.order_line[0].price_unit != 1.67 else [-0.03])
        self.assertFalse(order.marketplace_hold)

    def test_what_paying_at_the_door_costs_holds_no_order(self):
        self.list_products()
        external_id = self.place_order((self.products[0], 2, 10.0))
        self.box.charge(external_id, "shipping_cost", 15.0)
        self.box.charge(external_id, "cash_on_delivery", 5.5)
        self.pull()
        order = self.order_here(external_id)
        self.assertFalse(order.marketplace_hold)
        self.assertEqual((order.state, order.amount_total), ("sale", 40.5))
        self.assertEqual(order.order_line.mapped("price_unit"), [10.0, 15.0, 5.5])
        self.assertEqual(len(set(order.order_line.mapped("cartona_line_id"))), 3)

    def test_what_is_taken_off_the_order_may_be_mapped_too(self):
        maps = self.account.sudo().field_map_ids
        maps.filtered(lambda row: row.field == "order.other_charges").path = "taken_off"
        self.list_products()
        external_id = self.place_order((self.products[0], 2, 10.0), taken_off=-5.0)
        self.box.orders[external_id]["amounts"]["total"]["amount"] = 15.0
        self.pull()
        order = self.order_here(external_id)
        self.assertEqual((order.state, order.amount_total), ("sale", 15.0))

    def test_what_is_paid_there_is_not_collected(self):
        self.list_products()
        cases = [
            ({"payment_method": "cod"}, (20.0, 0.0)),
            ({"payment_method": "mada"}, (0.0, 20.0)),
            ({"payment_method": "bank"}, (0.0, 20.0)),
            ({"payment_method": "bank", "is_pending_payment": True}, (20.0, 0.0)),
            ({"payment_method": None}, (20.0, 0.0)),
        ]
        for values, money in cases:
            with self.subTest(**values):
                external_id = self.place_order((self.products[0], 2, 10.0), **values)
                self.pull()
                order = self.order_here(external_id)
                self.assertEqual((order.marketplace_to_collect, order.marketplace_owes), money)

    def test_an_order_whose_lines_can_not_be_had_keeps_no_other_from_coming(self):
        self.list_products()
        bad, good = (self.place_order((self.products[0], 1, 10.0)) for _number in range(2))
        self.box.fail(f"orders/{bad}/items$", status=500, times=None)
        self.pull()
        self.assertTrue(self.order_here(good))
        self.assertFalse(self.order_here(bad))
        self.box.clear_faults()
        self.time_passes()
        self.assertEqual(self.order_here(bad).state, "sale")

    def test_totals_that_divide_leave_no_line_of_rounding(self):
        self.list_products()
        external_id = self.place_order((self.products[0], 6, 2.5))
        self.pull()
        self.assertEqual(len(self.order_here(external_id).order_line), 1)

    def test_a_variant_is_known_by_its_sku_since_its_id_is_that_of_all_sizes(self):
        raw = {"sku": "TEE-L", "product": {"id": 7}}
        api, names = self.account._api(), ("product_external_id", "product_sku")
        for options, expected in ((None, "7"), ([], "7"), ([{"name": "Size", "value": {"name": "L"}}], None)):
            found = api._values(self.account, "line", {**raw, "options": options}, only=names)
            self.assertEqual((found.get("product_external_id"), found["product_sku"]), (expected, "TEE-L"))
            raw_parent = {"product": {"id": 7, "sku": "TEE"}, "options": options}
            self.assertEqual(
                api._values(self.account, "line", raw_parent, only=names).get("product_sku"), expected and "TEE"
            )

    def test_a_status_is_told_by_its_slug(self):
        order = self.shipped_order((self.products[0], 2, 10.0))
        self.deliver(order)
        self.assertEqual(self.box.orders[order.cartona_id]["status"]["slug"], "shipped")


class TestRestZid(RestContract, MarketplaceCase):
    """The preset for Zid."""

    push_path = r"v1/products/"
    pull_path = r"v1/managers/store/orders$"
    ship_path = r"change-order-status"
    unknown_status = "teleported"

    def _make_box(self):
        return ZidBox({self.external_id(one): {"sku": one.default_code, "name": one.name} for one in self.products})

    def _configuration(self):
        return self.env["marketplace.config"]._preset_rest("zid")

    def _account_values(self):
        return {**super()._account_values(), "rest_token_2": self.box.manager_token}

    def page_size(self):
        self.account.endpoint_ids.filtered(lambda one: one.operation == "pull_orders").page_size = 5
        return 5

    def place_strange_order(self):
        return self.place_order((self.products[0], 1, 10.0), order_status={"code": self.unknown_status})

    def cancel_there(self, external_id):
        self.box.change_order(external_id, order_status={"code": "cancelled"})

    def shipments_there(self, external_id):
        return self.box.orders[external_id]["tracking"]

    def test_each_delivery_is_told_with_its_tracking_number(self):
        """Zid keeps no lines of a delivery: the tracking number of each is told with the status."""
        order = self.shipped_order((self.products[0], 2, 10.0))
        self.deliver(order, marketplace_carrier="Aramex", marketplace_tracking="1Z001")
        there = self.box.orders[order.cartona_id]
        self.assertEqual((there["order_status"]["code"], there["tracking"]), ("indelivery", ["1Z001"]))
        self.assertEqual(order.marketplace_status, "shipped")

    def partly_delivered(self):
        """Return an order of which the first of two packages has left."""
        order = self.shipped_order((self.products[0], 2, 10.0), (self.products[1], 3, 5.0))
        self.deliver(order, {self.products[0]: 2}, marketplace_tracking="1Z001")
        there = self.box.orders[order.cartona_id]
        self.assertNotEqual(there["order_status"]["code"], "indelivery")
        self.assertFalse(there.get("tracking"))
        return order, there

    def test_an_order_is_in_delivery_once_its_last_package_has_left(self):
        order, there = self.partly_delivered()
        self.deliver(order, marketplace_tracking="1Z002")
        self.assertEqual((there["order_status"]["code"], there["tracking"]), ("indelivery", ["1Z001", "1Z002"]))
        self.assertEqual(order.marketplace_status, "shipped")
        self.assertTrue(all(order.picking_ids.mapped("marketplace_told_at")))

    def test_where_all_that_has_left_is_delivered_it_is_in_delivery_before_that(self):
        self.account.status_rule_ids.filtered(lambda rule: rule.event == "left").status = "delivered"
        order, there = self.partly_delivered()
        order.picking_ids.filtered(lambda one: one.state != "done").action_cancel()
        self.settle()
        self.assertEqual((there["order_status"]["code"], there["tracking"]), ("delivered", ["1Z001"]))

    def test_an_order_is_in_delivery_once_the_rest_of_it_is_given_up(self):
        order, there = self.partly_delivered()
        order.picking_ids.filtered(lambda one: one.state != "done").action_cancel()
        self.settle()
        self.assertEqual((there["order_status"]["code"], there["tracking"]), ("indelivery", ["1Z001"]))
        self.assertEqual(order.marketplace_status, "shipped")

    def test_a_delivery_whose_answer_was_lost_and_that_was_changed_then_is_not_told_twice(self):
        self.skipTest("Zid keeps no deliveries")

    def test_a_delivery_whose_answer_was_lost_is_not_told_twice(self):
        self.skipTest("Zid sets a status and a number: telling them again changes nothing")

    def edited_order(self, edit):
        """Place an order of three lines, which Zid gives no ids, and import it; edit its lines, and import them."""
        self.list_products()
        first, second = self.products[:2]
        external_id = self.place_order((first, 5, 10.0), (second, 2, 20.0), (first, 1, 10.0))
        self.pull()
        rows = edit(self.box.orders[external_id]["products"])
        self.box.change_order(external_id, products=rows)
        self.pull()
        order = self.order_here(external_id)
        self.assertEqual(order.state, "sale")
        return order, [(line.product_id, line.product_uom_qty) for line in order.order_line]

    def test_a_line_that_is_taken_out_takes_no_other_product_out_although_lines_have_no_ids(self):
        _order, lines = self.edited_order(lambda rows: rows[1:2])
        self.assertEqual(lines, [(self.products[0], 0), (self.products[1], 2), (self.products[0], 0)])

    def test_lines_in_another_order_are_no_change_although_they_have_no_ids(self):
        order, lines = self.edited_order(lambda rows: [rows[1], rows[0], rows[2]])
        self.assertEqual(lines, [(self.products[0], 5), (self.products[1], 2), (self.products[0], 1)])
        self.assertFalse(order.activity_ids)

    def test_long_decimals_are_rounded_to_the_currency(self):
        self.list_products()
        external_id = self.place_order((self.products[0], 1, 211.44999892193))
        self.pull()
        self.assertEqual(self.order_here(external_id).order_line.price_unit, 211.45)

    def test_what_is_paid_there_is_not_collected(self):
        self.list_products()
        cases = [
            ("zid_cod", "pending", (20.0, 0.0)),
            ("zid_cod", "paid", (20.0, 0.0)),  # by us, at the door
            ("zidpay", "paid", (0.0, 20.0)),
            ("zid_bank_transfer", "pending", (20.0, 0.0)),
        ]
        for method, status, money in cases:
            with self.subTest(method=method, status=status):
                external_id = self.place_order((self.products[0], 2, 10.0))
                self.box.pay(external_id, method, status)
                self.pull()
                order = self.order_here(external_id)
                self.assertEqual((order.marketplace_to_collect, order.marketplace_owes), money)

    def test_a_coupon_and_what_paying_at_the_door_costs_hold_no_order(self):
        self.list_products()
        for charges, left in (
            ({"coupon": -25.0}, -25.0),
            ({"zid_cod": 15.0}, 15.0),
            ({"shipping": 20.0, "coupon": -25.0, "zid_cod": 15.0}, -10.0),
        ):
            with self.subTest(**charges):
                external_id = self.place_order((self.products[0], 2, 100.0), (self.products[1], 1, 50.0))
                for code, amount in charges.items():
                    self.box.charge(external_id, code, amount)
                self.pull()
                order = self.order_here(external_id)
                self.assertFalse(order.marketplace_hold)
                self.assertEqual((order.state, order.amount_total), ("sale", 250.0 + sum(charges.values())))
                self.assertEqual(order.order_line[-1].price_unit, left)

    def test_a_total_that_nothing_in_the_order_explains_still_holds_it(self):
        self.list_products()
        external_id = self.place_order((self.products[0], 2, 100.0), order_total="225.00000000000000")
        self.pull()
        self.assertTrue(self.order_here(external_id).marketplace_hold)

    def test_guests_are_not_taken_for_one_customer(self):
        raw = {"customer": {"id": 0, "name": "Guest"}}
        self.assertNotIn("code", self.account._api()._values(self.account, "customer", raw))
