"""Much at once: webhooks at a steady rate, people at work and an import of prices; then the same, less of it, for as
long as MINUTES says, while the memory of the server's processes is watched."""

import hashlib
import hmac
import json
import os
import random
import threading
import time
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ..bench.figures import p50, p95
from ..bench.process import within_odoo
from ..common import say, timed
from ..roundtrip import RoundTrip
from .people import NETWORK, Notes, make_people
from .quiet import NotQuiet, Quiet
from .report import Report
from .system import resident_megabytes, running_system
from .truth import same

# Whoever ends the run waits for none of them.
Actor = partial(threading.Thread, daemon=True)
IMPORTED, LISTINGS = 10_000, 11_000  # the others are changed by people
FIRST = 100_001  # the sandbox's ids count from here on
RATE, CALM_RATE = 50.0, 2.0  # webhooks a second: in the first minute, and from then on
BUSY_SECONDS = 60.0
IMPORT_ROWS, PEOPLE = 1000, 2
SAMPLE_SECONDS = 5.0
IDLE_CALLS = 40
# Never the price that the copied listings begin with, 20.00, which they believe to have sent.
CENTS = (5_000, 50_000)
QUIET = 1800
TRIES = 10
SECRET = "secret of the load"
LISTING = (
    "SELECT external_id, pushed_price, price_pushed_at, price_due, state, last_error FROM marketplace_listing "
    "WHERE product_id = %s"
)
# What a process may grow by from the second quarter of the run to the last, once it has loaded what it needs.
FLAT = 1.10
FLAT_MEGABYTES = 24


class Load:
    def __init__(self, system, report, seed):
        self.system, self.report, self.notes = system, report, Notes()
        self.generator = lambda actor: random.Random(f"{seed}:{actor}")
        self.orders = self.generator("orders")
        self.trip = RoundTrip(system.stack)
        self.seconds = max(float(os.environ.get("MINUTES", "3")) * 60, BUSY_SECONDS)
        self.taken = {"webhook": [], "webhook, idle": [], "person": [], "person, idle": []}
        self.placed, self.samples, self.prices = [], {}, {}
        self.over = threading.Event()

    # --- set up -----------------------------------------------------------------------------------------------------

    def prepare(self, within):
        trip = self.trip
        odoo = trip.odoo
        values = {
            "name": "Load", "code": "cartona", "base_url": self.system.sandbox.url,
            "auth_token": self.system.sandbox.token, "use_cartona_id": False,
        }  # fmt: skip
        trip.account = odoo.call("marketplace.config", "create", values)
        odoo.call("marketplace.config", "action_go_live", [trip.account])
        warehouse = odoo.call("stock.warehouse", "search_read", [], fields=["lot_stock_id"], limit=1)[0]
        first = within.make_products(count=1, location=warehouse["lot_stock_id"][0])[0]
        within.list_products(account=trip.account, count=1, products={first: str(FIRST)})
        self.quiet = Quiet(self.system, trip.account)
        self.quiet.reach(QUIET)
        self.products = within.multiply(account=trip.account, count=LISTINGS)
        values = {"webhook_secret": SECRET, "confirm_policy": "never"}
        odoo.call("marketplace.config", "write", [trip.account], values)
        url = odoo.call("marketplace.config", "read", [trip.account], ["webhook_url"])[0]["webhook_url"]
        self.webhook = self.system.stack.url + url[url.index("/marketplace_integration") :]
        self.people = make_people(self.system, self.notes, PEOPLE + 1)

    def idle(self):
        """What the same costs while nothing else is done: the floors."""
        rng = self.generator("idle")
        for number in range(IDLE_CALLS):
            self.deliver("webhook, idle", *self.document(f"idle{number}"))
            self.work(0, rng, "person, idle")

    # --- webhooks ---------------------------------------------------------------------------------------------------

    def document(self, key):
        rng = self.orders
        line = {"supplier_product_id": str(FIRST + rng.randrange(LISTINGS)), "amount": rng.randint(1, 5)}
        values = {"hashed_id": key, "status": "pending", "order_details": [line]}
        return key, json.dumps(self.system.sandbox.post("orders", {"order": values})[0]).encode()

    def deliver(self, what, key, body):
        """Deliver as a marketplace does: until it is taken."""
        start = time.perf_counter()
        for _try in range(TRIES):
            stamp = str(int(time.time()))
            digest = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
            headers = {
                "Content-Type": "application/json",
                "X-Marketplace-Signature": f"sha256={digest}",
                "X-Marketplace-Timestamp": stamp,
            }
            try:
                request = urllib.request.Request(self.webhook, body, headers)
                with urllib.request.urlopen(request, timeout=60):
                    self.taken[what].append((time.perf_counter() - start) * 1000)
                    self.placed.append(key)
                    return
            except NETWORK as error:
                self.notes.count(f"webhooks not taken at once: {error}")
                time.sleep(1)
        self.notes.count("webhooks given up")

    def webhooks(self):
        """At the rate, whatever becomes of those before: a slow answer delays no delivery."""
        start, number = time.monotonic(), 0
        with ThreadPoolExecutor(64) as pool:
            while (elapsed := time.monotonic() - start) < self.seconds:
                pool.submit(self.deliver, "webhook", *self.document(f"load{number:06d}"))
                number += 1
                busy = number < RATE * BUSY_SECONDS
                due = number / RATE if busy else BUSY_SECONDS + (number - RATE * BUSY_SECONDS) / CALM_RATE
                self.over.wait(max(0.0, due - elapsed))
        self.notes.count("webhooks sent", number)

    # --- people -----------------------------------------------------------------------------------------------------

    def work(self, number, rng, what):
        """One thing that a person does: look at the dashboard, at orders, change a price of a product that nobody else
        changes."""
        person, product = self.people[number], rng.choice(self.products[IMPORTED + number :: PEOPLE])
        turn, price = rng.randrange(3), rng.randint(*CENTS) / 100
        start = time.perf_counter()
        if turn == 0:
            person.call("marketplace.config", "get_dashboard_data")
        elif turn == 1:
            person.call("sale.order", "search_read", self.trip.ours(), fields=["name", "amount_total"], limit=80)
        else:
            if person.call("product.product", "write", [product], {"list_price": price}):
                self.prices[product] = price
        self.taken[what].append((time.perf_counter() - start) * 1000)

    def person(self, number):
        rng = self.generator(f"person {number}")
        while not self.over.is_set():
            self.work(number, rng, "person")
            self.over.wait(0.5)

    def import_prices(self):
        """Ten thousand prices by Odoo's own import, a thousand lines at a time."""
        rng = self.generator("import")
        for start in range(0, IMPORTED, IMPORT_ROWS):
            chunk = self.products[start : start + IMPORT_ROWS]
            prices = {product: rng.randint(*CENTS) / 100 for product in chunk}
            rows = [[str(product), str(price)] for product, price in prices.items()]
            answer = self.people[PEOPLE].call("product.product", "load", [".id", "list_price"], rows)
            if answer and answer["ids"]:
                self.prices.update(prices)
                self.notes.count("prices imported", len(rows))
            else:
                self.notes.count(f"imports refused: {answer}")

    # --- memory -----------------------------------------------------------------------------------------------------

    def watch(self):
        start = time.monotonic()
        while not self.over.wait(SAMPLE_SECONDS):
            for kind, pids in self.system.workers().items():
                for pid in pids:
                    megabytes = resident_megabytes(pid)
                    if megabytes:
                        self.samples.setdefault((kind, pid), []).append((time.monotonic() - start, megabytes))

    def run(self):
        threads = [Actor(target=self.person, args=(number,)) for number in range(PEOPLE)]
        threads += [Actor(target=self.watch), Actor(target=self.import_prices)]
        for thread in threads:
            thread.start()
        try:
            self.webhooks()
            threads[-1].join()
        finally:
            self.over.set()
        for thread in threads:
            thread.join()

    # --- results ----------------------------------------------------------------------------------------------------

    def settle(self):
        wrong = []
        try:
            with timed("came to rest"):
                self.quiet.reach(QUIET)
        except NotQuiet as error:
            wrong = [str(error)]
        self.report.check("nothing waits", 1, wrong)
        self.report.check("no dead letter", 1, [row for rows in self.quiet.failed().values() for row in rows])

    def compare(self):
        here = self.trip.odoo.call("sale.order", "search_read", self.trip.ours(), fields=["cartona_id"])
        counts = Counter(row["cartona_id"] for row in here)
        lost, doubled = set(self.placed) - set(counts), {each for each, count in counts.items() if count > 1}
        self.report.check("no webhook lost or doubled", len(self.placed), [*sorted(lost), *sorted(doubled)])
        self.report.check("no webhook given up", 1, ["some"] if self.notes.counts["webhooks given up"] else [])
        self.report.check("every price is there", len(self.prices), self.different_prices())
        seen = [f"{each['call']}: {each['said']}" for each in self.notes.tracebacks]
        self.report.check("nobody saw a traceback", self.notes.counts["RPC calls answered"], seen)

    def different_prices(self):
        """What was written last and is not at the marketplace, each with what tells whose fault it is: what Odoo has,
        what it believes to have sent, and every price that came there, with its time."""
        there = {row.get("supplier_product_id") or row["suppler_prodcut_id"]: row["selling_price"]
                 for row in self.system.sandbox.catalogue().values()}  # fmt: skip
        places = {product: str(FIRST + index) for index, product in enumerate(self.products)}
        wrong = [product for product, price in self.prices.items() if not same(price, there[places[product]])]
        sent = self.system.sandbox.get("journal?path=bulk-update") if wrong else []
        return [
            f"product {product}: {self.prices[product]} written, {there[places[product]]} there; "
            f"Odoo has {self.trip.odoo.call('product.product', 'read', [product], ['list_price', 'write_date'])}; "
            f"its listing {self.system.query(LISTING % product)}; came {came(sent, places[product])}"
            for product in wrong
        ]

    def figures(self):
        for what in ("webhook", "person"):
            values, floor = self.taken[what], self.taken[f"{what}, idle"]
            self.report.done[f"{what}: p50 ms (idle: {p50(floor):.0f})"] = round(p50(values))
            self.report.done[f"{what}: p95 ms (idle: {p95(floor):.0f})"] = round(p95(values))
        wrong = []
        for (kind, pid), samples in self.samples.items():
            early, late = quarter(samples, 1, self.seconds), quarter(samples, 3, self.seconds)
            if not early or not late:
                continue  # it was replaced meanwhile
            self.report.done[f"memory of {kind} {pid}, MB (second quarter: {early:.0f})"] = round(late)
            if late > early * FLAT + FLAT_MEGABYTES:
                wrong.append(f"{kind} {pid} grew from {early:.0f} to {late:.0f} MB")
        self.report.check("memory stays flat", len(self.samples), wrong)
        self.report.done.update(self.notes.counts)


def came(entries, external_id):
    """Each price of a product that came to the marketplace: `[(time, seconds, status, fault, price)]`."""
    return [
        (round(entry["time"], 3), round(entry["seconds"], 3), entry["status"], entry["fault"], row["selling_price"])
        for entry in entries
        for row in entry["body"] or ()
        if str(row.get("supplier_product_id")) == external_id and "selling_price" in row
    ]


def quarter(samples, number, seconds):
    """The median of one quarter of the run, counted from 0."""
    values = [megabytes for moment, megabytes in samples if number <= moment / seconds * 4 < number + 1]
    return p50(values) if values else None


def run_load(seed, _size, name="load"):
    start, report = time.monotonic(), Report(name, str(seed))
    with running_system(1, LISTINGS) as system:
        load = Load(system, report, seed)
        with timed(f"{LISTINGS} products listed"), within_odoo(system.stack) as within:
            load.prepare(within)
        with timed("floors"):
            load.idle()
        say(f"load for {load.seconds / 60:.1f} minutes")
        load.run()
        load.settle()
        load.compare()
        load.figures()
    report.seconds = time.monotonic() - start
    return report
