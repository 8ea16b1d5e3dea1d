# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import re
from datetime import timedelta
from pathlib import Path

from odoo import fields

from .. import database
from ..marketplaces import ebay_revisions
from ..models import marketplace_retention, marketplace_sync_log
from .common import MarketplaceCase

ADDON = Path(__file__).resolve().parent.parent
OPERATIONS = ADDON / "docs" / "OPERATIONS.md"


class TestOldRows(MarketplaceCase):
    """No table grows without end."""

    def age(self, records, days=91):
        self.env.flush_all()
        dates = {"create_date", "finished_at"} & set(records._fields)
        for name in dates:
            self.env.cr.execute(
                f"UPDATE {records._table} SET {name} = now() at time zone 'utc' - %s * interval '1 day' "
                "WHERE id = ANY(%s)",
                [days, records.ids],
            )
        self.env.invalidate_all()
        return records

    def task(self, state, days):
        return self.age(self.env["marketplace.task"].create({**self.mine, "kind": "list", "state": state}), days)

    def audit(self, days, **values):
        audit = self.env["marketplace.audit"].create({**self.mine, "state": "clean", **values})
        listing = {"audit_id": audit.id, "listing_id": self.listing.id, "subject": "price"}
        self.env["marketplace.drift"].create([{**self.mine, **listing}] * 3)
        return self.age(audit, days)

    def prepare(self):
        super().prepare()
        self.mine = {"config_id": self.account.id}
        self.listing = self.list_products()[0]

    def test_tasks_that_ended_long_ago_go(self):
        old, young, running = self.task("done", 91), self.task("failed", 89), self.task("running", 91)
        self.env["marketplace.task"]._gc_finished_tasks()
        self.assertEqual((old | young | running).exists(), young | running)

    def test_old_audits_go_with_what_they_found_and_the_newest_stays(self):
        old, newest = self.audit(200), self.audit(100)
        drifts = newest.drift_ids
        self.env["marketplace.audit"]._gc_old_audits()
        self.env.invalidate_all()
        self.assertEqual((old | newest).exists(), newest)
        self.assertEqual(self.env["marketplace.drift"].search([("config_id", "=", self.account.id)]), drifts)

    def test_a_night_removes_all_of_the_log_that_is_old_in_pieces_and_nothing_else(self):
        self.patch(marketplace_sync_log, "VACUUM_ROWS", 2)
        log = self.env["marketplace.sync.log"]
        log.search([]).unlink()
        rows = log.create([{**self.mine, "operation": "push_offers", "status": "success"} for _row in range(10)])
        self.age(rows[:7], 31)
        young = self.age(rows[7:], 29)
        log._gc_old_rows()
        self.env.invalidate_all()
        self.assertEqual(log.search([]), young)

    def test_a_night_removes_all_revisions_that_count_no_more(self):
        self.patch(ebay_revisions, "VACUUM_ROWS", 2)
        now = fields.Datetime.now()
        row = {**self.mine, "listing": "1"}
        revisions = self.env["marketplace.ebay.revision"]
        revisions.create([{**row, "revised_at": now - timedelta(hours=hours)} for hours in (25, 26, 27, 28, 23)])
        revisions._gc_old_revisions()
        self.env.invalidate_all()
        self.assertEqual(revisions.search([]).revised_at, now - timedelta(hours=23))

    def test_a_night_removes_in_pieces_for_as_long_as_it_has_time(self):
        old, _newest = self.audit(200), self.audit(100)
        self.patch(marketplace_retention, "BATCH", 1)
        seconds = marketplace_retention.VACUUM_SECONDS
        for time_left, left in ((0, 2), (seconds, 0)):
            self.patch(marketplace_retention, "VACUUM_SECONDS", time_left)
            self.env["marketplace.audit"]._gc_old_audits()
            self.env.invalidate_all()
            self.assertEqual(len(old.exists().drift_ids), left)
        self.assertFalse(old.exists())

    def test_a_night_that_does_not_get_to_the_end_goes_on_soon(self):
        triggers, asked = self.env["ir.cron.trigger"], [("cron_id", "=", self.env.ref("base.autovacuum_job").id)]
        self.patch(marketplace_retention, "BATCH", 1)
        for time_left, goes_on in ((marketplace_retention.VACUUM_SECONDS, False), (0, True)):
            self.audit(200), self.audit(100)
            self.patch(marketplace_retention, "VACUUM_SECONDS", time_left)
            triggers.search(asked).unlink()
            self.env["marketplace.audit"]._gc_old_audits()
            self.assertEqual(bool(triggers.search_count(asked)), goes_on)

    def test_all_of_a_night_fits_into_the_time_that_odoo_gives_a_cron(self):
        """Odoo runs them all in one go, and ends the process after ``limit_time_real``, 120 seconds by default."""
        sources = [path.read_text() for name in ("models", "marketplaces") for path in (ADDON / name).glob("*.py")]
        documents, others = 1, sum(text.count("delete_old(self.env") for text in sources)
        self.assertLessEqual((documents + others) * database.VACUUM_SECONDS, 90)

    def test_each_table_is_named_with_how_long_its_rows_stay(self):
        if not OPERATIONS.exists():
            self.skipTest("the ported source comes without documents")
        tables = [name for name in self.env.registry if name.startswith("marketplace.")]
        kept = {name for name in tables if not self.env[name]._abstract and not self.env[name]._transient}
        rows = [line.split("|")[1] for line in OPERATIONS.read_text().splitlines() if line.startswith("| `")]
        named = {name for row in rows for name in re.findall(r"`(marketplace\.[a-z.]+)`", row)}
        self.assertEqual(kept ^ named, set())
