"""The two that are compared. Each is set up as its users do, does the same work, and tells what it took."""

import time
from dataclasses import dataclass

from ..bench.system import AT_REST
from ..common import Stop

LIMIT = 900
POLL = 0.1
TOKEN = "token of the comparison"
SET_STOCK = "SetQuantities"  # both sides' names for the call end so
JOBS = """
    SELECT count(*) FROM queue_job WHERE state IN ('wait_dependencies', 'pending', 'enqueued', 'started')
                                     AND (eta IS NULL OR eta <= now() at time zone 'utc')
"""


@dataclass
class Cost:
    """What a piece of work took: the user's own transaction, the rest of the way, calls and jobs until all is quiet."""

    seconds: float
    calls: int
    jobs: int
    transaction: float = 0.0


class Side:
    name = version = ""
    at_rest = JOBS

    def __init__(self, stack, within, shop):
        self.stack, self.within, self.shop = stack, within, shop
        self.odoo = stack.odoo
        self.known = shop.known()
        self.quantity = 100
        self.products, self.location = {}, None  # SKU → id of product.product

    # === setting up ===

    def prepare(self):
        self.make_products()
        self.connect()
        self.rest()

    def make_products(self):
        """A product for each variant of the shop, without taxes, as the shop's orders are."""
        company = self.odoo.call("res.users", "read", [self.odoo.user], ["company_id"])[0]["company_id"][0]
        common = {"is_storable": True, "company_id": company, "taxes_id": [(5, 0, 0)]}
        values = [{"name": row["sku"], "default_code": row["sku"], **common} for row in self.known["variants"]]
        ids = self.odoo.call("product.product", "create", values)
        self.products = {row["sku"]: product for row, product in zip(self.known["variants"], ids, strict=True)}
        own = [("company_id", "=", company)]
        warehouse = self.odoo.call("stock.warehouse", "search_read", own, fields=["lot_stock_id"], limit=1)[0]
        self.warehouse, self.location = warehouse["id"], warehouse["lot_stock_id"][0]

    def connect(self):
        raise NotImplementedError

    def ask_for_orders(self):
        """Press the button that imports orders."""
        raise NotImplementedError

    # === the work ===

    def change_stock(self):
        """All variants get another quantity in one transaction; until the last one is there."""
        self.rest()
        seen, jobs = self.seen(), self.last_job()
        self.quantity += 1
        quantities = {sku: self.quantity + number % 7 for number, sku in enumerate(self.products)}
        told = self.within.count_stock(
            location=self.location, quantities={self.products[sku]: each for sku, each in quantities.items()}
        )
        quantities = self.wanted(quantities)
        self.until(lambda: not self.shop.differing(quantities=quantities))
        last = [moment for _number, name, moment in self.shop.calls(since=seen) if name.endswith(SET_STOCK)][-1]
        return self.cost(last - told["committed"], seen, jobs, told["seconds"])

    def wanted(self, quantities):
        """What the shop is to have where so much was counted."""
        return quantities

    def import_orders(self, count):
        """The shop has so many new orders, and the button is pressed; until as many sale orders are there."""
        self.rest()
        total = self.shop.place(count=count)
        seen, jobs = self.seen(), self.last_job()
        before = self.figure("SELECT coalesce(max(id), 0) FROM sale_order")
        start = time.monotonic()
        self.ask_for_orders()
        waited = self.within.wait(
            sql="SELECT count(*) FROM sale_order WHERE id > %s", values=[before], expected=count, limit=LIMIT
        )
        cost = self.cost(waited["moment"] - start, seen, jobs)
        found = self.figure("SELECT coalesce(sum(amount_total), 0)::float FROM sale_order WHERE id > %s", before)
        if waited["found"] != count or abs(found - total) > 0.005:
            raise Stop(f"{self.name}: {waited['found']} of {count} orders, of {found} instead of {total}")
        return cost

    def cost(self, seconds, seen, jobs, transaction=0.0):
        self.rest()
        made = self.figure("SELECT count(*) FROM queue_job WHERE id > %s", jobs)
        return Cost(seconds, len(self.shop.calls(since=seen)), made, transaction)

    # === looking ===

    def rest(self):
        """Wait until nothing is under way; stop where something failed."""
        waited = self.within.wait(sql=self.at_rest, limit=LIMIT)
        self.stack.check()
        failed = self.within.query(sql="SELECT name, exc_info FROM queue_job WHERE state = 'failed' LIMIT 1")
        if waited["found"] or failed:
            raise Stop(f"{self.name}: {waited['found']} things still wait; failed: {failed}")

    def until(self, is_so):
        limit = time.monotonic() + LIMIT
        while not is_so():
            self.stack.check()
            if time.monotonic() > limit:
                raise Stop(f"{self.name}: not done after {LIMIT} s")
            time.sleep(POLL)

    def seen(self):
        return max((number for number, _name, _moment in self.shop.calls(since=0)), default=0)

    def last_job(self):
        return self.figure("SELECT coalesce(max(id), 0) FROM queue_job")

    def figure(self, sql, *values):
        return self.within.query(sql=sql, values=list(values))[0][0]


class Ours(Side):
    name = "cartona_integration"
    at_rest = AT_REST

    def connect(self):
        odoo = self.odoo
        values = {"name": "Shop", "code": "shopify", "base_url": self.known["root"], "auth_token": TOKEN}
        self.account = odoo.call("marketplace.config", "create", {**values, "confirm_policy": "never"})
        odoo.call("marketplace.config", "action_test_connection", [self.account])
        odoo.call("marketplace.config", "action_go_live", [self.account])
        odoo.call("marketplace.config", "action_match_products", [self.account])
        listed = [("config_id", "=", self.account)]
        self.until(lambda: odoo.call("marketplace.listing", "search_count", listed) == len(self.products))

    def wanted(self, quantities):
        """What quotations of the shop have sold already is not for sale again."""
        sold = self.within.query(
            sql="SELECT p.default_code, sum(l.product_uom_qty)::int FROM sale_order_line l "
            "JOIN sale_order o ON o.id = l.order_id AND o.state = 'draft' AND o.marketplace_config_id = %s "
            "JOIN product_product p ON p.id = l.product_id WHERE p.default_code IS NOT NULL GROUP BY 1",
            values=[self.account],
        )
        return {**quantities, **{sku: quantities[sku] - count for sku, count in sold}}

    def ask_for_orders(self):
        self.odoo.call("marketplace.config", "action_pull_orders", [self.account])


class Theirs(Side):
    name, version = "shopify_connector", "19.0.1.1.0.4"

    def connect(self):
        odoo = self.odoo
        values = {"name": "Shop", "shop_url": self.known["root"], "access_token": TOKEN}
        self.instance = odoo.call("shopify.instance", "create", values)
        odoo.call("shopify.instance", "action_test_connection", [self.instance])
        odoo.call("shopify.instance", "action_import_locations", [self.instance])
        self.rest()
        locations = odoo.call("shopify.location", "search", [("instance_id", "=", self.instance)])
        odoo.call("shopify.location", "write", locations, {"warehouse_id": self.warehouse})
        self.bind_products()
        self.bind_customers()

    def bind_products(self):
        """The rows that its import of products leaves where it finds each one by its reference."""
        odoo, variants = self.odoo, self.known["variants"]
        found = odoo.call("product.product", "read", list(self.products.values()), ["product_tmpl_id"])
        template_of = {row["id"]: row["product_tmpl_id"][0] for row in found}
        common = {"instance_id": self.instance, "state": "synced"}
        templates = odoo.call(
            "shopify.product.template", "create",
            [
                {
                    **common, "shopify_id": f"gid://shopify/Product/{row['product']}", "status": "ACTIVE",
                    "odoo_id": template_of[self.products[row["sku"]]],
                }
                for row in variants
            ],
        )  # fmt: skip
        odoo.call(
            "shopify.product.variant", "create",
            [
                {
                    **common, "shopify_id": f"gid://shopify/ProductVariant/{row['id']}",
                    "template_binding_id": template, "odoo_id": self.products[row["sku"]], "inventory_tracked": True,
                    "inventory_item_shopify_id": f"gid://shopify/InventoryItem/{row['item']}",
                }
                for row, template in zip(variants, templates, strict=True)
            ],
        )  # fmt: skip

    def bind_customers(self):
        """Its orders belong to a guest where it does not know the customer; so it knows them."""
        people = self.known["customers"]
        partners = self.odoo.call("res.partner", "create", [{"name": row["displayName"]} for row in people])
        self.odoo.call(
            "shopify.customer", "create",
            [
                {"instance_id": self.instance, "state": "synced", "shopify_id": row["id"], "odoo_id": partner}
                for row, partner in zip(people, partners, strict=True)
            ],
        )  # fmt: skip

    def ask_for_orders(self):
        self.odoo.call("shopify.instance", "action_import_orders", [self.instance])
