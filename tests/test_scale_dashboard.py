# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from .test_scale import ScaleCase

OLD = 40_000


class TestScaleDashboard(ScaleCase):
    """However much was logged, sent, received and sold before, the dashboard reads what it tells by an index."""

    grown = (
        "marketplace_drift",
        "marketplace_inbox",
        "marketplace_listing",
        "marketplace_outbox",
        "marketplace_sync_log",
        "sale_order",
    )

    def prepare(self):
        super().prepare()
        self.listings = self.list_products()
        self.box_order((self.products[0], 2, 10.0))
        self.pull()
        self.drop_foreign_keys(*self.grown)
        self.grow()

    def grow(self):
        """A month of calls, listings that never fail, and orders and documents of years; offers of a great change."""
        execute, account = self.env.cr.execute, self.account.id
        execute(
            """
            INSERT INTO marketplace_sync_log (config_id, create_date, operation, direction, status, http_status)
            SELECT %s, now() at time zone 'utc' - n * interval '1 minute', 'push_offers', 'out', 'success', 200
              FROM generate_series(1, %s) AS n
            """,
            [account, OLD],
        )
        execute(
            """
            INSERT INTO marketplace_outbox (config_id, lane, state, listing_id)
            SELECT %s, 'offers', 'waiting', n FROM generate_series(1, %s) AS n
            """,
            [account, OLD],
        )
        execute(
            """
            INSERT INTO marketplace_inbox
                (config_id, key, kind, external_id, state, source, first_of_order, create_date, redacted_at)
            SELECT %s, 'old-' || n, 'order', 'old-' || n, 'done', 'webhook', TRUE,
                   now() at time zone 'utc' - n * interval '1 hour',
                   CASE WHEN n > 90 * 24 THEN now() at time zone 'utc' END
              FROM generate_series(1, %s) AS n
            """,
            [account, OLD],
        )
        execute(
            """
            INSERT INTO marketplace_listing
                (config_id, company_id, external_id, pack_size, active, state, pushed_at, pushed_lag)
            SELECT %s, %s, 'old-' || n, 1, TRUE, 'synced', now() at time zone 'utc' - n * interval '1 hour', 1
              FROM generate_series(1, %s) AS n
            """,
            [account, self.account.company_id.id, OLD],
        )
        audit = self.env["marketplace.audit"].create({"config_id": account, "state": "clean"})
        self.env.flush_all()
        execute(
            """
            INSERT INTO marketplace_drift (audit_id, config_id, listing_id, subject)
            SELECT %s + n / 100, %s, %s, 'price' FROM generate_series(1, %s) AS n
            """,
            [audit.id, account, self.listings[0].id, OLD],
        )
        self.sell()
        execute(f"ANALYZE {', '.join(self.grown)}")
        self.env.invalidate_all()

    def sell(self):
        """Copies of the one order, an hour apart."""
        order = self.env["sale.order"].search([("marketplace_config_id", "=", self.account.id)])
        own = {"cartona_id": "'old-' || n", "create_date": "t.create_date - n * interval '1 hour'"}
        self.env.cr.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema "
            "AND table_name = 'sale_order' AND column_name NOT IN ('id', 'access_token')"
        )
        columns = [row[0] for row in self.env.cr.fetchall()]
        names, values = ", ".join(f'"{name}"' for name in columns), ", ".join(own.get(n, f't."{n}"') for n in columns)
        self.env.cr.execute(
            f"INSERT INTO sale_order ({names}) SELECT {values} FROM sale_order t, generate_series(1, {OLD}) AS n "
            f"WHERE t.id = {order.id}"
        )

    def test_the_dashboard_reads_nothing_to_its_end(self):
        with self.queries() as seen:
            data = self.env["marketplace.config"].get_dashboard_data()
        account = next(one for one in data["accounts"] if one["id"] == self.account.id)
        self.assertGreater(account["calls"], 1000)
        self.assertGreaterEqual(account["listings"], OLD)
        # All listings are counted: nothing but an index is read for that. PostgreSQL prefers the table within a test,
        # since vacuum, which can't run there, has not told yet that all see its rows.
        (total,) = (one for one in seen if 'FROM "marketplace_listing" WHERE' in one and "AND active GROUP" in one)
        seen.remove(total)
        self.assert_indexed(seen)
        self.env.cr.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        self.env.cr.execute("EXPLAIN " + total)
        plan = "\n".join(row[0] for row in self.env.cr.fetchall())
        self.assertIn("Index Only Scan using marketplace_listing_state_idx", plan)

    def test_how_fast_changes_got_out_is_read_of_so_many_however_many_did(self):
        self.env.cr.execute(
            "UPDATE marketplace_listing SET pushed_at = now() at time zone 'utc' - id %% 600 * interval '1 second' "
            "WHERE config_id = %s",
            [self.account.id],
        )
        self.env.cr.execute("ANALYZE marketplace_listing")
        with self.queries("pushed_lag") as seen:
            history = self.account._dashboard_history()[self.account.id]
        self.assertEqual((history["lag"], history["lag_day"]), ([1.0, 1.0], [1.0, 1.0]))
        self.assertIn(1.0, [hour["lag"] for hour in history["hours"]])
        self.assertLess(max(map(self.rows_seen, seen)), OLD / 2)

    def test_an_hour_is_counted_without_reading_the_month(self):
        with self.queries("marketplace_sync_log") as seen:
            self.env["marketplace.log.hour"]._count()
            calls = self.env["marketplace.log.hour"]._calls(self.account)
        self.assertGreater(calls[self.account.id, "success"], 1000)
        self.assert_indexed(seen)

    def test_the_causes_of_what_failed_are_found_among_what_did_not(self):
        self.listings[0].write({"state": "failed", "last_error": "Price is 0"})
        self.env.flush_all()
        with self.queries() as seen:
            found = self.account._dashboard_failures()
            self.assertEqual(self.env["marketplace.listing"].search([("cause", "=", "Price is 0")]), self.listings[0])
            self.env["marketplace.inbox"].search([("cause", "=", "Price is 0")])
            self.env["marketplace.outbox"].search([("cause", "=", "Price is 0")])
        self.assertEqual(len(found[self.account.id]), 1)
        self.assert_indexed(seen)

    def test_the_check_up_reads_nothing_to_its_end(self):
        self.grown = tuple(set(self.grown) - {"marketplace_listing"})  # those without taxes are looked for there
        with self.queries() as seen:
            self.env["marketplace.config"].get_doctor_findings()
        self.assert_indexed(seen)
