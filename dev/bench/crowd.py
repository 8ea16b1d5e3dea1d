"""What an order costs in a grown database: 400,000 products and 2.4 million orders beside it.

Runs last, since what it adds stays.
"""

import time

from .figures import Row, p50
from .orders import SHOPS, Orders

ORDERS = 60
GROWN = ["product_template", "product_product", "sale_order", "sale_order_line"]
SETTLE = 2  # seconds after which PostgreSQL has counted what was done
PRODUCTS, OLD_ORDERS = 400_000, 2_400_000
REPEATS = 3


class Crowd:
    def __init__(self, system):
        self.system, self.orders = system, Orders(system, prefix="crowd")

    def rows(self):
        self.orders.pull(SHOPS, "never")  # the shops, from now on known
        before = self.measure()
        seconds = self.system.within.crowd(account=self.system.account, products=PRODUCTS, orders=OLD_ORDERS)
        scans = self.scans()
        after = self.measure()
        scans = {table: count - scans[table] for table, count in self.scans().items()}
        self.system.configure(confirm_policy="never")
        note = f"floor: the same before {PRODUCTS} products and {OLD_ORDERS} orders were added, in {seconds:.0f} s"
        read = ", ".join(f"{table} {count}" for table, count in scans.items() if count) or "none"
        return [
            Row("times a large table was read to its end", sum(scans.values()), "", None, "≤ 0", f"meanwhile: {read}"),
        ] + [
            Row(f"{name}, grown database", value, "ms", floor, "≤ 1.2 × floor", note)
            for name, value, floor in zip(("import", "import and confirm"), after, before, strict=True)
        ]

    def scans(self):
        """How often each of the grown tables was read from end to end."""
        self.system.rest()
        time.sleep(SETTLE)
        return dict(
            self.system.within.query(
                sql="SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname IN %s", values=[GROWN]
            )
        )

    def measure(self):
        """The milliseconds of an order: imported, and imported with its confirmation."""
        return [
            p50([self.orders.pull(ORDERS, policy)[0] for _repeat in range(REPEATS)]) * 1000 / ORDERS
            for policy in ("never", "always")
        ]
