"""What flows while things break: orders at the marketplace, deliveries of them, and people who work in Odoo."""

import contextlib
import threading
import time

from ..common import Stop
from ..rpc import RpcError

DELIVERY_TRIES = 6
PULL_SECONDS = 4.0
# After failures an account waits longer each time: most of the run, and few calls would be there to be struck. So its
# waiting is cut short this often.
PATIENCE_SECONDS = 1.0
CUT_SHORT = (
    "UPDATE marketplace_config_state SET blocked_until = NULL, limited = NULL, "
    "failing = (SELECT jsonb_object_agg(key, value - 'until') FROM jsonb_each(failing)) "
    "WHERE blocked_until IS NOT NULL OR limited IS NOT NULL OR failing IS NOT NULL"
)
# How often what becomes of an order is tried again before it is left to the end of the run.
ROUNDS = 3
# The question whether customers shall have a text message is not ours.
VALIDATION = {"skip_sms": True}


class Flow:
    """Runs the plan; `prices` is what people last wrote, by SKU, once they were told that it is done."""

    def __init__(self, system, plan, trip, people, notes, canaries):
        self.system, self.plan, self.trip, self.people, self.notes = system, plan, trip, people, notes
        self.sandbox, self.canaries = system.sandbox, canaries
        self.skus = list(trip.products)
        self.prices, self.done = {}, {}
        self.webhook = self._address()
        self._over = threading.Event()
        self.failures = []

    def _address(self):
        odoo = self.trip.odoo
        url = odoo.call("marketplace.config", "read", [self.trip.account], ["webhook_url"])[0]["webhook_url"]
        return self.system.stack.url + url[url.index("/marketplace_integration") :]

    def run(self):
        """All of it at once, until the orders are placed and the changes made."""
        placed = threading.Event()
        work = [(self._shop, (placed,)), (self._staff, (placed,))]
        work += [(self._user, (person, changes)) for person, changes in zip(self.people, self.plan.users, strict=True)]
        threads = [self._actor(*each) for each in work]
        waiting = [self._actor(act) for act in (self._pull, self._cut_short)]
        for thread in [*threads, *waiting]:
            thread.start()
        for thread in threads:
            thread.join()
        self._over.set()
        for thread in waiting:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def _actor(self, act, arguments=()):
        """A thread that does it; whoever ends the run does not wait for it."""
        return threading.Thread(target=self._guarded, args=(act, arguments), daemon=True)

    def _guarded(self, act, arguments):
        try:
            act(*arguments)
        except Exception as error:
            self.failures.append(error)

    # --- the marketplace --------------------------------------------------------------------------------------------

    def _shop(self, placed):
        """Customers place orders, and change or cancel some of them."""
        rng, couriers = self.plan.generator("shop"), []
        for order in self.plan.orders:
            lines = [{"internal_product_id": self.skus[index], "amount": amount} for index, amount in order.lines]
            secret = {"pickup_otp": self.canaries.pickup_otp, "retailer_otp": self.canaries.otp}
            values = {**order.values, **secret, "hashed_id": order.hashed_id, "order_details": lines}
            self.sandbox.post("orders", {"order": values})
            self.notes.count("orders placed")
            couriers.append(self._actor(self._tell, (order,)))
            couriers[-1].start()
            time.sleep(rng.uniform(0.2, 1.8) * self.plan.size.order_pause)
        placed.set()
        for courier in couriers:
            courier.join()

    def _tell(self, order):
        """Deliver the order as often as planned, change it as planned, deliver that."""
        rng = self.plan.generator(f"courier {order.number}")
        times = {"pull": 0, "webhook": 1, "webhooks": 3}[order.way]
        self._deliver_at_once(order, times)
        if order.fate == "customer_cancels":
            time.sleep(rng.uniform(0, 8))
            self._change(order, {"action": "cancel"})
        elif order.fate == "customer_edits":
            time.sleep(rng.uniform(0, 3))
            document = self.sandbox.get(f"orders/{order.hashed_id}")["order"]
            line = rng.choice(document["order_details"])
            less = {str(line["id"]): max(1, int(float(line["amount"])) - 1)}
            self._change(order, {"action": "edit", "amounts": less, "by": rng.choice(("retailer", "admin"))})
        else:
            return
        self._deliver_at_once(order, times)

    def _change(self, order, change):
        try:
            self.sandbox.post(f"orders/{order.hashed_id}", change)
            self.notes.count(f"orders: {change['action']} by the customer")
        except RpcError:
            self.notes.count("orders: too late for the customer's change")

    def _deliver_at_once(self, order, times):
        threads = [self._actor(self._deliver, (order,)) for _number in range(times)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _deliver(self, order):
        """Deliver once, and again when it was not taken; what never was comes by the next pull."""
        delivery = {
            "url": self.webhook,
            "kind": "orders",
            "hashed_id": order.hashed_id,
            "secret": self.canaries.webhook_secret,
        }
        for _try in range(DELIVERY_TRIES):
            try:
                status = self.sandbox.post("deliver", delivery)["status"]
                self.notes.deliveries.append((time.time(), status))
            except RpcError:  # the sandbox got no answer
                status = "no answer"
            self.notes.count(f"webhook deliveries: {status}")
            if status == 200:
                return
            time.sleep(1)

    # --- people -----------------------------------------------------------------------------------------------------

    def _pull(self):
        person = self.people[0]
        while not self._over.wait(PULL_SECONDS):
            person.call("marketplace.config", "action_pull_orders", [self.trip.account])

    def _cut_short(self):
        while not self._over.wait(PATIENCE_SECONDS):
            with contextlib.suppress(Stop):  # PostgreSQL is away
                self.system.cluster.query(CUT_SHORT, database=self.system.database)

    def _user(self, person, changes):
        for number, change in enumerate(changes):
            getattr(self, f"_{change.kind}")(person, change, number)
            self.notes.count(f"changes: {change.kind}", change.weight)

    def _price(self, person, change, _number):
        for index, price in change.items:
            sku = self.skus[index]
            if person.call("product.product", "write", [self.trip.products[sku]], {"list_price": price}):
                self.prices[sku] = price

    _prices = _price

    def _stock(self, person, change, _number):
        """Count products, as the screen for physical inventory does."""
        context = {"inventory_mode": True}
        rows = [
            {"product_id": self.trip.products[self.skus[index]], "location_id": self.trip.location,
             "inventory_quantity": quantity}
            for index, quantity in change.items
        ]  # fmt: skip
        quants = person.call("stock.quant", "create", rows, context=context)
        if quants:
            person.call("stock.quant", "action_apply_inventory", quants, context=context)

    def _own_order(self, person, change, number):
        """Sell to a customer who came to the counter, and confirm that."""
        reference = f"{person.login} {number}"
        (index, quantity), customer = change.items[0], person.login
        orders = person.call("sale.order", "search", [("client_order_ref", "=", reference)])
        if not orders:
            line = {"product_id": self.trip.products[self.skus[index]], "product_uom_qty": quantity}
            partner = person.call("res.partner", "name_create", f"{customer} {number}")[0]
            values = {"partner_id": partner, "client_order_ref": reference, "order_line": [(0, 0, line)]}
            orders = [person.call("sale.order", "create", values)]
        self._confirm(person, orders)

    def _confirm(self, person, orders):
        state = person.call("sale.order", "read", orders, ["state"])[0]["state"]
        if state == "draft":
            person.call("sale.order", "action_confirm", orders)

    def _click(self, person, change, _number):
        person.call("marketplace.config", change.click, [self.trip.account])

    # --- what becomes of the marketplace's orders -------------------------------------------------------------------

    def _staff(self, placed):
        """Deliver and cancel what is planned so, as soon as it is there."""
        person, waiting = self.people[1], [order for order in self.plan.orders if order.fate in ACTS]
        rounds = 0
        while waiting and rounds < ROUNDS:
            waiting = [order for order in waiting if not self._act(person, order)]
            rounds += placed.is_set()
            time.sleep(1)

    def finish(self):
        """Do what the breaking has kept people from; tell whether anything was done, so that more may be possible."""
        left = [order for order in self.plan.orders if order.fate in ACTS and order.hashed_id not in self.done]
        started = self._progress()
        for order in left:
            self._act(self.people[1], order)
        return self._progress() != started

    def _progress(self):
        """What has been done with the orders, and what has left."""
        pickings = [("picking_type_code", "=", "outgoing"), ("state", "=", "done")]
        return len(self.done), self.trip.odoo.call("stock.picking", "search_count", pickings)

    def _act(self, person, order):
        """Do what is planned with an order that is here and confirmed; tell whether that was done."""
        domain = [("marketplace_config_id", "=", self.trip.account), ("cartona_id", "=", order.hashed_id)]
        rows = person.call("sale.order", "search_read", [*domain, ("state", "=", "sale")], ["picking_ids"], limit=1)
        if not rows:
            return False
        if not ACTS[order.fate](self, person, rows[0]):
            return False
        self.done[order.hashed_id] = order.fate
        self.notes.count(f"orders: {order.fate} by our people")
        return True

    def _deliver_goods(self, person, row):
        pickings = person.call("stock.picking", "read", row["picking_ids"], ["state"])
        ready = [picking["id"] for picking in pickings if picking["state"] == "assigned"]
        for picking in ready:
            person.call("stock.picking", "button_validate", [picking], context=VALIDATION)
        states = {each["state"] for each in person.call("stock.picking", "read", row["picking_ids"], ["state"])}
        return states <= {"done", "cancel"}

    def _deliver_with_otp(self, person, row):
        """Deliver, and tell the customer's OTP as soon as the marketplace knows that the goods have left."""
        if not self._deliver_goods(person, row):
            return False
        fields = ["marketplace_status", "marketplace_to_deliver"]
        order = person.call("sale.order", "read", [row["id"]], fields)[0]
        if not order["marketplace_to_deliver"]:
            return order["marketplace_status"] == "delivered"
        question = person.call("sale.order", "action_confirm_marketplace_delivery", [row["id"]])
        if question and question.get("res_id"):
            person.call("marketplace.otp", "write", [question["res_id"]], {"otp": self.canaries.otp})
            person.call("marketplace.otp", "action_confirm", [question["res_id"]])
        return person.call("sale.order", "read", [row["id"]], fields)[0]["marketplace_status"] == "delivered"

    def _deliver_part(self, person, row):
        """Deliver less than was ordered, and leave the rest for later."""
        pickings = person.call("stock.picking", "read", row["picking_ids"], ["state", "move_ids"])
        if [picking["state"] for picking in pickings] != ["assigned"]:
            return False
        moves = person.call("stock.move", "read", pickings[0]["move_ids"], ["product_uom_qty"])
        person.call("stock.move", "write", [moves[0]["id"]], {"quantity": 1, "picked": True})
        context = {**VALIDATION, "skip_backorder": True}
        person.call("stock.picking", "button_validate", [pickings[0]["id"]], context=context)
        return person.call("stock.picking", "read", [pickings[0]["id"]], ["state"])[0]["state"] == "done"

    def _cancel(self, person, row):
        context = {"disable_cancel_warning": True}
        person.call("sale.order", "action_cancel", [row["id"]], context=context)
        return person.call("sale.order", "read", [row["id"]], ["state"])[0]["state"] == "cancel"


ACTS = {
    "deliver": Flow._deliver_goods,
    "otp": Flow._deliver_with_otp,
    "part": Flow._deliver_part,
    "cancel": Flow._cancel,
}
