"""`make bench`: what the running system costs, each figure beside its floor measured in the same run.

A real server with its job runner, a sandbox marketplace in a process of its own, and a third process within Odoo for
what is measured inside a transaction. Prints a table and writes `.bench/latest.json`. Ends with status 0 although a
goal is missed, and says so; STRICT=1 makes that a failure. ONLY=prices,orders runs parts of it.
"""

import os
import time

from ..common import ROOT, Stop, say, timed
from ..stack import running_stack
from .crowd import Crowd
from .dashboard import Dashboard
from .figures import as_json, table
from .life import Life
from .orders import Orders
from .prices import Prices
from .process import within_odoo
from .system import System
from .triggers import Triggers
from .volume import Volume
from .webhooks import FLOOR, Webhooks

PARTS = {
    "prices": Prices,
    "orders": Orders,
    "triggers": Triggers,
    "webhooks": Webhooks,
    "life": Life,  # in databases of its own
    # These three add many rows, which stay.
    "dashboard": Dashboard,
    "volume": Volume,
    "crowd": Crowd,
}
PRODUCTS = 1000


def main():
    chosen = [name for name in os.environ.get("ONLY", "").split(",") if name] or list(PARTS)
    if not set(chosen) <= set(PARTS):
        raise Stop(f"ONLY={os.environ['ONLY']}: choose from {', '.join(PARTS)}")
    start, rows = time.monotonic(), []
    with running_stack("bench", products=PRODUCTS, orders=0, module=FLOOR) as stack, within_odoo(stack) as within:
        system = System(stack, within)
        with timed(f"{PRODUCTS} products listed and pushed"):
            system.prepare()
        for name in chosen:
            with timed(name):
                rows += PARTS[name](system).rows()
    folder = ROOT / ".bench"
    folder.mkdir(exist_ok=True)
    (folder / "latest.json").write_text(as_json(rows) + "\n")
    print(table(rows), flush=True)
    missed = [row.name for row in rows if row.met is False]
    say(f"{time.monotonic() - start:.0f} s in all; " + (f"goals missed: {len(missed)}" if missed else "all goals met"))
    return 1 if missed and os.environ.get("STRICT") else 0
