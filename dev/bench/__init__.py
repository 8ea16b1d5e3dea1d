"""`make bench`: what the running system costs, each figure beside its floor measured in the same run.

A real server with its job runner, a sandbox marketplace in a process of its own, and a third process within Odoo for
what is measured inside a transaction. Prints a table, writes `.bench/latest.json` and draws it, `.bench/latest.svg`.
Ends with status 1 when a goal of so many times its floor is missed by more than two runs differ: a ratio says the same
on any machine. Goals of bare values are only told; with STRICT=1 every missed goal counts. ONLY=prices,orders runs
parts of it; PUBLISH=1 puts the table and the picture into the documentation.
"""

import os
import shutil
import time
from pathlib import Path

from ..common import ROOT, Stop, call, say, timed
from ..python_env import environment
from ..stack import running_stack
from .crowd import Crowd
from .dashboard import Dashboard
from .disk import Disk
from .figures import as_json, failures, markdown, table
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
    "disk": Disk,
    "life": Life,  # in databases of its own
    # These three add many rows, which stay.
    "dashboard": Dashboard,
    "volume": Volume,
    "crowd": Crowd,
}
PRODUCTS = 1000
PICTURE = ROOT / "docs" / "images" / "benchmark.svg"
PAGE = ROOT / "docs" / "OPERATIONS.md"
BEGIN, END = "<!-- make bench: begin -->\n", "<!-- make bench: end -->\n"


def main():
    if os.environ.get("ONLY") and os.environ.get("PUBLISH"):
        raise Stop("PUBLISH=1 wants the whole benchmark: leave ONLY out")
    asked = {name for name in os.environ.get("ONLY", "").split(",") if name} or set(PARTS)
    if not asked <= set(PARTS):
        raise Stop(f"ONLY={os.environ['ONLY']}: choose from {', '.join(PARTS)}")
    # In this order whatever the order asked for: what the last ones add would slow the others down.
    chosen = [name for name in PARTS if name in asked]
    start, rows = time.monotonic(), []
    with running_stack("bench", products=PRODUCTS, orders=0, module=FLOOR) as stack, within_odoo(stack) as within:
        system = System(stack, within)
        with timed(f"{PRODUCTS} products listed and pushed"):
            system.prepare()
        try:
            for name in chosen:
                with timed(name):
                    rows += PARTS[name](system).rows()
        finally:  # what was measured before something went wrong is worth its minutes
            print(table(rows), flush=True)
    keep(rows)
    missed = [row.name for row in rows if row.met is False]
    say(f"{time.monotonic() - start:.0f} s in all; " + (f"goals missed: {len(missed)}" if missed else "all goals met"))
    return 1 if failures(rows, strict=bool(os.environ.get("STRICT"))) else 0


def keep(rows):
    """The figures and their picture in files; table and picture in the documentation too where that is asked for."""
    folder = ROOT / ".bench"
    folder.mkdir(exist_ok=True)
    figures, drawn = folder / "latest.json", folder / "latest.svg"
    figures.write_text(as_json(rows) + "\n")
    call([environment("bench"), Path(__file__).with_name("picture.py"), figures, drawn])
    say(f"drawn: {drawn}")
    if os.environ.get("PUBLISH"):
        publish(rows, drawn)


def publish(rows, drawn):
    """One run feeds both, so that they say the same."""
    shutil.copyfile(drawn, PICTURE)
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(before + BEGIN + markdown(rows) + END + rest.split(END)[1])
    say(f"published: {PICTURE}, {PAGE}")
