# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from unittest import mock

from psycopg2.errors import LockNotAvailable

from odoo import Command, fields
from odoo.tests import Form, mute_logger, new_test_user

from ..compat import create_return
from ..models.marketplace_lane_inbox import MAX_ATTEMPTS as PROCESS_ATTEMPTS
from ..models.marketplace_lane_invoices import MAX_ATTEMPTS
from .common import MarketplaceCase


class PoliciesCase(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.stock_products()

    def place(self, *lines, **values):
        """Return the sales order of a new marketplace order, confirmed."""
        document = self.box_order(*(lines or [(self.products[0], 10, 20.0)]), status="pending", **values)
        self.pull()
        return self.order_of(document)

    def deliver(self, order, quantity=None, backorder=False):
        """Validate the delivery that is ready, with all of it or ``quantity`` of each move."""
        picking = order.picking_ids.filtered(lambda picking: picking.state == "assigned")
        if quantity is not None:
            picking.move_ids.quantity = quantity
        picking.move_ids.picked = True
        skip = [] if backorder else picking.ids
        picking.with_context(skip_backorder=True, picking_ids_not_to_backorder=skip).button_validate()

    def credit(self, order, **quantities):
        """Credit so much of each product of the order's invoice, by its reference; all of it where none is named."""
        invoice = order.invoice_ids.filtered(lambda move: move.move_type == "out_invoice")
        values = {"move_ids": [Command.set(invoice.ids)], "journal_id": invoice.journal_id.id}
        wizard = self.env["account.move.reversal"].with_context(active_model="account.move", active_ids=invoice.ids)
        note = self.env["account.move"].browse(wizard.create(values).reverse_moves()["res_id"])
        for line in note.invoice_line_ids:
            line.quantity = quantities.get("quantity", line.quantity)
        note.action_post()

    def take_back(self, order, quantity):
        """Take back so much of what the order's last delivery brought."""
        delivery = order.picking_ids.filtered(lambda picking: picking.state == "done").sorted("id")[-1]
        back = create_return(delivery)
        back.move_ids.write({"to_refund": True, "quantity": quantity, "picked": True})
        back.with_context(skip_backorder=True, picking_ids_not_to_backorder=back.ids).button_validate()
        return back

    def hear_delivered(self, order):
        self.box.edit_order(order.cartona_id, by="admin", status="delivered")
        self.pull()

    def invoiced(self, order):
        return [(move.move_type, move.invoice_line_ids.mapped("quantity")) for move in order.invoice_ids.sorted("id")]


class TestPolicies(PoliciesCase):
    # ------------------------------------------------------------------ what orders are given

    def test_orders_are_given_what_the_account_says(self):
        term = self.env["account.payment.term"].create({"name": "Cash at the door"})
        tags = self.env["crm.tag"].create([{"name": "Cartona"}, {"name": "Van"}])
        seller = new_test_user(self.env, "seller-of-the-tests", "sales_team.group_sale_salesman")
        team = self.env["crm.team"].create({"name": "Vans"})
        other = self.env["stock.warehouse"].create({"name": "Other", "code": "OTH"})
        self.account.write(
            {
                "payment_term_id": term.id,
                "sale_tag_ids": [Command.set(tags.ids)],
                "sale_user_id": seller.id,
                "sale_team_id": team.id,
                "sale_warehouse_id": other.id,
                "confirm_policy": "never",
            }
        )
        order = self.place()
        self.assertEqual(order.payment_term_id, term)
        self.assertEqual(order.tag_ids, tags)
        self.assertEqual((order.user_id, order.team_id, order.warehouse_id), (seller, team, other))

    def test_an_order_that_is_given_to_a_salesperson_stays_with_its_warehouse(self):
        self.account.confirm_policy = "never"
        other = self.env["stock.warehouse"].create({"name": "Other", "code": "OTH"})
        sellers = [
            new_test_user(self.env, f"seller-{number}-of-the-tests", "sales_team.group_sale_salesman")
            for number in range(2)
        ]
        for seller in sellers:
            seller.property_warehouse_id = other
        order = self.place()
        order.user_id = sellers[0]
        self.assertEqual((order.user_id, order.warehouse_id), (sellers[0], self.warehouse))
        with Form(order) as form:
            form.user_id = sellers[1]
        self.assertEqual((order.user_id, order.warehouse_id), (sellers[1], self.warehouse))

    def test_without_payment_terms_the_customers_count(self):
        term = self.env["account.payment.term"].create({"name": "The customer's"})
        first = self.place(retailer={"retailer_name": "Shop", "retailer_code": "A1"})
        first.partner_id.property_payment_term_id = term
        second = self.place(retailer={"retailer_name": "Shop", "retailer_code": "A1"})
        self.assertEqual(second.payment_term_id, term)

    def test_an_order_without_lines_waits_for_a_person_and_is_confirmed_once_it_has_some(self):
        document = self.box_order((self.products[0], 0, 20.0), status="pending")
        self.pull()
        order = self.order_of(document)
        row = self.env["marketplace.inbox"].search([("order_id", "=", order.id)])
        self.assertEqual((order.state, row.state, row.attempts), ("draft", "imported", 1))
        for _attempt in range(2 * PROCESS_ATTEMPTS):
            row.next_attempt = False
            self.sweep()
        self.assertEqual((order.state, row.state, row.attempts), ("draft", "failed", PROCESS_ATTEMPTS))
        self.assertIn("no lines to deliver. Cancel it, or add what was ordered", row.last_error)
        self.assertTrue(self.account.activity_ids)
        order.order_line = [Command.create({"product_id": self.products[0].id, "product_uom_qty": 1})]
        row.action_replay()
        self.commit()
        self.assertEqual((order.state, row.state, len(order.order_line)), ("sale", "done", 1), order.marketplace_hold)

    # ------------------------------------------------------------------ invoice on delivery

    def test_by_default_nothing_is_invoiced(self):
        order = self.place()
        self.deliver(order)
        self.commit()
        self.assertFalse(order.invoice_ids)

    def test_the_last_delivery_makes_a_posted_invoice_after_its_own_transaction(self):
        self.account.invoice_policy = "posted"
        order = self.place()
        self.deliver(order)
        self.assertFalse(order.invoice_ids, "not in the transaction of the delivery")
        self.commit()
        self.assertEqual(order.invoice_ids.state, "posted")
        self.assertEqual(order.invoice_ids.amount_total, 200.0)
        self.commit()
        self.assertEqual(len(order.invoice_ids), 1)

    def test_an_invoice_is_of_the_day_that_it_is_where_the_company_is(self):
        self.account.invoice_policy = "posted"
        today = fields.Date.context_today
        # A day begins 25 hours earlier in the one than in the other, so one of them has another day than we have here.
        days = {
            zone: today(self.env.user.with_context(tz=zone)) for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago")
        }
        zone, day = next((zone, day) for zone, day in days.items() if day != today(self.env.user))
        self.account.company_id.partner_id.tz = zone
        order = self.place()
        self.deliver(order)
        self.commit()
        self.assertEqual((order.invoice_ids.invoice_date, order.invoice_ids.date), (day, day))

    def test_the_invoice_may_stay_a_draft(self):
        self.account.invoice_policy = "draft"
        order = self.place()
        self.deliver(order)
        self.commit()
        self.assertEqual(order.invoice_ids.state, "draft")

    def test_the_first_of_two_deliveries_makes_no_invoice(self):
        self.account.invoice_policy = "posted"
        order = self.place()
        self.deliver(order, 4, backorder=True)
        self.commit()
        self.assertFalse(order.invoice_ids)
        self.deliver(order)
        self.commit()
        self.assertEqual(order.invoice_ids.invoice_line_ids.quantity, 10)

    def test_what_is_called_off_or_comes_back_is_not_invoiced_because_the_rest_is_stopped(self):
        self.account.invoice_policy = "posted"
        for status in ("cancelled_by_retailer", "returned"):
            order = self.place()
            self.deliver(order, 4, backorder=True)
            self.commit()
            self.box.edit_order(order.cartona_id, by="admin", status=status)
            self.pull()
            outgoing = order.picking_ids.filtered(lambda picking: picking.picking_type_code == "outgoing")
            self.assertEqual(set(outgoing.mapped("state")), {"done", "cancel"})
            self.assertFalse(order.invoice_ids, status)

    def test_what_was_not_delivered_is_not_invoiced_whatever_the_product_says(self):
        self.account.invoice_policy = "posted"
        self.products[:2].invoice_policy = "order"
        order = self.place((self.products[0], 10, 20.0), (self.products[1], 5, 10.0))
        picking = order.picking_ids
        picking.move_ids.filtered(lambda move: move.product_id == self.products[0]).quantity = 7
        picking.move_ids.filtered(lambda move: move.product_id == self.products[1]).quantity = 0
        picking.move_ids.picked = True
        picking.with_context(skip_backorder=True, picking_ids_not_to_backorder=picking.ids).button_validate()
        self.commit()
        self.assertEqual(order.invoice_ids.invoice_line_ids.mapped("quantity"), [7])

    def test_where_nothing_is_to_be_delivered_the_marketplaces_word_counts(self):
        self.account.invoice_policy = "draft"
        service = self.env["product.product"].create({"name": "Advice", "type": "service", "taxes_id": False})
        self.env["marketplace.listing"].create(
            {"config_id": self.account.id, "product_id": service.id, "external_id": "advice"}
        )
        document = self.box.add_order(
            status="pending",
            order_details=[{"supplier_product_id": "advice", "amount": 2, "selling_price": 30}],
        )
        self.pull()
        order = self.order_of(document)
        self.assertFalse(order.picking_ids)
        self.box.edit_order(document["hashed_id"], by="admin", status="delivered")
        self.pull()
        self.assertEqual(order.invoice_ids.amount_total, 60.0)

    def test_what_a_person_credits_is_not_invoiced_again(self):
        self.account.invoice_policy = "posted"
        order = self.place()
        self.deliver(order)
        self.commit()
        self.credit(order, quantity=2)
        self.hear_delivered(order)
        self.assertEqual(order.marketplace_status, "delivered")
        self.assertEqual(self.invoiced(order), [("out_invoice", [10]), ("out_refund", [2])])

    def test_what_is_delivered_in_place_of_what_came_back_and_was_credited_is_invoiced(self):
        self.account.invoice_policy = "posted"
        order = self.place()
        self.deliver(order)
        self.commit()
        back = self.take_back(order, 2)
        self.credit(order, quantity=2)
        again = create_return(back)
        again.move_ids.write({"to_refund": True, "quantity": 2, "picked": True})
        again.button_validate()
        self.commit()
        self.assertEqual(order.order_line.qty_delivered, 10)
        self.assertEqual(self.invoiced(order), [("out_invoice", [10]), ("out_refund", [2]), ("out_invoice", [2])])

    def test_a_delivery_charge_that_a_person_credits_is_not_invoiced_again(self):
        self.account.invoice_policy = "posted"
        order = self.place()
        charge = self.env.ref("cartona_integration.product_delivery")
        order.order_line = [Command.create({"product_id": charge.id, "price_unit": 30.0})]
        self.deliver(order)
        self.commit()
        self.assertEqual(self.invoiced(order), [("out_invoice", [10, 1])])
        self.credit(order)
        self.hear_delivered(order)
        self.assertEqual(self.invoiced(order), [("out_invoice", [10, 1]), ("out_refund", [10, 1])])

    def test_delivered_at_the_marketplace_but_not_here_makes_no_invoice_yet(self):
        self.account.invoice_policy = "draft"
        order = self.place(delivered_by="delivered_by_cartona")
        self.box.edit_order(order.cartona_id, by="admin", status="delivered")
        self.pull()
        self.assertEqual(order.marketplace_status, "delivered")
        self.assertFalse(order.invoice_ids)
        self.deliver(order)
        self.commit()
        self.assertEqual(len(order.invoice_ids), 1)

    def test_an_invoice_that_meets_others_in_the_database_is_tried_again_and_not_to_blame(self):
        order, outbox = self.place(), self.env["marketplace.outbox"]
        self.account.invoice_policy = "posted"
        busy = mock.patch.object(
            self.registry["sale.order"], "_make_marketplace_invoice", side_effect=LockNotAvailable("busy")
        )
        with busy:
            self.deliver(order)
            self.commit()
            for _attempt in range(MAX_ATTEMPTS + 1):
                outbox.search([("lane", "=", "invoices")]).next_attempt = False
                self.sweep()
        row = outbox.search([("lane", "=", "invoices")])
        self.assertEqual((row.state, row.attempts), ("waiting", 0))
        self.assertGreater(row.next_attempt, fields.Datetime.now(), "not without a pause")
        self.assertEqual(self.env["marketplace.lane.invoices"]._next_attempt(self.account), row.next_attempt)
        self.assertFalse(self.account.activity_ids)
        row.next_attempt = False
        self.sweep()
        self.assertEqual(order.invoice_ids.state, "posted")

    def test_an_invoice_that_can_not_be_made_is_told_to_a_person_and_tried_again_when_asked(self):
        self.account.invoice_policy = "posted"
        orders = [self.place(), self.place()]
        journals = self.env["account.journal"].search([("type", "=", "sale"), ("company_id", "=", self.env.company.id)])
        journals.active = False
        for order in orders:
            self.deliver(order)
        with mute_logger("odoo.addons.cartona_integration.models.marketplace_lane_invoices"):
            self.commit()
        self.assertEqual(orders[0].picking_ids.state, "done", "the delivery stands")
        self.assertFalse(orders[0].invoice_ids)
        failed = self.env["marketplace.outbox"].search([("config_id", "=", self.account.id), ("state", "=", "failed")])
        self.assertEqual(failed.mapped("sale_order_id"), orders[0] | orders[1])
        activity = self.account.activity_ids
        self.assertEqual(len(activity), 1, "one for the cause, not one for each order")
        self.assertIn(orders[0].name, activity.note)
        journals.active = True
        self.account.action_retry_failed()
        self.commit()
        for order in orders:
            self.assertEqual(order.invoice_ids.state, "posted")

    def test_a_stock_user_without_rights_on_sales_may_deliver(self):
        self.account.invoice_policy = "posted"
        order = self.place()
        keeper = new_test_user(self.env, "keeper-of-the-tests", "stock.group_stock_user")
        picking = order.picking_ids.with_user(keeper)
        picking.move_ids.picked = True
        picking.button_validate()
        self.commit()
        self.assertEqual(order.invoice_ids.state, "posted")
