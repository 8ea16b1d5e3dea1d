"""Whoever works with the system from outside: their calls, and what they were answered."""

import http.client
import re
import threading
import time
import urllib.error
from collections import Counter

from ..rpc import OdooClient, RpcError

PASSWORD = "chaos"
GROUPS = ("sales_team.group_sale_manager", "stock.group_stock_manager", "cartona_integration.group_marketplace_manager")
# Newer series have rights on products for themselves; in 17.0 they come with those above.
PRODUCT_GROUP = [("module", "=", "product"), ("name", "=", "group_product_manager")]
# How long a person goes on trying while the system is away.
PATIENCE = 120
# What Odoo says, in whatever words, when its database goes away under a request.
LOSS = re.compile(
    r"server closed the connection|terminating connection|connection already closed|cursor already closed"
    r"|database system is|could not connect|connection to server|Connection refused|SSL connection has been closed"
    r"|connection not open|no connection to the server|server process exited abnormally|in recovery mode"
    r"|consuming input failed|Unable to use a closed cursor|answers 50\d",
    re.I,
)
# What Odoo refuses for a reason that it tells in plain words. Of rights, or what is not there, nobody here should hear.
PLAIN = ("UserError", "ValidationError", "RedirectWarning")
RAISED = re.compile(r"^odoo\.exceptions\.(\w+)", re.M)
REFUSED = "refused in plain words: "
# Of how many calls one may be refused so. A machine that refuses what people do is not put to the test.
MOST_REFUSED = 200
WORDS = re.compile(r"S\d{5}|\d+")  # what differs from one refusal to the next of its kind
NETWORK = (urllib.error.URLError, ConnectionError, http.client.HTTPException, TimeoutError, OSError)


class Gone(Exception):
    """The system was away for longer than anybody waits."""


class Notes:
    """What people saw, from all threads."""

    def __init__(self):
        self.counts, self.tracebacks = Counter(), []
        self.database_lost = []  # (moment, words) of answers that say so
        self.deliveries = []  # (moment, status) of webhooks that were answered
        self._lock = threading.Lock()

    def count(self, what, number=1):
        with self._lock:
            self.counts[what] += number

    def refusals(self):
        """How often a call was refused in plain words, and in which, where that was more often than chance explains."""
        said = {what: times for what, times in self.counts.items() if what.startswith(REFUSED)}
        too_often = sum(said.values()) * MOST_REFUSED > self.counts["RPC calls answered"]
        return sum(said.values()), [f"{times} × {what}" for what, times in said.items()] if too_often else []

    def traceback(self, who, call, error):
        with self._lock:
            self.tracebacks.append({"who": who, "call": call, "said": str(error), "details": error.details[-3000:]})


class Person:
    """One who repeats what got no answer, as people do, and notes what got a wrong one."""

    def __init__(self, system, notes, login):
        self.system, self.notes, self.login = system, notes, login
        self._client = None

    def call(self, model, method, *args, **kwargs):
        """The answer of a call that may be repeated; `None` where the server answered it with an error."""
        limit = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self._connected().call(model, method, *args, **kwargs)
                self.notes.count("RPC calls answered")
                return answer
            except NETWORK as error:
                lost = error
            except RpcError as error:
                if not LOSS.search(f"{error} {error.details}"):
                    self._judge(f"{model}.{method}", error)
                    return None
                self.notes.database_lost.append((time.time(), f"{model}.{method}: {error}"))
                lost = error
            self.notes.count("RPC calls without an answer, repeated")
            if time.monotonic() > limit:
                raise Gone(f"{model}.{method} got no answer for {PATIENCE} s: {lost}") from lost
            time.sleep(0.3)

    def _connected(self):
        if self._client is None:
            self._client = OdooClient(self.system.stack.url, self.system.database, self.login, PASSWORD)
        return self._client

    def _judge(self, call, error):
        """A plain refusal is an answer; anything else is a traceback before a person's eyes."""
        raised = RAISED.findall(error.details)
        if raised and raised[-1] in PLAIN:
            self.notes.count(f"{REFUSED}{WORDS.sub('…', str(error))[:60]}")
            return
        self.notes.traceback(self.login, call, error)


def make_people(system, notes, count):
    """Users with the rights of sellers, one for each share of the changes."""
    odoo = system.stack.odoo
    groups = [odoo.call("ir.model.data", "check_object_reference", *name.split("."))[1] for name in GROUPS]
    groups += [row["res_id"] for row in odoo.call("ir.model.data", "search_read", PRODUCT_GROUP, ["res_id"])]
    logins = [f"chaos{number}" for number in range(count)]
    field = "groups_id" if "groups_id" in odoo.call("res.users", "fields_get", [], ["type"]) else "group_ids"
    odoo.call(
        "res.users", "create",
        # With an address: without, Odoo lets nobody write into an order's conversation.
        [{"name": login, "login": login, "password": PASSWORD, "email": f"{login}@example.com",
          field: [(4, group) for group in groups]} for login in logins],
    )  # fmt: skip
    return [Person(system, notes, login) for login in logins]
