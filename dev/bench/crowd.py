"""What an order costs in a grown database: 400,000 products and 2.4 million orders beside it, with the customers, the
listings, the stock, the deliveries and the documents that belong to them.

Odoo itself is measured by turns with us, on the same orders in the same databases: what it grows slower by is not ours.
Runs last, since what it adds stays.
"""

import time

from .figures import Row
from .orders import SHOPS, Orders

ORDERS = 60
SETTLE = 2  # seconds after which PostgreSQL has counted what was done
CROWD = {"products": 400_000, "orders": 2_400_000, "partners": 100_000, "documents": 1_000_000}
REPEATS = 4
WHAT = ("import", "import and confirm")


class Crowd:
    def __init__(self, system):
        self.system, self.orders = system, Orders(system, prefix="crowd")

    def rows(self):
        self.orders.pull(SHOPS, "never")  # the shops, from now on known
        before = self.measure()
        seconds = self.system.within.crowd(account=self.system.account, **CROWD)
        scans = self.scans()
        after = self.measure()
        scans = {table: count - scans[table] for table, count in self.scans().items()}
        self.system.configure(confirm_policy="never")
        read = ", ".join(f"{table} {count}" for table, count in scans.items() if count) or "none"
        note = (
            f"{read}; meanwhile {REPEATS * ORDERS} orders were imported, as many confirmed, and as many of Odoo's own"
        )
        return [
            Row("times a large table was read to its end", sum(scans.values()), "", None, "≤ 0", note),
            *(row for what in WHAT for row in self.compared(what, before, after, seconds)),
        ]

    def compared(self, what, before, after, seconds):
        crowd = ", ".join(f"{count} {name}" for name, count in CROWD.items())
        (ours, odoo), (ours_before, odoo_before) = after[what], before[what]
        return [
            Row(
                f"{what}, grown database", ours, "ms", ours_before, "≤ 1.2 × floor",
                f"best of {REPEATS}; floor: the same before {crowd} were added, in {seconds:.0f} s",
            ),
            Row(
                f"{what}, Odoo alone, grown", odoo, "ms", odoo_before,
                note="the same orders by one create" + (" and an action_confirm each" if what == WHAT[1] else "")
                + ", by turns with ours; floor: before the others were added",
            ),
            Row(
                f"{what}, beside Odoo alone", ours / odoo, "times", ours_before / odoo_before,
                note="ours as so many times Odoo's, in the grown database; floor: before",
            ),
        ]  # fmt: skip

    def scans(self):
        """How often each of the grown tables was read from end to end."""
        self.system.rest()
        time.sleep(SETTLE)
        return dict(self.system.within.scans())

    def measure(self):
        """The milliseconds of an order, ours and Odoo's: the best of several each, taken by turns, since whatever else
        is at work on the machine only ever adds to them."""
        taken = [self.once() for _repeat in range(REPEATS)]
        return {what: [min(one[what][who] for one in taken) for who in (0, 1)] for what in WHAT}

    def once(self):
        within, account, each = self.system.within, self.system.account, 1000 / ORDERS
        imported, names = self.orders.pull(ORDERS, "never")
        created = within.create_orders(account=account, names=names)
        done, names = self.orders.pull(ORDERS, "always")
        copies = within.create_orders(account=account, names=names)
        confirmed = within.confirm_orders(ids=copies["ids"], one_by_one=True)["seconds"]
        return {
            WHAT[0]: (imported * each, created["seconds"] * each),
            WHAT[1]: (done * each, (copies["seconds"] + confirmed) * each),
        }
