# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json

from odoo.tests import new_test_user

from .common import MarketplaceCase, storable

CUSTOMER = {"retailer_name": "Somebody Unique", "retailer_code": "KV00777", "retailer_number": "+201077700077"}


class TestForgottenDocuments(MarketplaceCase):
    def setUp(self):
        super().setUp()
        self.listings = self.stock_products()

    def forget(self, partner):
        partner.action_marketplace_forget()
        self.run_hooks()
        self.env.invalidate_all()

    def test_what_was_forgotten_keeps_nothing_else_from_being_tried_again(self):
        document = self.box_order((self.products[0], 1, 5.0), retailer=CUSTOMER, status="pending")
        self.pull()
        order = self.order_of(document)
        broken = {**document, "status": "no such status"}
        rows, _n = self.env["marketplace.inbox"]._store(
            [(self.account, "order", document["hashed_id"], broken)], "pull"
        )
        self.commit()
        self.assertEqual(rows.state, "failed")
        self.forget(order.partner_id)
        self.assertTrue(rows.redacted_at)
        self.assertEqual(rows.state, "failed")
        self.listings[1].write({"state": "failed", "price_due": True, "last_error": "Price is 0"})
        self.account.action_retry_failed()
        self.commit()
        self.assertEqual(self.listings[1].state, "synced")

    def test_an_id_is_entered_though_the_customer_of_an_order_that_waited_for_it_was_forgotten(self):
        line = {"supplier_product_id": "77777", "amount": 1, "selling_price": 5.0, "product_name": "Unknown"}
        document = self.box.add_order(order_details=[line], retailer=CUSTOMER, status="pending")
        self.pull()
        order = self.order_of(document)
        self.assertTrue(order.marketplace_hold)
        self.forget(order.partner_id)
        self.assertTrue(order.marketplace_hold)
        self.account.use_cartona_id = True
        groups = "base.group_user,stock.group_stock_manager,sales_team.group_sale_manager"
        if self.env.ref("product.group_product_manager", raise_if_not_found=False):  # newer series
            groups += ",product.group_product_manager"
        user = new_test_user(self.env, "shelf", groups)
        product = self.env["product.product"].create(
            storable({"name": "Known now", "list_price": 5.0, "marketplace_sync_enabled": True})
        )
        product.with_user(user).write({"cartona_id": "77777"})
        self.assertTrue(product.marketplace_listing_ids)

    def test_held_orders_whose_documents_are_gone_are_named(self):
        line = {"supplier_product_id": "77777", "amount": 1, "selling_price": 5.0, "product_name": "Unknown"}
        one = self.box.add_order(order_details=[line], retailer=CUSTOMER, status="pending")
        two = self.box.add_order(order_details=[line], status="pending")
        self.pull()
        orders = self.order_of(one) | self.order_of(two)
        self.forget(self.order_of(one).partner_id)
        told = orders.action_marketplace_try_again()["params"]
        self.assertIn(self.order_of(one).name, told["message"])

    def test_a_code_that_equals_a_quantity_and_a_price_takes_neither_along(self):
        retailer = {**CUSTOMER, "retailer_code": "12"}
        document = self.box_order((self.products[0], 12, 12.0), retailer=retailer, status="pending")
        self.pull()
        order = self.order_of(document)
        row = self.env["marketplace.inbox"].search([("order_id", "=", order.id)])
        before = json.loads(row.payload)
        self.forget(order.partner_id)
        after = json.loads(row.payload)
        self.assertTrue(row.redacted_at)
        self.assertIsNone(after["retailer"]["retailer_code"])
        self.assertEqual((after["order_details"][0]["amount"], after["order_details"][0]["selling_price"]), (12, 12.0))
        self.assertEqual({**after, "retailer": 0, "note_message": 0, "pickup_otp": 0}.keys(), before.keys())
        self.assertEqual(after["order_details"], before["order_details"])
