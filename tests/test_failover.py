# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tools import mute_logger

from .common import MarketplaceCase


class TestFailover(MarketplaceCase):
    """A standby that lags takes the database's place: it looks the same, and lacks what was committed last."""

    def prepare(self):
        super().prepare()
        self.list_products()

    def tells(self, timeline):
        self.patch(self.registry["marketplace.identity"], "_timeline", lambda _identity: timeline)

    def told(self):
        return self.account.activity_ids.filtered(lambda activity: "orders may be missing" in activity.summary)

    def audits(self):
        return self.env["marketplace.audit"].search([("config_id", "=", self.account.id)])

    def test_postgresql_says_in_which_history_it_is(self):
        self.assertRegex(self.env["marketplace.identity"]._timeline(), "^[0-9A-F]{8}$")
        self.sweep()
        self.assertEqual(self.running().timeline, self.env["marketplace.identity"]._timeline())

    def test_as_long_as_it_is_the_same_nothing_is_told(self):
        self.sweep()
        self.sweep()
        self.assertFalse(self.told() or self.audits())

    def test_a_promoted_standby_is_told_with_the_time_that_it_may_lack_and_everything_is_compared(self):
        self.account.user_id.tz = "Africa/Cairo"
        self.tells("00000001")
        self.sweep()
        seen = fields.Datetime.to_datetime("2026-01-05 10:07:00")
        self.running().timeline_at = seen
        self.tells("00000002")
        self.sweep()
        self.assertIn("12:07", self.told().note)
        self.assertEqual(self.audits().state, "clean")
        self.assertGreater(self.running().timeline_at, seen + timedelta(days=1))
        self.sweep()
        self.assertEqual((len(self.told()), len(self.audits())), (1, 1))

    def test_each_gap_is_told_whether_the_one_before_was_done_with_or_not(self):
        self.account.user_id.tz = "UTC"
        self.tells("00000001")
        self.sweep()
        for number, hour in ((2, 10), (3, 11), (4, 12)):
            self.running().timeline_at = fields.Datetime.to_datetime(f"2026-01-05 {hour}:07:00")
            self.tells(f"0000000{number}")
            self.sweep()
            self.assertTrue(self.told().filtered(lambda one, hour=hour: f"{hour}:07" in one.note), hour)
            if number == 3:
                self.told().action_done()

    @mute_logger("odoo.addons.cartona_integration.models.marketplace_wake")
    def test_what_could_not_be_told_is_told_a_minute_later(self):
        self.tells("00000001")
        self.sweep()
        self.tells("00000002")
        with patch.object(self.registry["marketplace.config"], "_schedule_activity", lambda *_args: 1 / 0):
            self.sweep()
        self.assertFalse(self.told())
        self.sweep()
        self.assertTrue(self.told())

    @mute_logger("odoo.addons.cartona_integration.models.marketplace_wake")
    def test_an_account_of_which_nobody_could_be_told_keeps_the_others_from_nothing(self):
        second = self._create_account(name="Second")
        self.tells("00000001")
        self.sweep()
        self.tells("00000002")
        schedule = self.registry["marketplace.config"]._schedule_activity

        def fail_for_the_first(config, *arguments):
            return 1 / 0 if config == self.account else schedule(config, *arguments)

        with patch.object(self.registry["marketplace.config"], "_schedule_activity", fail_for_the_first):
            self.sweep()
        self.assertFalse(self.told() or self.audits())
        self.assertIn("orders may be missing", second.activity_ids.summary)
        self.sweep()
        self.assertEqual((len(self.told()), len(self.audits()), len(second.activity_ids)), (1, 1, 1))

    def test_where_it_may_not_be_asked_nothing_is_known_and_nothing_fails(self):
        self.running().timeline = "00000001"
        self.env.cr.execute(
            """
            CREATE SCHEMA managed;
            CREATE FUNCTION managed.pg_current_wal_lsn() RETURNS pg_lsn LANGUAGE plpgsql AS
            $$BEGIN RAISE insufficient_privilege; END$$;
            SET LOCAL search_path = managed, pg_catalog, public
            """
        )
        self.assertEqual(self.env["marketplace.identity"]._timeline(), "")
        self.sweep()
        self.assertEqual(self.running().timeline, "00000001")
        self.assertFalse(self.told() or self.audits())
