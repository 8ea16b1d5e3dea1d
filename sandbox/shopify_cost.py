# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What a call costs at a Shopify shop in a box, by Shopify's published rules, and the bucket that it is paid from.

A scalar is free, an object costs a point, a connection as many times what it holds as are asked for, a mutation ten.
That is asked of the bucket beforehand; what was not found is paid back. Shopify itself asks less of large connections
by now, so what other programs ask for is not too much for one call here.
"""

import time

from .base import Refused

#: What one call may ask for.
MOST = 1000
MUTATION = 10


def check_most(cost):
    if cost > MOST:
        words = f"Query cost is {cost}, which exceeds the single query max cost limit ({MOST})."
        raise Refused(words, 200, "MAX_COST_EXCEEDED")


class CostOfShop:
    """A part of ``ShopifyBox``. ``points`` is what is left in the bucket (``None``: there is no end of it); it holds
    ``bucket`` and gets ``restore_rate`` each second. ``throttled`` has ``(operation, what was told of the cost)`` of
    calls that were not paid."""

    bucket, restore_rate = 2000, 100

    @property
    def points(self):
        if self._left is None:
            return None
        return min(self.bucket, self._left + (time.monotonic() - self._since) * self.restore_rate)

    @points.setter
    def points(self, left):
        self._left, self._since = left, time.monotonic()

    def pay(self, operation, cost):
        """Take what a call asks for out of the bucket; refuse what can't be paid now."""
        if self.points is None:
            return
        if self.points < cost:
            told = self.cost_told(cost, None)
            self.throttled.append((operation, told))
            raise Refused("Throttled", 200, "THROTTLED", answer={"extensions": {"cost": told}})
        self.points -= cost

    def pay_back(self, points):
        if self.points is not None:
            self.points += points

    def cost_told(self, requested, actual):
        left = self.bucket if self.points is None else int(self.points)
        status = {
            "maximumAvailable": float(self.bucket),
            "currentlyAvailable": left,
            "restoreRate": float(self.restore_rate),
        }
        return {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": status}


def requested_cost(fields, variables, mutation=False):
    """What an operation may cost at most."""
    return sum(_requested(field, variables) for field in fields) + (MUTATION if mutation else 0)


def _requested(field, variables):
    if field.fields is None or (field.needs and not variables.get(field.needs)):
        return 0
    given = field.given(variables)
    nodes = field.below("nodes") or field.below("edges")
    if nodes:
        others = [one for one in field.fields if one is not nodes]
        size = int(given.get("first") or given.get("last") or 1)
        return 1 + size * _requested(nodes, variables) + sum(_requested(one, variables) for one in others)
    kinds = [one for one in field.fields if one.kind]
    own = sum(_requested(one, variables) for one in field.fields if not one.kind)
    widest = max((requested_cost(one.fields, variables) for one in kinds), default=0)
    ids = given.get("ids")
    size = len(ids) if isinstance(ids, list) else int(given.get("first") or 1)
    return size * (1 + own + widest)


def actual_cost(data):
    """What was found, by an answer's data."""
    if isinstance(data, list):
        return sum(actual_cost(row) for row in data)
    if isinstance(data, dict):
        return 1 + sum(actual_cost(value) for value in data.values())
    return 0
