# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""How long to wait before the next attempt. The waiting itself is the caller's: the transport never sleeps."""

import math
import random
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

#: A marketplace that asks for more than a day is not obeyed literally.
LONGEST_WAIT = 86400.0


def backoff(attempt: int, *, base: float = 5.0, cap: float = 3600.0, rng=random) -> float:
    """Seconds to wait after failed attempt number ``attempt`` (1 is the first).

    Doubles from ``base`` up to ``cap``; the upper half is random, so that many rows do not come back at once.
    """
    ceiling = min(cap, base * 2 ** min(max(attempt, 1) - 1, 40))
    return ceiling / 2 + rng.uniform(0, ceiling / 2)


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a ``Retry-After`` header asks for, or None when it says nothing usable.

    ``value`` is seconds or an HTTP date, ``now`` is Unix time in seconds. The result is between 0 and one day.
    """
    text = (value or "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = _until(text, now)
    if seconds is None or math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def clock_ahead(value: str | None, now: float) -> float | None:
    """Seconds that a clock which shows ``value``, a ``Date`` header, is ahead of ``now``; None when it tells none."""
    return _until(value, now) if value else None


def server_time(date: str | None) -> datetime | None:
    """The moment of an answer, in UTC, by its ``Date`` header; None when it tells none. Without a zone it is in UTC."""
    try:
        moment = parsedate_to_datetime(date or "")
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _until(text, now):
    moment = server_time(text)
    return None if moment is None else moment.timestamp() - now


def sent_at(date: str | None, now: float) -> float:
    """The moment of an answer by the clock of who sent it (its ``Date``), ``now`` where it does not tell: a date in the
    same answer is meant by that clock, however far it is from ours."""
    ahead = _until(date, now)
    return now if ahead is None else now + ahead
