"""What a user's own transaction costs because products are listed: the same work with and without, by turns."""

from .figures import Row, middle

PRODUCTS, ACCOUNTS, PRICE_PAIRS = 100, 4, 25
LINES, PICKING_PAIRS = 50, 8


class Triggers:
    def __init__(self, system):
        self.system, self.within = system, system.within

    def rows(self):
        listed = list(self.system.products.values())[:PRODUCTS]
        others = self.within.make_products(count=PRODUCTS, location=self.system.trip.location)
        self.within.add_accounts(account=self.system.account, count=ACCOUNTS - 1, products=listed)
        self.system.rest()
        return [
            self.compared("one price for them all", "write_price", PRICE_PAIRS, listed, others),
            self.compared("a price for each", "write_each_price", PRICE_PAIRS, listed, others),
            self.validation(listed[:LINES], others[:LINES]),
        ]

    def compared(self, what, call, pairs, listed, others):
        with_listings, without = [], []
        for number in range(pairs):
            for products, seconds in ((listed, with_listings), (others, without)):
                self.system.rest()
                seconds.append(self.within.timed(method=call, products=products, price=200.0 + number))
        return Row(
            f"write of {PRODUCTS} list prices, {what}", middle(with_listings) * 1000, "ms", middle(without) * 1000,
            "≤ 1.2 × floor",
            f"with its commit, listed at {ACCOUNTS} live accounts; floor: products that are not listed; {pairs} pairs",
        )  # fmt: skip

    def validation(self, listed, others):
        with_listings, without = [], []
        for _number in range(PICKING_PAIRS):
            for products, seconds in ((listed, with_listings), (others, without)):
                picking = self.within.make_picking(products=products)
                self.system.rest()
                seconds.append(self.within.timed(method="validate", picking=picking))
        return Row(
            f"validation of a picking of {LINES} lines", middle(with_listings) * 1000, "ms", middle(without) * 1000,
            "≤ 1.1 × floor",
            f"with its commit, listed at {ACCOUNTS} live accounts; floor: products that are not listed; "
            f"{PICKING_PAIRS} pairs",
        )  # fmt: skip
