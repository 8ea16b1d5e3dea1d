"""What an imported order costs beside the ORM's own work for the same order."""

import time

from ..common import Stop
from .figures import Row

# Confirming costs Odoo itself so much that fewer orders must do for it.
ORDERS, CONFIRMED, LINES, SHOPS = 1000, 100, 3, 100
LIMIT = 180
# By the account, for which there is an index: who looks fifty times a second must not be what is measured.
DOCUMENTS = "FROM marketplace_inbox WHERE config_id = %s AND external_id IN %s"
DONE = f"SELECT count(*) {DOCUMENTS} AND state IN ('done', 'failed')"


class Orders:
    def __init__(self, system, prefix="bench"):
        self.system, self.within = system, system.within
        self.prefix, self.number = prefix, 0

    def rows(self):
        self.pull(SHOPS, "never")  # the shops, from now on known
        known, names = self.pull(ORDERS, "never")
        create = self.within.create_orders(account=self.system.account, names=names)
        new, new_names = self.pull(ORDERS, "never", new_shops=True)
        create_new = self.within.create_orders(account=self.system.account, names=new_names, new_customers=True)
        confirmed, names = self.pull(CONFIRMED, "always")
        copies = self.within.create_orders(account=self.system.account, names=names)
        batch = self.within.confirm_orders(ids=copies["ids"], one_by_one=False)
        again = self.within.create_orders(account=self.system.account, names=names)
        single = self.within.confirm_orders(ids=again["ids"], one_by_one=True)
        self.system.configure(confirm_policy="never")
        each, each_confirmed = 1000 / ORDERS, 1000 / CONFIRMED
        what = f"orders of {LINES} lines, from Pull Orders to all done"
        return [
            Row(
                "import of an order", known * each, "ms", create["seconds"] * each, "≤ 2 × floor",
                f"{ORDERS} {what}, known customers; floor: one ORM create of the same orders",
            ),
            Row(
                "import of an order, new customer", new * each, "ms", create_new["seconds"] * each, "≤ 2 × floor",
                "the same with as many new customers; floor: one ORM create of the customers, one of their delivery "
                "contacts, one of the orders",
            ),
            # Each order is confirmed by itself, so that one that can't be undoes no other: so is the floor of the goal.
            Row(
                "import and confirm of an order", confirmed * each_confirmed, "ms",
                (again["seconds"] + single["seconds"]) * each_confirmed, "≤ 2 × floor",
                f"{CONFIRMED} {what}; floor: one ORM create, one action_confirm for each order",
            ),
            Row(
                "the same, floor in one batch", confirmed * each_confirmed, "ms",
                (copies["seconds"] + batch["seconds"]) * each_confirmed,
                note="floor: one ORM create, one action_confirm of all",
            ),
        ]  # fmt: skip

    def pull(self, count, policy, new_shops=False):
        """Let orders be placed and pull them; the seconds until all are done, and their ids."""
        system = self.system
        system.configure(confirm_policy=policy)
        system.rest()
        system.put_off_pulls()
        names = [self.place(index, new_shops) for index in range(count)]
        if self.within.query(sql=f"SELECT 1 {DOCUMENTS} LIMIT 1", values=[system.account, names]):
            raise Stop("orders came in before they were asked for, so their import can't be measured: run it again")
        start = time.monotonic()
        system.odoo.call("marketplace.config", "action_pull_orders", [system.account])
        waited = self.within.wait(sql=DONE, values=[system.account, names], expected=count, limit=LIMIT)
        failed = self.within.query(
            sql=f"SELECT last_error {DOCUMENTS} AND state = 'failed' LIMIT 1", values=[system.account, names]
        )
        if waited["found"] != count or failed:
            raise Stop(f"{waited['found']} of {count} orders were imported: {failed or system.trip.complaints()}")
        system.rest()
        return waited["moment"] - start, names

    def place(self, index, new_shops):
        self.number += 1
        shop = f"N{self.number:05d}" if new_shops else f"B{index % SHOPS:05d}"
        sold = self.system.sold
        order = {
            "hashed_id": f"{self.prefix}{self.number}",
            "status": "pending",
            "retailer": {
                "retailer_name": f"بقالة {shop}",
                "retailer_code": shop,
                "retailer_number": "+20100000000",
                "retailer_address": f"{shop} شارع التجربة، القاهرة",
            },
            "order_details": [
                {"internal_product_id": sold[(self.number * LINES + line) % len(sold)], "amount": 1 + line}
                for line in range(LINES)
            ],
        }
        return self.system.sandbox.post("orders", {"order": order})[0]["hashed_id"]
