"""The shop that is measured against, in a process of its own: the sandbox's Shopify.

Started by `__init__.py` with Odoo's Python. Reads one JSON object a line, `{"call": name, "with": {...}}`, and answers
each with one line.
"""

import json
import sys
import traceback

from sandbox.shopify import ShopifyBox
from sandbox.shopify_forms import gid

LINES = 3


class Shop:
    """Each public method is a call."""

    def __init__(self, token, currency, variants, customers):
        self.box = ShopifyBox(token, currency=currency)
        for number in range(variants):
            self.box.add_variant(self.box.new_id(), f"SKU-{number:05d}", f"Product {number}", f"{10 + number}.00")
        self.people = [
            {**self.box.customer(), "displayName": f"Customer {number}", "email": f"customer{number}@example.com"}
            for number in range(customers)
        ]
        self.sold = 0

    def known(self):
        """What both sides are told before anything is measured."""
        rows = [{key: row[key] for key in ("id", "product", "item", "sku")} for row in self.box.variants.values()]
        return {
            "root": self.box.root,
            "variants": rows,
            "customers": self.people,
            "locations": [gid("Location", key) for key in self.box.locations],
        }

    def differing(self, quantities):
        """How many variants do not have the quantity of `{sku: quantity}`."""
        return sum(sum(row["stock"].values()) != quantities[row["sku"]] for row in self.box.variants.values())

    def place(self, count):
        """New orders in place of all there are; what they come to."""
        with self.box.lock:
            self.box.orders.clear()
            ids = [self._place() for _number in range(count)]
            return sum(float(self.box.orders[one]["totalPriceSet"]["shopMoney"]["amount"]) for one in ids)

    def _place(self):
        self.sold += 1
        variants = list(self.box.variants.values())
        lines = [variants[(self.sold * LINES + number) % len(variants)] for number in range(LINES)]
        customer = self.people[self.sold % len(self.people)]
        rows = [(row["id"], 1 + number, row["price"]) for number, row in enumerate(lines)]
        return self.box.add_order(*rows, customer=customer, email=customer["email"], note=f"Order {self.sold}")

    def calls(self, since):
        """`[number, operation, the moment of its answer]` of the calls after number `since`."""
        found = self.box.log.entries(since=since)
        return [[entry.seq, entry.path.rpartition("#")[2], entry.monotonic + entry.seconds] for entry in found]


def main(arguments):
    shop = Shop(**json.loads(arguments))
    with shop.box:
        print(json.dumps({"answer": "ready"}), flush=True)
        for line in sys.stdin:
            said = json.loads(line)
            try:
                answer = {"answer": getattr(shop, said["call"])(**said["with"])}
            except Exception:
                answer = {"error": traceback.format_exc()}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
