"""What an order costs in a grown database: 400,000 products and 2.4 million orders beside it.

Runs last, since what it adds stays.
"""

from .figures import Row, p50
from .orders import SHOPS, Orders

ORDERS = 60
PRODUCTS, OLD_ORDERS = 400_000, 2_400_000
REPEATS = 3


class Crowd:
    def __init__(self, system):
        self.system, self.orders = system, Orders(system, prefix="crowd")

    def rows(self):
        self.orders.pull(SHOPS, "never")  # the shops, from now on known
        before = self.measure()
        seconds = self.system.within.crowd(account=self.system.account, products=PRODUCTS, orders=OLD_ORDERS)
        after = self.measure()
        self.system.configure(confirm_policy="never")
        note = f"floor: the same before {PRODUCTS} products and {OLD_ORDERS} orders were added, in {seconds:.0f} s"
        return [
            Row(f"{name}, grown database", value, "ms", floor, "≤ 1.2 × floor", note)
            for name, value, floor in zip(("import", "import and confirm"), after, before, strict=True)
        ]

    def measure(self):
        """The milliseconds of an order: imported, and imported with its confirmation."""
        return [
            p50([self.orders.pull(ORDERS, policy)[0] for _repeat in range(REPEATS)]) * 1000 / ORDERS
            for policy in ("never", "always")
        ]
