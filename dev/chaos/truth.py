"""The comparison at the end: what the marketplace holds, what Odoo holds, and what people were told is done.

Each check gives `(how many were looked at, [what is wrong])`.
"""

import json
import subprocess
from collections import Counter
from pathlib import Path

from ..common import Stop

SCRIPT = Path(__file__).with_name("offers.py")
NEUTRAL = {
    "pending": "pending",
    "approved": "approved",
    "assigned_to_salesman": "shipped",
    "delivered": "delivered",
    "cancelled_by_retailer": "cancelled",
    "cancelled_by_supplier": "cancelled",
    "returned": "returned",
}
# What a person was asked about lines that the customer changed when it was too late to take that over.
CHANGED = ("changed", "changed-twice", "reduced-invoiced")
ORDER_FIELDS = [
    "cartona_id", "state", "marketplace_status", "marketplace_hold", "picking_ids", "order_line", "activity_ids",
]  # fmt: skip


def same(left, right):
    return abs(float(left or 0) - float(right or 0)) < 0.005


class Truth:
    def __init__(self, system, plan, trip, flow):
        self.system, self.plan, self.trip, self.flow = system, plan, trip, flow
        self.odoo, self.sandbox = system.stack.odoo, system.sandbox

    def checks(self):
        there = {order.hashed_id: self.sandbox.get(f"orders/{order.hashed_id}")["order"] for order in self.plan.orders}
        here = self.odoo.call("sale.order", "search_read", self.trip.ours(), fields=ORDER_FIELDS)
        return {
            "every order is there exactly once": self.once(there, here),
            "every order has the right status on both sides": self.statuses(there, here),
            "every order has the marketplace's lines": self.lines(there, here),
            **self.offers(),
        }

    # --- orders -----------------------------------------------------------------------------------------------------

    def once(self, there, here):
        counts = Counter(row["cartona_id"] for row in here)
        wrong = [f"{hashed_id} is here {counts[hashed_id]} times" for hashed_id in there if counts[hashed_id] != 1]
        return len(there), wrong + [f"{each} is not there" for each in counts.keys() - there.keys()]

    def statuses(self, there, here):
        pickings = self.pickings(here)
        wrong = []
        for row in here:
            document = there.get(row["cartona_id"])
            problem = document and self.status_problem(document, row, [pickings[each] for each in row["picking_ids"]])
            if problem:
                wrong.append(f"{row['cartona_id']}: {problem}")
        return len(here), wrong

    def status_problem(self, document, row, pickings):
        """What is wrong with one order, "" if nothing is."""
        status, fate = NEUTRAL.get(document["status"]), self.flow.done.get(row["cartona_id"])
        seen = f"there {document['status']}, here {row['marketplace_status']} and {row['state']}, {pickings}, {fate}"
        if row["marketplace_status"] != status:
            return f"the statuses differ: {seen}"
        if row["marketplace_hold"]:
            return f"it is held: {row['marketplace_hold']}, {seen}"
        if status == "cancelled":
            return "" if row["state"] == "cancel" or "done" in pickings else f"it goes on: {seen}"
        if row["state"] != "sale":
            return f"it is not confirmed: {seen}"
        left = "done" in pickings and set(pickings) <= {"done", "cancel"}
        if status != ("delivered" if fate == "otp" else "shipped" if left else "approved"):
            return f"that is not what became of it: {seen}"
        return f"it was to be cancelled: {seen}" if fate == "cancel" else ""

    def pickings(self, here):
        ids = [each for row in here for each in row["picking_ids"]]
        return {row["id"]: row["state"] for row in self.odoo.call("stock.picking", "read", ids, ["state"])}

    def lines(self, there, here):
        """The amounts of what goes on. Where the customer's change came too late, a person was asked about it."""
        ids = [each for row in here for each in row["order_line"]]
        fields = ["order_id", "cartona_line_id", "product_uom_qty"]
        ours = {}
        for line in self.odoo.call("sale.order.line", "read", ids, fields):
            if line["cartona_line_id"]:
                ours.setdefault(line["order_id"][0], Counter())[line["cartona_line_id"]] += line["product_uom_qty"]
        asked = self.asked_about_lines(here)
        compared = [
            row for row in here if row["cartona_id"] in there and row["state"] == "sale" and row["id"] not in asked
        ]
        wrong = []
        for row in compared:
            details = there[row["cartona_id"]]["order_details"]
            theirs = {str(line["id"]): float(line["amount"]) for line in details}
            if theirs != dict(ours.get(row["id"], {})):
                wrong.append(f"{row['cartona_id']}: there {theirs}, here {dict(ours.get(row['id'], {}))}")
        return len(compared), wrong if compared else ["no order could be compared"]

    def asked_about_lines(self, here):
        """The ids of the orders of which a person is asked about changed lines."""
        ids = [each for row in here for each in row["activity_ids"]]
        activities = self.odoo.call("mail.activity", "read", ids, ["res_id", "marketplace_cause"])
        return {activity["res_id"] for activity in activities if activity["marketplace_cause"] in CHANGED}

    # --- offers -----------------------------------------------------------------------------------------------------

    def offers(self):
        rows, there = self.computed(), self.sandbox.catalogue()
        listed = {row["sku"] for row in rows}
        ours = [row for row in rows if row["sku"] in self.trip.products]
        return {
            "every product is listed": (len(self.trip.products), sorted(self.trip.products.keys() - listed)),
            "every listing is there what Odoo computes": (
                len(ours),
                [problem for row in ours for problem in self.offer_problems(row, there[row["sku"]])],
            ),
            "every price is the last that a person wrote": (
                len(self.flow.prices),
                [
                    f"{sku}: written {price}, there {there[sku]['selling_price']}"
                    for sku, price in self.flow.prices.items()
                    if not same(price, there[sku]["selling_price"])
                ]
                or ([] if self.flow.prices else ["nobody could write any"]),
            ),
        }

    def offer_problems(self, row, there):
        for name, field in (("price", "selling_price"), ("quantity", "available_stock_quantity")):
            values = (row[name], row[f"pushed_{name}"], there[field])
            if not same(values[0], values[1]) or not same(values[1], values[2]):
                yield f"{row['sku']}: {name} computed {values[0]}, pushed {values[1]}, there {values[2]}"

    def computed(self):
        stack = self.system.stack
        configuration = stack.instance.configuration(f"{stack.log.stem}-shell", db_name=stack.database)
        try:
            done = subprocess.run(
                stack.instance.command("shell", "-c", configuration, "-d", stack.database, "--no-http"),
                env=stack.instance.env, text=True, capture_output=True, check=False,
                input=SCRIPT.read_text().replace("ACCOUNT", str(self.trip.account)),
            )  # fmt: skip
        finally:
            configuration.unlink(missing_ok=True)
        said = next((line for line in done.stdout.splitlines() if line.startswith("OFFERS ")), None)
        if said is None:
            raise Stop(f"{done.stdout[-2000:]}{done.stderr[-4000:]}\nOdoo did not say what it computes")
        return json.loads(said.removeprefix("OFFERS "))
