# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import new_test_user

from ..schemas import RemoteProduct
from .common import MarketplaceCase, storable


class TestOrdersHeld(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.stock_products()
        self.late = self.env["product.product"].create(
            storable({"name": "Late", "default_code": "LATE-1", "taxes_id": False})
        )

    def held_order(self, **values):
        document = self.box_order((self.products[0], 1, 20.0), (self.late, 2, 30.0), status="pending", **values)
        self.pull()
        return self.order_of(document)

    def list_late(self):
        self.box.add_product(id=1000 + self.late.id)
        listing = self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": self.late.id, "external_id": str(1000 + self.late.id)}
        )
        self.commit()
        return listing

    # ------------------------------------------------------------------ being edited there

    def test_what_its_customer_is_changing_can_not_be_confirmed_until_the_next_word(self):
        document = self.box_order((self.products[0], 1, 20.0), status="editing")
        self.pull()
        order = self.order_of(document)
        self.assertEqual((order.state, order.marketplace_hold), ("draft", False))
        with self.assertRaisesRegex(UserError, f"{order.name} is open at the marketplace.*Pull Orders"):
            order.action_confirm()
        self.box.edit_order(document["hashed_id"], {document["order_details"][0]["id"]: 3}, status="pending")
        self.account.confirm_policy = "never"
        self.pull()
        self.assertEqual(order.state, "draft")
        order.action_confirm()
        self.assertEqual((order.state, order.order_line.product_uom_qty), ("sale", 3))

    # ------------------------------------------------------------------ unknown products

    def test_an_order_with_an_unknown_product_is_a_draft_that_says_why_and_lets_the_others_in(self):
        good = [self.box_order((self.products[0], 1, 200.0)) for _n in range(3)]
        order = self.held_order()
        for document in good:
            self.assertEqual(self.order_of(document).state, "sale")
        self.assertEqual(order.state, "draft")
        self.assertIn("Product not found", order.marketplace_hold)
        self.assertIn(str(1000 + self.late.id), order.marketplace_hold)
        self.assertEqual(order.order_line.product_id, self.products[0])
        row = order._marketplace_document()
        self.assertEqual(row.state, "done")
        self.assertTrue(row.acknowledged_at, "it is stored, so that the marketplace need not send it again")
        self.assertEqual(self.account.held_count, 1)

    def test_a_held_order_can_not_be_confirmed(self):
        order = self.held_order()
        with self.assertRaisesRegex(UserError, "is held"):
            order.action_confirm()

    def test_listing_the_product_completes_and_confirms_every_order_that_waited_for_it(self):
        orders = self.held_order() | self.held_order()
        self.list_late()
        for order in orders:
            self.assertEqual(order.state, "sale")
            self.assertFalse(order.marketplace_hold)
            self.assertEqual(order.order_line.product_id, self.products[0] | self.late)
            self.assertEqual(order.amount_total, 80.0)
            self.assertFalse(order._marketplace_unknown_lines())

    def test_a_product_is_listed_though_what_was_sent_of_an_order_that_waits_is_kept_no_more(self):
        order = self.held_order()
        order._marketplace_document().unlink()
        self.list_late()
        self.assertTrue(order.marketplace_hold)
        with self.assertRaisesRegex(UserError, "by hand"):
            order.action_marketplace_retry()

    def test_a_listing_by_the_reference_completes_the_order_too(self):
        document = self.box.add_order(
            order_details=[
                {"supplier_product_id": "", "internal_product_id": "LATE-1", "amount": 1, "selling_price": 30}
            ]
        )
        self.pull()
        self.assertTrue(self.order_of(document).marketplace_hold)
        self.list_late()
        self.assertEqual(self.order_of(document).order_line.product_id, self.late)

    def test_the_box_is_not_sold_as_the_piece_that_has_its_reference(self):
        line = {"supplier_product_id": "88", "internal_product_id": "CI-001", "amount": 1, "selling_price": 240}
        document = self.box.add_order(status="pending", order_details=[line])
        self.pull()
        self.assertTrue(self.order_of(document).marketplace_hold)
        self.assertFalse(self.order_of(document).order_line.product_id)

    def test_an_unknown_product_is_matched_from_the_list_and_its_orders_go_on(self):
        line = {
            "supplier_product_id": str(1000 + self.late.id),
            "internal_product_id": "LATE-1",
            "amount": 2,
            "selling_price": 30,
        }
        documents = [self.box.add_order(status="pending", order_details=[line]) for _n in range(2)]
        self.pull()
        orders = self.order_of(documents[0]) | self.order_of(documents[1])
        self.box.add_product(id=1000 + self.late.id)
        row = self.env["marketplace.unmatched"].search([("config_id", "=", self.account.id)])
        self.assertEqual((row.external_id, row.sku, row.held_count), (str(1000 + self.late.id), "LATE-1", 2))
        self.assertEqual(row.suggestion_id, self.late, "it has the reference that was ordered")
        manager = new_test_user(self.env, "hold-matcher", "cartona_integration.group_marketplace_manager")
        row.with_user(manager).action_accept_suggestion()
        self.commit()
        self.assertEqual(orders.mapped("state"), ["sale", "sale"])
        self.assertFalse(row.exists())

    def test_an_order_with_an_unknown_product_removes_nothing_that_a_person_has_chosen(self):
        unmatched = self.env["marketplace.unmatched"]
        unmatched._store(self.account, [(RemoteProduct("77", "x"), "unknown", self.env["product.product"])])
        row = unmatched.search([("external_id", "=", "77")])
        row.write({"product_id": self.products[0].id, "seen_at": fields.Datetime.now() - timedelta(days=30)})
        self.held_order()
        self.assertEqual(unmatched.search_count([("config_id", "=", self.account.id)]), 2)
        self.assertEqual(row.product_id, self.products[0])

    def test_what_a_held_order_asks_for_is_not_offered_when_its_product_is_matched(self):
        self.set_stock(self.late, 10)
        self.held_order()
        self.account.confirm_policy = "never"
        listing = self.list_late()
        self.assertEqual(self.at_box(self.late)["available_stock_quantity"], 8)
        self.assertEqual({row["available_stock_quantity"] for row in self.late_rows(listing)}, {8})

    def late_rows(self, listing):
        return [row for row in self.sent_rows() if row["supplier_product_id"] == listing.external_id]

    def test_what_a_held_order_asks_for_by_reference_is_not_offered_either(self):
        self.set_stock(self.late, 10)
        line = {"supplier_product_id": "", "internal_product_id": "LATE-1", "amount": 2, "selling_price": 30}
        self.box.add_order(order_details=[line])
        self.pull()
        self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": self.late.id, "external_id": "900"}
        )
        self.env.flush_all()
        self.assertEqual(self.late._marketplace_available(self.account)[self.late.id], 8)

    def test_a_held_order_that_the_retailer_cancels_is_cancelled(self):
        order = self.held_order()
        self.box.edit_order(order.cartona_id, by="admin", status="cancelled_by_retailer")
        self.pull()
        self.assertEqual(order.state, "cancel")
        self.assertFalse(order.marketplace_hold)

    def test_a_held_order_is_not_confirmed_by_a_status_message(self):
        self.account.confirm_policy = "approved"
        order = self.held_order()
        self.box.edit_order(order.cartona_id, by="admin", status="approved")
        self.pull()
        self.assertEqual((order.state, order.marketplace_status), ("draft", "approved"))

    def tell_status(self, order, status):
        raw = {"hashed_id": order.cartona_id, "status": status}
        self.env["marketplace.inbox"]._store([(self.account, "status", order.cartona_id, raw)], "webhook")
        self.commit()

    def test_listing_the_product_releases_an_order_that_has_left_at_the_marketplace_already(self):
        lines = ((self.products[0], 1, 20.0), (self.late, 2, 30.0))
        document = self.box_order(*lines, status="assigned_to_salesman")
        self.pull()
        order = self.order_of(document)
        self.assertTrue(order.marketplace_hold)
        self.list_late()
        self.assertFalse(order.marketplace_hold)
        self.assertEqual((order.state, order.order_line.product_id), ("sale", self.products[0] | self.late))

    def test_listing_the_product_releases_an_order_whose_status_was_told_apart(self):
        order = self.held_order()
        self.tell_status(order, "approved")
        self.list_late()
        self.assertFalse(order.marketplace_hold)
        self.assertEqual((order.state, order.marketplace_status), ("sale", "approved"))

    def test_a_status_of_a_held_order_is_done_with_and_does_not_fail(self):
        order = self.held_order()
        self.tell_status(order, "approved")
        row = self.env["marketplace.inbox"].search([("config_id", "=", self.account.id), ("kind", "=", "status")])
        self.assertEqual((row.state, row.last_error), ("done", False))

    def test_a_person_is_told_once_however_many_orders_are_held(self):
        for _n in range(3):
            self.box_order((self.late, 2, 30.0))
        self.pull()
        self.held_order()
        self.assertEqual(self.account.activity_ids.mapped("summary"), ["Orders of Cartona Test are held"])

    # ------------------------------------------------------------------ sums

    def test_an_order_whose_total_differs_is_held_until_somebody_accepts_it(self):
        document = self.box_order((self.products[0], 1, 20.0), status="pending", total_price=25.0)
        self.pull()
        order = self.order_of(document)
        self.assertEqual(order.state, "draft")
        self.assertIn("20.00 here and 25.00 at the marketplace", order.marketplace_hold)
        order.action_marketplace_retry()
        self.commit()
        self.assertTrue(order.marketplace_hold, "nothing was mended")
        seller = new_test_user(self.env, "hold-seller", "sales_team.group_sale_salesman_all_leads")
        order.with_user(seller).action_marketplace_accept()
        self.commit()
        self.assertEqual(order.state, "sale")
        self.assertFalse(order.marketplace_hold)

    def test_what_was_mended_by_hand_is_accepted_although_its_document_is_gone(self):
        order = self.held_order()
        order._marketplace_document().unlink()
        order._marketplace_unknown_lines().unlink()
        order.action_marketplace_accept()
        self.assertFalse(order.marketplace_hold)
        order.action_confirm()
        self.assertEqual(order.state, "sale")

    def test_what_was_accepted_is_held_again_when_the_difference_is_another(self):
        self.account.confirm_policy = "never"
        document = self.box_order((self.products[0], 1, 20.0), status="pending", total_price=25.0)
        self.pull()
        order = self.order_of(document)
        order.action_marketplace_accept()
        self.commit()
        self.assertFalse(order.marketplace_hold)
        self.box.edit_order(document["hashed_id"], by="admin", total_price=26.0)
        self.pull()
        self.assertIn("26.00", order.marketplace_hold)

    def test_a_difference_of_a_cent_holds_nothing(self):
        document = self.box_order((self.products[0], 1, 20.0), total_price=20.01)
        self.pull()
        self.assertEqual(self.order_of(document).state, "sale")

    def test_an_order_with_unknown_products_can_not_be_accepted(self):
        order = self.held_order()
        with self.assertRaisesRegex(UserError, "Match the products"):
            order.action_marketplace_accept()

    def test_the_taxes_are_in_the_price_so_that_totals_agree(self):
        group = self.env["account.tax"].create(
            {
                "name": "Both",
                "amount_type": "group",
                "type_tax_use": "sale",
                "children_tax_ids": [
                    (0, 0, {"name": "VAT 14", "amount": 14, "type_tax_use": "sale"}),
                    (0, 0, {"name": "Table 5", "amount": 5, "type_tax_use": "sale"}),
                ],
            }
        )
        vat = self.env["account.tax"].create({"name": "VAT", "amount": 14, "type_tax_use": "sale"})
        self.products[0].taxes_id, self.products[1].taxes_id = group, vat
        self.account.tax_policy = "included"
        lines = [(self.products[n], n * 7 + 1, price) for n, price in ((0, 199.99), (1, 33.33), (2, 10.01))]
        documents = [self.box_order(*lines), self.box_order(*lines[:1])]
        self.pull()
        self.assertFalse(self.env["marketplace.inbox"].search([("state", "=", "failed")]).mapped("last_error"))
        for document in documents:
            order = self.order_of(document)
            self.assertFalse(order.marketplace_hold)
            self.assertEqual(order.amount_total, order.marketplace_total)
            self.assertGreater(order.amount_tax, 0)
        self.assertEqual(vat._marketplace_included(), vat._marketplace_included(), "made once")
        self.account.tax_policy = "product"
        document = self.box_order(*lines)
        self.pull()
        self.assertIn("taxes", self.order_of(document).marketplace_hold)

    # ------------------------------------------------------------------ customers

    def test_the_tax_in_the_price_follows_the_rate_of_the_tax(self):
        tax = self.env["account.tax"].create({"name": "VAT 14", "amount": 14.0})
        included = tax._marketplace_included()
        tax.amount = 15.0
        self.assertEqual((tax._marketplace_included(), included.amount), (included, 15.0))

    def test_without_taxes_by_setting_none_come_when_they_are_computed_anew(self):
        document = self.box_order((self.products[0], 1, 20.0), status="pending")
        self.account.confirm_policy = "never"
        self.pull()
        order = self.order_of(document)
        self.products[0].taxes_id = self.env["account.tax"].create({"name": "VAT 14", "amount": 14.0})
        order.action_update_taxes()
        self.assertEqual((order.order_line.tax_id.ids, order.amount_total), ([], 20.0))

    def test_an_order_of_a_blocked_customer_is_held_until_it_is_unblocked(self):
        retailer = {"retailer_name": "Shop", "retailer_code": "B-1"}
        first = self.box_order((self.products[0], 1, 20.0), retailer=retailer)
        self.pull()
        customer = self.order_of(first).partner_id
        customer.active = False
        second = self.box_order((self.products[0], 1, 20.0), retailer=retailer)
        self.pull()
        order = self.order_of(second)
        self.assertIn("The customer Shop is blocked", order.marketplace_hold)
        customer.active = True
        order.action_marketplace_retry()
        self.commit()
        self.assertEqual(order.state, "sale")

    # ------------------------------------------------------------------ money

    def test_every_documented_field_has_a_home(self):
        document = self.box.add_order(
            status="approved",
            receipt_id="R-100234",
            cartona_credit=50,
            installment_cost=1000,
            wallet_top_up=100,
            applied_supplier_rebate=3,
            edited_by_admin=True,
            retailer_preferred_delivery_date="2026-07-02",
            estimated_delivery_day="2026-07-03",
            order_details=[
                {
                    "supplier_product_id": str(1000 + self.products[0].id),
                    "internal_product_id": "CI-001",
                    "unit": "box",
                    "product_name": "مشروب",
                    "amount": 10,
                    "selling_price": 200,
                    "applied_supplier_discount": 8,
                    "applied_cartona_discount": 10,
                    "comment": "بدون كيس",
                }
            ],
        )
        self.pull()
        order, line = self.order_of(document), self.order_of(document).order_line
        self.assertEqual(order.client_order_ref, "R-100234")
        self.assertEqual(
            (order.marketplace_to_collect, order.marketplace_owes, order.marketplace_owed, order.marketplace_balance),
            (2000 - 50 - 1000 + 100, 50 + 1000 + 100, 100, 1050),
        )
        self.assertEqual((order.marketplace_rebate, order.marketplace_edited_by_admin), (3, True))
        self.assertEqual(str(order.marketplace_preferred_day), "2026-07-02")
        self.assertEqual(str(order.marketplace_estimated_day), "2026-07-03")
        self.assertEqual((line.marketplace_supplier_discount, line.marketplace_discount), (8, 10))
        self.assertEqual((line.marketplace_unit, line.cartona_product_name), ("box", "مشروب"))
        self.assertIn("بدون كيس", line.name)
        self.assertEqual(line.price_total, 2000)

    def test_the_settlement_sums_what_is_owed(self):
        for credit in (50, 70):
            self.box_order((self.products[0], 10, 20.0), cartona_credit=credit, wallet_top_up=10)
        self.pull()
        action = self.account.action_open_settlement()
        groups = self.env["sale.order"]._read_group(
            action["domain"], ["marketplace_config_id"], ["marketplace_owes:sum", "marketplace_balance:sum"]
        )
        self.assertEqual(groups, [(self.account, 120, 100)])

    # ------------------------------------------------------------------ changes after confirming

    def confirmed(self, *lines, **values):
        document = self.box_order(*lines, status="pending", **values)
        self.pull()
        return document, self.order_of(document)

    def test_less_after_confirming_reduces_the_delivery(self):
        document, order = self.confirmed((self.products[0], 5, 5.0), (self.products[1], 2, 5.0))
        first, second = (line["id"] for line in document["order_details"])
        self.box.edit_order(document["hashed_id"], by="admin", amounts={first: 3, second: 0})
        self.pull()
        self.assertEqual(order.order_line.mapped("product_uom_qty"), [3, 0])
        left = order.picking_ids.move_ids.filtered(lambda move: move.state != "cancel" and move.product_uom_qty)
        self.assertEqual([(move.product_id, move.product_uom_qty) for move in left], [(self.products[0], 3)])
        self.assertFalse(order.activity_ids)

    def test_less_of_a_locked_order_reduces_the_delivery_and_leaves_it_locked(self):
        document = self.box_order((self.products[0], 5, 20.0), status="approved")
        self.pull()
        order = self.order_of(document)
        order.action_lock()
        line_id = document["order_details"][0]["id"]
        self.box.edit_order(document["hashed_id"], by="admin", amounts={line_id: 2})
        self.pull()
        self.assertEqual(order._marketplace_document().state, "done")
        self.assertEqual(order.picking_ids.move_ids.product_uom_qty, 2)
        self.assertTrue(order.locked)

    def test_another_price_after_confirming_is_told_to_a_person(self):
        document = self.box_order((self.products[0], 5, 20.0), status="approved")
        self.pull()
        details = [{**document["order_details"][0], "selling_price": 15.0}]
        self.box.edit_order(document["hashed_id"], by="admin", order_details=details, total_price=75.0)
        self.pull()
        self.assertIn("Changed at the marketplace", self.order_of(document).activity_ids.summary or "")

    def test_an_older_document_that_is_replayed_reduces_nothing(self):
        document, order = self.confirmed((self.products[0], 5, 5.0))
        line = document["order_details"][0]["id"]
        old = order._marketplace_document()
        self.box.edit_order(document["hashed_id"], by="admin", amounts={line: 9})
        self.pull()
        order.order_line.write({"product_uom_qty": 9, "marketplace_quantity": 9})
        old.action_replay()
        self.commit()
        self.assertEqual(order.order_line.product_uom_qty, 9)

    def test_less_than_has_left_is_told_to_a_person(self):
        document, order = self.confirmed((self.products[0], 5, 5.0))
        self.deliver(order.picking_ids, 4)
        self.box.edit_order(
            document["hashed_id"], by="admin", amounts={document["order_details"][0]["id"]: 3}, status="approved"
        )
        self.pull()
        self.assertEqual(order.order_line.product_uom_qty, 5)
        self.assertIn("Changed at the marketplace", order.activity_ids.summary)

    def deliver(self, picking, quantity=None):
        """Validate a delivery, of a part of it with a backorder for the rest."""
        for move in picking.move_ids:
            move.quantity = move.product_uom_qty if quantity is None else quantity
            move.picked = True
        picking.with_context(skip_backorder=True, skip_sms=True)._action_done()
        self.commit()

    def cancel_there(self, order):
        self.box.edit_order(order.cartona_id, by="admin", status="cancelled_by_retailer")
        self.pull()

    def test_a_cancellation_stops_what_has_not_left_and_asks_a_person_about_the_rest(self):
        _document, order = self.confirmed((self.products[0], 5, 5.0))
        self.deliver(order.picking_ids, 2)
        self.cancel_there(order)
        self.assertEqual(sorted(order.picking_ids.mapped("state")), ["cancel", "done"])
        self.assertEqual(order.state, "sale")
        self.assertIn("goods have left", order.activity_ids.summary)

    def test_a_cancellation_of_a_delivered_order_asks_a_person(self):
        _document, order = self.confirmed((self.products[0], 5, 5.0))
        self.deliver(order.picking_ids)
        self.cancel_there(order)
        self.assertEqual((order.state, order.picking_ids.state), ("sale", "done"))
        self.assertIn("goods have left", order.activity_ids.summary)

    def test_a_cancellation_of_an_invoiced_order_asks_for_a_credit_note(self):
        self.products[0].invoice_policy = "order"
        _document, order = self.confirmed((self.products[0], 5, 5.0))
        order._create_invoices().action_post()
        self.cancel_there(order)
        self.assertEqual(order.state, "cancel")
        self.assertIn("invoiced here", order.activity_ids.summary)

    def test_a_cancellation_of_a_quotation_that_was_sent_cancels_it(self):
        self.account.confirm_policy = "never"
        _document, order = self.confirmed((self.products[0], 5, 5.0))
        order.action_quotation_sent()
        self.cancel_there(order)
        self.assertEqual(order.state, "cancel")

    def test_a_returned_order_prepares_one_return(self):
        document, order = self.confirmed((self.products[0], 5, 5.0))
        self.deliver(order.picking_ids)
        delivery = order.picking_ids
        self.box.edit_order(document["hashed_id"], by="admin", status="returned")
        self.pull()
        self.assertEqual(len(delivery.return_ids), 1)
        self.assertEqual(delivery.return_ids.move_ids.product_uom_qty, 5)
        self.assertNotEqual(delivery.return_ids.state, "done")
        self.assertIn("Returned at the marketplace", order.activity_ids.summary)
        self.box.edit_order(document["hashed_id"], by="admin", note_message="again")
        self.pull()
        self.assertEqual(len(delivery.return_ids), 1)

    def test_a_draft_that_is_on_its_way_and_held_for_nothing_withholds_its_goods(self):
        self.account.confirm_policy = "never"
        document = self.box_order((self.products[0], 3, 20.0), status="assigned_to_salesman")
        self.pull()
        order = self.order_of(document)
        self.assertEqual(
            (order.state, order.marketplace_status, order.marketplace_hold_key), ("draft", "shipped", False)
        )
        self.assertEqual(self.at_box(self.products[0])["available_stock_quantity"], 97)
