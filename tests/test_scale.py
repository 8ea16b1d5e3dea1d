# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import re
from contextlib import contextmanager
from datetime import timedelta
from unittest import mock

from odoo import fields
from odoo.tools import SQL

from ..sandbox.rows import copy_row
from ..schemas import Customer, Order, OrderLine
from .common import MarketplaceCase

LISTINGS = 60_000
# Rows of what grows with the years. Fewer than anybody has, and so many that PostgreSQL would never read them all for
# the few that are wanted.
OLD = 40_000
FIRST = 10_000_000  # the id of the first of them
GROWN = (
    "mail_activity",
    "marketplace_inbox",
    "marketplace_listing",
    "marketplace_push",
    "marketplace_unmatched",
    "product_pricelist_item",
    "product_product",
    "product_template",
    "queue_job",
    "res_partner",
    "sale_order",
    "sale_order_line",
    "stock_lot",
    "stock_move",
    "stock_move_line",
    "stock_picking",
    "stock_quant",
)
# What a query may look at: far less than there is, whatever index it goes along.
MOST = OLD // 4
CHANGES = re.compile(r'\b(INSERT INTO|DELETE FROM|UPDATE "?\w+"?( \w+)?\s+SET)\b')


class ScaleCase(MarketplaceCase):
    """Rows by the thousand, made in the transaction of the test by SQL. The foreign keys are dropped there for that,
    and are back when it is rolled back."""

    grown = GROWN

    def drop_foreign_keys(self, *tables):
        self.env.flush_all()
        cr = self.env.cr
        cr.execute("SET LOCAL synchronous_commit = off")
        cr.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint "
            "WHERE contype = 'f' AND conrelid::regclass::text = ANY(%s)",
            [list(tables)],
        )
        for table, name in cr.fetchall():
            cr.execute(SQL("ALTER TABLE %s DROP CONSTRAINT %s", SQL.identifier(table), SQL.identifier(name)))

    @contextmanager
    def queries(self, *words):
        """Collect the queries with one of the words that run meanwhile; with none, those about what grows."""
        seen, words = [], words or self.grown
        cursor_class = type(self.env.cr)
        execute = cursor_class.execute

        def note(cursor, query, params=None, log_exceptions=True):
            text = cursor.mogrify(query, params).decode()
            if any(word in text for word in words) and "EXPLAIN" not in text and "SAVEPOINT" not in text:
                seen.append(text)
            return execute(cursor, query, params, log_exceptions)

        with mock.patch.object(cursor_class, "execute", note):
            yield seen

    def assert_indexed(self, seen):
        """No query may read a table that grows to its end, nor go along a whole index for few rows. How Odoo's own sums
        of stock are looked up is for PostgreSQL to choose: in 19.0 it may take all that stands in a place."""
        self.assertTrue(seen)
        whole = re.compile(rf"Seq Scan on ({'|'.join(self.grown)})\b")
        for query in dict.fromkeys(seen):
            self.env.cr.execute("EXPLAIN " + query.replace("%", "%%"), ())
            plan = "\n".join(row[0] for row in self.env.cr.fetchall())
            self.assertNotRegex(plan, whole, f"{query}\n{plan}")
            if not CHANGES.search(query) and 'FROM "stock_quant"' not in query:
                self.assertLess(self.rows_seen(query), MOST, f"{query}\n{plan}")

    def rows_seen(self, query):
        """Return how many rows PostgreSQL looks at in all steps of the query, which is carried out."""
        self.env.cr.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + query.replace("%", "%%"), ())

        def count(node):
            own = sum(value for name, value in node.items() if name.startswith("Rows Removed")) + node["Actual Rows"]
            return own * node["Actual Loops"] + sum(map(count, node.get("Plans", ())))

        return count(self.env.cr.fetchone()[0][0]["Plan"])


class TestScale(ScaleCase):
    """At the size of a large supplier, every query that runs often finds its rows by an index."""

    grown = ("marketplace_listing",)

    def prepare(self):
        super().prepare()
        self.listings = self.list_products()
        self.drop_foreign_keys("marketplace_listing")
        cr = self.env.cr
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

    def test_a_change_finds_its_listings(self):
        with self.queries() as seen:
            self.products[0].list_price = 5
            self.env["marketplace.outbox"]._mark("price", template=self.products.product_tmpl_id.ids)
            self.env["marketplace.outbox"]._mark("stock", listing=self.listings.ids)
            self.env.cr.flush()
        self.assert_indexed(seen)

    def test_a_page_of_listings_reads_no_more_than_a_page(self):
        with self.queries() as seen:
            self.env["marketplace.listing"].search([], limit=80)
        self.assertLess(max(map(self.rows_seen, seen)), 1000)

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


class TestGrown(ScaleCase):
    """Years of trade beside it change nothing about how an order is found, imported, confirmed and delivered, about how
    a change finds its listings, and about what looks around all the time.

    Odoo's own queries are held to it too: one that reads a whole table within a hot path of ours is worth knowing of.
    """

    def prepare(self):
        super().prepare()
        self.account.confirm_policy = "always"
        self.listings = self.list_products()
        for product in self.products:
            self.set_stock(product, 1000)
        self.document = self.box_order((self.products[0], 2, 10.0), (self.products[1], 1, 20.0), status="pending")
        self.pull()
        self.order = self.order_of(self.document)
        self.assertEqual(self.order.state, "sale")
        self.grow()

    def grow(self):
        """Make copies of the order and of all that belongs to it; each hundredth of them is a quotation."""
        self.drop_foreign_keys(*GROWN)
        order, line = self.order, self.order.order_line[0]
        document = self.env["marketplace.inbox"].search([("order_id", "=", order.id)])
        same = f"{FIRST} + n"
        product = {"product_id": same, "product_tmpl_id": same}
        partner = dict.fromkeys(("partner_id", "partner_invoice_id", "partner_shipping_id", "order_partner_id"), same)
        state = {"state": "CASE WHEN n % 100 = 0 THEN 'draft' ELSE 'sale' END"}
        old = {"cartona_id": "'old-' || n", "cartona_line_id": "'old-' || n"}
        code = {"default_code": "'old-' || n", "barcode": "NULL", "cartona_id": "NULL"}
        day = {"create_date": "t.create_date - n * interval '10 minutes'"}
        done = {"state": "'done'", "group_id": "NULL", "sale_id": same, "sale_line_id": same, "picking_id": same}
        self.multiply(self.products[0].product_tmpl_id, {**code, "sale_delay": "n % 7"})
        self.multiply(self.products[0], {**product, **code})
        self.multiply(self.products[0].stock_quant_ids.filtered(lambda q: q.location_id.usage == "internal"), product)
        sent = {"pushed_at": "t.pushed_at - n * interval '10 minutes'"}  # not all of them within the hour
        self.multiply(self.listings[0], {**product, **sent, "external_id": "'old-' || n"})
        self.multiply(
            order.partner_id, {**old, "commercial_partner_id": same, "phone": "'+2012' || lpad(n::text, 8, '0')"}
        )
        self.multiply(order, {**old, **state, **partner, **day})
        self.multiply(line, {**old, **state, **partner, **product, "order_id": same})
        self.multiply(order.picking_ids, {**done, **partner, "name": "'OLD/' || n", "origin": "NULL"})
        self.multiply(line.move_ids, {**done, **partner, **product})
        self.multiply(line.move_ids.move_line_ids, {**done, **product, "move_id": same})
        jobs = self.env["queue.job"].search([("state", "=", "done")], limit=1)
        own = {"uuid": "'old-' || n", "identity_key": "'old-' || n"}
        self.multiply(jobs, {**own, "date_done": "t.date_done - n * interval '2 seconds'"})
        activity = order.activity_schedule("mail.mail_activity_data_todo", summary="Old")
        self.multiply(activity, {"res_id": same, "marketplace_cause": "'old'"})
        self.multiply(document, {"key": "'old-' || n", "external_id": "'old-' || n", "order_id": same, **day})
        self.grow_dates()
        self.grow_waiting()
        self.env.cr.execute(f"ANALYZE {', '.join(GROWN)}")
        self.env.invalidate_all()

    def grow_dates(self):
        """Rules of pricelists that have begun and ended, lots that have expired and will, and products that take some
        days."""
        now = fields.Datetime.now()
        pricelist = self.env["product.pricelist"].create({"name": "Old"})
        rule = {"pricelist_id": pricelist.id, "date_start": now - timedelta(days=2), "date_end": now}
        ago = " - (n + 1) * interval '10 minutes'"
        dates = {"date_start": f"t.date_start{ago}", "date_end": f"t.date_end{ago}"}
        self.multiply(self.env["product.pricelist.item"].create(rule), dates)
        lot = {"name": "Old", "product_id": self.products[0].id, "company_id": self.account.company_id.id}
        around = f"now() at time zone 'utc' + (n - {OLD // 2}) * interval '10 minutes'"
        dates = dict.fromkeys(("expiration_date", "removal_date"), around)
        self.multiply(self.env["stock.lot"].create(lot), {**dates, "name": "'old-' || n", "product_id": f"{FIRST} + n"})

    def grow_waiting(self):
        """Pushes that are not answered yet, and products that nobody has matched."""
        soon = fields.Datetime.now() + timedelta(minutes=1)
        push = {"config_id": self.account.id, "handle": "old", "rows": [{}], "next_poll": soon}
        later = {"handle": "'old-' || n", "next_poll": "t.next_poll + n * interval '1 minute'"}
        self.multiply(self.env["marketplace.push"].create(push), later)
        unmatched = {"config_id": self.account.id, "external_id": "old", "reason": "unknown"}
        self.multiply(self.env["marketplace.unmatched"].create(unmatched), {"external_id": "'old-' || n"})

    def multiply(self, record, own):
        """Insert many copies of a row, with the expressions of ``own`` for those of its columns that they name."""
        self.assertEqual(len(record), 1)
        self.env.flush_all()
        copy_row(self.env.cr, record._table, record.id, FIRST, OLD, own)

    def flush(self):
        self.env.flush_all()
        self.env.cr.precommit.run()

    def store(self, **values):
        """Store a new document like the first one."""
        raw = {**self.document, "hashed_id": "new", **values}
        return self.env["marketplace.inbox"]._store([(self.account, "order", raw["hashed_id"], raw)], "webhook")[0]

    def test_an_order_comes_is_confirmed_and_delivered(self):
        processor = self.env["marketplace.order.processor"]
        with self.queries() as seen:
            rows = self.store()
            lane = self.env["marketplace.lane.inbox"]
            self.assertIn(rows.id, lane._open_ids(self.account, ("waiting",), 100))
            self.assertEqual(lane._supersede(rows), rows)
            processor._process(self.account, rows)
            self.flush()
            self.env.invalidate_all()
            processor._follow_up(rows)
            self.flush()
        self.assertEqual(rows.order_id.state, "sale")
        self.assert_indexed(seen)
        picking = rows.order_id.picking_ids
        with self.queries() as seen:
            picking.move_ids.picked = True
            picking.with_context(skip_sms=True).button_validate()
            self.flush()
        self.assertEqual(picking.state, "done")
        self.assert_indexed(seen)

    def test_an_order_of_a_shop_that_is_known_by_its_phone(self):
        retailer = {"retailer_name": "X", "retailer_number": "+201200000077"}
        with self.queries() as seen:
            rows = self.store(retailer=retailer)
            self.env["marketplace.order.processor"]._process(self.account, rows)
            self.flush()
        self.assertEqual(rows.order_id.partner_id.id, FIRST + 77)
        self.assert_indexed(seen)

    def test_accounts_that_share_credentials_are_looked_up_once_for_a_batch(self):
        rows = self.env["marketplace.inbox"].union(*[self.store(hashed_id=name) for name in ("a", "b", "c")])
        self.flush()
        self.env.invalidate_all()
        with self.queries('"credentials_id" =', '"credentials_id" IN') as seen:
            self.env["marketplace.order.processor"]._process(self.account, rows)
        self.assertEqual(len(rows.order_id), 3)
        self.assertEqual(len(seen), 1, seen)

    def test_a_product_that_was_not_known_lets_its_orders_go_on(self):
        detail = {**self.document["order_details"][0], "id": "x", "supplier_product_id": "unknown"}
        rows = self.store(order_details=[detail])
        self.env["marketplace.order.processor"]._process(self.account, rows)
        self.flush()
        self.assertTrue(rows.order_id.marketplace_hold)
        with self.queries() as seen:
            unmatched = self.env["marketplace.unmatched"].search(
                [("config_id", "=", self.account.id), ("external_id", "=", "unknown")]
            )
            self.assertEqual(unmatched.held_count, 1)
            self.listings[2].external_id = "unknown"
            self.flush()
        self.assertEqual(rows.state, "waiting")
        self.assert_indexed(seen)

    def test_what_a_product_has_to_sell_is_summed_by_the_database(self):
        drafts = range(FIRST + 1, FIRST + 1001)
        cr = self.env.cr
        cr.execute(
            "UPDATE sale_order_line SET product_id = %s, state = 'draft', product_uom_qty = 2 WHERE id = ANY(%s)",
            [self.products[2].id, list(drafts)],
        )
        cr.execute("UPDATE sale_order SET state = 'draft' WHERE id = ANY(%s)", [list(drafts)])
        cr.execute("ANALYZE sale_order, sale_order_line")
        products = self.products.browse([*self.products.ids, *range(FIRST + 2000, FIRST + 2100)])
        with self.queries() as seen:
            demand = products._marketplace_demand(self.warehouse)
            products._marketplace_available(self.account)
            self.account.stock_basis = "outgoing"
            products._marketplace_available(self.account)
        self.assertEqual(demand[self.products[2].id], 2 * len(drafts))
        self.assertEqual(demand[FIRST + 2000], self.order.order_line[0].product_uom_qty)
        self.assertFalse([query for query in seen if "product_uom_qty" in query and f"{FIRST + 1}," in query])
        self.assert_indexed(seen)

    def test_a_change_of_price_or_stock_is_found_and_sent(self):
        lane = self.env["marketplace.lane.offers"]
        with self.queries() as seen:
            self.products[0].list_price = 77
            self.products[1].product_tmpl_id.list_price = 78
            self.set_stock(self.products[2], 5)
            self.flush()
            self.assertTrue(lane._has_work(self.account))
            lane._fold(self.account)
            rows, _settled = lane._claim(self.account)
            self.env["marketplace.listing"]._store_accepted(rows)
            self.assertGreater(lane._next_attempt(self.account), fields.Datetime.now())
        self.assertTrue(rows)
        self.assert_indexed(seen)

    def test_what_looks_around_all_the_time(self):
        with self.queries() as seen, self.assertNoLogs("odoo.addons.cartona_integration", "WARNING"):
            self.env["marketplace.wake"]._cron_sweep()
            self.env["marketplace.config"]._cron_deadlines()
            for lane in self.env["marketplace.sender"]._lanes().values():
                lane._next_attempt(self.account)
                lane._has_backlog(self.account)
            self.env["marketplace.config"].get_dashboard_data()
            self.env["marketplace.inbox"]._redact_old(self.account)
            self.env["marketplace.inbox"]._delete_old(self.account)
        # All listings are counted by an index alone, as test_scale_dashboard shows; in a test the table seems cheaper.
        seen = [query for query in seen if 'count(*) FROM "marketplace_listing" WHERE config_id' not in query]
        self.assert_indexed(seen)
