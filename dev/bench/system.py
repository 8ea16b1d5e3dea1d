"""The running system as the measurements use it: set up once, brought to rest between them."""

import time

from ..common import Stop
from ..roundtrip import NotSeen, RoundTrip

LIMIT = 120
POLL = 0.05
PLENTY = 1_000_000
# Products that are ordered and delivered: never short, so that every run does the same.
SOLD = 60
AT_REST = """
    SELECT (SELECT count(*) FROM queue_job WHERE state IN ('wait_dependencies', 'pending', 'enqueued', 'started')
                                             AND (eta IS NULL OR eta <= now() at time zone 'utc'))
         + (SELECT count(*) FROM marketplace_outbox WHERE state = 'waiting')
         + (SELECT count(*) FROM marketplace_listing
             WHERE (price_due OR stock_due OR publication_due) AND state != 'failed')
         + (SELECT count(*) FROM marketplace_inbox WHERE state IN ('waiting', 'imported'))
"""


class System:
    def __init__(self, stack, within):
        self.stack, self.within = stack, within
        self.odoo, self.sandbox = stack.odoo, stack.sandbox
        self.trip = RoundTrip(stack)
        self.pricelist = None

    def prepare(self):
        """A live account with all products listed and pushed, at the prices of a pricelist of its own."""
        trip = self.trip
        self.pull_by_hand()
        trip.make_products()
        trip.set_stock({trip.products[sku]: PLENTY for sku in self.sold})
        try:
            trip.connect()
            trip.match()
            trip.first_push()
        except NotSeen as error:
            raise Stop(f"the system could not be set up: {error}") from error
        self.pricelist = self.odoo.call(
            "product.pricelist", "create",
            {
                "name": "Benchmark", "currency_id": trip.pound,
                "item_ids": [(0, 0, {"compute_price": "percentage", "percent_price": 10})],
            },
        )  # fmt: skip
        self.configure(pricelist_id=self.pricelist)
        self.odoo.call("marketplace.config", "action_sync_all", [self.account])
        self.rest()

    def pull_by_hand(self):
        """Have no cron pull the orders whose import is to be measured, before the clock runs."""
        cron = self.odoo.call("ir.model.data", "check_object_reference", "cartona_integration", "cron_pull_orders")[1]
        self.odoo.call("ir.cron", "write", [cron], {"active": False})

    def put_off_pulls(self):
        """Drop the pull that stock which was sent has asked for, where it has not begun."""
        self.stack.cluster.query("UPDATE marketplace_config_state SET pull_after = NULL", database=self.stack.database)

    @property
    def account(self):
        return self.trip.account

    @property
    def products(self):
        """SKU → id of product.product."""
        return self.trip.products

    @property
    def sold(self):
        return list(self.products)[:SOLD]

    def configure(self, **values):
        self.odoo.call("marketplace.config", "write", [self.account], values)

    def rest(self):
        """Wait until nothing is under way; stop where something is stuck."""
        waited = self.within.wait(sql=AT_REST, limit=LIMIT)
        self.stack.check()
        if waited["found"]:
            raise Stop(f"{waited['found']} things still wait after {LIMIT} s{self.trip.complaints()}")
        time.sleep(0.05)  # the threads that did it put their things away

    # === the sandbox's journal ===

    def seen(self):
        """The number of the last call the sandbox received."""
        return max((entry["seq"] for entry in self.sandbox.get("journal?since=0")), default=0)

    def calls(self, path, since):
        return self.sandbox.get(f"journal?path={path}&since={since}")

    def calls_until(self, path, since, is_enough):
        """The calls to a path as soon as they are enough."""
        limit = time.monotonic() + LIMIT
        while True:
            calls = self.calls(path, since)
            if is_enough(calls):
                return calls
            self.stack.check()
            if time.monotonic() > limit:
                raise Stop(f"only {len(calls)} calls of {path} after {LIMIT} s{self.trip.complaints()}")
            time.sleep(POLL)
