# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import fields
from odoo.exceptions import UserError
from odoo.tools import mute_logger

from .common import MarketplaceCase


class TestDoctorWays(MarketplaceCase):
    """Each finding is there while something is broken, goes when that is mended, and its button mends it."""

    def prepare(self):
        super().prepare()
        self.list_products()

    def finding(self, words):
        """Return the finding whose title holds the words, ``None`` without."""
        found = self.env["marketplace.config"].get_doctor_findings()
        mine = [one for one in found if one["account"] in (False, self.account.id)]
        return next((one for one in mine if words in one["title"]), None)

    def press(self, finding):
        self.assertTrue(finding["fix_label"])
        self.env["marketplace.config"].apply_doctor_fix(finding["fix"], finding["account"])

    def have_late_job(self):
        self.env["marketplace.wake"]._request()
        self.run_hooks()
        self.env["queue.job"].flush_model()
        self.env.cr.execute(
            "UPDATE queue_job SET date_created = date_created - interval '1 hour' "
            "WHERE identity_key LIKE 'marketplace:%%' AND state = 'pending'"
        )
        self.env.invalidate_all()

    # ------------------------------------------------------------------ the job runner

    def test_a_job_that_nobody_takes_up_is_told_with_its_time_and_done_at_the_button(self):
        self.have_late_job()
        finding = self.finding("No job runner works")
        self.assertEqual(finding["level"], "error")
        triggers = self.env["ir.cron.trigger"].sudo()
        before = triggers.search([])
        self.press(finding)
        cron = self.env.ref("cartona_integration.cron_sweep")
        self.assertEqual((triggers.search([]) - before).cron_id, cron)
        self.run_jobs()
        self.assertFalse(self.finding("No job runner works"))

    def test_the_last_job_that_was_done_is_told(self):
        self.env.cr.execute("DELETE FROM queue_job")
        self.assertTrue(self.finding("has had nothing to do"))
        self.products[0].list_price = 71.0
        self.commit()
        self.assertEqual(self.finding("takes up its work")["level"], "ok")

    def test_a_runner_with_nothing_to_do_is_felt_for_its_heartbeat(self):
        def beats():
            return self.env["queue.job"].search_count([("identity_key", "=", "marketplace:heartbeat")])

        self.env["marketplace.wake"]._beat()
        self.assertEqual(beats(), 0, "it has just done something")
        self.env.cr.execute("UPDATE queue_job SET date_done = date_done - interval '1 hour'")
        self.env["marketplace.wake"]._beat()
        self.env["marketplace.wake"]._beat()
        self.assertEqual(beats(), 1)
        self.env["queue.job"].flush_model()
        self.env.cr.execute(
            "UPDATE queue_job SET date_created = date_created - interval '1 hour' "
            "WHERE identity_key = 'marketplace:heartbeat'"
        )
        self.assertTrue(self.finding("No job runner works"))
        self.run_jobs()
        self.assertTrue(self.finding("takes up its work"))

    def test_no_heart_is_felt_for_where_nothing_is_live(self):
        self.env.cr.execute("DELETE FROM queue_job")
        self.account.action_pause()
        self.env["marketplace.config"].search([("state", "=", "live")]).action_pause()
        self.env["marketplace.wake"]._beat()
        self.assertFalse(self.env["queue.job"].search([("identity_key", "=", "marketplace:heartbeat")]))

    def test_jobs_of_ours_in_another_channel_are_put_back_by_the_button(self):
        self.assertFalse(self.finding("another channel"))
        function = self.env.ref("cartona_integration.job_function_drain")
        function.channel_id = self.env.ref("queue_job.channel_root")
        finding = self.finding("another channel")
        self.assertIn("_job_drain", finding["title"])
        self.press(finding)
        self.assertEqual(function.channel, "root.marketplace")
        self.assertFalse(self.finding("another channel"))

    # ------------------------------------------------------------------ ways in and out

    def test_clocks_that_differ_are_told_until_they_do_not(self):
        self.account.action_test_connection()
        self.assertFalse(self.finding("its clock and ours differ"))
        last = self.logged("test_connection")[0]
        last.clock_ahead = -180
        finding = self.finding("its clock and ours differ")
        self.assertIn("180 s", finding["title"])
        self.press(finding)
        self.assertFalse(self.finding("its clock and ours differ"))

    def test_a_token_that_is_not_renewed_is_told_until_it_is(self):
        self.account.token_url = f"{self.box.url}token"
        log = self.env["marketplace.sync.log"]
        log._record(self.account, {"operation": "token", "status": "error", "message": "invalid_grant"})
        finding = self.finding("no new token is given")
        self.assertIn("invalid_grant", finding["title"])
        self.assertEqual(finding["level"], "error")
        soon = fields.Datetime.now() + timedelta(minutes=10)
        self.env["marketplace.token"].create(
            {"config_id": self.account.id, "access_token": "good for now", "expires_at": soon}
        )
        self.env.invalidate_all()
        self.assertEqual(self.finding("no new token is given")["level"], "warning", "the old one is still good")
        log._record(self.account, {"operation": "token", "status": "success"})
        self.assertFalse(self.finding("no new token is given"))

    def test_webhooks_that_stay_away_while_orders_come_by_pull_are_told_with_their_number(self):
        log = self.env["marketplace.sync.log"]
        log._record(self.account, {"operation": "webhook_orders", "direction": "in", "status": "success"})
        self.assertFalse(self.finding("no webhook came"))
        log.search([("operation", "=", "webhook_orders")]).create_date = fields.Datetime.now() - timedelta(hours=5)
        self.assertFalse(self.finding("no webhook came"), "nothing was ordered meanwhile")
        self.box_order((self.products[0], 1, 10.0))
        self.pull()
        self.assertIn("although 1 orders did", self.finding("no webhook came")["title"])
        log._record(self.account, {"operation": "webhook_orders", "direction": "in", "status": "success"})
        log.search([("operation", "=", "webhook_orders")], limit=1).create_date = fields.Datetime.now() + timedelta(
            seconds=1
        )
        self.assertFalse(self.finding("no webhook came"))

    def test_a_refused_webhook_is_told_until_one_is_taken_whatever_else_was_logged(self):
        log = self.env["marketplace.sync.log"]
        log._record(
            self.account,
            {"operation": "webhook_orders", "direction": "in", "status": "error", "message": "Wrong signature"},
        )
        log._record(self.account, {"operation": "match_products", "direction": "in", "status": "success"})
        self.assertIn("Wrong signature", self.finding("the last webhook was refused")["title"])
        log._record(self.account, {"operation": "webhook_orders", "direction": "in", "status": "success"})
        self.assertFalse(self.finding("the last webhook was refused"))

    def test_the_button_of_an_account_that_was_deleted_meanwhile_says_so(self):
        other = self.env["marketplace.config"].create({"name": "Gone Soon", "code": "cartona", "user_id": False})
        found = self.env["marketplace.config"].get_doctor_findings()
        finding = next(one for one in found if one["account"] == other.id and one["fix_label"])
        other.unlink()
        with self.assertRaisesRegex(UserError, "not there any more"):
            self.press(finding)

    @mute_logger("odoo.addons.cartona_integration.models.marketplace_doctor")
    def test_a_check_that_breaks_is_told_and_hides_no_other(self):
        self.patch(self.registry["marketplace.doctor"], "_exam_clock", lambda doctor, configs: 1 / 0)
        finding = self.finding("A check failed: clock")
        self.assertEqual(finding["level"], "error")
        self.assertTrue(self.finding("job runner"), "what comes after it")

    def test_without_a_secret_no_webhook_is_missed(self):
        self.assertTrue(self.finding("no webhook came"))
        self.account.webhook_secret = False
        self.assertFalse(self.finding("no webhook came"))

    def test_orders_that_nobody_pulled_are_pulled_at_the_button(self):
        self.running().last_pull_at = fields.Datetime.now() - timedelta(hours=2)
        self.box.clear_journal()
        self.press(self.finding("no orders were pulled"))
        self.commit()
        self.assertTrue(self.box.calls("pull-orders"))
        self.assertFalse(self.finding("no orders were pulled"))

    # ------------------------------------------------------------------ what orders need

    def test_products_without_a_tax_are_counted_where_others_have_one(self):
        self.account.tax_policy = "product"
        tax = self.env["account.tax"].create({"name": "VAT 14", "amount": 14.0, "type_tax_use": "sale"})
        self.assertFalse(self.finding("have no tax"), "a house without taxes")
        self.products[0].taxes_id = tax
        self.assertIn("3 listed products have no tax", self.finding("have no tax")["title"])
        self.account.tax_policy = "none"
        self.assertFalse(self.finding("have no tax"))
        self.account.tax_policy = "included"
        self.products.taxes_id = tax
        self.assertFalse(self.finding("have no tax"))

    def test_a_warehouse_that_is_archived_delivers_nothing(self):
        other = self.env["stock.warehouse"].create({"name": "Other", "code": "OTH"})
        self.account.sale_warehouse_id = other
        self.assertFalse(self.finding("delivered from is archived"))
        other.active = False
        self.assertTrue(self.finding("delivered from is archived"))
        self.account.sale_warehouse_id = self.warehouse
        self.assertFalse(self.finding("delivered from is archived"))

    def test_places_of_the_marketplace_without_a_warehouse_are_named(self):
        shop = self.env["marketplace.config"].create({"name": "Shop", "code": "shopify"})
        location = self.env["marketplace.shopify.location"].create(
            {"config_id": shop.id, "external_id": "1", "name": "Nasr City"}
        )

        def told():
            found = self.env["marketplace.config"].get_doctor_findings()
            return [one for one in found if one["account"] == shop.id and "no warehouse for" in one["title"]]

        self.assertIn("Nasr City", told()[0]["title"])
        shop.shopify_location_id = location
        self.assertFalse(told())

    def test_an_account_of_nobody_is_taken_on_by_who_presses_the_button(self):
        self.account.user_id = False
        admin = self.env.ref("base.user_admin")
        finding = self.finding("nobody is responsible")
        self.env["marketplace.config"].with_user(admin).apply_doctor_fix(finding["fix"], finding["account"])
        self.assertEqual(self.account.user_id, admin)
        self.assertFalse(self.finding("nobody is responsible"))

    def test_products_are_matched_at_the_button(self):
        self.account.listing_ids.write({"pushed_quantity": 0, "pushed_publication": False})
        self.account.listing_ids.unlink()
        self.press(self.finding("no product is listed"))
        self.assertTrue(self.account.task_ids.filtered(lambda task: task.kind == "match"))
