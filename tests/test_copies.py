# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import os
from tempfile import TemporaryDirectory
from unittest import mock

from odoo.exceptions import UserError
from odoo.tests import new_test_user

from ..models.marketplace_identity import ENVIRONMENT, OPTION, PARAMETER
from .common import MarketplaceCase

MANAGER = "cartona_integration.group_marketplace_manager"


class TestCopies(MarketplaceCase):
    """A database that is not, or not any more, the one that sells says so to those who look after its accounts."""

    def prepare(self):
        super().prepare()
        self.listings = self.list_products()
        self.account.user_id = new_test_user(self.env, "looks-after-it", groups=MANAGER, email="looks@example.com")

    def move_elsewhere(self):
        """Have the database be another one than that in which the accounts were set live, as after a rename."""
        self.env["ir.config_parameter"].set_param(PARAMETER, "another:0123")
        self.env.invalidate_all()

    def sweep_and_look(self):
        self.sweep()
        return self.account.activity_ids.filtered(lambda activity: activity.marketplace_cause == "copy")

    # ------------------------------------------------------------------ somebody is told

    def test_who_looks_after_a_live_account_is_told_once_that_it_sells_no_more(self):
        self.assertFalse(self.sweep_and_look())
        self.move_elsewhere()
        told = self.sweep_and_look()
        self.assertEqual((told.user_id, len(told)), (self.account.user_id, 1))
        self.assertIn(self.account.name, told.summary)
        self.assertIn(PARAMETER, told.note)
        self.assertEqual(self.sweep_and_look(), told)

    def test_so_is_one_where_nobody_has_said_yet_that_it_is_the_one_that_sells(self):
        self.env["ir.config_parameter"].search([("key", "=", PARAMETER)]).unlink()
        self.env.invalidate_all()
        self.assertIn("Resume", self.sweep_and_look().note)

    def test_a_copy_tells_it_by_no_mail(self):
        self.move_elsewhere()
        self.assertTrue(self.sweep_and_look())
        # A mail that is sent is gone at once; that somebody was to have one stays.
        told = [("res_partner_id", "=", self.account.user_id.partner_id.id)]
        self.assertFalse(self.env["mail.notification"].search(told))

    def test_what_is_paused_or_not_live_yet_is_silent_anyway(self):
        self.account.action_pause()
        self.account.copy({"name": "Draft"})
        self.move_elsewhere()
        self.sweep()
        self.assertFalse(self.env["mail.activity"].search([("marketplace_cause", "=", "copy")]))

    def test_what_waits_there_says_what_it_waits_for(self):
        self.move_elsewhere()
        said = self.products[0].action_marketplace_sync()["params"]
        self.assertEqual(said["type"], "warning")
        self.assertIn("This database is a copy", said["message"])

    def test_a_machine_that_keeps_no_files_is_known_by_a_text_of_its_own(self):
        identity = self.env["marketplace.identity"]
        self.env["ir.config_parameter"].search([("key", "=", PARAMETER)]).unlink()
        with mock.patch.dict(os.environ, {ENVIRONMENT: "production"}):
            self.account.action_go_live()
            self.assertTrue(identity._is_original())
        with mock.patch.dict(os.environ, {ENVIRONMENT: "staging"}):
            self.assertTrue(identity._is_copy())
        self.assertTrue(identity._is_copy(), "the file's fingerprint is another")

    def test_a_folder_that_can_not_be_written_to_is_told_with_the_other_way(self):
        self.env["ir.config_parameter"].search([("key", "=", PARAMETER)]).unlink()
        self.patch(type(self.env["marketplace.identity"]), "_fingerprint_path", lambda identity: "/proc/nowhere/name")
        with self.assertRaisesRegex(UserError, OPTION):
            self.account.action_go_live()

    def test_the_check_up_says_that_nothing_is_sent_until_somebody_resumes(self):
        findings = self.env["marketplace.config"].get_doctor_findings
        self.env["ir.config_parameter"].search([("key", "=", PARAMETER)]).unlink()
        found = {finding["title"]: finding for finding in findings()}
        self.assertEqual(found["Nobody has said that this database sells."]["level"], "error")
        self.move_elsewhere()
        found = {finding["title"]: finding for finding in findings()}
        self.assertEqual(found["This database is a copy."]["level"], "error")
        self.account.action_pause()
        found = {finding["title"]: finding for finding in findings()}
        self.assertEqual(found["This database is a copy."]["level"], "warning")

    def test_the_addon_is_not_taken_away_from_under_a_live_account(self):
        modules = self.env["ir.module.module"].search([("name", "in", ("cartona_integration", "sale_stock"))])
        for module in modules:
            with self.assertRaisesRegex(UserError, f"{self.account.name} is live"):
                module.button_uninstall()
        self.account.action_pause()
        modules[0].button_uninstall()
        self.assertEqual(modules[0].state, "to remove")

    # ------------------------------------------------------------------ a file that can't be read

    def lose_file(self):
        """Have a folder where the fingerprint stands: no error that says that there is none."""
        folder = self.enterContext(TemporaryDirectory())
        self.patch(type(self.env["marketplace.identity"]), "_fingerprint_path", lambda identity: folder)
        self.env.invalidate_all()

    def test_a_fingerprint_that_can_not_be_read_stops_the_sending_and_no_screen(self):
        self.lose_file()
        logger = "odoo.addons.cartona_integration.models.marketplace_identity"
        with self.assertLogs(logger, "ERROR") as logs:
            told = self.sweep_and_look()
        self.assertIn("Is a directory", logs.output[0])
        self.products[0].list_price += 1
        self.commit()
        self.assertFalse(self.box.journal)
        self.assertEqual(self.account.condition, "copy")
        for words in (self.account.condition_reason, told.note):
            self.assertIn("can't be read", words)
        with self.assertRaisesRegex(UserError, "can't be read"):
            self.account.action_go_live()
