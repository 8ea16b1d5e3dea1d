# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Tolerant readers for the marketplaces' raw documents.

Each takes a document and a path of keys (``text(raw, "retailer", "retailer_name")``), accepts what may reasonably come
(null, a number as text, a missing field) and raises ``MappingError`` naming the path for what can't be understood. A
path element may be a tuple of alternative keys: the first that is present with a value counts.
"""

import math
import re
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone

from .errors import MappingError
from .text import storable
from .words import _

_REQUIRED = object()

_MOMENT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<time>\d\d:\d\d(?::\d\d)?)(?:[.,](?P<fraction>\d{1,9}))?\s*(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.IGNORECASE | re.ASCII,
)


def text(raw, *path, default: str = "", required: bool = False) -> str:
    """Text at the path, without surrounding space; numbers are written out (5.0 as ``5``), null gives ``default``.

    What a database can't store (NUL, lone surrogates) is dropped. ``required`` refuses a missing or empty text.
    """
    value = _get(raw, path)
    if isinstance(value, str):
        value = _clean(value)
    elif _is_number(value):
        value = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    elif value is not None:
        raise MappingError(_name(path), _("should be a text, is %(kind)s", kind=_kind(value)))
    if required and not value:
        raise MappingError(_name(path), _("is missing"))
    return default if value is None else value


def identifier(value) -> str:
    """An id as text, ``""`` for what is none."""
    return _clean(str(value)) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def number(raw, *path, default=_REQUIRED) -> float:
    """Number at the path, also written as text; null, missing and empty give ``default``, which may be None.

    Without a default the number must be there. True, NaN and infinity are no numbers.
    """
    value = _get(raw, path)
    if isinstance(value, str):
        value = _clean(value) or None
    if value is None:
        if default is _REQUIRED:
            raise MappingError(_name(path), _("is missing, a number is needed"))
        return default
    result = _to_float(value)
    if result is None or not math.isfinite(result):
        raise MappingError(_name(path), _("should be a number, is %(kind)s", kind=_kind(value)))
    return result


def flag(raw, *path, default: bool = False) -> bool:
    """Yes or no at the path: true/false, 0/1, or those as text; null and missing give ``default``."""
    value = _get(raw, path)
    if value is None or value == "":
        return default
    word = str(value).strip().lower()
    if word in ("true", "1", "yes"):
        return True
    if word in ("false", "0", "no"):
        return False
    raise MappingError(_name(path), _("should be true or false, is %(kind)s", kind=_kind(value)))


def moment(raw, *path) -> datetime | None:
    """ISO 8601 time at the path as naive UTC; null, missing and empty give None. No zone means UTC."""
    parts = _match_moment(raw, path)
    if parts is None:
        return None
    micro = (parts["fraction"] or "")[:6].ljust(6, "0")
    try:
        local = datetime.fromisoformat(f"{parts['day']} {parts['time'] or '00:00'}").replace(microsecond=int(micro))
        return (local.replace(tzinfo=_zone(parts["zone"])).astimezone(timezone.utc)).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise MappingError(_name(path), _("is no date and time of the calendar")) from None


def day(raw, *path) -> date | None:
    """Date at the path, as written (the date part of a time is not shifted by its zone); null gives None."""
    parts = _match_moment(raw, path)
    if parts is None:
        return None
    try:
        return date.fromisoformat(parts["day"])
    except ValueError:
        raise MappingError(_name(path), _("is no date of the calendar")) from None


def items(raw, key, *, default=_REQUIRED) -> list[dict]:
    """List of objects under ``key``. Missing or null gives ``default``, and is an error when there is none."""
    value = _get(raw, (key,))
    if value is None:
        if default is _REQUIRED:
            raise MappingError(_name((key,)), _("is missing, a list is needed"))
        return default
    if not isinstance(value, list):
        raise MappingError(_name((key,)), _("should be a list, is %(kind)s", kind=_kind(value)))
    for index, row in enumerate(value):
        if not isinstance(row, dict):
            raise MappingError(f"{_name((key,))}[{index}]", _("should be an object, is %(kind)s", kind=_kind(row)))
    return value


def first(raw, *keys, default=None):
    """Value of the first of the alternative keys that is present and not null, as it is."""
    value = _get(raw, (keys,))
    return default if value is None else value


@contextmanager
def under(prefix: str):
    """Put ``prefix`` before the path of a ``MappingError`` raised inside: ``with under(f"order_details[{i}]"):``."""
    try:
        yield
    except MappingError as error:
        path = f"{prefix}.{error.path}" if error.path else prefix
        raise MappingError(path, error.words, error.code, error.status) from error.__cause__


def _get(raw, path):
    """Value at the path, or None where a step is missing or null. A step into what is no object is an error."""
    value, walked = raw, ()
    for step in path:
        if value is None and walked:
            return None
        if not isinstance(value, dict):
            raise MappingError(_name(walked), _("should be an object, is %(kind)s", kind=_kind(value)))
        if isinstance(step, tuple):
            value = next((value[key] for key in step if value.get(key) not in (None, "")), None)
        else:
            value = value.get(step)
        walked += (step,)
    return value


def _name(path):
    return ".".join("|".join(step) if isinstance(step, tuple) else str(step) for step in path)


def _clean(value):
    return storable(value).strip()


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _to_float(value):
    if not _is_number(value) and not (isinstance(value, str) and "_" not in value):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _match_moment(raw, path):
    value = _get(raw, path)
    if value is None or value == "":
        return None
    match = _MOMENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise MappingError(
            _name(path), _("should be a date as 2026-06-30 or 2026-06-30T09:12:44Z, is %(kind)s", kind=_kind(value))
        )
    return match.groupdict()


def _zone(written):
    if not written or written in "Zz":
        return timezone.utc
    digits = written[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if written[0] == "-" else offset)


def _kind(value):
    """What a value is, in words for a person; short, and cut so that a document never lands in a message."""
    if value is None:
        return _("null")
    if isinstance(value, dict):
        return _("an object")
    if isinstance(value, list):
        return _("a list")
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
