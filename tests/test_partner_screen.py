# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user

from .test_order_lines_out import OrderOutCase


class TestPartnerScreen(OrderOutCase):
    confirm_policy = "never"

    def prepare(self):
        super().prepare()
        self.partner = self.order.partner_id
        self.code = self.document["retailer"]["retailer_code"]

    def test_customers_are_found_by_any_whole_code_of_theirs(self):
        self.assertEqual(self.partner.cartona_id, f"retailer_{self.code}")
        self.env["marketplace.customer.code"].create(
            {"config_id": self.account.id, "code": "retailer_merged", "partner_id": self.partner.id}
        )
        for code in (self.code, f"retailer_{self.code}", f" {self.code} ", "merged", "retailer_merged"):
            found = self.env["res.partner"].search([("marketplace_code", "=", code)])
            self.assertEqual(found, self.partner, code)
        self.assertFalse(self.env["res.partner"].search([("marketplace_code", "=", "retailer_")]))
        self.assertEqual(self.partner.marketplace_code, f"retailer_{self.code}, retailer_merged")

    def test_those_without_a_marketplace_group_see_none_of_it_and_work_as_ever(self):
        seller = new_test_user(
            self.env, "partner-seller", "base.group_user,base.group_partner_manager,sales_team.group_sale_salesman"
        )
        partner = self.env["res.partner"].create({"name": "Plain"}).with_user(seller)
        arch = partner.get_view(view_type="form")["arch"] + partner.get_view(view_type="search")["arch"]
        self.assertNotIn("marketplace", arch)
        with self.assertRaises(AccessError):
            partner.read(["marketplace_code"])
        for record in (partner, self.partner.with_user(seller)):
            with Form(record) as form:
                form.name = "Renamed"
            self.assertEqual(record.name, "Renamed")

    def test_marketplace_users_see_it(self):
        looker = new_test_user(self.env, "partner-looker", "base.group_user,cartona_integration.group_marketplace_user")
        partner = self.partner.with_user(looker)
        self.assertIn('name="marketplace_code_ids"', partner.get_view(view_type="form")["arch"])
        self.assertEqual(partner.read(["marketplace_code"])[0]["marketplace_code"], f"retailer_{self.code}")
