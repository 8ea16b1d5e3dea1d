# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from .test_order_lines_out import OrderOutCase


class TestPortal(OrderOutCase):
    """What customers may see of their own orders is Odoo's; what marketplaces say of them is for the staff."""

    order_values = {"cartona_credit": 30}

    def prepare(self):
        super().prepare()
        self.customer = new_test_user(self.env, "portal-customer", groups="base.group_portal")
        self.customer.partner_id.parent_id = self.order.partner_id
        self.order.message_subscribe(self.customer.partner_id.ids)

    def our_fields(self, model):
        return [name for name in self.env[model]._fields if name.startswith(("marketplace_", "cartona_"))]

    def test_customers_read_their_orders_but_nothing_that_a_marketplace_says_of_them(self):
        order = self.order.with_user(self.customer)
        self.assertTrue(order.read(["name", "amount_total"]))
        for records in (order, order.order_line, order.partner_id):
            names = self.our_fields(records._name)
            self.assertTrue(names)
            self.assertFalse(set(names) & records.fields_get().keys())
            for name in names:
                with self.assertRaises(AccessError, msg=f"{records._name}.{name}"):
                    records.read([name])

    def test_employees_without_rights_on_sales_read_none_of_it_either(self):
        clerk = new_test_user(self.env, "plain-clerk", groups="base.group_user")
        for records, name in ((self.order, "marketplace_total"), (self.first, "marketplace_discount")):
            with self.assertRaises(AccessError):
                records.with_user(clerk).read([name])

    def test_salespeople_read_it(self):
        seller = new_test_user(self.env, "portal-seller", groups="sales_team.group_sale_salesman_all_leads")
        fields = self.env["sale.order"]._fields
        names = {name for name in self.our_fields("sale.order") if fields[name].groups == "base.group_user"}
        self.assertGreater(len(names), 20)
        self.assertEqual(self.order.with_user(seller).read(names)[0]["marketplace_credit"], 30)

    def test_a_customer_who_signs_online_confirms_the_order(self):
        self.account.confirm_policy = "never"
        document = self.place()
        self.pull()
        order = self.order_of(document)
        order.with_user(self.customer).sudo().action_confirm()
        self.commit()
        self.assertEqual(self.box.order(document["hashed_id"])["status"], "approved")


class TestPortalOfHeldOrders(OrderOutCase):
    """A customer can't confirm online what can't go on: the reason is for the staff."""

    confirm_policy = "never"

    def prepare(self):
        super().prepare()
        self.order.write({"require_signature": True, "require_payment": True, "prepayment_percent": 1.0})

    def hold(self):
        self.first.price_unit = 1.0
        self.account.push_lines = False
        self.commit()
        self.box.edit_order(self.hashed_id, by="admin", note_message="x")
        self.pull()
        self.assertTrue(self.order.marketplace_hold)

    def pay(self, reference="paid-online"):
        provider = self.env["payment.provider"].search([("company_id", "=", self.env.company.id)], limit=1)
        values = {
            "provider_id": provider.id,
            "payment_method_id": self.env["payment.method"].with_context(active_test=False).search([], limit=1).id,
            "reference": reference,
            "amount": self.order.amount_total,
            "currency_id": self.order.currency_id.id,
            "partner_id": self.order.partner_id.id,
            "sale_order_ids": [Command.link(self.order.id)],
            "state": "done",
        }
        return self.env["payment.transaction"].create(values)

    def test_what_is_held_is_neither_signed_nor_paid_nor_confirmed_by_a_payment(self):
        self.assertTrue(self.order._has_to_be_signed() and self.order._has_to_be_paid())
        self.hold()
        self.assertFalse(self.order._has_to_be_signed() or self.order._has_to_be_paid())
        self.assertFalse(self.pay()._check_amount_and_confirm_order())
        self.assertEqual(self.order.state, "draft")
        self.order.action_marketplace_accept()
        self.assertTrue(self.order._has_to_be_signed())
        self.assertTrue(self.order.transaction_ids._check_amount_and_confirm_order())
        self.assertEqual(self.order.state, "sale")

    def test_what_has_ended_there_or_is_being_changed_is_neither(self):
        for number, status in enumerate(("cancelled", "editing")):
            self.order.marketplace_status = status
            self.assertFalse(self.order._has_to_be_signed() or self.order._has_to_be_paid())
            self.assertFalse(self.pay(f"paid-{number}")._check_amount_and_confirm_order())
            self.assertEqual(self.order.state, "draft")
