"""`python -m dev conformance [marketplace …]`: what the addon sends, compared with what a vendor's own client sends.

One module `conformance_<marketplace>` each, whose `check()` returns the differences, as lines for a person, and how
many calls were compared; where the vendor's client can't be had it raises `Stop` with the reason: that is no failure.
"""

import importlib
from pathlib import Path

from .common import Stop, say

MODULES = Path(__file__).parent.glob("conformance_*.py")
KNOWN = sorted(path.stem.removeprefix("conformance_") for path in MODULES if not path.stem.endswith("_client"))


def main(*names):
    unknown = set(names) - set(KNOWN)
    if unknown:
        raise Stop(f"no conformance check for {', '.join(sorted(unknown))}: choose from {', '.join(KNOWN)}")
    failed = [name for name in names or KNOWN if not checked(name)]
    return 1 if failed else 0


def checked(name):
    try:
        differences, count = importlib.import_module(f".conformance_{name}", __package__).check()
    except Stop as reason:
        say(f"{name}: skipped, {reason}")
        return True
    for line in differences:
        say(f"{name}: {line}")
    say(f"{name}: {count} calls compared, {len(differences)} differences")
    return not differences
