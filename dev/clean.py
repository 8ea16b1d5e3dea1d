"""`make clean`: stop and remove what this checkout made outside of itself; with ALL=1 the shared cache too."""

import os
import shutil

from .common import ROOT, cache_dir, say, state_dir
from .odoo_source import TREES, tree
from .postgres import Cluster

IN_THE_CHECKOUT = [".bench", ".chaos", "dist", ".pytest_cache", ".ruff_cache"]


def main():
    for cluster in (Cluster(), Cluster("chaos")):
        if cluster.folder.exists():
            cluster.remove()
    shutil.rmtree(state_dir())
    for name in IN_THE_CHECKOUT:
        shutil.rmtree(ROOT / name, ignore_errors=True)
    for path in list(ROOT.rglob("__pycache__")):
        shutil.rmtree(path, ignore_errors=True)
    say("removed this checkout's databases, links and logs")
    if os.environ.get("ALL"):
        clean_cache()
    return 0


def clean_cache():
    """What the next run fetches again. Other checkouts' folders stay: they may be at work."""
    for path in cache_dir().iterdir():
        if path.name == "checkouts":
            continue
        if path in map(tree, TREES) and not (path / ".git").exists():
            say(f"kept {path}: put there by hand, it can not be fetched again")
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    say(f"removed the shared cache in {cache_dir()}")
