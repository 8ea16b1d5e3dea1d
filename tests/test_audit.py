# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from unittest import mock

from psycopg2.errors import DeadlockDetected

from odoo import fields
from odoo.tools import mute_logger

from ..schemas import UNLIMITED
from ..transport import errors
from .common import MarketplaceCase


class TestAudit(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.listings = self.list_products()
        for product in self.products:
            self.set_stock(product, 10)
        self.commit()
        self.box.clear_journal()

    def audit(self):
        self.account.action_audit()
        self.commit()
        return self.env["marketplace.audit"].search([("config_id", "=", self.account.id)], limit=1)

    def tamper(self, product, **values):
        """Change a product at the marketplace behind our back."""
        self.box.state.products[str(1000 + product.id)].offers["1"].update(values)

    def test_a_marketplace_that_agrees_is_clean(self):
        audit = self.audit()
        self.assertEqual((audit.state, audit.compared, audit.drift_count), ("clean", 4, 0))
        self.assertFalse(self.sent_rows())

    def test_a_few_differences_are_told_with_their_risk_and_healed(self):
        self.tamper(self.products[0], selling_price=4.0)
        self.tamper(self.products[1], available_stock_quantity=13)
        audit = self.audit()
        self.assertEqual(audit.state, "healed")
        found = {drift.subject: (drift.ours, drift.theirs, drift.amount_at_risk) for drift in audit.drift_ids}
        self.assertEqual(found, {"price": (10.0, 4.0, 60.0), "stock": (10.0, 13.0, 60.0)})
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 10.0)
        self.assertEqual(self.at_box(self.products[1])["available_stock_quantity"], 10)

    def test_without_a_job_runner_all_audits_share_the_time_of_one(self):
        shares = []
        self.patch(self.registry["marketplace.audit"], "_job_audit", lambda _audit, seconds: shares.append(seconds))
        self.env["marketplace.audit"].create([{"config_id": self.account.id}] * 3)
        self.env["marketplace.audit"]._go_on(30)
        self.assertEqual(shares, [10, 10, 10])

    def test_without_a_job_runner_an_audit_that_fails_keeps_no_other_from_going_on(self):
        other = self._create_account(name="Second")
        self.commit()
        audits = self.env["marketplace.audit"].create([{"config_id": one.id} for one in self.account | other])
        compare, met = self.registry["marketplace.audit"]._compare_page, []

        def compare_or_meet(audit):
            met.append(audit.id)
            if audit.id == met[0]:
                raise DeadlockDetected("with others")
            return compare(audit)

        self.patch(self.registry["marketplace.audit"], "_compare_page", compare_or_meet)
        with self.assertLogs("odoo.addons.cartona_integration.models.marketplace_audit", "ERROR"):
            audits._go_on(30)
        self.env.invalidate_all()
        first = audits.browse(met[0])
        self.assertEqual((first.state, (audits - first).state), ("running", "clean"))

    def test_what_is_shown_there_is_told_as_the_reader_writes_numbers(self):
        self.tamper(self.products[0], selling_price=1234.5)
        self.tamper(self.products[1], available_stock_quantity=1300)
        shown = {drift.subject: drift.theirs_in_words for drift in self.audit().drift_ids}
        self.assertEqual(shown, {"price": "1,234.50", "stock": "1,300.00"})

    def test_many_differences_wait_for_a_person(self):
        self.account.heal_limit = 1
        for product in self.products:
            self.tamper(product, selling_price=1.0)
        audit = self.audit()
        self.assertEqual(audit.state, "approval")
        self.assertIn("differs from Odoo", self.account.activity_ids.summary)
        self.assertFalse(self.sent_rows())
        audit.action_heal()
        self.commit()
        self.assertEqual(audit.state, "healed")
        self.assertEqual(self.at_box(self.products[3])["selling_price"], 40.0)

    def test_what_is_on_its_way_is_no_difference(self):
        self.account.action_pause()
        self.products[0].list_price = 99
        self.commit()
        self.account.state = "live"
        audit = self.env["marketplace.audit"].create({"config_id": self.account.id})
        self.env.cr.flush()
        audit._job_audit()
        self.env.invalidate_all()
        self.assertEqual(audit.state, "clean")

    def audit_while(self, act):
        """Have ``act`` done while the marketplace's answer to the audit is on its way."""
        adapter = type(self.env["marketplace.api.cartona"])
        read = adapter._list_products

        def read_and_act(*args):
            answer = read(*args)
            act()
            return answer

        with mock.patch.object(adapter, "_list_products", read_and_act):
            return self.audit()

    def test_what_was_taken_while_a_page_was_read_is_no_difference(self):
        def push():
            self.products[0].list_price = 99
            self.env["marketplace.lane.offers"]._fold(self.account)
            self.env.flush_all()
            self.env["marketplace.outbox"]._flush_marks()
            self.env.invalidate_all()
            self.env["marketplace.lane.offers"]._step(self.account.id)
            self.env.invalidate_all()

        audit = self.audit_while(push)
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 99)
        self.assertEqual((audit.state, audit.drift_count), ("clean", 0))

    def test_what_was_changed_while_a_page_was_read_is_no_difference(self):
        def change():
            self.products[0].list_price = 99
            self.env.flush_all()
            self.env["marketplace.outbox"]._flush_marks()

        audit = self.audit_while(change)
        self.assertEqual((audit.state, audit.drift_count), ("clean", 0))

    def test_what_the_marketplace_has_taken_and_not_judged_is_no_difference(self):
        later = fields.Datetime.add(fields.Datetime.now(), hours=1)
        rows = [{"listing_id": self.listings[0].id}]
        push = {"config_id": self.account.id, "handle": "feed", "rows": rows, "next_poll": later}
        self.listings[0]._await(self.env["marketplace.push"].create(push))
        self.tamper(self.products[0], selling_price=4.0)
        self.assertEqual(self.audit().state, "clean")

    def test_something_still_published_that_is_not_sold_any_more_is_a_difference(self):
        self.products[0].action_archive()
        self.commit()
        self.tamper(self.products[0], is_published=True)
        self.assertEqual(self.audit().drift_ids.subject, "publication")
        self.assertFalse(self.at_box(self.products[0])["is_published"])

    def test_something_sold_without_end_there_of_which_we_keep_a_stock_is_a_difference(self):
        self.tamper(self.products[0], is_unlimited_stock=True)
        drift = self.audit().drift_ids
        self.assertEqual((drift.subject, drift.ours, drift.theirs), ("stock", 10.0, UNLIMITED))
        self.assertFalse(self.at_box(self.products[0])["is_unlimited_stock"])
        self.assertEqual((drift.theirs_in_words, drift.amount_at_risk), ("Unlimited", 0.0))
        self.env["res.lang"]._activate_lang("ar_001")
        self.assertEqual(drift.with_context(lang="ar_001").theirs_in_words, "بلا حد")
        drift.theirs = 5
        self.assertEqual(drift.theirs_in_words, "5.00")

    def test_all_pages_are_compared_and_unlisted_products_counted(self):
        from ..marketplaces import cartona

        self.patch(cartona, "CATALOGUE_PAGE", 2)
        self.box.add_product(id="not-ours")
        audit = self.audit()
        self.assertEqual((audit.compared, audit.unlisted), (4, 1))

    def let_wait(self, jobs):
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE queue_job SET date_created = %s WHERE id = ANY(%s)",
            [fields.Datetime.subtract(fields.Datetime.now(), minutes=5), jobs.ids],
        )
        self.env.invalidate_all()

    def test_without_a_job_runner_the_sweeper_compares(self):
        self.env["marketplace.wake"].with_delay(identity_key="marketplace:heartbeat")._job_heartbeat()
        self.account.action_audit()
        audit = self.env["marketplace.audit"].search([("config_id", "=", self.account.id)], limit=1)
        self.assertFalse(self.env["marketplace.wake"]._work())
        self.env["marketplace.wake"]._cron_sweep()
        self.env.invalidate_all()
        self.assertEqual(audit.state, "running", "a runner may take it up in a moment")
        self.let_wait(self.env["queue.job"].search([("state", "=", "pending")]))
        self.env["marketplace.wake"]._cron_sweep()
        self.env.invalidate_all()
        self.assertEqual((audit.state, audit.compared), ("clean", 4))

    def test_the_job_of_an_audit_that_was_lost_keeps_no_new_one_from_running(self):
        self.account.action_audit()
        lost = self.env["marketplace.audit"].search([("config_id", "=", self.account.id)], limit=1)
        lost._fail("The audit did not go on.")
        self.account.action_audit()
        audit = self.env["marketplace.audit"].search([("config_id", "=", self.account.id)], limit=1)
        self.assertNotEqual(audit, lost)
        self.run_jobs()
        self.assertEqual((lost.state, audit.state), ("failed", "clean"))

    def go_on(self, audit, tries=1):
        """Let the time come at which the audit looks again."""
        for _try in range(tries):
            self.running().write({"blocked_until": False, "limited": False})
            self.waiting_job().eta = False
            self.run_jobs()
        return audit

    def waiting_job(self):
        key = f"marketplace:audit:{self.account.id}:%"
        return self.env["queue.job"].search([("identity_key", "=like", key), ("state", "=", "pending")])

    def test_an_audit_waits_for_a_limit_of_calls_and_goes_on_at_the_page_where_it_was(self):
        from ..marketplaces import cartona

        self.patch(cartona, "CATALOGUE_PAGE", 2)
        self.box.fail(path="supplier-product$", status=429, retry_after="600", skip=1)
        audit = self.audit()
        self.assertEqual((audit.state, audit.compared), ("running", 2))
        self.assertIn("limits the number of calls", audit.last_error)
        seconds = (self.waiting_job().eta - fields.Datetime.now()).total_seconds()
        self.assertTrue(590 <= seconds <= 601, seconds)
        self.go_on(audit)
        self.assertEqual((audit.state, audit.compared, audit.last_error), ("clean", 4, False))
        self.assertFalse(self.waiting_job())

    def test_a_marketplace_that_answers_again_ends_the_wait(self):
        self.box.fail(path="supplier-product$", status=500, times=2)
        audit = self.audit()
        self.assertEqual((audit.state, audit.attempts), ("running", 1))
        self.go_on(audit, 2)
        self.assertEqual((audit.state, audit.attempts), ("clean", 0))

    def test_a_wait_is_cut_in_pieces_so_that_nobody_takes_the_audit_for_lost(self):
        self.running()._limit("tasks", 20 * 3600)
        audit = self.audit()
        seconds = (self.waiting_job().eta - fields.Datetime.now()).total_seconds()
        self.assertTrue(1700 <= seconds <= 1801, seconds)
        self.assertEqual(
            audit.last_error, "The marketplace limits our calls.", "its time is shown by the reader's clock"
        )

    def test_a_marketplace_that_fails_again_and_again_ends_the_audit_and_a_person_is_told(self):
        self.box.fail(path="supplier-product$", status=500, times=None)
        audit = self.go_on(self.audit(), 20)
        self.assertEqual(audit.state, "failed")
        self.assertEqual(len(self.box.calls("supplier-product$")), 12)
        self.assertFalse(self.waiting_job())
        self.assertIn("could not be compared", self.account.activity_ids.mapped("summary")[-1])
        found = self.env["marketplace.doctor"]._examine(self.account)
        (finding,) = [one for one in found if "could not be compared" in one["title"]]
        self.assertIn(audit.last_error, finding["title"])
        self.box.clear_faults()
        self.go_on(audit)
        self.audit()
        found = self.env["marketplace.doctor"]._examine(self.account)
        self.assertFalse([one for one in found if "could not be compared" in one["title"]])

    def test_what_the_marketplace_refuses_ends_the_audit_at_once(self):
        self.box.fail(path="supplier-product$", status=422)
        audit = self.audit()
        self.assertEqual((audit.state, audit.attempts), ("failed", 0))
        self.assertTrue(audit.last_error)

    def test_a_night_in_an_outage_is_not_left_out(self):
        self.running()._note_failure(errors.TemporaryFailure("It is away.", seconds=900))
        self.env["marketplace.config"]._cron_audit()
        self.commit()
        audit = self.env["marketplace.audit"].search([("config_id", "=", self.account.id)])
        self.assertEqual((audit.state, audit.last_error), ("running", "It is away."))
        self.go_on(audit)
        self.assertEqual(audit.state, "clean")

    def test_an_account_that_is_paused_meanwhile_ends_the_audit_and_says_so(self):
        self.running()._limit("tasks", 600)
        audit = self.audit()
        self.account.action_pause()
        self.go_on(audit)
        self.assertEqual(audit.state, "failed")
        self.assertIn("Resume it first", audit.last_error)

    def test_only_one_audit_of_an_account_runs_at_a_time(self):
        self.env["marketplace.audit"]._start(self.account)
        self.env["marketplace.audit"]._start(self.account)
        self.assertEqual(self.env["marketplace.audit"].search_count([("config_id", "=", self.account.id)]), 1)

    def test_an_audit_that_breaks_says_so_and_the_next_one_runs(self):
        listing = type(self.env["marketplace.listing"])
        with (
            mock.patch.object(listing, "_offers", lambda *args: 1 / 0),
            mute_logger("odoo.addons.cartona_integration.models.marketplace_audit"),
        ):
            broken = self.audit()
        self.assertEqual(broken.state, "failed")
        self.assertIn("division", broken.last_error)
        self.assertEqual(self.audit().state, "clean")

    def test_an_archived_listing_that_is_still_sold_is_a_difference(self):
        self.listings[0].action_archive()
        self.commit()
        self.tamper(self.products[0], is_published=True, available_stock_quantity=5)
        self.assertEqual(set(self.audit().drift_ids.mapped("subject")), {"stock", "publication"})

    def test_a_copy_of_the_database_audits_nobody(self):
        self.env["ir.config_parameter"].set_param("cartona_integration.identity", "the-original:0123")
        self.assertEqual(self.audit().state, "failed")
        self.assertFalse(self.box.journal)
