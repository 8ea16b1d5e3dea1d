# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from .test_order_lines_out import OrderOutCase


class TestPortal(OrderOutCase):
    """What customers may see of their own orders is Odoo's; what marketplaces say of them is for the staff."""

    order_values = {"cartona_credit": 30}

    def setUp(self):
        super().setUp()
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
