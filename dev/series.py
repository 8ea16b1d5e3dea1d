"""`python -m dev series`: the series that can be tested here, one a line, the one the source is written in last."""

from . import debian
from .common import Stop, say
from .odoo_source import WRITTEN_FOR, resolve, written_for_is_here


def main():
    if not written_for_is_here():
        print(resolve().series)
        return 0
    try:
        debian.odoo()
        print(debian.SERIES)
    except Stop as error:
        say(f"not tested on {debian.SERIES}: {error}")
    print(WRITTEN_FOR)
    return 0
