"""From the commit of a changed price to the marketplace: one change, and a thousand in one transaction."""

from .figures import Row, p50, p95

SINGLE_CHANGES = 50
SEPARATE_CHANGES = 200
REPEATS = 3
PUSH = "supplier-product/bulk-update"


class Prices:
    def __init__(self, system):
        self.system, self.within = system, system.within
        self.price = 100.0

    def rows(self):
        return [*self.single(), *self.thousand(), *self.one_by_one()]

    def new_price(self):
        self.price += 1.0
        return self.price

    def single(self):
        """Latency on an idle system, from the moment of the commit to that of the arrival, by one clock."""
        products = list(self.system.products.values())[-SINGLE_CHANGES:]
        system, latencies, floors = self.system, [], []
        seen = system.seen()
        for product in products:
            system.rest()
            committed = self.within.write_prices(prices={product: self.new_price()})["committed"]
            call = system.calls_until("bulk-update", seen, bool)[0]
            latencies.append((call["monotonic"] - committed) * 1000)
            sent = self.post([call["body"]])["sent"][0]
            calls = system.calls_until("bulk-update", seen, lambda calls: len(calls) > 1)
            floors.append((calls[-1]["monotonic"] - sent) * 1000)
            seen = calls[-1]["seq"]
        note = (
            f"commit of one price write → arrival at the marketplace, {len(products)} changes, idle; floor: raw request"
        )
        return [
            Row("one change, p50", p50(latencies), "ms", p50(floors), note=note),
            Row("one change, p95", p95(latencies), "ms", p95(floors), "< 1000 ms"),
        ]

    def thousand(self):
        """All products in one transaction: until the last one is there, and the calls it took."""
        repeats = []
        for _repeat in range(REPEATS):
            wall, calls = self.all_at_once()
            self.system.rest()
            computed = self.within.compute_offers(account=self.system.account)
            repeats.append((wall, len(calls), computed, self.post([call["body"] for call in calls])["seconds"]))
        return transaction_rows(len(self.system.products), "commit → the last one answered", repeats)

    def one_by_one(self):
        """A user, or an import, that commits each change by itself: how many calls that makes."""
        system = self.system
        products = list(system.products.items())[:SEPARATE_CHANGES]
        external = {sku: row["supplier_product_id"] for sku, row in self.catalogue().items()}
        system.rest()
        seen, wanted, first = system.seen(), {}, None
        for sku, product in products:
            price = self.new_price()
            wanted[external[sku]] = round(price * 0.9, 2)
            committed = self.within.write_prices(prices={product: price})["committed"]
            first = first or committed
        calls = system.calls_until("bulk-update", seen, lambda calls: wanted.items() <= arrived(calls).items())
        lag = calls[-1]["monotonic"] + calls[-1]["seconds"] - committed
        note = f"from the first commit to the last arrival {committed - first + lag:.1f} s, {lag * 1000:.0f} ms"
        return [
            Row(
                f"HTTP calls for {len(products)} transactions", len(calls), "calls", len(products) / 100, "≤ 20",
                f"one price each, one after the other; {note} after the last",
            )
        ]  # fmt: skip

    def all_at_once(self):
        system = self.system
        system.rest()
        seen = system.seen()
        prices = {product: self.new_price() for product in system.products.values()}
        expected = {sku: round(prices[product] * 0.9, 2) for sku, product in system.products.items()}
        external = {sku: row["supplier_product_id"] for sku, row in self.catalogue().items()}
        wanted = {external[sku]: price for sku, price in expected.items()}
        committed = self.within.write_prices(prices=prices)["committed"]
        calls = system.calls_until("bulk-update", seen, lambda calls: wanted.items() <= arrived(calls).items())
        last = calls[-1]
        return last["monotonic"] + last["seconds"] - committed, calls

    def catalogue(self):
        rows = self.system.sandbox.catalogue()
        return {
            sku: {"supplier_product_id": str(row.get("supplier_product_id") or row.get("suppler_prodcut_id"))}
            for sku, row in rows.items()
        }

    def post(self, bodies):
        sandbox = self.system.sandbox
        return self.within.post(url=f"{sandbox.url}{PUSH}", token=sandbox.token, bodies=bodies)


def transaction_rows(number, what, repeats):
    """The rows for so many prices of one transaction. Each repeat: the seconds it took, the calls, the answer of
    `compute_offers`, the seconds of the same calls alone."""
    walls, counts, computed, posted = zip(*repeats, strict=True)
    floors = [each["seconds"] + seconds for each, seconds in zip(computed, posted, strict=True)]
    bare = [each["prices"] + seconds for each, seconds in zip(computed, posted, strict=True)]
    name = f"{number} prices in one transaction"
    return [
        Row(
            name, p50(walls), "s", p50(floors), "≤ 2 × floor",
            f"{what}, median of {len(walls)}; floor: the same prices and quantities computed at once and the same "
            "payloads posted",
        ),
        Row(f"{name} (II)", p50(walls), "s", p50(bare), note="the same; floor: without the quantities"),
        Row(f"HTTP calls for {number} prices", max(counts), "calls", number / 100, f"≤ {number // 100 + 1}"),
    ]  # fmt: skip


def arrived(calls):
    """External id → the price that came last, where one came."""
    rows = [row for call in calls for row in call["body"] if "selling_price" in row]
    return {str(row["supplier_product_id"]): round(row["selling_price"], 2) for row in rows}
