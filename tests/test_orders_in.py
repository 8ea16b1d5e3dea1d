# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json
from unittest import mock

from psycopg2.errors import LockNotAvailable

from odoo.tests import new_test_user
from odoo.tools import mute_logger

from ..compat import pack_unit, unit_field
from ..models.marketplace_config import MANAGER
from ..models.marketplace_lane_inbox import MAX_ATTEMPTS
from .common import MarketplaceCase

RETAILER = {
    "retailer_name": "سوبر ماركت النور",
    "retailer_code": "A00315",
    "retailer_number": "+201000000001",
    "retailer_address": "١ شارع التجربة، القاهرة",
}


class TestOrdersIn(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.stock_products()

    def test_an_otp_that_no_database_takes_stops_no_pull(self):
        self.box_order((self.products[0], 1, 5.0), status="pending", pickup_otp="1\x002\ud800")
        document = self.box_order((self.products[0], 1, 5.0), status="pending")
        self.pull()
        self.assertTrue(self.order_of(document))

    def test_an_order_becomes_a_confirmed_sales_order_with_customer_lines_and_delivery(self):
        document = self.box_order(
            (self.products[0], 10, 200.0), (self.products[1], 2, 50.0), retailer=RETAILER, status="pending"
        )
        self.pull()
        order = self.order_of(document)
        self.assertEqual(order.state, "sale")
        self.assertEqual(order.partner_id.cartona_id, "retailer_A00315")
        self.assertEqual(order.partner_id.name, "سوبر ماركت النور")
        self.assertEqual(
            [(line.product_id, line.product_uom_qty, line.price_unit) for line in order.order_line],
            [(self.products[0], 10, 200.0), (self.products[1], 2, 50.0)],
        )
        self.assertEqual(order.amount_total, 2100.0)
        self.assertEqual(order.picking_ids.mapped("state"), ["assigned"])

    def test_an_order_that_meets_others_at_the_same_goods_is_not_given_up_for_it(self):
        document = self.box_order((self.products[0], 1, 200.0), status="pending")
        processor = self.registry["marketplace.order.processor"]
        with mock.patch.object(processor, "_follow_up", side_effect=LockNotAvailable("busy")):
            self.pull()
            row = self.env["marketplace.inbox"].search([("external_id", "=", document["hashed_id"])])
            for _attempt in range(MAX_ATTEMPTS + 1):
                row.next_attempt = False
                self.sweep()
            self.assertEqual((row.state, row.attempts, bool(row.next_attempt)), ("imported", 0, True))
        row.next_attempt = False
        self.sweep()
        self.assertEqual((row.state, self.order_of(document).state), ("done", "sale"))

    def test_confirming_tells_the_marketplace_approved(self):
        document = self.box_order((self.products[0], 1, 200.0), status="pending")
        self.pull()
        self.assertEqual(self.box.order(document["hashed_id"])["status"], "approved")
        self.assertEqual(self.order_of(document).marketplace_status, "approved")

    def test_an_order_that_is_approved_already_is_not_approved_again(self):
        document = self.box_order((self.products[0], 1, 200.0), status="approved")
        self.pull()
        self.assertEqual(self.order_of(document).state, "sale")
        self.assertFalse(self.box.calls(f"update-order-status/{document['hashed_id']}"))

    def test_an_order_is_acknowledged_only_after_it_is_stored(self):
        self.account.confirm_policy = "never"  # its status would change there, as soon as the wait is over
        document = self.box_order((self.products[0], 1, 200.0))
        self.box.fail(path="update-order-status$", status=503)
        self.pull()
        row = self.env["marketplace.inbox"].search([("external_id", "=", document["hashed_id"])])
        self.assertFalse(row.acknowledged_at)
        self.assertTrue(self.box.queued())
        self.assertTrue(self.order_of(document), "what was pulled is stored and processed all the same")
        self.running()._note_success()
        self.pull()
        self.assertTrue(row.acknowledged_at)
        self.assertFalse(self.box.queued())
        self.assertEqual(len(self.env["marketplace.inbox"].search([("external_id", "=", document["hashed_id"])])), 1)

    def test_an_acknowledgement_whose_answer_was_lost_is_known_by_the_next_pull(self):
        """Otherwise the document would be kept for ever, with all that it says of the customer."""
        taken, left = self.box_order((self.products[0], 1, 200.0)), self.box_order((self.products[0], 1, 200.0))
        self.box.fail(path="update-order-status$", kind="drop")
        self.pull()
        row = self.env["marketplace.inbox"].search([("external_id", "=", taken["hashed_id"])])
        other = self.env["marketplace.inbox"].search([("external_id", "=", left["hashed_id"])])
        self.assertFalse(row.acknowledged_at or other.acknowledged_at or self.box.queued())
        self.box.edit_order(left["hashed_id"], by="admin", note_message="once more")
        self.box.fail(path="update-order-status$", status=503)
        self.running()._note_success()
        self.pull()
        self.assertTrue(row.acknowledged_at)
        self.assertFalse(other.acknowledged_at, "this one is there again, and its acknowledgement has failed")

    def test_an_order_that_could_not_be_stored_is_not_acknowledged(self):
        self.box_order((self.products[0], 1, 200.0))
        with mute_logger("odoo.addons.cartona_integration.models.marketplace_lane_pull"):
            self.patch(type(self.env["marketplace.inbox"]), "_insert", lambda *args: 1 / 0)
            self.pull()
        self.assertTrue(self.running().last_error)
        self.assertTrue(self.box.queued())
        self.assertFalse([entry for entry in self.box.calls("update-order-status") if entry.method == "POST"])

    def test_all_pages_of_the_queue_are_pulled(self):
        documents = [self.box_order((self.products[0], 1, 200.0)) for _n in range(7)]
        self.patch_limit(3)
        self.pull()
        self.assertFalse(self.box.queued())
        for document in documents:
            self.assertEqual(len(self.order_of(document)), 1)

    def patch_limit(self, limit):
        from ..marketplaces import cartona

        self.patch(cartona, "PULL_LIMIT", limit)

    def test_the_same_order_twice_makes_one_sales_order(self):
        document = self.box_order((self.products[0], 1, 200.0))
        self.pull()
        self.box.edit_order(document["hashed_id"], by="admin", note_message="again")
        self.pull()
        self.assertEqual(len(self.order_of(document)), 1)
        self.assertEqual(len(self.env["marketplace.inbox"].search([("external_id", "=", document["hashed_id"])])), 2)

    def test_two_lines_of_one_product_stay_two(self):
        document = self.box_order((self.products[0], 5, 180.0), (self.products[0], 2, 200.0))
        self.pull()
        self.assertEqual(self.order_of(document).order_line.mapped("price_unit"), [180.0, 200.0])

    def test_discounts_are_not_subtracted_again(self):
        document = self.box.add_order(
            order_details=[
                {
                    "supplier_product_id": str(1000 + self.products[0].id),
                    "amount": 10,
                    "selling_price": 200,
                    "applied_supplier_discount": 8,
                    "applied_cartona_discount": 10,
                }
            ]
        )
        self.pull()
        self.assertEqual(self.order_of(document).amount_total, 2000.0)

    def test_a_box_of_twelve_is_sold_as_a_box_and_takes_twelve_units(self):
        listing = self.env["marketplace.listing"].search([("product_id", "=", self.products[0].id)])
        listing.pack_size = 12
        document = self.box_order((self.products[0], 2, 120.0))
        self.pull()
        line = self.order_of(document).order_line
        self.assertEqual((line.product_uom_qty, line.price_unit, line.price_total), (2, 120.0, 240.0))
        self.assertEqual(line.move_ids.product_qty, 24)
        listing.pack_size = 144
        again = self.box_order((self.products[0], 1, 1000.0))
        self.pull()
        self.assertEqual(self.order_of(again).amount_total, 1000.0)
        self.assertEqual(self.order_of(again).order_line.move_ids.product_qty, 144)
        self.assertEqual(pack_unit(self.products[0].uom_id, 144), self.order_of(again).order_line[unit_field(line)])

    def test_a_later_change_of_quantity_does_not_reprice_a_marketplace_line(self):
        document = self.box_order((self.products[0], 10, 333.0))
        self.pull()
        line = self.order_of(document).order_line
        line.product_uom_qty = 4
        self.assertEqual(line.price_unit, 333.0)

    def test_two_shops_of_one_name_stay_two_customers(self):
        first = self.box_order((self.products[0], 1, 1.0), retailer=RETAILER)
        second = self.box_order((self.products[0], 1, 1.0), retailer={**RETAILER, "retailer_code": "A00316"})
        third = self.box_order((self.products[0], 1, 1.0), retailer=RETAILER)
        self.pull()
        partners = [self.order_of(document).partner_id for document in (first, second, third)]
        self.assertNotEqual(partners[0], partners[1])
        self.assertEqual(partners[0], partners[2])

    # ------------------------------------------------------------------ bad documents

    def test_a_document_that_makes_no_sense_names_the_path(self):
        document = self.box_order((self.products[0], 1, 200.0))
        self.box.state.orders[document["hashed_id"]].document["order_details"][0]["amount"] = "many"
        self.pull()
        row = self.env["marketplace.inbox"].search([("external_id", "=", document["hashed_id"])])
        self.assertEqual(row.state, "failed")
        self.assertIn("order_details[0].amount", row.last_error)

    def test_a_document_can_be_corrected_and_replayed(self):
        document = self.box_order((self.products[0], 1, 200.0))
        self.box.state.orders[document["hashed_id"]].document["status"] = "teleported"
        self.pull()
        row = self.env["marketplace.inbox"].search([("external_id", "=", document["hashed_id"])])
        self.assertIn("teleported", row.last_error)
        row.payload = json.dumps({**json.loads(row.payload), "status": "pending"})
        row.action_replay()
        self.commit()
        self.assertEqual(self.order_of(document).state, "sale")

    def test_an_order_of_an_unknown_supplier_is_held_and_not_acknowledged(self):
        self.account.supplier_code = "77"
        document = self.box_order((self.products[0], 1, 200.0))
        self.pull()
        row = self.env["marketplace.inbox"].search([("external_id", "=", document["hashed_id"])])
        self.assertEqual(row.state, "failed")
        self.assertIn("supplier code", row.last_error)
        self.assertFalse(row.acknowledged_at)
        self.assertIn(document["hashed_id"], self.box.queued())

    # ------------------------------------------------------------------ changes from the marketplace

    def test_a_cancellation_cancels_the_sales_order_and_is_not_sent_back(self):
        document = self.box_order((self.products[0], 1, 200.0))
        self.pull()
        self.box.cancel_order(document["hashed_id"])
        self.box.clear_journal()
        self.pull()
        order = self.order_of(document)
        self.assertEqual(order.state, "cancel")
        self.assertEqual(order.picking_ids.mapped("state"), ["cancel"])
        self.assertFalse(self.box.calls(f"update-order-status/{document['hashed_id']}"))

    def test_a_locked_order_is_cancelled_too(self):
        document = self.box_order((self.products[0], 1, 200.0))
        self.pull()
        self.order_of(document).action_lock()
        self.box.cancel_order(document["hashed_id"])
        self.pull()
        self.assertEqual(self.order_of(document).state, "cancel")

    def test_a_cancellation_with_goods_already_out_asks_a_person(self):
        document = self.box_order((self.products[0], 1, 200.0))
        self.pull()
        order = self.order_of(document)
        order.picking_ids.button_validate()
        order.marketplace_status = "approved"
        self.env["marketplace.inbox"]._store(
            [(self.account, "order", document["hashed_id"], {**document, "status": "cancelled_by_retailer"})], "webhook"
        )
        self.commit()
        self.assertEqual(order.state, "sale")
        self.assertIn("goods have left", order.activity_ids.summary)

    def test_a_stale_document_does_not_step_the_order_back(self):
        document = self.box_order((self.products[0], 1, 200.0))
        self.pull()
        order = self.order_of(document)
        self.assertEqual(order.marketplace_status, "approved")
        self.env["marketplace.inbox"]._store(
            [(self.account, "order", document["hashed_id"], {**document, "note_message": "old"})], "webhook"
        )
        self.commit()
        self.assertEqual(order.marketplace_status, "approved")

    def test_an_edit_of_a_draft_changes_its_lines(self):
        self.account.confirm_policy = "never"
        document = self.box_order((self.products[0], 1, 200.0), (self.products[1], 2, 10.0), status="pending")
        self.pull()
        lines = document["order_details"]
        self.box.edit_order(document["hashed_id"], amounts={lines[0]["id"]: 5, lines[1]["id"]: 0})
        self.pull()
        order = self.order_of(document)
        self.assertEqual(order.state, "draft")
        self.assertEqual(
            [(line.product_id, line.product_uom_qty) for line in order.order_line], [(self.products[0], 5.0)]
        )

    def test_a_newer_version_supersedes_an_older_one_that_still_waits(self):
        document = self.box_order((self.products[0], 1, 200.0), status="pending")
        newer = {**document, "order_details": [{**document["order_details"][0], "amount": 9}]}
        inbox = self.env["marketplace.inbox"]
        first, _new = inbox._store([(self.account, "order", document["hashed_id"], document)], "webhook")
        inbox._store([(self.account, "order", document["hashed_id"], newer)], "webhook")
        self.commit()
        self.assertEqual(first.state, "superseded")
        self.assertEqual(self.order_of(document).order_line.product_uom_qty, 9)

    def test_content_that_goes_back_to_an_older_version_is_news(self):
        document = self.box_order((self.products[0], 1, 200.0), status="pending")
        other = {**document, "note_message": "please hurry"}
        inbox = self.env["marketplace.inbox"]
        for raw in (document, document, other, document):
            inbox._store([(self.account, "order", document["hashed_id"], raw)], "pull")
        self.assertEqual(inbox.search_count([("external_id", "=", document["hashed_id"])]), 3)

    # ------------------------------------------------------------------ policies

    def test_an_order_waits_for_a_person_where_the_policy_says_so(self):
        self.account.confirm_policy = "never"
        document = self.box_order((self.products[0], 1, 200.0), status="approved")
        self.pull()
        self.assertEqual(self.order_of(document).state, "draft")

    def test_an_order_waits_for_the_approval_where_the_policy_says_so(self):
        self.account.confirm_policy = "approved"
        document = self.box_order((self.products[0], 1, 200.0), status="pending")
        self.pull()
        self.assertEqual(self.order_of(document).state, "draft")
        self.box.edit_order(document["hashed_id"], by="admin", status="approved")
        self.pull()
        self.assertEqual(self.order_of(document).state, "sale")

    def test_an_order_that_cannot_be_confirmed_keeps_its_error_and_does_not_undo_the_import(self):
        document = self.box_order((self.products[0], 0, 200.0))
        self.pull()
        self.assertEqual(self.order_of(document).state, "draft")
        row = self.env["marketplace.inbox"].search([("external_id", "=", document["hashed_id"])])
        self.assertIn("no lines", row.last_error)

    # ------------------------------------------------------------------ whose order it is

    def second_account(self):
        self.account.supplier_code = "1"
        self.box.options.supplier_codes = ("1", "2")
        for product in self.box.state.rows:
            product.offers["2"] = dict(next(iter(product.offers.values())))
        second = self._create_account(
            name="Second", credentials_id=self.account.id, supplier_code="2", use_cartona_id=False
        )
        self.env["marketplace.listing"].create(
            {"config_id": second.id, "product_id": self.products[0].id, "external_id": str(1000 + self.products[0].id)}
        )
        return second

    def orders(self, document):
        return self.env["sale.order"].search([("cartona_id", "=", document["hashed_id"])])

    def test_a_held_order_goes_to_the_account_whose_code_is_entered_later(self):
        self.account.supplier_code = "1"
        document = self.box_order((self.products[0], 1, 5.0), supplier_code="2", status="pending")
        self.pull()
        row = self.env["marketplace.inbox"].search([("external_id", "=", document["hashed_id"])])
        self.assertEqual(row.state, "failed")
        second = self.second_account()
        row.action_replay()
        self.commit()
        self.assertEqual(self.orders(document).marketplace_config_id, second)
        self.pull()
        self.assertEqual(len(self.orders(document)), 1)
        self.assertFalse(self.box.queued())

    def test_an_order_is_never_imported_by_an_account_of_another_code(self):
        second = self.second_account()
        document = self.box_order((self.products[0], 1, 5.0), supplier_code="2")
        self.env["marketplace.inbox"]._store([(self.account, "order", document["hashed_id"], document)], "webhook")
        self.commit()
        self.assertFalse(self.orders(document))
        self.pull()
        self.assertEqual(self.orders(document).marketplace_config_id, second)

    def test_a_manager_without_rights_on_orders_has_documents_processed_again(self):
        self.second_account()
        document = self.box_order((self.products[0], 1, 5.0), supplier_code="2", status="pending")
        self.pull()
        row = self.env["marketplace.inbox"].search([("external_id", "=", document["hashed_id"])])
        row.with_user(new_test_user(self.env, "inbox-manager", groups=MANAGER)).action_replay()
        self.commit()
        self.assertEqual((row.state, len(self.orders(document))), ("done", 1))

    def test_a_box_is_a_box_at_each_account_that_shares_its_catalogue(self):
        product = self.products[0]
        product.write({"cartona_id": "box-1", "marketplace_sync_enabled": True})
        listing = self.env["marketplace.listing"].search([("external_id", "=", "box-1")])
        listing.write({"pack_size": 12, "unit": "box"})
        self.account.supplier_code = "1"
        second = self._create_account(name="Second", credentials_id=self.account.id, supplier_code="2")
        other = self.env["marketplace.listing"]._ensure_for_products(product, second)
        self.assertEqual((other.config_id, other.pack_size, other.unit), (second, 12, "box"))

    def test_an_account_reads_the_prices_of_its_own_code(self):
        second = self.second_account()
        for product in self.box.state.rows:
            product.offers["2"]["selling_price"] = 99.0
        mine, theirs = (account._api()._list_products(account)[0] for account in (second, self.account))
        self.assertEqual({product.price for product in mine}, {99.0})
        self.assertNotIn(99.0, {product.price for product in theirs})

    def test_an_order_stays_at_the_account_that_has_it_when_its_code_gets_an_account_of_its_own(self):
        document = self.box_order((self.products[0], 1, 5.0), supplier_code="2", status="pending")
        self.pull()
        order = self.orders(document)
        self.assertEqual((order.marketplace_config_id, order.state), (self.account, "sale"))
        self.second_account()
        self.box.edit_order(document["hashed_id"], by="admin", status="cancelled_by_retailer")
        self.pull()
        self.assertEqual((self.orders(document), order.state), (order, "cancel"))
        other = self.box_order((self.products[0], 1, 5.0), supplier_code="2", status="pending")
        self.pull()
        self.assertEqual(self.orders(other).marketplace_config_id.name, "Second")

    def test_whose_the_orders_of_a_page_are_is_asked_once(self):
        second = self.second_account()
        mine, theirs = (self.box_order((self.products[0], 1, 5.0), supplier_code=code) for code in "12")
        self.pull()
        named = [("1", theirs["hashed_id"]), ("2", mine["hashed_id"]), ("2", "new"), ("", "new")]
        expected = [second, self.account, second, second.browse()]
        self.assertEqual(self.account._accounts_of(named), expected)
        with self.assertQueryCount(1):
            self.assertEqual(self.account._accounts_of(named), expected)

    def test_an_order_of_an_account_that_was_archived_is_not_made_again_by_another(self):
        second = self.second_account()
        document = self.box_order((self.products[0], 1, 5.0), supplier_code="2", status="pending")
        self.pull()
        second.action_pause()
        second.action_archive()
        third = self._create_account(
            name="Third", credentials_id=self.account.id, supplier_code="2", use_cartona_id=False
        )
        self.box.edit_order(document["hashed_id"], by="admin", note_message="x")
        self.pull()
        self.assertEqual(self.orders(document).marketplace_config_id, second)
        row = self.env["marketplace.inbox"].search([("external_id", "=", document["hashed_id"])], limit=1)
        self.assertEqual((row.config_id, row.state), (third, "failed"))
        self.assertIn("Unarchive it", row.last_error)

    def test_orders_that_can_not_be_acknowledged_do_not_hide_those_behind_them(self):
        self.account.supplier_code = "1"
        self.box.options.supplier_codes = ("1", "9")
        self.patch_limit(2)
        for _n in range(3):
            self.box_order((self.products[0], 1, 5.0), supplier_code="9")
        behind = self.box_order((self.products[0], 1, 5.0), supplier_code="1")
        self.pull()
        self.assertEqual(self.order_of(behind).state, "sale")

    def test_a_request_that_comes_during_a_pull_is_not_lost(self):
        lane = type(self.env["marketplace.lane.pull"])
        acknowledge, asked = lane._acknowledge, []

        def ask_meanwhile(lane_, config_id, row_ids):
            if not asked:
                asked.append(self.box_order((self.products[0], 1, 5.0)))
                self.account._request_pull()
            return acknowledge(lane_, config_id, row_ids)

        self.patch(lane, "_acknowledge", ask_meanwhile)
        self.pull()
        self.assertTrue(self.order_of(asked[0]))
        self.assertFalse(self.running().pull_requested_at)

    def test_texts_that_no_database_takes_do_not_stop_the_others(self):
        good = self.box_order((self.products[0], 1, 5.0))
        self.box_order((self.products[0], 1, 5.0), hashed_id="bad\x00id", note_message="x\x00y\ud800")
        self.pull()
        self.assertEqual(self.order_of(good).state, "sale")
        self.assertEqual(len(self.env["marketplace.inbox"].search([("external_id", "=", "badid")])), 1)

    # ------------------------------------------------------------------ what comes too early or too late

    def test_a_status_that_comes_before_its_order_is_applied_when_the_order_comes(self):
        document = self.box_order((self.products[0], 1, 5.0), status="pending")
        status = {"hashed_id": document["hashed_id"], "status": "cancelled_by_retailer"}
        early, _new = self.env["marketplace.inbox"]._store(
            [(self.account, "status", document["hashed_id"], status)], "webhook"
        )
        self.commit()
        self.assertEqual(early.state, "waiting")
        self.pull()
        self.assertEqual(self.order_of(document).state, "cancel")

    def test_more_after_confirming_is_told_to_a_person(self):
        document = self.box_order((self.products[0], 5, 5.0), status="pending")
        self.pull()
        line = document["order_details"][0]["id"]
        self.box.edit_order(document["hashed_id"], by="admin", amounts={line: 7})
        self.pull()
        order = self.order_of(document)
        self.assertEqual(order.order_line.product_uom_qty, 5)
        self.assertIn("Changed at the marketplace", order.activity_ids.summary)

    # ------------------------------------------------------------------ customers

    def test_a_customer_may_be_merged_into_a_contact_that_was_here_before(self):
        document = self.box_order((self.products[0], 1, 5.0), retailer=RETAILER)
        self.pull()
        customer = self.order_of(document).partner_id
        contact = self.env["res.partner"].create({"name": "Known for years"})
        self.env["base.partner.merge.automatic.wizard"]._merge((customer | contact).ids, contact)
        self.assertEqual(contact.cartona_id, "retailer_A00315")
        again = self.box_order((self.products[0], 1, 5.0), retailer=RETAILER)
        self.pull()
        self.assertEqual(self.order_of(again).partner_id, contact)

    def test_a_bad_status_that_came_early_does_not_refuse_the_order(self):
        document = self.box_order((self.products[0], 1, 5.0), status="pending")
        status = {"hashed_id": document["hashed_id"], "status": "teleported"}
        self.env["marketplace.inbox"]._store([(self.account, "status", document["hashed_id"], status)], "webhook")
        self.commit()
        self.pull()
        self.assertEqual(self.order_of(document).state, "sale")
