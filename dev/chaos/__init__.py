"""`make chaos`: breaks a running system on purpose while orders and changes flow, lets it come to rest, and looks for
what is lost, doubled, wrong, waiting, or seen by somebody who should not.

A real server with several workers and its job runner, a PostgreSQL of its own, a sandbox marketplace. Everything that
is decided comes from one seed, which is printed; SEED=… decides the same again (what meets what is the machine's to
say). ONLY=load is much at once instead of broken parts, MINUTES=30 for longer. Prints a table, writes
`.chaos/latest.json`, and ends with status 1 when a promise is broken.
"""

import os
import secrets

from ..common import ROOT, Stop, say
from .load import run_load
from .plan import FULL, SHORT
from .run import run

PARTS = {"faults": (run, FULL), "load": (run_load, None), "short": (run, SHORT)}


def main():
    seed = os.environ.get("SEED") or secrets.token_hex(3)
    chosen = [name for name in os.environ.get("ONLY", "faults").split(",") if name]
    if not set(chosen) <= set(PARTS):
        raise Stop(f"ONLY={os.environ['ONLY']}: choose from {', '.join(PARTS)}")
    reports = [PARTS[name][0](seed, PARTS[name][1], name) for name in chosen]
    folder = ROOT / ".chaos"
    folder.mkdir(exist_ok=True)
    (folder / "latest.json").write_text("[" + ",\n".join(report.as_json() for report in reports) + "]\n")
    for report in reports:
        print(report.table(), flush=True)
    broken = [check.name for report in reports for check in report.checks if not check.kept]
    say(f"SEED={seed}; " + (f"promises broken: {len(broken)}" if broken else "all promises kept"))
    return 1 if broken else 0
