# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import json

from odoo.exceptions import UserError
from odoo.tools import SQL

from ..models import marketplace_inbox_retention
from .common import MarketplaceCase

RETAILER = {
    "retailer_name": "سوبر ماركت النور",
    "retailer_code": "A00315",
    "retailer_number": "+201000000001",
    "retailer_number2": "+201000000009",
    "retailer_email": "shop@example.com",
    "retailer_address": "١ شارع التجربة، القاهرة",
    "address_notes": "بجوار الصيدلية",
}
DOCUMENTS = 20_000


class TestRetention(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.list_products()
        self.set_stock(self.products[0], 100)
        self.account.inbox_days = 30

    def document(self, days, **values):
        """Return the document of an order that was pulled and processed so many days ago."""
        order = self.box_order(
            (self.products[0], 1, 5.0),
            retailer=RETAILER,
            note_message="Call Ahmed",
            status="pending",
            delivered_by="delivered_by_supplier",
            **values,
        )
        self.pull()
        row = self.env["marketplace.inbox"].search([("external_id", "=", order["hashed_id"])])
        return self.age(row, days)

    def age(self, rows, days):
        self.env.cr.execute(
            "UPDATE marketplace_inbox SET create_date = now() at time zone 'utc' - %s * interval '1 day' "
            "WHERE id = ANY(%s)",
            [days, rows.ids],
        )
        return rows

    def findings(self):
        return {finding["title"] for finding in self.env["marketplace.config"].get_doctor_findings()}

    def vacuum(self):
        self.env.flush_all()
        self.env["marketplace.inbox"]._gc_old_documents()
        self.env.invalidate_all()

    def test_an_old_document_forgets_who_ordered_and_keeps_what(self):
        row = self.document(31)
        before = json.loads(row.payload)
        self.vacuum()
        self.assertTrue(row.redacted_at)
        for text in [*RETAILER.values(), "Call Ahmed"]:
            if text != "A00315":
                self.assertNotIn(text, row.payload)
        self.assertFalse(row.private)
        after = json.loads(row.payload)
        self.assertEqual(after["retailer"]["retailer_code"], "A00315")
        self.assertEqual(after["order_details"], before["order_details"])
        self.assertEqual(self.env["sale.order"].search([("cartona_id", "=", row.external_id)]), row.order_id)

    def test_what_is_younger_or_to_be_kept_stays_as_it_came(self):
        young, kept = self.document(29), self.document(31)
        self.account.inbox_days = 0
        self.vacuum()
        self.assertFalse(kept.redacted_at)
        self.account.inbox_days = 30
        self.vacuum()
        self.assertTrue(kept.redacted_at)
        self.assertFalse(young.redacted_at)
        self.assertIn("Call Ahmed", young.payload)

    def test_what_somebody_still_works_at_stays_as_it_came(self):
        failed, unacknowledged = self.document(31), self.document(31)
        failed._fail("to be mended")
        self.account.confirm_policy = "never"
        draft = self.document(31)
        unacknowledged.acknowledged_at = False  # the next pull would know better
        self.vacuum()
        self.assertFalse(any((failed | unacknowledged | draft).mapped("redacted_at")))

    def test_what_waits_for_an_archived_account_forgets_who_ordered_too(self):
        imported, unacknowledged, young = self.document(31), self.document(31), self.document(29)
        imported.state = "imported"
        (unacknowledged | young).write({"needs_ack": True, "acknowledged_at": False})
        self.vacuum()
        self.assertFalse((imported | unacknowledged).filtered("redacted_at"))
        self.account.action_pause()
        self.account.active = False
        self.vacuum()
        self.assertTrue(imported.redacted_at and unacknowledged.redacted_at)
        self.assertEqual(imported.state, "aside")
        self.assertEqual((unacknowledged.state, young.needs_ack, young.redacted_at), ("done", True, False))

    def test_as_many_days_later_the_document_is_deleted(self):
        row = self.document(61)
        order = row.order_id
        self.vacuum()
        self.assertFalse(row.exists())
        self.assertEqual(order.state, "sale")

    def test_a_document_without_its_data_can_not_be_replayed_and_says_so(self):
        row = self.document(31)
        self.vacuum()
        with self.assertRaisesRegex(UserError, "personal data was removed"):
            row.action_replay()

    def test_an_account_that_fails_and_a_document_that_can_not_be_read_keep_nothing_from_being_redacted(self):
        broken, row = self.document(31), self.document(31)
        self.env.cr.execute("UPDATE marketplace_inbox SET payload = '{\"Ahmed' WHERE id = %s", [broken.id])
        values = {"name": "First of all", "auth_token": "another", "inbox_days": 1, "sequence": -1}
        first = self.env["marketplace.config"].create(values)
        api = self.registry["marketplace.api.cartona"]
        keys = api._account_personal_keys

        def fail_first(adapter, config):
            if config.id == first.id:
                raise ValueError("no keys")
            return keys(adapter, config)

        self.patch(api, "_account_personal_keys", fail_first)
        with self.assertLogs("odoo.addons.cartona_integration.models.marketplace_inbox_retention", "ERROR"):
            self.vacuum()
        self.assertTrue(row.redacted_at and broken.redacted_at)
        self.assertEqual(broken.payload, "null")

    def test_the_check_up_tells_of_what_should_have_forgotten_who_ordered(self):
        title = f"{self.account.name}: old documents still tell who ordered."
        for days, told in ((31, False), (33, True)):
            self.document(days)
            self.assertEqual(title in self.findings(), told, days)
        self.vacuum()
        self.assertNotIn(title, self.findings())

    def test_a_night_goes_on_in_pieces_for_as_long_as_it_has_time_and_each_account_has_its_turn(self):
        rows = self.env["marketplace.inbox"]
        for _number in range(5):
            rows |= self.document(31)
        small = self._create_account(name="Small", auth_token="another", inbox_days=30, sequence=99)
        of_small, _new = rows._store([(small, "order", "small", {"hashed_id": "small", "status": "pending"})], "pull")
        self.age(of_small, 31).state = "done"
        self.patch(marketplace_inbox_retention, "BATCH", 2)
        seconds = marketplace_inbox_retention.VACUUM_SECONDS
        self.patch(marketplace_inbox_retention, "VACUUM_SECONDS", 0)
        self.vacuum()
        self.assertEqual(len(rows.filtered("redacted_at")), 2)
        self.assertTrue(of_small.redacted_at)
        night = self.env.ref("base.autovacuum_job")
        self.assertTrue(self.env["ir.cron.trigger"].search([("cron_id", "=", night.id)]), "it goes on soon")
        self.patch(marketplace_inbox_retention, "VACUUM_SECONDS", seconds)
        self.vacuum()
        self.assertTrue(all(rows.mapped("redacted_at")))

    def test_each_marketplace_says_what_is_personal(self):
        adapter = self.env["marketplace.api"]._adapter("cartona")
        keys = adapter._personal_keys()
        self.assertLessEqual({name for name in RETAILER if name != "retailer_code"}, keys)
        self.assertFalse({"hashed_id", "status", "order_details", "product_name"} & keys)

    # ------------------------------------------------------------------ many

    def seed(self):
        """Documents of half a year, a tenth of them by webhook, made by SQL."""
        self.env.cr.execute(
            """
            INSERT INTO marketplace_inbox
                (config_id, key, kind, external_id, digest, source, payload, state, attempts, needs_ack,
                 first_of_order, create_date)
            SELECT %s, 'big-' || n, 'order', 'big-' || n, 'x', CASE WHEN n %% 10 = 0 THEN 'webhook' ELSE 'pull' END,
                   '{}', 'done', 0, FALSE, TRUE, now() at time zone 'utc' - (n * interval '180 days') / %s
              FROM generate_series(1, %s) AS n
            """,
            [self.account.id, DOCUMENTS, DOCUMENTS],
        )
        self.env.cr.execute("ANALYZE marketplace_inbox")

    def plans_of(self, act):
        """Return the plans of the queries about the inbox that ``act`` makes."""
        seen, cursor_class = [], type(self.env.cr)
        execute = cursor_class.execute

        def note(cursor, query, params=None, log_exceptions=True):
            text = cursor.mogrify(query, params).decode()
            if "marketplace_inbox" in text:
                seen.append(text)
            return execute(cursor, query, params, log_exceptions)

        self.patch(cursor_class, "execute", note)
        act()
        self.patch(cursor_class, "execute", execute)
        plans = []
        for text in seen:
            self.env.cr.execute(SQL("EXPLAIN %s", SQL(text.replace("%", "%%"))))
            plans.append("\n".join(row[0] for row in self.env.cr.fetchall()))
        self.assertTrue(plans)
        return plans

    def test_among_many_documents_the_loss_and_the_old_ones_are_found_by_an_index(self):
        self.seed()
        inbox = self.env["marketplace.inbox"]
        for act in (
            self.account._webhook_losses,
            lambda: inbox._redact_old(self.account),
            lambda: inbox._set_aside_old(self.account),
            lambda: inbox._delete_old(self.account),
        ):
            for plan in self.plans_of(act):
                self.assertNotIn("Seq Scan on marketplace_inbox", plan)
        self.assertAlmostEqual(self.account._webhook_losses()[self.account.id]["webhook_loss"], 90, delta=0.5)
