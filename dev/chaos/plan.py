"""What is done in a run, all of it decided by one seed before anything is done.

Each actor has a random generator of its own, so that what one decides never depends on how fast another was.
"""

import random
from dataclasses import dataclass, field

USERS = 4
# What becomes of an order, with its weight.
FATES = {"keep": 46, "deliver": 14, "otp": 6, "part": 4, "cancel": 6, "customer_cancels": 12, "customer_edits": 12}
WAYS = {"pull": 35, "webhook": 40, "webhooks": 25}
CHANGES = {"price": 50, "prices": 12, "stock": 30, "own_order": 6, "click": 2}
USUAL_PRICES, USUAL_STOCK = (25.0, 30.0), (5, 500)
CLICKS = ("action_pull_orders", "action_sync_all", "action_audit")
KILLS = {"WorkerHTTP": 60, "WorkerJobRunner": 15, "WorkerCron": 10}
# The sandbox's faults: together they strike 30 of 100 calls. The first that strikes decides, so each next one has to
# strike a greater part of what is left.
STRIKES = (
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 429, "retry_after": "1"},
    {"kind": "status", "status": 429, "retry_after": "+2"},
    {"kind": "hang", "seconds": 4.0},
    {"kind": "reset"},
    {"kind": "truncated"},
    {"kind": "drop"},
    {"kind": "broken_json"},
)
STRIKE_RATE = 0.30


@dataclass(frozen=True)
class Size:
    """How much is done, and how often something is broken (seconds between)."""

    products: int
    orders: int
    changes: int
    kills: float
    restarts: float
    clocks: float
    order_pause: float
    quiet: float  # seconds within which all must have come to rest


FULL = Size(products=120, orders=200, changes=2000, kills=8.0, restarts=45.0, clocks=12.0, order_pause=0.5, quiet=900)
SHORT = Size(products=40, orders=12, changes=60, kills=3.0, restarts=8.0, clocks=5.0, order_pause=0.3, quiet=240)


@dataclass(frozen=True)
class PlannedOrder:
    number: int
    lines: tuple  # (index of the product, amount)
    way: str
    fate: str
    values: dict = field(default_factory=dict)

    @property
    def hashed_id(self):
        return f"chaos{self.number:04d}"


@dataclass(frozen=True)
class Change:
    kind: str
    items: tuple  # (index of the product, value)
    click: str = ""

    @property
    def weight(self):
        return max(len(self.items), 1)


class Plan:
    def __init__(self, seed, size):
        self.seed, self.size = seed, size
        self.orders = [self._order(number) for number in range(size.orders)]
        self.users = [self._changes(user) for user in range(USERS)]

    def generator(self, actor):
        return random.Random(f"{self.seed}:{actor}")

    # --- the marketplace --------------------------------------------------------------------------------------------

    def _order(self, number):
        rng = self.generator(f"order {number}")
        count = rng.choice((1, 1, 2, 3, 5))
        lines = tuple((index, rng.randint(2, 9)) for index in rng.sample(range(self.size.products), count))
        values = {"status": "approved" if rng.random() < 0.1 else "pending"}
        fate = "otp" if number == 0 else choose(rng, FATES)  # one at least, even in a short run
        if fate == "otp":
            values["installment_cost"] = 150
        return PlannedOrder(number, lines, choose(rng, WAYS), fate, values)

    def strikes(self):
        """The sandbox's faults, with the probability of each."""
        each = STRIKE_RATE / len(STRIKES)
        return [
            {**strike, "times": None, "probability": each / (1 - index * each)} for index, strike in enumerate(STRIKES)
        ]

    # --- people -----------------------------------------------------------------------------------------------------

    def _changes(self, user):
        """A share of the changes, on products that are this user's alone: so the last of them is what must be there."""
        rng, left, changes = self.generator(f"user {user}"), self.size.changes // USERS, []
        own = range(user, self.size.products, USERS)
        while left > 0:
            change = self._change(rng, own)
            changes.append(change)
            left -= change.weight
        return changes

    def _change(self, rng, own):
        kind = choose(rng, CHANGES)
        if kind == "click":
            return Change(kind, (), rng.choice(CLICKS))
        count = {"price": 1, "prices": rng.randint(2, 8), "stock": rng.choice((1, 1, 1, 3)), "own_order": 1}[kind]
        return Change(kind, tuple((index, self._value(rng, kind)) for index in rng.sample(own, count)))

    def _value(self, rng, kind):
        if kind in ("price", "prices"):
            # What is changed back to what it was is what a lost answer makes wrong.
            return rng.choice((rng.randint(500, 50_000) / 100, rng.choice(USUAL_PRICES)))
        if kind == "stock":
            return rng.choice((rng.randint(0, 12), rng.randint(200, 900), rng.choice(USUAL_STOCK)))
        return rng.randint(1, 5)

    def summary(self):
        kinds = {}
        for change in (change for user in self.users for change in user):
            kinds[change.kind] = kinds.get(change.kind, 0) + change.weight
        return kinds


def choose(rng, weights):
    return rng.choices(list(weights), list(weights.values()))[0]
