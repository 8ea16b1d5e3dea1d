"""One running system for all tests here: a real server process, a real job runner, a sandbox behind real HTTP."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dev.roundtrip import RoundTrip
from dev.stack import running_stack

PRODUCTS, ORDERS = 24, 4


@pytest.fixture(scope="session")
def stack():
    with running_stack("e2e", products=PRODUCTS, orders=ORDERS) as stack:
        yield stack


@pytest.fixture(scope="session")
def trip(stack):
    """The system with a live account whose products are matched and pushed."""
    trip = RoundTrip(stack)
    trip.make_products()
    trip.connect()
    trip.match()
    trip.first_push()
    return trip
