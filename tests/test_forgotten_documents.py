# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json

from odoo.exceptions import UserError
from odoo.tests import new_test_user

from .common import MarketplaceCase, storable

CUSTOMER = {"retailer_name": "Somebody Unique", "retailer_code": "KV00777", "retailer_number": "+201077700077"}


class TestForgottenDocuments(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.listings = self.stock_products()

    def forget(self, partner):
        partner.action_marketplace_forget()
        self.run_hooks()
        self.env["marketplace.erasure"]._cron_go_on()
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
        self.assertEqual(rows.state, "closed")
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

    def failed_document(self):
        """Return the row of an order that was never made, whose document says no status that there is."""
        line = (self.products[0], 1, 5.0)
        self.box_order(line, retailer=CUSTOMER, status="pending")  # makes the contact
        document = self.box_order(line, retailer=CUSTOMER, status="no such status")
        self.pull()
        row = self.env["marketplace.inbox"].search([("external_id", "=", document["hashed_id"])])
        self.assertEqual((row.state, self.failures()), ("failed", 1))
        return row

    def failures(self):
        """Return what the dashboard counts as failed of the inbox."""
        (account,) = (row for row in self.account.get_dashboard_data()["accounts"] if row["id"] == self.account.id)
        return sum(cause["count"] for cause in account["failures"] if cause["model"] == "marketplace.inbox")

    def customer(self):
        return self.env["res.partner"].search([("cartona_id", "=", "retailer_KV00777")])

    def test_a_failed_document_whose_customer_was_forgotten_is_closed_and_no_failure_any_more(self):
        row = self.failed_document()
        self.forget(self.customer())
        self.assertEqual((row.state, self.failures()), ("closed", 0))
        self.assertNotIn("Somebody", row.payload)
        with self.assertRaisesRegex(UserError, "customer was forgotten"):
            row.action_replay()
        self.account.action_retry_failed()
        self.commit()
        self.assertEqual(row.state, "closed")

    def test_what_will_never_be_an_order_forgets_its_customer_too(self):
        old = self.failed_document()
        newer = {**json.loads(old.payload), "status": "no such status either"}
        row, _new = self.env["marketplace.inbox"]._store([(self.account, "order", old.external_id, newer)], "pull")
        self.commit()
        old.state = "superseded"
        row.action_set_aside()
        self.forget(self.customer())
        self.assertEqual((old.state, row.state), ("superseded", "aside"))
        for document in old | row:
            self.assertTrue(document.redacted_at)
            self.assertNotIn("Somebody", document.payload)

    def test_an_order_whose_document_was_closed_comes_in_where_the_marketplace_still_has_it(self):
        row = self.failed_document()
        raw = json.loads(row.payload)
        self.forget(self.customer())
        rows, new = self.env["marketplace.inbox"]._store([(self.account, "order", row.external_id, raw)], "pull")
        self.assertEqual(new, 1)
        self.commit()
        self.assertEqual((rows.state, row.state), ("failed", "closed"))
        mended = {**raw, "status": "pending"}
        self.env["marketplace.inbox"]._store([(self.account, "order", row.external_id, mended)], "pull")
        self.commit()
        self.assertTrue(self.order_of({"hashed_id": row.external_id}))

    def test_what_can_not_be_processed_after_its_customer_was_forgotten_is_closed_at_once(self):
        row = self.failed_document()
        row.write({"state": "waiting"})
        self.forget(self.customer())
        self.assertEqual(row.state, "waiting")
        self.commit()
        self.assertEqual((row.state, self.failures()), ("closed", 0))

    # ------------------------------------------------------------------ what comes again after that

    def forgotten_order(self):
        """Return an order whose customer was forgotten, and a document of it that had failed."""
        document = self.box_order((self.products[0], 2, 5.0), retailer=CUSTOMER, status="pending")
        self.pull()
        broken = {**document, "status": "no such status"}
        row, _new = self.env["marketplace.inbox"]._store(
            [(self.account, "order", document["hashed_id"], broken)], "pull"
        )
        self.commit()
        order = self.order_of(document)
        self.forget(order.partner_id)
        self.assertEqual((row.state, order.partner_id.name), ("closed", "Forgotten customer"))
        return order, row, broken

    def people(self):
        """Return the contacts that tell who the customer was."""
        named = [("name", "=", CUSTOMER["retailer_name"]), ("cartona_id", "=", "retailer_KV00777")]
        return self.env["res.partner"].with_context(active_test=False).search(["|", *named])

    def test_a_closed_document_of_an_order_that_is_here_is_not_taken_again(self):
        order, row, broken = self.forgotten_order()
        again, new = self.env["marketplace.inbox"]._store(
            [(self.account, "order", order.cartona_id, broken)], "webhook"
        )
        self.assertEqual((again, new), (row, 0))
        self.commit()
        self.assertNotIn("Somebody", row.payload)
        self.assertEqual(len(self.order_of({"hashed_id": order.cartona_id})), 1)

    def test_a_newer_document_changes_the_order_that_is_here_and_its_customer_stays_forgotten(self):
        order, _row, _broken = self.forgotten_order()
        line_id = self.box.order(order.cartona_id)["order_details"][0]["id"]
        self.box.edit_order(order.cartona_id, {line_id: 1}, by="admin")
        self.pull()
        self.assertEqual(self.order_of({"hashed_id": order.cartona_id}), order)
        self.assertEqual(order.order_line.product_uom_qty, 1)
        self.assertEqual(order.partner_id.name, "Forgotten customer")
        self.assertFalse(self.people())
