# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""A walk through the orders that changed since the last one, from the oldest to the newest, page by page.

WooCommerce can't sort orders by when they changed, and the list moves while it is read. Orders that change meanwhile
come in at any place of it: they are found by the next walk, which begins where this one began, by the shop's clock.
Where the list gets shorter, rows slide to pages that were read already: so each page begins with the last row of the
one before, and when it does not, the walk takes a step back.
"""

from datetime import datetime, timedelta

from ..transport.retry import server_time
from .woocommerce_forms import MOMENT, changed_at

PAGE = 100
# Orders that changed so long before what was seen last are asked for again: a change is dated before it can be read.
OVERLAP = timedelta(minutes=5)


def go_on(walk, rows, headers):
    """Return the walk as it goes on after a page, and whether there is another page now.

    :param dict walk: ``since`` when orders have to have changed; of a walk that is under way also the ``offset`` of the
        page, the ``last`` order seen, when the newest change ``seen`` was, and when the walk was ``begun``
    """
    offset, ids = walk.get("offset", 0), [row["id"] for row in rows if isinstance(row.get("id"), int)]
    seen = max([walk.get("seen", ""), *map(changed_at, rows)])
    now = server_time(headers.get("Date"))
    walk = {**walk, "seen": seen, "begun": walk.get("begun") or (now.strftime(MOMENT) if now else seen)}
    if offset and (not ids or ids[0] > walk["last"]):
        return {**walk, "offset": max(0, offset - PAGE)}, True
    total = headers.get("X-WP-Total", "")
    left = offset + len(rows) < int(total) if total.isdecimal() else len(rows) >= PAGE
    if left and len(rows) > 1:
        return {**walk, "offset": offset + len(rows) - 1, "last": ids[-1] if ids else 0}, True
    newest = min(walk["seen"], walk["begun"])
    return {"since": max(walk["since"], earlier(newest)) if newest else walk["since"]}, False


def earlier(moment):
    """Return a time as WooCommerce writes it, less what times are uncertain by."""
    return (datetime.strptime(moment, MOMENT) - OVERLAP).strftime(MOMENT)
