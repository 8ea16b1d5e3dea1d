# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import timedelta

from odoo import fields

from .common import MarketplaceCase


class TestLogHour(MarketplaceCase):
    """Hours that are over are counted once, and the dashboard tells the same as if all rows were counted each time."""

    def prepare(self):
        super().prepare()
        self.hours = self.env["marketplace.log.hour"]
        self.hours.search([]).unlink()
        self.log = self.env["marketplace.sync.log"]
        self.log.search([("config_id", "=", self.account.id)]).unlink()

    def called(self, hours_ago, status="success"):
        now = fields.Datetime.now().replace(minute=30, second=0)
        moment = now - timedelta(hours=hours_ago) if hours_ago else fields.Datetime.now()
        self.log.create({"config_id": self.account.id, "create_date": moment, "status": status, "direction": "out"})

    def calls(self):
        return {status: count for (_id, status), count in self.hours._calls(self.account).items()}

    def test_calls_are_the_same_before_and_after_their_hour_is_counted(self):
        for hours_ago in (0, 3, 3, 20):
            self.called(hours_ago)
        self.called(5, "error")
        before = self.calls()
        self.assertEqual(before, {"success": 4, "error": 1})
        self.hours._count()
        self.assertTrue(self.hours.search([("config_id", "=", self.account.id)]))
        self.assertEqual(self.calls(), before)
        self.hours._count()
        self.assertEqual(self.calls(), before, "nothing is counted twice")

    def rows(self):
        found = self.hours.search([("config_id", "=", self.account.id)])
        return sorted((row.hour, row.status, row.calls) for row in found)

    def test_who_counts_the_same_hours_once_more_leaves_the_same_rows(self):
        """As two servers do at once, neither of which sees what the other one counts."""
        for hours_ago in (0, 3, 3, 20):
            self.called(hours_ago)
        self.called(3, "error")
        self.hours._count()
        counted = self.rows()
        self.assertEqual(sorted(calls for _hour, _status, calls in counted), [1, 1, 2])
        self.patch(self.registry["marketplace.log.hour"], "_counted_until", lambda hours: hours._first_hour())
        self.hours._count()
        self.assertEqual(self.rows(), counted)
        self.hours.search([]).unlink()
        self.hours._count()
        self.assertEqual(self.rows(), counted, "they are made of the log alone")

    def test_what_comes_after_the_count_is_counted_too(self):
        self.called(3)
        self.hours._count()
        self.called(0)
        self.assertEqual(self.calls(), {"success": 2})

    def test_what_is_older_than_a_day_is_not_told_and_forgotten(self):
        self.called(3)
        self.called(30)
        self.hours.create(
            {"config_id": self.account.id, "hour": fields.Datetime.now() - timedelta(days=3), "status": "success",
             "calls": 9}
        )  # fmt: skip
        self.assertEqual(self.calls(), {"success": 1})
        self.hours._count()
        self.assertEqual(self.calls(), {"success": 1})
        self.assertEqual(sum(self.hours.search([("config_id", "=", self.account.id)]).mapped("calls")), 1)

    def test_the_sweeper_counts(self):
        self.called(3)
        self.sweep()
        self.assertTrue(self.hours.search([("config_id", "=", self.account.id)]))
