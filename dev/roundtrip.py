"""One round trip through a running system, over Odoo's external API and real HTTP to the sandbox.

Each step does something as a user would, waits until the other side shows it, and says how many and how long. What the
other side shows is asked of the sandbox or read back from Odoo, never assumed.
"""

import time
from dataclasses import dataclass

from .rpc import RpcError

CHANGED_PRICES = 20
STEP_LIMIT = 90
STOCK = 40


class NotSeen(Exception):
    """What was waited for did not come; the message says what was there instead."""


@dataclass
class Step:
    name: str
    count: int
    milliseconds: float
    problem: str = ""

    @property
    def worked(self):
        return not self.problem


def run(stack):
    """All steps in order; the last one is the first that failed, if any did."""
    trip = RoundTrip(stack)
    steps = []
    for name, action in trip.steps():
        start = time.monotonic()
        try:
            count, problem = action(), ""
        except (NotSeen, RpcError) as error:
            count, problem = 0, str(error)
        steps.append(Step(name, count, (time.monotonic() - start) * 1000, problem))
        if problem:
            break
    return steps


def table(steps):
    """The steps as text, for people."""
    width = max(len(step.name) for step in steps)
    lines = [f"{'step':{width}}  {'count':>6}  {'ms':>8}", "-" * (width + 18)]
    for step in steps:
        lines.append(f"{step.name:{width}}  {step.count:>6}  {step.milliseconds:>8.0f}")
        if step.problem:
            lines.append(f"  failed: {step.problem}")
    return "\n".join(lines)


class RoundTrip:
    def __init__(self, stack):
        self.stack = stack
        self.odoo, self.sandbox = stack.odoo, stack.sandbox
        self.account = self.location = self.pound = self.pricelist = None
        self.products = {}  # SKU → id of product.product

    def steps(self):
        return [
            ("products made in Odoo", self.make_products),
            ("account made, connection tested", self.connect),
            ("products matched", self.match),
            ("prices and stock pushed", self.first_push),
            ("prices changed, seen there", self.change_prices),
            ("stock changed, seen there", self.change_stock),
            ("orders pulled and acknowledged", self.pull_orders),
            ("orders confirmed", self.confirm_orders),
            ("statuses sent", self.send_statuses),
        ]

    # --- steps ------------------------------------------------------------------------------------------------------

    def make_products(self):
        """Products of the marketplace's references, each with some stock: what a supplier has before he starts."""
        catalogue = self.sandbox.catalogue()
        # What Odoo's demo data lists by itself is on sale there too.
        for row in self.odoo.call(
            "product.product", "search_read", [("cartona_id", "!=", False)], fields=["cartona_id"]
        ):
            self.sandbox.post("products", {"id": row["cartona_id"]})
        fields = self.odoo.call("product.product", "fields_get", [], ["type"])
        storable = {"is_storable": True} if "is_storable" in fields else {"detailed_type": "product"}
        values = [
            {
                "name": row.get("base_product_name") or sku,
                "default_code": sku,
                "list_price": price_of(number),
                **storable,
            }
            for number, (sku, row) in enumerate(catalogue.items())
        ]
        ids = self.odoo.call("product.product", "create", values)
        self.products = dict(zip(catalogue, ids, strict=True))
        warehouse = self.odoo.call("stock.warehouse", "search_read", [], fields=["lot_stock_id"], limit=1)[0]
        self.location = warehouse["lot_stock_id"][0]
        self.set_stock({product: STOCK + number for number, product in enumerate(ids)})
        return len(ids)

    def price_in_pounds(self):
        """Have Egyptian pounds, one to one, so that prices stay as they are made here: Cartona takes no others."""
        call = self.odoo.call
        self.pound = call("res.currency", "search", [("name", "=", "EGP")], context={"active_test": False})[0]
        call("res.currency", "write", [self.pound], {"active": True})
        call("res.currency.rate", "unlink", call("res.currency.rate", "search", [("currency_id", "=", self.pound)]))
        self.pricelist = call("product.pricelist", "create", {"name": "Egypt", "currency_id": self.pound})

    def connect(self):
        self.price_in_pounds()
        values = {
            "name": "Sandbox", "code": "cartona", "base_url": self.sandbox.url, "auth_token": self.sandbox.token,
            "pricelist_id": self.pricelist, "pull_orders": False,
        }  # fmt: skip
        self.account = self.odoo.call("marketplace.config", "create", values)
        self.odoo.call("marketplace.config", "action_test_connection", [self.account])
        self.odoo.call("marketplace.config", "action_go_live", [self.account])
        return 1

    def match(self):
        """Find the products, and say of the packs what a supplier knows: each product here is a whole one."""
        self.odoo.call("marketplace.config", "action_match_products", [self.account])
        account = ("config_id", "=", self.account)
        listed, packs = (
            [account, ("product_id", "in", list(self.products.values()))],
            [account, ("reason", "=", "pack")],
        )

        def found():
            listings = self.odoo.call("marketplace.listing", "search_count", listed)
            return listings + self.odoo.call("marketplace.unmatched", "search_count", packs)

        self.until(found, len(self.products))
        rows = self.odoo.call("marketplace.unmatched", "search", packs)
        if rows:
            self.odoo.call("marketplace.unmatched", "write", rows, {"pack_size": 1})
            self.odoo.call("marketplace.unmatched", "action_accept_suggestion", rows)
        return self.odoo.call("marketplace.listing", "search_count", listed)

    def first_push(self):
        """Every product at the marketplace has our price and our stock, of which no order has taken any so far."""
        agreeing = self.until(self.agreeing, len(self.products))
        self.odoo.call("marketplace.config", "write", [self.account], {"pull_orders": True})
        return agreeing

    def change_prices(self):
        chosen = list(self.products)[:CHANGED_PRICES]
        wanted = {sku: price_of(number) + 7.25 for number, sku in enumerate(chosen)}
        for sku, price in wanted.items():
            self.odoo.call("product.product", "write", [self.products[sku]], {"list_price": price})
        return self.until(lambda: self.matching("selling_price", wanted), len(wanted))

    def change_stock(self):
        sku = list(self.products)[-1]
        self.set_stock({self.products[sku]: 3})
        return self.until(lambda: self.matching("available_stock_quantity", {sku: 3}), 1)

    def pull_orders(self):
        """Every order that waits there stands in Odoo, and none waits there any more."""
        expected = self.sandbox.get("state")["orders"]
        self.odoo.call("marketplace.config", "action_pull_orders", [self.account])
        self.until(lambda: self.odoo.call("sale.order", "search_count", self.ours()), expected)
        self.until(lambda: -self.sandbox.get("state")["queued"], 0)
        return expected

    def confirm_orders(self):
        expected = self.sandbox.get("state")["orders"]
        confirmed = [*self.ours(), ("state", "=", "sale"), ("picking_ids", "!=", False)]
        return self.until(lambda: self.odoo.call("sale.order", "search_count", confirmed), expected)

    def send_statuses(self):
        """The marketplace knows every order as approved."""
        expected = self.sandbox.get("state")["orders"]
        return self.until(lambda: self.sandbox.get("state")["statuses"].get("approved", 0), expected)

    # --- helpers ----------------------------------------------------------------------------------------------------

    def ours(self):
        return [("marketplace_config_id", "=", self.account)]

    def set_stock(self, quantities):
        """Count products, as the screen for physical inventory does."""
        context = {"inventory_mode": True}
        quants = self.odoo.call(
            "stock.quant", "create",
            [
                {"product_id": product, "location_id": self.location, "inventory_quantity": quantity}
                for product, quantity in quantities.items()
            ],
            context=context,
        )  # fmt: skip
        self.odoo.call("stock.quant", "action_apply_inventory", quants, context=context)

    def agreeing(self):
        """How many products have our price and our stock at the marketplace."""
        ours = self.odoo.call(
            "product.product", "read", list(self.products.values()), ["default_code", "list_price", "free_qty"]
        )
        there = self.sandbox.catalogue()
        return sum(
            same(there[row["default_code"]]["selling_price"], row["list_price"])
            and same(there[row["default_code"]]["available_stock_quantity"], row["free_qty"])
            for row in ours
        )

    def matching(self, field, wanted):
        there = self.sandbox.catalogue()
        return sum(same(there[sku][field], value) for sku, value in wanted.items())

    def until(self, seen, expected):
        """Wait until `seen()` is what is expected; looks often, since the time is measured."""
        limit = time.monotonic() + STEP_LIMIT
        value = seen()
        while value != expected:
            self.stack.check()
            if time.monotonic() > limit:
                raise NotSeen(f"{value} of {expected} after {STEP_LIMIT} s{self.complaints()}")
            time.sleep(0.05)
            value = seen()
        return expected

    def complaints(self):
        """What the addon itself says about it: errors on its own records."""
        found = []
        for model in ("marketplace.listing", "marketplace.inbox", "marketplace.outbox"):
            rows = self.odoo.call(model, "search_read", [("last_error", "!=", False)], fields=["last_error"], limit=3)
            found += [f"{model}: {row['last_error']}" for row in rows]
        jobs = self.odoo.call(
            "queue.job", "search_read", [("state", "=", "failed")], fields=["name", "exc_message"], limit=3
        )
        found += [f"job {job['name']}: {job['exc_message']}" for job in jobs]
        return "".join(f"\n    {line}" for line in found)


def price_of(number):
    return 20 + number * 0.5


def same(theirs, ours):
    return abs(float(theirs or 0) - float(ours or 0)) < 0.005
