"""`python -m dev series`: the series that can be tested here, one a line, the one the source is written in last."""

from . import debian
from .common import Stop, say
from .odoo_source import TREES, WRITTEN_FOR, is_here, resolve


def main():
    if not is_here(WRITTEN_FOR):
        print(resolve().series)
        return 0
    for series in TREES:
        if series != WRITTEN_FOR and is_here(series):
            print(series)
    try:
        debian.odoo()
        print(debian.SERIES)
    except Stop as error:
        say(f"not tested on {debian.SERIES}: {error}")
    print(WRITTEN_FOR)
    return 0
