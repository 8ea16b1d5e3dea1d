# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError

from .common import MarketplaceCase


class TestDashboard(MarketplaceCase):
    # ------------------------------------------------------------------ the dashboard

    def shown(self, account=None):
        data = self.env["marketplace.config"].get_dashboard_data()
        return {one["id"]: one for one in data["accounts"]}[(account or self.account).id]

    def test_it_opens_where_there_is_no_account(self):
        self.env["marketplace.config"].search([]).active = False
        self.assertEqual(self.env["marketplace.config"].get_dashboard_data()["accounts"], [])
        self.assertEqual(self.env["marketplace.config"]._dashboard_history(), {})

    def test_the_lag_is_from_the_change_to_the_word_of_the_marketplace(self):
        listing = self.list_products()[0]
        self.products[0].list_price = 71.0
        self.run_hooks()
        self.env.cr.execute("UPDATE marketplace_outbox SET created_at = created_at - interval '7 seconds'")
        self.run_jobs()
        self.assertLess(listing.pushed_lag, 3600.0)
        self.assertGreater(listing.pushed_lag, 6.9)
        self.assertFalse(listing.due_since)
        self.env.cr.execute(
            "UPDATE marketplace_listing SET pushed_at = NULL WHERE config_id = %s AND id != %s",
            [self.account.id, listing.id],
        )
        shown = self.shown()
        self.assertAlmostEqual(shown["lag"][1], listing.pushed_lag, 2)
        self.assertAlmostEqual(shown["hours"][-1]["lag"], listing.pushed_lag, 2)

    def test_orders_are_worth_what_they_are_in_the_accounts_currency_and_nothing_once_cancelled(self):
        self.stock_products()
        foreign = (
            self.env["res.currency"]
            .with_context(active_test=False)
            .search([("id", "!=", self.env.company.currency_id.id)], limit=1)
        )
        foreign.active = True
        foreign.rate_ids.unlink()
        self.env["res.currency.rate"].create({"currency_id": foreign.id, "name": "2020-01-01", "rate": 4.0})
        documents = [self.box_order((self.products[0], 1, 100.0)) for _n in range(3)]
        self.pull()
        ours, theirs, cancelled = map(self.order_of, documents)
        self.env.cr.execute("UPDATE sale_order SET currency_id = %s WHERE id = %s", [foreign.id, theirs.id])
        self.env.invalidate_all()
        cancelled._action_cancel()
        shown = self.shown()
        self.assertEqual(shown["currency"], ours.currency_id.id)
        self.assertEqual((shown["orders_today"], shown["value_today"]), (3, 125.0))

    def test_who_shares_credentials_shows_the_pull_that_is_made_for_it(self):
        self.account.supplier_code = "1"
        other = self.account.copy({"name": "Other", "credentials_id": self.account.id, "supplier_code": "2"})
        other.action_go_live()
        self.pull()
        self.assertTrue(self.shown()["last_pull"])
        self.assertEqual(self.shown(other)["last_pull"], self.shown()["last_pull"])
        self.assertFalse(self.shown(other)["pull_late"])
        self.running().last_pull_at = fields.Datetime.now() - timedelta(hours=2)
        self.assertTrue(self.shown(other)["pull_late"])
        with self.assertRaisesRegex(ValidationError, "pulls the orders of Other"):
            self.account.active = False
        other.active = False
        self.account.active = False

    def test_an_archived_account_pulls_nothing_and_says_so(self):
        self.account.active = False
        with self.assertRaisesRegex(UserError, "not live"):
            self.account.action_pull_orders()

    def test_what_a_person_is_told_shows_names_as_they_are(self):
        self.account._tell_responsible("Look", 'Ali <a href="https://x.example">Pay</a>\nnext line', cause="test")
        self.commit()
        note = self.account.activity_ids.filtered(lambda one: one.summary == "Look").note
        self.assertIn("Ali &lt;a href=", note)
        self.assertIn("<br", note)

    def test_a_change_that_waits_counts_from_its_first_try(self):
        listing = self.list_products()[0]
        self.box.fail("bulk-update", status=503)
        self.products[0].list_price = 71.0
        self.commit()
        waiting = listing.due_since
        self.assertTrue(waiting)
        self.running().blocked_until = False
        self.sweep()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 71.0)
        self.assertGreaterEqual(listing.pushed_at, waiting)
        self.assertFalse(listing.due_since)

    def test_what_was_settled_without_a_call_has_no_lag(self):
        listing = self.list_products()[0]
        before = listing.pushed_at
        self.products[0].list_price = self.products[0].list_price + 1
        self.products[0].list_price = self.products[0].list_price - 1
        self.commit()
        self.assertEqual(listing.pushed_at, before)
        self.assertFalse(listing.due_since)

    def test_a_day_is_shown_by_the_hour(self):
        self.list_products()
        self.box_order((self.products[0], 1, 10.0))
        self.pull()
        hours = self.shown()["hours"]
        self.assertEqual(len(hours), 24)
        self.assertEqual(hours[-1]["orders"], 1)
        self.assertEqual(sum(hour["orders"] for hour in hours[:-1]), 0)

    def test_an_account_that_never_sent_anything_has_no_lag(self):
        new = self.env["marketplace.config"].create({"name": "New", "code": "cartona"})
        shown = self.shown(new)
        self.assertIsNone(shown["lag_day"])
        self.assertEqual({hour["lag"] for hour in shown["hours"]}, {None})

    # ------------------------------------------------------------------ the Check-up

    def findings(self, level, user=None):
        found = self.env["marketplace.config"].with_user(user or self.env.user).get_doctor_findings()
        return [finding for finding in found if finding["level"] == level]

    def titles(self, level):
        return " ".join(finding["title"] for finding in self.findings(level))

    def test_a_house_in_order_has_nothing_broken(self):
        self.list_products()
        self.pull()
        self.account.webhook_secret = False
        self.env["ir.config_parameter"].set_param("web.base.url", "https://odoo.example.com")
        mine = [finding for finding in self.findings("error") if finding["account"] == self.account.id]
        self.assertFalse(mine)
        self.assertIn(self.account.name, self.titles("ok"))

    def test_the_worst_comes_first(self):
        levels = [finding["level"] for finding in self.env["marketplace.config"].get_doctor_findings()]
        self.assertEqual(levels, sorted(levels, key=("error", "warning", "ok").index))

    def test_a_cron_that_is_off_is_named_and_switched_on_by_the_button(self):
        cron = self.env.ref("cartona_integration.cron_pull_orders")
        cron.active = False
        finding = next(finding for finding in self.findings("error") if cron.name in finding["title"])
        self.assertTrue(finding["fix_label"])
        self.env["marketplace.config"].apply_doctor_fix(finding["fix"], finding["account"])
        self.assertTrue(cron.active)

    def test_a_cron_that_is_late_is_named(self):
        cron = self.env.ref("cartona_integration.cron_sweep")
        cron.nextcall = fields.Datetime.now() - timedelta(hours=1)
        self.assertIn(cron.name, self.titles("error"))

    def test_a_job_that_nobody_takes_up_is_told(self):
        self.env["marketplace.wake"]._request()
        self.run_hooks()
        self.env.cr.flush()
        self.env.cr.execute(
            "UPDATE queue_job SET date_created = date_created - interval '1 hour' "
            "WHERE identity_key LIKE 'marketplace:%'"
        )
        self.assertIn("job runner", self.titles("error"))

    def test_a_paused_account_says_why_and_is_resumed_by_the_button(self):
        self.account.action_pause()
        finding = next(one for one in self.findings("error") if one["account"] == self.account.id)
        self.assertIn(self.env.user.name, finding["title"])
        self.env["marketplace.config"].apply_doctor_fix(finding["fix"], self.account.id)
        self.assertEqual(self.account.state, "live")

    def test_work_that_waits_too_long_is_told_with_its_time(self):
        self.list_products()
        self.products[0].list_price = 71.0
        self.run_hooks()
        self.env.cr.execute("UPDATE marketplace_outbox SET created_at = created_at - interval '1 hour'")
        self.assertIn("work waits since", self.titles("error"))
        self.run_jobs()
        self.assertNotIn("work waits since", self.titles("error"))

    def titles_now(self):
        self.env.flush_all()
        return self.titles("error")

    def test_what_is_marked_and_not_sent_is_told_as_well(self):
        listing, other = self.list_products()[:2]
        long_ago = fields.Datetime.subtract(fields.Datetime.now(), hours=1)
        listing.write({"price_due": True, "due_since": long_ago, "state": "waiting"})
        self.assertIn("work waits since", self.titles_now())
        for values in ({"state": "failed"}, {"next_attempt": fields.Datetime.add(fields.Datetime.now(), hours=1)}):
            before = {name: listing[name] for name in values}
            listing.write(values)
            self.assertNotIn("work waits since", self.titles_now(), "it waits for something")
            listing.write(before)
        listing.wide_due = True
        self.running().last_push_at = fields.Datetime.now()
        self.assertNotIn("work waits since", self.titles_now(), "so many go out one after the other")
        self.running().last_push_at = long_ago
        self.assertIn("work waits since", self.titles_now())
        listing.price_due = False
        push = {"config_id": self.account.id, "handle": "1", "rows": [{}], "next_poll": long_ago}
        other.push_id = self.env["marketplace.push"].create({**push, "created_at": long_ago})
        self.assertNotIn("work waits since", self.titles_now())
        other.push_id.created_at = fields.Datetime.subtract(long_ago, hours=2)
        self.assertIn("work waits since", self.titles_now())

    def test_what_failed_is_counted_and_tried_again_by_the_button(self):
        listing = self.list_products()[0]
        listing.write({"state": "failed", "price_due": True})
        finding = next(one for one in self.findings("warning") if "failed" in one["title"])
        self.assertIn("listings: 1", finding["title"])
        self.env["marketplace.config"].apply_doctor_fix(finding["fix"], finding["account"])
        self.commit()
        self.assertEqual(listing.state, "synced")

    def test_orders_that_nobody_pulled_for_an_hour_are_told(self):
        self.running().last_pull_at = fields.Datetime.now() - timedelta(hours=2)
        self.assertIn("no orders were pulled", self.titles("error"))

    def test_webhooks_that_stay_away_or_are_refused_are_told(self):
        self.assertIn("no webhook came", self.titles("warning"))
        self.env["marketplace.sync.log"]._record_refusal(self.account, "webhook_orders", "the signature is wrong")
        self.assertIn("the signature is wrong", self.titles("error"))

    def test_webhooks_can_reach_https_alone(self):
        self.env["ir.config_parameter"].set_param("web.base.url", "http://odoo.example.com")
        self.assertIn("http://odoo.example.com", self.titles("error"))

    def test_an_account_without_products_or_warehouses_is_told(self):
        self.assertIn("no product is listed", self.titles("warning"))
        self.patch(type(self.account), "_warehouses", lambda config: config.env["stock.warehouse"])
        self.assertIn("archived", self.titles("error"))

    def test_a_copy_of_the_database_is_told(self):
        self.env["ir.config_parameter"].set_param("cartona_integration.identity", "another:database")
        self.assertIn("copy", self.titles("error"))

    def test_only_known_fixes_are_carried_out_and_by_managers_alone(self):
        with self.assertRaises(UserError):
            self.env["marketplace.config"].apply_doctor_fix("unlink", self.account.id)
        user = self.env["res.users"].create(
            {
                "name": "Looker",
                "login": "looker",
                "groups_id": [(4, self.env.ref("cartona_integration.group_marketplace_user").id)],
            }
        )
        self.assertTrue(self.env["marketplace.config"].with_user(user).get_doctor_findings())
        with self.assertRaises(AccessError):
            self.env["marketplace.config"].with_user(user).apply_doctor_fix("_fix_resume", self.account.id)
        with self.assertRaises(AccessError):
            self.env["marketplace.config"].with_user(self.env.ref("base.public_user")).get_doctor_findings()
