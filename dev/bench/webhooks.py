"""How long whoever delivers a webhook waits for the answer."""

from ..common import Stop
from .figures import Row, p50, p95

DELIVERIES = 100
SECRET = "secret of the benchmark"
HEALTH = 100


class Webhooks:
    def __init__(self, system):
        self.system, self.sandbox = system, system.sandbox

    def rows(self):
        system = self.system
        system.configure(webhook_secret=SECRET, confirm_policy="never")
        address = system.odoo.call("marketplace.config", "read", [system.account], ["webhook_url"])[0]["webhook_url"]
        url = system.stack.url + address[address.index("/marketplace_integration") :]
        system.rest()
        floor = [self.empty_page() for _number in range(HEALTH)]
        idle = [self.deliver(url, system.rest) for _number in range(DELIVERIES)]
        busy = [self.deliver(url, None) for _number in range(DELIVERIES)]
        system.rest()
        note = f"{DELIVERIES} signed orders, one after the other, {{}}; floor: a page of Odoo's that does nothing"
        return [
            Row("webhook answer, p50", p50(idle), "ms", p50(floor), note=note.format("idle before each")),
            Row("webhook answer, p95", p95(idle), "ms", p95(floor), "< 50 ms"),
            Row(
                "webhook answer under load, p50", p50(busy), "ms", p50(floor),
                note=note.format("while those before are imported"),
            ),
            Row("webhook answer under load, p95", p95(busy), "ms", p95(floor), "< 50 ms"),
        ]  # fmt: skip

    def empty_page(self):
        return self.system.within.get(url=f"{self.system.stack.url}/web/health") * 1000

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
