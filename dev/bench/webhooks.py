"""How long whoever delivers a webhook waits for the answer."""

from pathlib import Path

from ..common import Stop
from .figures import Row, p50, p95

DELIVERIES = 100
SECRET = "secret of the benchmark"
# A module with a route like that of the webhooks which does nothing.
FLOOR = Path(__file__).parent / "floor" / "bench_floor"


class Webhooks:
    def __init__(self, system):
        self.system, self.sandbox = system, system.sandbox

    def rows(self):
        system = self.system
        system.configure(webhook_secret=SECRET, confirm_policy="never")
        address = system.odoo.call("marketplace.config", "read", [system.account], ["webhook_url"])[0]["webhook_url"]
        webhook = system.stack.url + address[address.index("/marketplace_integration") :]
        floor = f"{system.stack.url}/{FLOOR.name}"
        system.rest()
        return [*self.compared(webhook, floor, "", system.rest), *self.compared(webhook, floor, " under load", None)]

    def compared(self, webhook, floor, when, rest):
        """Deliver to the webhook and to the floor by turns, so that whatever else is at work disturbs both."""
        for url in (webhook, floor):
            self.deliver(url, self.system.rest)  # what is loaded once is not measured
        taken, least = [], []
        for _number in range(DELIVERIES):
            taken.append(self.deliver(webhook, rest))
            least.append(self.deliver(floor, rest))
        self.system.rest()
        note = (
            f"{DELIVERIES} signed orders, one after the other, "
            f"{'idle before each' if rest else 'while those before are imported'}; "
            "floor: the same to a public route of Odoo's that does nothing, by turns"
        )
        return [
            Row(f"webhook answer{when}, p50", p50(taken), "ms", p50(least), note=note),
            Row(f"webhook answer{when}, p95", p95(taken), "ms", p95(least), "< 50 ms"),
            Row(
                f"webhook answer{when}, ours of it", p50(taken) - p50(least), "ms",
                note="p50 beyond the floor: verified, read, stored, committed",
            ),
        ]  # fmt: skip

    def deliver(self, url, rest):
        """Let the marketplace deliver a new order; the milliseconds until it has the answer."""
        line = {"internal_product_id": self.system.sold[0], "amount": 1}
        order = self.sandbox.post("orders", {"order": {"status": "pending", "order_details": [line] * 3}})[0]
        if rest:
            rest()
        delivery = {"url": url, "kind": "orders", "hashed_id": order["hashed_id"], "secret": SECRET}
        answer = self.sandbox.post("deliver", delivery)
        if answer["status"] != 200:
            raise Stop(f"the webhook answered {answer['status']}: {answer['body']}")
        return answer["seconds"] * 1000
