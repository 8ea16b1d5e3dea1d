# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.tests import new_test_user

from ..compat import included_tax_values
from .test_order_lines_out import OrderOutCase


class TestTaxesByHand(OrderOutCase):
    confirm_policy = "never"

    def test_a_salesperson_without_rights_on_accounts_updates_the_taxes(self):
        taxes = self.env["account.tax"]
        tax = taxes.create({"name": "14 within", "amount": 14.0, **included_tax_values(taxes)})
        self.products[0].taxes_id = tax
        self.account.tax_policy = "included"
        seller = new_test_user(self.env, "tax-seller", groups="sales_team.group_sale_salesman_all_leads")
        self.order.with_user(seller).action_update_taxes()
        self.assertEqual(self.first.tax_id, tax)
        self.account.tax_policy = "none"
        self.env.invalidate_all()
        self.order.with_user(seller).action_update_taxes()
        self.assertFalse(self.first.tax_id)
