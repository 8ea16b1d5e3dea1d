"""`make compare`: the same work beside another connector for Shopify, OCA's `shopify_connector`, on one Odoo 19.0.

Two servers of the same Odoo with the same settings of the job runner, each with a database of its own from the same
template, on one PostgreSQL; each beside a shop of its own, the sandbox's Shopify. By turns: the stock of all variants
changes in one transaction; orders are placed and imported. Prints both and writes `.bench/compare.json`. The other
connector is fetched from PyPI into the cache and runs as it is; nothing of it is copied. REPEATS=5 for more of them.
"""

import contextlib
import json
import os
import time
from pathlib import Path

from ..bench.process import answering, within_odoo
from ..common import ROOT, say, timed
from ..databases import Databases
from ..debian import SERIES
from ..instance import Instance
from ..postgres import Cluster
from ..python_env import packaged
from ..stack import Stack, new_log, running_server
from .report import as_json, table
from .sides import TOKEN, Ours, Theirs

HERE = Path(__file__).parent
VARIANTS, ORDERS, CUSTOMERS, REPEATS = 1000, 200, 100, 3
CHANNELS = "root:4"
PLAIN = HERE / "plain" / "compare_plain"


class InstanceWithPeer(Instance):
    """Odoo that sees the other connector too."""

    def addons_path(self, *more):
        return super().addons_path(packaged(Theirs.name, Theirs.version), *more)


def main():
    start, repeats = time.monotonic(), int(os.environ.get("REPEATS") or REPEATS)
    with Cluster() as cluster, contextlib.ExitStack() as stop:
        sides = [stop.enter_context(running(side, cluster)) for side in (Ours, Theirs)]
        for side in sides:
            with timed(f"{side.name}: {VARIANTS} variants, {CUSTOMERS} customers known on both sides"):
                side.prepare()
        measured(sides, 0, repeats)
        rounds = []
        for number in range(1, repeats + 1):
            rounds.append(measured(sides, number, repeats))
            keep(rounds)
    print(table(rounds), flush=True)
    say(f"{time.monotonic() - start:.0f} s in all")
    return 0


def keep(rounds):
    """What was measured so far: the whole takes long."""
    folder = ROOT / ".bench"
    folder.mkdir(exist_ok=True)
    (folder / "compare.json").write_text(as_json(rounds) + "\n")


def measured(sides, number, repeats):
    """Each work of each side, by turns; the first round only loads what is loaded once."""
    with timed(f"round {number} of {repeats}" if number else "a round that is not counted"):
        stock = {side.name: side.change_stock() for side in sides}
        orders = {side.name: side.import_orders(ORDERS) for side in sides}
    return {"stock": stock, "orders": orders}


@contextlib.contextmanager
def running(side, cluster):
    """A server with its database and its shop; gives the side."""
    instance = InstanceWithPeer(cluster, SERIES)
    databases = Databases(cluster, instance)
    purpose = f"compare-{side.__name__.lower()}"
    database = databases.fresh(purpose) if side is Ours else databases.installed(purpose, side.name)
    with contextlib.ExitStack() as stop:
        name, log = stop.enter_context(database), new_log(purpose)
        known = json.dumps({"token": TOKEN, "currency": "USD", "variants": VARIANTS, "customers": CUSTOMERS})
        command = [str(instance.python), str(HERE / "shop.py"), known]
        shop = stop.enter_context(answering(command, log, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT))
        process, url = stop.enter_context(running_server(instance, name, log, {}, PLAIN, CHANNELS))
        stack = Stack(url, name, None, instance, cluster, log, processes=[("the server", process)])
        yield side(stack, stop.enter_context(within_odoo(stack)), shop)
