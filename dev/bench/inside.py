"""The part of the benchmark that runs within Odoo, in a process of its own beside the server, on its database.

Started by `process.py` with Odoo's Python and a configuration file. Reads one JSON object a line, `{"call": name,
"with": {...}}`, and answers each with one line. Whatever it commits is taken up by the server's job runner.
"""

import contextlib
import gc
import json
import os
import sys
import time
import traceback
from unittest.mock import patch

SUPERUSER = 1
ADMINISTRATOR = 2
CUSTOMERS = "stock.stock_location_customers"
POLL = 0.02
# What grows with the years.
CROWDED = [
    "product_template", "product_product", "stock_quant", "marketplace_listing", "res_partner", "sale_order",
    "sale_order_line", "stock_picking", "stock_move", "marketplace_inbox",
]  # fmt: skip


class Inside:
    """Each public method is a call."""

    def __init__(self, registry):
        import requests

        self.registry = registry
        self.session = requests.Session()

    @contextlib.contextmanager
    def environment(self, user=SUPERUSER, commit=True):
        from odoo.api import Environment

        with contextlib.closing(self.registry.cursor()) as cr:
            yield Environment(cr, user, {})
            if commit:
                cr.commit()

    # === looking ===

    def query(self, sql, values=()):
        with contextlib.closing(self.registry.cursor()) as cr:
            cr.execute(sql, [tuple(value) if isinstance(value, list) else value for value in values])
            return [list(row) for row in cr.fetchall()]

    def vacuum(self, how, table):
        with contextlib.closing(self.registry.cursor()) as cr:
            cr._cnx.autocommit = True
            cr.execute(f"VACUUM ({how}) {table}")

    def wait(self, sql, values=(), expected=0, limit=120, poll=POLL):
        """The moment at which the query's only figure was `expected`; with what it was instead after `limit`."""
        end = time.monotonic() + limit
        while True:
            found = self.query(sql, values)[0][0]
            now = time.monotonic()
            if found == expected or now > end:
                return {"moment": now, "found": found}
            time.sleep(poll)

    # === prices ===

    def write_prices(self, prices, templates=False):
        """Write `{product: price}` in one transaction, each price by a write of its own; the moment of its commit.

        On the templates it costs Odoo a tenth, since it need not look for their variants.
        """
        moments, together = [], {}
        for product, price in prices.items():
            together.setdefault(price, []).append(int(product))
        with self.environment(ADMINISTRATOR) as env:
            env.cr.postcommit.add(lambda: moments.append(time.monotonic()))  # the first: before any wake
            for price, products in together.items():
                records = env["product.product"].browse(products)
                (records.product_tmpl_id if templates else records).write({"list_price": price})
        return {"committed": moments[0]}

    def post(self, url, token, bodies):
        """The seconds it takes to send the bodies one after the other; when each was sent."""
        sent = []
        start = time.monotonic()
        for body in bodies:
            sent.append(time.monotonic())
            data = json.dumps(body).encode()
            headers = {"AuthorizationToken": token, "Content-Type": "application/json"}
            self.session.post(url, data=data, headers=headers, timeout=60).raise_for_status()
        return {"seconds": time.monotonic() - start, "sent": sent}

    def compute_offers(self, account, products=None):
        """The seconds Odoo itself needs for an account's prices and quantities, at once, and for the prices alone; of
        all its listings, if no products are named."""
        with self.environment(commit=False) as env:
            config = env["marketplace.config"].browse(account)
            company, pricelist = config.company_id, config.pricelist_id
            ids = products or [row[0] for row in self.query(
                "SELECT product_id FROM marketplace_listing WHERE config_id = %s", [account]
            )]  # fmt: skip
            locations = env["stock.warehouse"].search([("company_id", "=", company.id)]).view_location_id.ids
            start = time.monotonic()
            products = env["product.product"].with_company(company).with_context(location=locations).browse(ids)
            pricelist._get_products_price(products, 1.0)
            prices = time.monotonic() - start
            products.mapped("free_qty")
            return {"seconds": time.monotonic() - start, "prices": prices}

    # === many listings ===

    def multiply(self, account, count):
        """Copies of the account's only listing, with products and stock of their own, until there are `count`. Gives
        their products, in the order of the external ids, which count on."""
        with self.environment() as env:
            cr, made = env.cr, count - 1
            listing = env["marketplace.listing"].search([("config_id", "=", account)])
            product = listing.product_id
            quant = product.stock_quant_ids.filtered(lambda quant: quant.location_id.usage == "internal")
            template = self._copies(cr, "product_template", product.product_tmpl_id.id, made, {})
            own = {"product_tmpl_id": f"{template} + n"}
            first = self._copies(cr, "product_product", product.id, made, own)
            self._copies(cr, "stock_quant", quant.id, made, {"product_id": f"{first} + n"})
            own.update(product_id=f"{first} + n", external_id="(t.external_id::int + n + 1)::text")
            self._copies(cr, "marketplace_listing", listing.id, made, own)
            cr.execute("ANALYZE product_template, product_product, stock_quant, marketplace_listing")
            return [product.id, *range(first, first + made)]

    def count_stock(self, location, quantities):
        """Set `{product: quantity}` as physical inventory does, in one transaction: its seconds, when it ended."""
        moments, start = [], time.monotonic()
        with self.environment(ADMINISTRATOR) as env:
            env.cr.postcommit.add(lambda: moments.append(time.monotonic()))  # the first: before any wake
            quants = env["stock.quant"].with_context(inventory_mode=True).create(
                [{"product_id": int(product), "location_id": location, "inventory_quantity": quantity}
                 for product, quantity in quantities.items()]
            )  # fmt: skip
            quants.action_apply_inventory()
        return {"seconds": moments[0] - start, "committed": moments[0]}

    def drain(self, account, products, price):
        """The seconds a sender in this process needs for a new price of the products, the memory that the process holds
        then, and how many blocks of it are in use."""
        with self.environment() as env:
            env["marketplace.wake"]._hold_back()
            env.cr.execute(
                "UPDATE product_template t SET list_price = %s FROM product_product p "
                "WHERE t.id = p.product_tmpl_id AND p.id = ANY(%s)",
                [price, products],
            )
            env["marketplace.outbox"]._mark("price", product=products)
        lane = self.registry["marketplace.lane.offers"]
        with self.environment() as env, patch.object(lane, "_linger_seconds", 0.0):
            start = time.monotonic()
            env["marketplace.sender"]._drain(account, "offers")
            seconds = time.monotonic() - start
        gc.collect()  # what is no longer held, whenever it would have been noticed
        return {"seconds": seconds, "megabytes": resident_bytes() / 2**20, "blocks": sys.getallocatedblocks()}

    # === orders ===

    def create_orders(self, account, names, new_customers=False):
        """The seconds one `create` of the same orders takes, by the ORM alone; gives the copies' ids.

        With new customers, the customers are made anew too, by one `create` of their own, and by one more the delivery
        contacts that the orders have.
        """
        with self.environment() as env:
            orders = env["sale.order"].search(
                [("marketplace_config_id", "=", account), ("cartona_id", "in", names)], order="id"
            )
            values = [
                {
                    "partner_id": order.partner_id.id,
                    "partner_shipping_id": order.partner_shipping_id.id,
                    "company_id": order.company_id.id,
                    "warehouse_id": order.warehouse_id.id,
                    "order_line": [
                        (0, 0, {key: line[key].id if key == "product_id" else line[key]
                                for key in ("product_id", "product_uom_qty", "price_unit")})
                        for line in order.order_line
                    ],
                }
                for order in orders
            ]  # fmt: skip
            customers = [self._values(order.partner_id, "customer_rank") for order in orders]
            places = [self._values(order.partner_shipping_id, "type", "marketplace_address") for order in orders]
            assert not new_customers or all(order.partner_shipping_id != order.partner_id for order in orders)
            env.flush_all()
            env.invalidate_all()
            start = time.monotonic()
            if new_customers:
                partners = env["res.partner"].create(customers)
                contacts = env["res.partner"].create(
                    [{**place, "parent_id": partner.id} for place, partner in zip(places, partners, strict=True)]
                )
                for value, partner, contact in zip(values, partners, contacts, strict=True):
                    value.update(partner_id=partner.id, partner_shipping_id=contact.id)
            copies = env["sale.order"].create(values)
            env.cr.commit()
            return {"seconds": time.monotonic() - start, "ids": copies.ids}

    def _values(self, partner, *names):
        values = {name: partner[name] for name in ("name", "phone", "email", "street", *names)}
        return {**values, "country_id": partner.country_id.id, "company_id": partner.company_id.id}

    def confirm_orders(self, ids, one_by_one):
        """The seconds `action_confirm` of the orders takes, by the ORM alone."""
        with self.environment() as env:
            orders = env["sale.order"].browse(ids)
            start = time.monotonic()
            for batch in orders if one_by_one else [orders]:
                batch.action_confirm()
                env.flush_all()
            env.cr.commit()
            return {"seconds": time.monotonic() - start}

    # === what a transaction pays for being listed ===

    def make_products(self, count, location):
        """New products with stock, all alike; no account lists them."""
        with self.environment(ADMINISTRATOR) as env:
            Product = env["product.product"]
            storable = {"is_storable": True} if "is_storable" in Product._fields else {"detailed_type": "product"}
            products = Product.create(
                [{"name": f"Benchmark {number}", "list_price": 20.0, **storable} for number in range(count)]
            )
            for product in products:
                env["stock.quant"]._update_available_quantity(product, env["stock.location"].browse(location), 1e6)
            return products.ids

    def list_products(self, account, count, products):
        """List `{product: external id}` at the account and at further live ones like it, `count` in all."""
        with self.environment() as env:
            config = env["marketplace.config"].browse(account)
            accounts = config
            for number in range(1, count):
                own = {"name": f"{config.name} {number + 1}", "pull_orders": False, "use_cartona_id": False}
                accounts |= config.copy({"base_url": config.base_url, "auth_token": config.auth_token, **own})
            (accounts - config).action_go_live()
            env["marketplace.listing"].create(
                [
                    {"config_id": each.id, "product_id": int(product), "external_id": external}
                    for each in accounts
                    for product, external in products.items()
                ]
            )

    def timed(self, method, trigger=True, **arguments):
        """The seconds of a transaction with its commit and what hangs on that, with or without the addon's trigger."""
        with self.environment(ADMINISTRATOR, commit=False) as env, contextlib.ExitStack() as off:
            if not trigger:
                off.enter_context(patch.object(type(env["marketplace.outbox"]), "_mark", lambda *_a, **_k: None))
            act = getattr(self, f"_{method}")(env, **arguments)
            start = time.perf_counter()
            act()
            env.cr.commit()
            return time.perf_counter() - start

    def _write_price(self, env, products, price):
        products = env["product.product"].browse(products)
        products.mapped("list_price")
        return lambda: products.write({"list_price": price})

    def _write_each_price(self, env, products, price):
        products = env["product.product"].browse(products)
        products.mapped("list_price")

        def act():
            for number, product in enumerate(products):
                product.write({"list_price": price + number + 0.5})

        return act

    def make_picking(self, products):
        """A delivery of one piece of each product, reserved and ready."""
        with self.environment(ADMINISTRATOR) as env:
            warehouse = env["stock.warehouse"].search([("company_id", "=", env.company.id)], limit=1)
            places = {"location_id": warehouse.lot_stock_id.id, "location_dest_id": env.ref(CUSTOMERS).id}
            picking = env["stock.picking"].create({"picking_type_id": warehouse.out_type_id.id, **places})
            named = {"name": "Benchmark"} if "name" in env["stock.move"]._fields else {}
            env["stock.move"].create(
                [
                    {"product_id": product, "product_uom_qty": 1, "picking_id": picking.id, **named, **places}
                    for product in products
                ]
            )
            picking.action_confirm()
            picking.action_assign()
            picking.move_ids.picked = True
            return picking.id

    def _validate(self, env, picking):
        picking = env["stock.picking"].browse(picking)
        picking.move_ids.move_line_ids.mapped("quantity")

        def act():
            picking.with_context(skip_sms=True).button_validate()
            if picking.state != "done":
                raise ValueError(f"the picking is {picking.state}")

        return act

    # === the dashboard ===

    def log_rows(self, account, count, days):
        """Add so many rows to the log, spread over the days up to now, as vacuum leaves them; the seconds it took."""
        start = time.monotonic()
        with self.environment() as env:
            env.cr.execute(
                """
                INSERT INTO marketplace_sync_log
                    (config_id, create_date, operation, direction, status, row_count, failed_count, http_status,
                     duration_ms, method, url, request, response)
                SELECT %s, now() at time zone 'utc' - (%s - n) * interval '1 day' * %s / %s,
                       CASE n %% 4 WHEN 0 THEN 'pull_orders' WHEN 1 THEN 'push_status' ELSE 'push_offers' END, 'out',
                       CASE n %% 50 WHEN 0 THEN 'error' ELSE 'success' END, 10, 0, 200, 120, 'POST',
                       'https://marketplace.example.com/api/v1/supplier-product/bulk-update',
                       repeat('{"price": 1}', 4), repeat('{"ok": true}', 4)
                  FROM generate_series(1, %s) AS n
                """,
                [account, count, days, count, count],
            )
        self.vacuum("ANALYZE", "marketplace_sync_log")
        with self.environment() as env:
            env["marketplace.log.hour"]._count()  # as the sweeper does each hour
        return time.monotonic() - start

    def dashboard(self, repeats):
        """The milliseconds of each call of the dashboard's data, and of a call that does nothing, by turns; each in a
        transaction and an environment of its own, as a request has them."""
        taken, least = [], []
        for _repeat in range(repeats):
            for into, method in ((taken, "get_dashboard_data"), (least, "check_access_rights")):
                with self.environment(ADMINISTRATOR, commit=False) as env:
                    arguments = ("read",) if into is least else ()
                    start = time.perf_counter()
                    getattr(env["marketplace.config"], method)(*arguments)
                    into.append((time.perf_counter() - start) * 1000)
        return {"taken": taken, "least": least}

    # === a grown database ===

    def crowd(self, account, products, orders, partners, documents):
        """Add what years of trade leave behind, by SQL, as copies of what is there: products with their listings and
        stock, customers, and orders of one line, delivered long ago but for each hundredth, which is a quotation; and
        the documents that the newest of them came by. The seconds it took."""
        start = time.monotonic()
        with self.environment() as env:
            cr = env.cr
            cr.execute("SET LOCAL synchronous_commit = off")
            self._forget_references(cr, CROWDED)
            product = self._crowd_of_products(cr, account, products)
            partner = self._crowd_of_partners(cr, account, partners)
            order = self._crowd_of_orders(
                cr, account, orders, f"{product} + n % {products}", f"{partner} + n % {partners}"
            )
            self._crowd_of_documents(cr, account, documents, order)
        with contextlib.closing(self.registry.cursor()) as cr:
            cr.execute(f"ANALYZE {', '.join(CROWDED)}")
            cr.commit()
        return time.monotonic() - start

    def scans(self):
        """How often each of these tables was read from end to end since PostgreSQL began to count."""
        return self.query("SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname IN %s", [CROWDED])

    def _crowd_of_products(self, cr, account, count):
        """Give the id of the first one."""
        cr.execute(
            "SELECT l.id, p.id, p.product_tmpl_id, q.id FROM marketplace_listing l "
            "JOIN product_product p ON p.id = l.product_id JOIN stock_quant q ON q.product_id = p.id "
            "JOIN stock_location at ON at.id = q.location_id AND at.usage = 'internal' "
            "WHERE l.config_id = %s AND l.state = 'synced' LIMIT 1",
            [account],
        )
        listing, product, template, quant = cr.fetchone()
        sku = {"default_code": "'crowd-' || n"}
        own = {"product_tmpl_id": f"{self._copies(cr, 'product_template', template, count, sku)} + n"}
        first = self._copies(
            cr, "product_product", product, count, {**own, **sku, "barcode": "NULL", "cartona_id": "NULL"}
        )
        self._copies(cr, "stock_quant", quant, count, {"product_id": f"{first} + n"})
        own.update(product_id=f"{first} + n", external_id="'crowd-' || n")
        self._copies(cr, "marketplace_listing", listing, count, own)
        return first

    def _crowd_of_partners(self, cr, account, count):
        """Give the id of the first one."""
        cr.execute(
            "SELECT p.id FROM sale_order o JOIN res_partner p ON p.id = o.partner_id "
            "WHERE o.marketplace_config_id = %s AND p.cartona_id IS NOT NULL LIMIT 1",
            [account],
        )
        partner = cr.fetchone()[0]
        own = {
            "name": "'Crowd ' || n",
            "complete_name": "'Crowd ' || n",
            "cartona_id": "'retailer_old-' || n",
            "phone": "'+2012' || lpad(n::text, 8, '0')",
            "commercial_partner_id": f"{self._next_id(cr, 'res_partner') + 1} + n",
        }
        return self._copies(cr, "res_partner", partner, count, own)

    def _crowd_of_orders(self, cr, account, count, product, partner):
        """Give the id of the first one."""
        cr.execute(
            "SELECT o.id, l.id, m.id, m.picking_id FROM sale_order_line l "
            "JOIN sale_order o ON o.id = l.order_id AND o.marketplace_config_id = %s AND o.state = 'sale' "
            "JOIN stock_move m ON m.sale_line_id = l.id AND m.picking_id IS NOT NULL LIMIT 1",
            [account],
        )
        order, line, move, picking = cr.fetchone()
        state = {"state": "CASE WHEN n % 100 = 0 THEN 'draft' ELSE 'sale' END"}
        # One order each ten seconds: eight thousand a day.
        dates = {name: f"t.{name} - n * interval '10 seconds'" for name in ("create_date", "date_order")}
        customer = dict.fromkeys(("partner_id", "partner_invoice_id", "partner_shipping_id"), partner)
        own = {"name": "'CROWD' || n", "cartona_id": "'old-' || n", "procurement_group_id": "NULL"}
        first = self._copies(cr, "sale_order", order, count, {**own, **state, **dates, **customer})
        place = {"product_id": product, "order_partner_id": partner}
        own = {"order_id": f"{first} + n", "cartona_line_id": "'old-' || n"}
        first_line = self._copies(cr, "sale_order_line", line, count, {**own, **state, **place})
        # What was delivered is of no state that anybody looks for; a quotation has no delivery.
        done, delivered = {"state": "'done'", "group_id": "NULL", "partner_id": partner}, "n % 100 > 0"
        own = {"name": "'CROWD/OUT/' || n", "sale_id": f"{first} + n", "origin": "NULL"}
        first_picking = self._copies(cr, "stock_picking", picking, count, {**done, **own}, delivered)
        own = {"sale_line_id": f"{first_line} + n", "picking_id": f"{first_picking} + n", "product_id": product}
        self._copies(cr, "stock_move", move, count, {**done, **own}, delivered)
        return first

    def _crowd_of_documents(self, cr, account, count, order):
        cr.execute(
            "SELECT id FROM marketplace_inbox WHERE config_id = %s AND kind = 'order' AND state = 'done' LIMIT 1",
            [account],
        )
        own = {
            "key": "'old-' || n", "external_id": "'old-' || n", "digest": "'old-' || n", "payload": "'{}'",
            "order_id": f"{order} + n", "create_date": "t.create_date - n * interval '10 seconds'",
        }  # fmt: skip
        self._copies(cr, "marketplace_inbox", cr.fetchone()[0], count, own)

    def _forget_references(self, cr, tables):
        """Copies of rows that are right need no look at what they refer to, thirty of them for each order."""
        cr.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint "
            "WHERE contype = 'f' AND conrelid::regclass::text = ANY(%s)",
            [list(tables)],
        )
        for table, name in cr.fetchall():
            cr.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')

    def _next_id(self, cr, table):
        cr.execute(f"SELECT nextval('{table}_id_seq')")
        return cr.fetchone()[0]

    def _copies(self, cr, table, template, count, own, condition="TRUE"):
        """Insert copies number 0 … of a row, with the `own` expressions instead of its values, but for those of which
        `condition` is not true; give the first id."""
        from odoo.addons.cartona_integration.sandbox.rows import copy_row

        first = self._next_id(cr, table)
        copy_row(cr, table, template, first, count, own, condition)
        cr.execute(f"SELECT setval('{table}_id_seq', {first} + {count})")
        return first


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main(configuration):
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever prints, prints into the log
    del sys.path[0]  # this folder, which is no place for Odoo to import from

    import odoo
    from odoo.modules.registry import Registry

    odoo.tools.config.parse_config(["-c", configuration])
    database = odoo.tools.config["db_name"]
    inside = Inside(Registry(database if isinstance(database, str) else database[0]))
    print(json.dumps({"answer": "ready"}), file=answers)
    for line in sys.stdin:
        said = json.loads(line)
        try:
            answer = {"answer": getattr(inside, said["call"])(**said["with"])}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    main(sys.argv[1])
