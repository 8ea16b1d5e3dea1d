# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from .common import MarketplaceCase

GROUP = "cartona_integration.group_marketplace_user"
MANAGER = "cartona_integration.group_marketplace_manager"


class TestDashboardAccess(MarketplaceCase):
    """Everybody sees the accounts of the own companies, managers act, and nobody else gets anything."""

    def prepare(self):
        super().prepare()
        self.config = self.env["marketplace.config"]
        company = self.env["res.company"].create({"name": "Company B"})
        self.theirs = self.config.create({"name": "Account of B", "code": "cartona", "company_id": company.id})
        self.theirs.write({"state": "paused", "pause_reason": "A secret of B"})
        self.env["marketplace.listing"].create({"config_id": self.theirs.id, "external_id": "b"}).write(
            {"state": "failed", "last_error": "A secret of B"}
        )
        self.ours = new_test_user(self.env, "user_a", GROUP, company_id=self.env.company.id)
        self.manager = new_test_user(self.env, "manager_a", MANAGER, company_id=self.env.company.id)

    def test_nothing_of_another_company_is_told(self):
        for user in (self.ours, self.manager):
            data = self.config.with_user(user).get_dashboard_data()
            self.assertIn(self.account.id, [one["id"] for one in data["accounts"]])
            self.assertNotIn(self.theirs.id, [one["id"] for one in data["accounts"]])
            findings = self.config.with_user(user).get_doctor_findings()
            self.assertNotIn("of B", str(data) + str(findings))

    def test_the_other_company_sees_its_own(self):
        user = new_test_user(
            self.env, "user_b", GROUP, company_id=self.theirs.company_id.id, company_ids=self.theirs.company_id.ids
        )
        data = self.config.with_user(user).get_dashboard_data()
        self.assertEqual([one["id"] for one in data["accounts"]], self.theirs.ids)
        self.assertEqual(data["accounts"][0]["failures"][0]["text"], "A secret of B")

    def test_a_manager_does_nothing_at_the_accounts_of_another_company(self):
        config = self.config.with_user(self.manager)
        with self.assertRaises(AccessError):
            config.browse(self.theirs.id).retry_cause("marketplace.listing", "A secret of B")
        with self.assertRaises(UserError):
            config.apply_doctor_fix("_fix_resume", self.theirs.id)
        self.assertEqual(self.theirs.state, "paused")
        listings = self.env["marketplace.listing"].with_user(self.manager)
        self.assertFalse(listings.search([("cause", "=", "A secret of B")]))

    def test_a_user_looks_and_does_not_act(self):
        config = self.config.with_user(self.ours)
        self.assertFalse(config.get_dashboard_data()["manager"])
        for call in (
            lambda: config.browse(self.account.id).retry_cause("marketplace.listing", "x"),
            lambda: config.browse(self.account.id).action_retry_failed(),
            lambda: config.apply_doctor_fix("_fix_retry", self.account.id),
        ):
            with self.assertRaises(AccessError):
                call()

    def test_employees_and_customers_get_nothing(self):
        for name, group in (("employee", "base.group_user"), ("customer", "base.group_portal")):
            config = self.config.with_user(new_test_user(self.env, name, group))
            for call in (
                lambda config=config: config.get_dashboard_data(),
                lambda config=config: config.get_doctor_findings(),
                lambda config=config: config.apply_doctor_fix("_fix_resume", self.account.id),
                lambda config=config: config.browse(self.account.id).retry_cause("marketplace.listing", "x"),
            ):
                with self.assertRaises(AccessError):
                    call()

    def test_a_database_without_an_account_has_an_empty_dashboard(self):
        company = self.env["res.company"].create({"name": "Company C"})
        user = new_test_user(self.env, "user_c", GROUP, company_id=company.id, company_ids=company.ids)
        self.assertEqual(self.config.with_user(user).get_dashboard_data()["accounts"], [])
        self.assertTrue(self.config.with_user(user).get_doctor_findings())
