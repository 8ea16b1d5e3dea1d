# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.tests import new_test_user

from .common import MarketplaceCase

MANAGER = "cartona_integration.group_marketplace_manager"


class TestResponsible(MarketplaceCase):
    """Who is told, where the account's responsible person has left."""

    def told(self):
        self.account._tell_responsible("Something", "Look.", cause="Something")
        self.run_hooks()
        self.env.invalidate_all()
        return self.account.activity_ids.user_id

    def new_user(self, login, company=None, **values):
        companies = {"company_id": company.id, "company_ids": company.ids} if company else {}
        return new_test_user(self.env, login, groups=MANAGER, **companies, **values)

    def have_no_manager(self):
        group = self.env.ref(MANAGER)
        for user in self.env["res.users"].search([]).filtered(lambda user: user.has_group(MANAGER)):
            user.write({"groups_id": [(3, group.id)]})
        self.assertFalse(self.account._any_manager())

    def test_a_person_who_is_there_is_told(self):
        self.account.user_id = self.new_user("there")
        self.assertEqual(self.told(), self.account.user_id)

    def test_where_that_person_has_left_another_manager_of_the_company_is_told(self):
        company = self.env["res.company"].create({"name": "Other"})
        self.have_no_manager()
        self.account.user_id = self.new_user("left")
        self.account.user_id.active = False
        self.new_user("elsewhere", company)
        here = self.new_user("here")
        self.new_user("here, too")
        self.assertEqual(self.told(), here)

    def test_without_any_manager_the_administrator_is_told(self):
        self.have_no_manager()
        self.account.user_id = self.new_user("left")
        self.account.user_id.active = False
        self.assertEqual(self.told(), self.env.ref("base.user_admin"))
