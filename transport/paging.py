# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Walking through numbered pages of an interface that gives neither a total nor a next link."""

from collections.abc import Callable, Iterator

from .errors import InvalidResponse
from .words import _


def pages(fetch: Callable[[int], list], *, per_page: int, start: int = 1, limit: int = 100_000) -> Iterator[list]:
    """Yield each non-empty page that ``fetch(page number)`` returns.

    Ends after a page with fewer than ``per_page`` rows, and before a page that equals the one before it (the
    marketplace ignores the page number). Raises ``InvalidResponse`` when a page is no list, and when ``limit`` full
    pages have come and there is no end: rows left out silently would pass for products that are gone.
    """
    previous = None
    for page in range(start, start + limit):
        rows = fetch(page)
        if not isinstance(rows, list):
            raise InvalidResponse(_("Page %(page)s is not a list of rows; check the path in the account", page=page))
        if not rows or rows == previous:
            return
        yield rows
        if len(rows) < per_page:
            return
        previous = rows
    raise InvalidResponse(
        _("The marketplace's list has no end after %(limit)s pages; nothing more was read", limit=limit)
    )
