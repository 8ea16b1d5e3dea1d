# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from contextlib import contextmanager
from unittest import mock

from odoo.tools import SQL

from ..schemas import Customer, Order, OrderLine
from .common import MarketplaceCase

LISTINGS = 400_000


class TestScale(MarketplaceCase):
    """At the size of a large supplier, every query that runs often finds its rows by an index.

    The rows are made in the transaction of the test, with product ids that do not exist: the foreign keys are dropped
    there for that, and are back when it is rolled back.
    """

    def setUp(self):
        super().setUp()
        self.listings = self.list_products()
        cr = self.env.cr
        cr.execute("SET LOCAL synchronous_commit = off")
        cr.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'marketplace_listing'::regclass AND contype = 'f'"
        )
        for (name,) in cr.fetchall():
            cr.execute(SQL("ALTER TABLE marketplace_listing DROP CONSTRAINT %s", SQL.identifier(name)))
        cr.execute(
            """
            INSERT INTO marketplace_listing
                (config_id, company_id, product_id, product_tmpl_id, external_id, pack_size, active, state,
                 price_due, stock_due, publication_due)
            SELECT %s, %s, 1000000 + n, 1000000 + n, 'big-' || n, 1, TRUE, 'synced', FALSE, FALSE, FALSE
              FROM generate_series(1, %s) AS n
            """,
            [self.account.id, self.account.company_id.id, LISTINGS],
        )
        cr.execute("ANALYZE marketplace_listing")

    @contextmanager
    def queries(self, table="marketplace_listing"):
        """Collect the queries about a table that run meanwhile."""
        seen = []
        cursor_class = type(self.env.cr)
        execute = cursor_class.execute

        def note(cursor, query, params=None, log_exceptions=True):
            text = cursor.mogrify(query, params).decode()
            if table in text and "EXPLAIN" not in text and "SAVEPOINT" not in text:
                seen.append(text)
            return execute(cursor, query, params, log_exceptions)

        with mock.patch.object(cursor_class, "execute", note):
            yield seen

    def assert_indexed(self, seen):
        self.assertTrue(seen)
        for query in seen:
            self.env.cr.execute("EXPLAIN " + query.replace("%", "%%"), ())
            plan = "\n".join(row[0] for row in self.env.cr.fetchall())
            self.assertNotIn("Seq Scan on marketplace_listing", plan, f"{query}\n{plan}")

    def rows_seen(self, query):
        """Return how many rows PostgreSQL looks at in all steps of the query, which is carried out."""
        self.env.cr.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + query.replace("%", "%%"), ())

        def count(node):
            own = sum(value for name, value in node.items() if name.startswith("Rows Removed")) + node["Actual Rows"]
            return own * node["Actual Loops"] + sum(map(count, node.get("Plans", ())))

        return count(self.env.cr.fetchone()[0][0]["Plan"])

    def test_a_change_finds_its_listings(self):
        with self.queries() as seen:
            self.products[0].list_price = 5
            self.env["marketplace.outbox"]._mark("price", template=self.products.product_tmpl_id.ids)
            self.env["marketplace.outbox"]._mark("stock", listing=self.listings.ids)
            self.env.cr.flush()
        self.assert_indexed(seen)

    def test_a_sender_finds_what_is_due(self):
        self.products[0].list_price = 5
        self.set_stock(self.products[1], 5)
        self.env.cr.flush()
        lane = self.env["marketplace.lane.offers"]
        with self.queries() as seen:
            self.assertTrue(lane._has_work(self.account))
            self.assertEqual(lane._fold(self.account), 2)
            rows, _settled = lane._claim(self.account)
            self.env["marketplace.listing"]._store_accepted(rows)
            self.assertIsNone(lane._next_attempt(self.account))
        self.assertEqual(len(rows), 2)
        self.assert_indexed(seen)

    def test_many_changes_are_not_compared_with_each_other(self):
        """PostgreSQL knows the outbox as it is most of the time: empty."""
        rows = 2000
        self.env.cr.execute("ANALYZE marketplace_outbox")
        self.env.cr.execute(
            """
            INSERT INTO marketplace_outbox (config_id, lane, state, listing_id, price, stock, publication, force)
                 SELECT config_id, 'offers', 'waiting', id, TRUE, FALSE, FALSE, FALSE
                   FROM marketplace_listing WHERE config_id = %s ORDER BY id LIMIT %s
            """,
            [self.account.id, rows],
        )
        with self.queries("DELETE FROM marketplace_outbox") as seen, self.env.cr.savepoint(flush=False) as savepoint:
            self.assertEqual(self.env["marketplace.lane.offers"]._fold(self.account), rows)
            savepoint.rollback()
        self.assertEqual(len(seen), 1)
        self.assertLess(self.rows_seen(seen[0]), 20 * rows)

    def test_an_order_finds_its_listings(self):
        lines = [
            OrderLine(external_id="1", quantity=1, price_unit=1, product_external_id="big-77"),
            OrderLine(external_id="2", quantity=1, price_unit=1, product_sku=self.products[0].default_code),
        ]
        order = Order("x", "pending", "pending", Customer("y"), lines)
        with self.queries() as seen:
            found = self.env["marketplace.order.processor"]._resolve_listings(self.account, [order])
        self.assertEqual(len(found), 2)
        self.assert_indexed(seen)

    def test_the_demand_of_waiting_documents_finds_its_listings(self):
        document = self.box_order((self.products[0], 3, 5.0))
        self.env["marketplace.inbox"]._store([(self.account, "order", document["hashed_id"], document)], "pull")
        with self.queries() as seen:
            demand = self.env["marketplace.inbox"]._demand_by_product(self.products, self.warehouse)
        self.assertEqual(demand, {self.products[0].id: 3})
        self.assert_indexed(seen)

    def test_a_change_of_the_whole_account_leaves_one_row(self):
        with self.queries() as seen:
            self.account.safety_quantity = 3
            self.env.cr.flush()
        self.assertFalse(seen, "no listing is looked at within the user's transaction")
        self.assertEqual(len(self.env["marketplace.outbox"].search([])), 1)
