"""Many at once: ten thousand changes in one transaction, an account of a hundred thousand listings, and the memory of
a sender that works on and on.

At a second marketplace, with accounts and products of their own, so that the other parts measure what they always did.
"""

from ..common import Stop
from ..stack import running_sandbox
from .figures import Row, p50
from .prices import PUSH, arrived, transaction_rows

# Listings of the two accounts that are compared; changes in one transaction; changes whose cost is compared.
FEW, MANY = 1000, 100_000
CHANGES, COMPARED = 10_000, 1000
ALIKE = 100  # changes that are written together: one by one, the ORM needs a minute for them
REPEATS, PAIRS, DRAINS = 3, 5, 4
FIRST = 100_001  # the sandbox's ids count from here on
TOKEN = "token of many"
WAITING = """
    SELECT (SELECT count(*) FROM marketplace_outbox WHERE config_id = %s AND lane = 'offers')
         + (SELECT count(*) FROM marketplace_listing
             WHERE config_id = %s AND (price_due OR stock_due OR publication_due) AND state != 'failed')
"""
POLL = 0.25  # a look costs something itself, and the moment of the last answer is the marketplace's to tell


class Volume:
    def __init__(self, system):
        self.system, self.within = system, system.within
        self.sandbox = None
        self.last = 0  # the number of the last call that was looked at
        self.price = 500.0

    def rows(self):
        stack = self.system.stack
        with running_sandbox(stack.instance.python, MANY, 0, TOKEN, stack.log) as (_process, self.sandbox):
            few, little = self.account("few", FEW)
            self.drain(few, little)  # what is loaded once is not measured
            alone = [self.drain(few, little)["seconds"] for _repeat in range(PAIRS)]
            many, products = self.account("many", MANY)
            return [
                *self.compared(few, little, many, products, alone),
                *self.memory(many, products),
                *self.ten_thousand(many, products[:CHANGES]),
            ]

    def account(self, name, count):
        """A live account at the second marketplace with so many listings that were pushed; gives their products."""
        system, odoo = self.system, self.system.odoo
        account = odoo.call(
            "marketplace.config", "create",
            {
                "name": f"Account of {name}", "code": "cartona", "base_url": self.sandbox.url,
                "auth_token": self.sandbox.token, "pull_orders": False, "use_cartona_id": False,
                "pricelist_id": system.pricelist,
            },
        )  # fmt: skip
        odoo.call("marketplace.config", "action_go_live", [account])
        first = self.within.make_products(count=1, location=system.trip.location)[0]
        self.within.list_products(account=account, count=1, products={first: str(FIRST)})
        system.rest()  # pushed: the others are copies of it
        return account, self.within.multiply(account=account, count=count)

    # === one transaction ===

    def ten_thousand(self, account, products):
        """The way of the prices of one transaction, until the last one is there, and the calls it took."""
        repeats = []
        for _repeat in range(REPEATS):
            wall, calls = self.all_at_once(account, products)
            computed = self.within.compute_offers(account=account, products=products)
            bodies = [call["body"] for call in calls]
            posted = self.within.post(url=f"{self.sandbox.url}{PUSH}", token=self.sandbox.token, bodies=bodies)
            repeats.append((wall, len(calls), computed, posted["seconds"]))
        return transaction_rows(CHANGES, f"of {MANY} listings, commit → the last one answered", repeats)

    def all_at_once(self, account, products):
        self.system.rest()
        self.new_calls()
        self.price += 1.0
        prices = {product: self.price + number // ALIKE * 10.0 for number, product in enumerate(products)}
        committed = self.within.write_prices(prices=prices, templates=True)["committed"]
        waited = self.within.wait(sql=WAITING, values=[account, account], poll=POLL)
        calls = self.new_calls()
        wanted = {str(FIRST + number): round(price * 0.9, 2) for number, price in enumerate(prices.values())}
        if waited["found"] or arrived(calls) != wanted:
            raise Stop(f"not all {CHANGES} prices arrived, {waited['found']} wait{self.system.trip.complaints()}")
        return calls[-1]["monotonic"] + calls[-1]["seconds"] - committed, calls

    # === drains, in the process within Odoo ===

    def compared(self, few, little, many, products, alone):
        """The same number of changes at both accounts by turns, so that what disturbs the machine disturbs both."""
        spread = products[:: MANY // COMPARED]
        taken = {"few": [], "many": []}
        self.drain(many, spread)
        for _repeat in range(PAIRS):
            taken["few"].append(self.drain(few, little)["seconds"])
            taken["many"].append(self.drain(many, spread)["seconds"])
        each = 1000 / COMPARED
        floor, value, before = p50(taken["few"]) * each, p50(taken["many"]) * each, p50(alone) * each
        return [
            Row(
                f"drain of a row at {MANY} listings", value, "ms", floor, "≤ 1.2 × floor",
                f"{COMPARED} changes all over the account, median of {PAIRS}; floor: as many changes at an account of "
                f"{FEW} listings, by turns",
            ),
            Row(
                f"drain of a row at {MANY} listings (II)", value, "ms", before,
                note=f"the same; floor: the account of {FEW} before the other one was there",
            ),
        ]  # fmt: skip

    def memory(self, account, products):
        """What the process holds after each of several drains, every one of other products."""
        held = [self.drain(account, products[start : start + CHANGES]) for start in range(0, DRAINS * CHANGES, CHANGES)]
        megabytes, blocks = ([each[key] for each in held] for key in ("megabytes", "blocks"))
        name = f"memory after {DRAINS} drains of {CHANGES}"
        return [
            Row(
                name, megabytes[-1], "MB", megabytes[1], "≤ 1.05 × floor",
                "resident memory of the process that drains; floor: after the second one. After each: "
                + ", ".join(f"{each:.0f}" for each in megabytes),
            ),
            Row(
                f"{name} (II)", blocks[-1], "blocks", blocks[1], "≤ 1.02 × floor",
                "the same; what of it Python's objects use",
            ),
        ]  # fmt: skip

    def drain(self, account, products):
        """Change the products' price and send that, all by one sender that is measured."""
        self.new_calls()
        result = self.within.drain(account=account, products=products, price=self.new_price())
        sent = sum(len(call["body"]) for call in self.new_calls())
        if sent != len(products):
            raise Stop(f"{sent} of {len(products)} rows arrived{self.system.trip.complaints()}")
        return result

    # === helpers ===

    def new_price(self):
        self.price += 1.0
        return self.price

    def new_calls(self):
        """What was sent since this was called last."""
        calls = self.sandbox.get(f"journal?path=bulk-update&since={self.last}")
        self.last = calls[-1]["seq"] if calls else self.last
        return calls
