# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What every adapter has to stand, whatever its marketplace: inherit ``AdapterContract`` beside ``MarketplaceCase``.

The tests drive the whole engine, outbox to HTTP and HTTP to sales order, against a server that speaks the marketplace's
contract. What is the marketplace's own is asked of the methods of ``AdapterTools``.
"""

import time
from contextlib import suppress

from werkzeug.datastructures import Headers

from odoo.tests import new_test_user
from odoo.tools import mute_logger

from ..compat import create_return
from ..transport import errors
from .contract_tools import AdapterTools


class WireContract(AdapterTools):
    """What depends on how the marketplace speaks."""

    # ------------------------------------------------------------------ account

    def test_test_connection_tells_who_we_are(self):
        found = self.account._api()._test_connection(self.account)
        self.assertTrue(found["name"])
        # By a person, who reads none of the secrets that it takes.
        manager = new_test_user(self.env, "boss", groups="cartona_integration.group_marketplace_manager")
        told = self.account.with_user(manager).action_test_connection()["params"]
        ours = self.account.company_id.currency_id.name
        self.assertEqual(
            told["type"], "success" if found.get("currency") in (None, "", ours) else "warning", told["message"]
        )

    def test_wrong_credentials_pause_the_account_and_say_so(self):
        # 401 for ever: a new token is refused as the old one was.
        self.box.fail(self.push_path, status=401, times=None)
        listings = self.list_products()
        self.change_offer(self.products[0])
        self.settle()
        self.assertEqual(self.account.state, "paused")
        self.assertTrue(self.account.pause_reason)
        self.assertTrue(self.account.activity_ids)
        self.assertFalse(listings[0].price_pushed_at)

    # ------------------------------------------------------------------ prices and stock

    def test_price_and_stock_reach_the_marketplace(self):
        self.list_products()
        self.settle()
        self.change_offer(self.products[0])
        self.change_offer(self.products[1], 12.25, 3)
        self.settle()
        self.assert_there(self.products[0])
        self.assert_there(self.products[1], 12.25, 3)
        listings = self.account.listing_ids
        self.assertEqual(set(listings.mapped("state")), {"synced"}, listings.mapped("last_error"))

    def test_one_refused_product_holds_back_no_other(self):
        self.list_products()
        self.settle()
        self.refuse_product(self.products[0])
        for product in self.products[:3]:
            self.change_offer(product)
        self.settle()
        listing = self.account.listing_ids.filtered(lambda one: one.product_id == self.products[0])
        self.assertEqual(listing.state, "failed")
        self.assertTrue(listing.last_error)
        for product in self.products[1:3]:
            self.assert_there(product)

    def test_a_product_that_is_not_there_is_said_and_holds_back_no_other(self):
        self.list_products()
        stranger = self.env["product.product"].create({"name": "Stranger", "detailed_type": "product"})
        listing = self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": stranger.id, "external_id": self.strange_id()}
        )
        self.change_offer(stranger)
        self.change_offer(self.products[1])
        self.settle()
        self.assertEqual(listing.state, "failed")
        self.assertTrue(listing.last_error)
        self.assert_there(self.products[1])

    def strange_id(self):
        """Return an id that no product of the marketplace has."""
        return "999999999"

    @mute_logger("odoo.addons.cartona_integration.models.marketplace_sender")
    def test_an_outage_loses_nothing_and_blames_no_row(self):
        self.list_products()
        self.settle()
        for fault in (
            {"status": 500},
            {"status": 503, "retry_after": "1"},
            {"status": 429, "retry_after": "1"},
            {"status": 429},
            {"kind": "html"},
            {"kind": "truncated"},
            {"kind": "reset"},
            {"kind": "broken_json"},
        ):
            with self.subTest(**fault):
                self.box.fail(self.push_path, times=None, **fault)
                price = self.products[0].list_price + 1
                self.change_offer(self.products[0], price, 5)
                self.commit()
                listing = self.account.listing_ids.filtered(lambda one: one.product_id == self.products[0])
                self.assertNotEqual(listing.state, "failed", listing.last_error)
                self.assertEqual(self.account.state, "live", self.account.pause_reason)
                self.box.clear_faults()
                self.settle()
                self.assert_there(self.products[0], price, 5)
                self.assertEqual(listing.state, "synced", listing.last_error)

    # ------------------------------------------------------------------ tokens

    def test_an_expired_token_is_renewed_in_the_middle_of_the_work(self):
        if not self.account._token_url():
            self.skipTest("this marketplace's token does not run out")
        self.list_products()
        self.settle()
        self.expire_tokens()
        self.change_offer(self.products[0])
        self.settle()
        self.assert_there(self.products[0])
        self.assertEqual(self.account.state, "live")

    def test_a_token_is_asked_for_once_however_many_need_it(self):
        if not self.account._token_url():
            self.skipTest("this marketplace's token does not run out")
        api = self.account._api()
        token = api._access_token(self.account)
        asked = len(self.logged("token"))
        # Two were refused with the same old token: the second finds what the first has brought.
        newer = api._access_token(self.account, refused=token)
        self.assertNotEqual(newer, token)
        self.assertEqual(api._access_token(self.account, refused=token), newer)
        self.assertEqual(len(self.logged("token")), asked + 1)

    def test_no_secret_stands_in_the_log_or_in_an_error(self):
        self.list_products()
        self.place_order((self.products[0], 1, 10.0))
        self.settle()
        self.pull()
        self.box.fail(self.push_path, status=401, times=None)
        self.change_offer(self.products[0])
        self.settle()
        tokens = [*self.secrets, *self.account._tokens()]
        self.assertTrue(tokens)
        self.env.cr.execute("SELECT string_agg(l::text, ' ') FROM marketplace_sync_log l")
        shown = self.env.cr.fetchone()[0] + str(self.account.pause_reason) + str(self.running().last_error)
        for secret in tokens:
            self.assertNotIn(secret, shown)

    # ------------------------------------------------------------------ orders

    def test_an_order_comes_in_whole_and_once(self):
        self.list_products()
        self.settle()
        external_id = self.place_order((self.products[0], 2, 10.0), (self.products[1], 3, 5.5))
        self.pull()
        self.pull()
        order = self.order_here(external_id)
        self.assertEqual(len(order), 1)
        self.assertFalse(order.marketplace_hold)
        self.assertEqual(
            sorted((line.product_id.id, line.product_uom_qty, line.price_unit) for line in order.order_line),
            sorted([(self.products[0].id, 2.0, 10.0), (self.products[1].id, 3.0, 5.5)]),
        )
        self.assertAlmostEqual(order.amount_total, 36.5)
        self.assertEqual(order.state, "sale")
        self.assertTrue(order.partner_id.name)

    def test_all_pages_come_in(self):
        self.account.confirm_policy = "never"  # whether they are confirmed is not the question here
        self.list_products()
        ids = [self.place_order((self.products[0], 1, 10.0)) for _n in range(self.page_size() + 2)]
        self.pull()
        found = self.env["sale.order"].search([("marketplace_config_id", "=", self.account.id)])
        self.assertEqual(set(found.mapped("cartona_id")), set(ids))

    def page_size(self):
        """Return how many orders come in one page; few, where that can be had."""
        raise NotImplementedError

    def test_a_pull_goes_on_where_the_last_one_ended_and_passes_over_nothing(self):
        self.list_products()
        first = self.place_order((self.products[0], 1, 10.0))
        self.pull()
        self.box.fail(self.pull_path, status=503, times=None)
        second = self.place_order((self.products[0], 1, 10.0))
        self.pull()
        third = self.place_order((self.products[1], 1, 10.0))
        self.box.clear_faults()
        self.time_passes()
        self.pull()
        found = self.env["sale.order"].search([("marketplace_config_id", "=", self.account.id)])
        self.assertEqual(sorted(found.mapped("cartona_id")), sorted([first, second, third]))

    def test_a_page_that_breaks_off_in_the_middle_makes_no_hole(self):
        self.list_products()
        ids = [self.place_order((self.products[0], 1, 10.0)) for _n in range(3)]
        for kind in ("truncated", "broken_json", "html", "drop"):
            self.box.fail(self.pull_path, kind=kind)
            self.pull()
            self.time_passes()
        self.pull()
        found = self.env["sale.order"].search([("marketplace_config_id", "=", self.account.id)])
        self.assertEqual(sorted(found.mapped("cartona_id")), sorted(ids))

    def test_an_unknown_status_is_kept_with_its_word_and_holds_back_no_other(self):
        if not self.unknown_status:
            self.skipTest("this marketplace has no status that could be unknown")
        self.list_products()
        strange = self.place_strange_order()
        good = self.place_order((self.products[0], 1, 10.0))
        self.pull()
        self.assertTrue(self.order_here(good))
        failed = self.env["marketplace.inbox"].search([("config_id", "=", self.account.id), ("state", "=", "failed")])
        if failed:
            self.assertIn(self.unknown_status, failed.last_error)
        else:
            self.assertIn(self.unknown_status, self.order_here(strange).marketplace_raw_status)

    def cancel_there(self, external_id):
        """Have the customer cancel an order."""
        raise NotImplementedError

    # ------------------------------------------------------------------ telling of deliveries

    def shipments_there(self, external_id):
        """Return what the marketplace was told of deliveries: ``[(tracking number, {line id: quantity})]``."""
        raise NotImplementedError

    def test_each_delivery_is_told_with_its_tracking_number(self):
        if not self.account._ships():
            self.skipTest("this marketplace is not told of deliveries")
        order = self.shipped_order((self.products[0], 2, 10.0), (self.products[1], 3, 5.0))
        first, second = order.order_line
        tracking = {"marketplace_carrier": "Aramex", "marketplace_tracking": "1Z001"}
        self.deliver(order, {self.products[0]: 2, self.products[1]: 1}, **tracking)
        self.assertNotEqual(order.marketplace_status, self.status_when_left)
        self.deliver(order, **{**tracking, "marketplace_tracking": "1Z002"})
        self.assertEqual(
            self.shipments_there(order.cartona_id),
            [
                ("1Z001", {first.cartona_line_id: 2, second.cartona_line_id: 1}),
                ("1Z002", {second.cartona_line_id: 2}),
            ],
        )
        self.assertEqual(order.marketplace_status, self.status_when_left)
        self.assertTrue(all(picking.marketplace_told_at for picking in order.picking_ids))

    def test_a_delivery_whose_answer_was_lost_is_not_told_twice(self):
        if not self.account._ships():
            self.skipTest("this marketplace is not told of deliveries")
        order = self.shipped_order((self.products[0], 2, 10.0))
        self.box.fail(self.ship_path, kind="drop")
        self.deliver(order, marketplace_carrier="Aramex", marketplace_tracking="1Z003")
        for _try in range(3):
            self.time_passes()
        self.assertEqual(self.shipments_there(order.cartona_id), [("1Z003", {order.order_line.cartona_line_id: 2})])
        self.assertEqual(order.marketplace_status, self.status_when_left)

    def test_a_delivery_whose_answer_was_lost_and_that_was_changed_then_is_not_told_twice(self):
        if not self.account._ships():
            self.skipTest("this marketplace is not told of deliveries")
        order = self.shipped_order((self.products[0], 2, 10.0))
        self.box.fail(self.ship_path, kind="drop")
        self.settle = self.commit  # nothing is tried again yet
        picking = self.deliver(order, marketplace_carrier="Aramex", marketplace_tracking="1Z004")
        self.assertFalse(picking.marketplace_told_at)
        picking.marketplace_tracking_url = "https://tracking.example.com/1Z004"
        for _try in range(3):
            self.time_passes()
        self.assertEqual(len(self.shipments_there(order.cartona_id)), 1)

    # ------------------------------------------------------------------ webhooks

    def signed(self, body, secret="secret-of-the-tests", **values):
        """Return the headers of a delivery that the marketplace itself would send, lower or mixed case."""
        raise NotImplementedError

    def verifies(self, headers, body, now=None):
        try:
            self.account._api()._verify_webhook(self.account, Headers(list(headers.items())), body, now or time.time())
        except errors.WebhookRejected:
            return False
        return True

    def test_a_delivery_is_taken_from_the_marketplace_alone(self):
        if not self.account._capabilities()["has_webhook"]:
            self.skipTest("this marketplace sends no webhooks")
        body = b'{"id": 1}'
        headers = self.signed(body)
        self.assertTrue(self.verifies(headers, body))
        self.assertFalse(self.verifies(headers, b'{"id": 2}'), "altered")
        self.assertFalse(self.verifies({}, body), "not signed")
        self.assertFalse(self.verifies(self.signed(body, secret="of somebody else"), body), "forged")


class AdapterContract(WireContract):
    """That, and what the engine makes of it: the same for each dialect of one adapter."""

    def test_a_new_account_is_set_to_what_its_marketplace_can_do(self):
        able = self.account._capabilities()
        self.assertLessEqual(self.account.batch_size, able["batch_size"])
        told = {rule.status for rule in self.account.status_rule_ids} - {"nothing"}
        self.assertLessEqual(told, able["statuses"])

    def test_what_has_not_changed_is_not_sent_again(self):
        self.list_products()
        self.settle()
        self.box.clear_journal()
        self.products[0].name = "Another name"
        self.products[0].list_price = self.products[0].list_price
        self.settle()
        self.assertFalse(self.box.calls(self.push_path))

    def test_a_quantity_is_whole_and_never_negative(self):
        self.list_products()
        self.set_stock(self.products[0], 7.9)
        self.set_stock(self.products[1], -4)
        self.settle()
        if self.sends("stock"):
            self.assertEqual(self.quantity_there(self.products[0]), 7)
            self.assertEqual(self.quantity_there(self.products[1]), 0)

    def test_the_same_product_twice_stays_two_lines(self):
        self.list_products()
        external_id = self.place_order((self.products[0], 1, 10.0), (self.products[0], 2, 9.0))
        self.pull()
        self.assertEqual(self.order_here(external_id).order_line.mapped("product_uom_qty"), [1.0, 2.0])

    def test_an_unknown_product_holds_the_order_and_matching_it_releases_it(self):
        self.list_products()
        listing = self.account.listing_ids.filtered(lambda one: one.product_id == self.products[0])
        external_id = self.place_order((self.products[0], 1, 10.0), (self.products[1], 1, 5.0))
        place = {"external_id": listing.external_id, "product_id": listing.product_id.id}
        self.env.cr.execute("DELETE FROM marketplace_listing WHERE id = %s", [listing.id])
        self.env.invalidate_all()
        self.pull()
        order = self.order_here(external_id)
        self.assertTrue(order.marketplace_hold)
        self.assertEqual(order.state, "draft")
        self.env["marketplace.listing"].create({"config_id": self.account.id, **place})
        self.settle()
        self.assertFalse(order.marketplace_hold)
        self.assertEqual(order.state, "sale")

    def test_an_order_that_is_cancelled_there_is_cancelled_here(self):
        self.list_products()
        external_id = self.place_order((self.products[0], 1, 10.0))
        self.pull()
        self.cancel_there(external_id)
        self.pull()
        order = self.order_here(external_id)
        self.assertEqual((order.state, order.marketplace_status), ("cancel", "cancelled"))

    def test_garbage_instead_of_an_order_harms_nothing(self):
        api = self.account._api()
        for raw in (None, [], {}, "", 7, {"id": {}}, {"id": None, "status": []}):
            external_id, code = api._identify(self.account, raw)
            self.assertIsInstance(external_id, str)
            self.assertIsInstance(code, str)
            self.assertIsInstance(api._version(self.account, raw), str)
            with suppress(errors.MappingError):
                api._parse_order(self.account, raw)

    def test_what_comes_back_and_is_sent_again_is_no_other_delivery(self):
        if not self.account._ships():
            self.skipTest("this marketplace is not told of deliveries")
        order = self.shipped_order((self.products[0], 2, 10.0))
        order.picking_ids.picking_type_id.return_picking_type_id = False  # so returns are of the same type
        delivery = self.deliver(order, marketplace_carrier="Aramex", marketplace_tracking="1Z005")
        told = self.shipments_there(order.cartona_id)
        back = create_return(delivery)
        self.deliver(order)
        again = create_return(back)
        self.deliver(order)
        self.assertEqual(set((back + again).mapped("picking_type_code")), {"outgoing"})
        self.assertEqual((self.shipments_there(order.cartona_id), len(told)), (told, 1))
        self.assertFalse(self.env["marketplace.outbox"].search([("order_id", "=", order.id)]))
