"""What a user's own transaction costs because products are listed: the same work with and without, by turns."""

from .figures import Row, p50

PRODUCTS, ACCOUNTS, PRICE_PAIRS = 100, 4, 25
LINES, PICKING_PAIRS = 50, 8


class Triggers:
    def __init__(self, system):
        self.system, self.within = system, system.within
        self.price = 200.0

    def rows(self):
        products = self.within.make_products(count=2 * PRODUCTS, location=self.system.trip.location)
        listed, others = products[:PRODUCTS], products[PRODUCTS:]
        external = {product: f"B{product}" for product in listed}
        for each in external.values():
            self.system.sandbox.post("products", {"id": each})
        self.within.list_products(account=self.system.account, count=ACCOUNTS, products=external)
        self.system.rest()
        return [
            *self.prices("one price for them all", "write_price", listed, others),
            *self.prices("a price for each", "write_each_price", listed, others),
            *self.validation(listed[:LINES], others[:LINES]),
        ]

    def prices(self, what, call, listed, others):
        def measure(products, trigger):
            self.system.rest()
            self.price += 1  # the ORM does nothing for a value that is there already
            return self.within.timed(method=call, products=products, price=self.price, trigger=trigger)

        name = f"write of {PRODUCTS} list prices, {what}"
        return self.compared(name, PRICE_PAIRS, "≤ 1.2 × floor", measure, listed, others)

    def validation(self, listed, others):
        def measure(products, trigger):
            picking = self.within.make_picking(products=products)
            self.system.rest()
            return self.within.timed(method="validate", picking=picking, trigger=trigger)

        name = f"validation of a picking of {LINES} lines"
        return self.compared(name, PICKING_PAIRS, "≤ 1.1 × floor", measure, listed, others)

    def compared(self, name, repeats, goal, measure, listed, others):
        """The three by turns, so that what disturbs the machine disturbs all of them."""
        taken = {"listed": [], "others": [], "silent": []}
        for _repeat in range(repeats):
            taken["listed"].append(measure(listed, True))
            taken["others"].append(measure(others, True))
            taken["silent"].append(measure(listed, False))
        value, floor, silent = (p50(seconds) * 1000 for seconds in taken.values())
        return [
            Row(
                name, value, "ms", floor, goal,
                f"with its commit, listed at {ACCOUNTS} live accounts; floor: products that are not listed; "
                f"{repeats} of each, by turns",
            ),
            Row(
                f"{name} (II)", value, "ms", silent,
                note="the same; floor: the same products, the addon's trigger switched off",
            ),
        ]  # fmt: skip
