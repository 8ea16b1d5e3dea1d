# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What a generic REST account is configured with, as pure functions: paths into documents, converters, templates.

Nothing that a configuration says is ever executed: JMESPath only reads, converters are those of the table below, and
templates replace names in braces with data.
"""

import json
import re
from contextlib import contextmanager
from datetime import datetime, timezone
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import jmespath
from jmespath.exceptions import JMESPathError

from ..transport import reading
from ..transport.errors import ConfigurationError, MappingError
from ..transport.text import one_text, storable
from ..transport.words import Words, _

LONGEST_PATH = 300
#: Values of one document that a path may be applied to: paths with several stars can cost the square of it.
LARGEST_DOCUMENT = 200_000
LONGEST_TEMPLATE = 20_000
LEFT_OUT = object()
_NAME = re.compile(r"\{([a-z_]+)\}")
_ZONED = re.compile(r":\d\d[^+-]*(Z|[+-]\d\d(:?\d\d)?)\s*$", re.IGNORECASE)


# === paths ===


@lru_cache(maxsize=2048)
def compiled(path):
    """The JMESPath, ready to be applied. ``ConfigurationError`` with the path and what is wrong with it."""
    if len(path) > LONGEST_PATH:
        raise ConfigurationError(
            _("The path %(path)s… is longer than %(most)s characters; shorten it", path=path[:40], most=LONGEST_PATH)
        )
    try:
        return jmespath.compile(path)
    except (JMESPathError, RecursionError) as error:
        words = " ".join(str(error).split())[:160]
        raise ConfigurationError(
            _("The path %(path)s is no JMESPath; correct it in the account: %(why)s", path=path, why=words)
        ) from None


def found(path, document):
    """What the path finds in the document, None where there is nothing. ``MappingError`` where it can't be applied."""
    expression = compiled(path)
    try:
        return expression.search(document)
    except (JMESPathError, RecursionError, TypeError, ValueError, ArithmeticError) as error:
        words = " ".join(str(error).split())[:160]
        raise MappingError(path, _("can't be applied to this document: %(why)s; correct the path", why=words)) from None


def records(path, answer):
    """The objects that the path finds, as a list: one object is a list of one, nothing is an empty one."""
    check_size(answer)
    rows = found(path or "@", answer)
    rows = rows if isinstance(rows, list) else [] if rows is None else [rows]
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise MappingError(f"{path or '@'}[{index}]", _("should be an object; correct the path to the records"))
    return rows


def check_size(document):
    """:raise MappingError: the document is larger than paths may be applied to"""
    waiting, left = [document], LARGEST_DOCUMENT
    while waiting:
        value = waiting.pop()
        if isinstance(value, (dict, list)):
            waiting += value.values() if isinstance(value, dict) else value
        left -= 1
        if left < 0:
            raise MappingError("@", _("holds more than %(most)s values; ask for smaller pages", most=LARGEST_DOCUMENT))


def last_keys(path):
    """The keys whose values the path ends in, lower case."""
    try:
        return _keys(compiled(path).parsed)
    except ConfigurationError:
        return set()


def _keys(node):
    kind, children = node["type"], node["children"]
    if kind == "field":
        return {str(node["value"]).lower()}
    if kind in ("subexpression", "pipe", "index_expression", "projection", "value_projection", "filter_projection"):
        return next((keys for child in reversed(children[:2]) if (keys := _keys(child))), set())
    return set().union(*map(_keys, children)) if children else set()


# === converters: from the wire, and to it. Each is (value, money decimals, argument) -> value ===


def _wrapped(value):
    return {"value": value}


def _number(value, _digits, _argument):
    return reading.number(_wrapped(value), "value")


def _money(value, digits, _argument):
    return float(_rounded(reading.number(_wrapped(value), "value"), digits))


def _minor(value, digits, _argument):
    return float(Decimal(str(reading.number(_wrapped(value), "value"))).scaleb(-digits))


def _integer(value, _digits, _argument):
    number = reading.number(_wrapped(value), "value")
    if not number.is_integer():
        raise MappingError("value", _("should be a whole number, is %(number)s", number=number))
    return int(number)


def _moment(value, _digits, argument):
    """``argument``: the pattern of the time, or the name of the zone that times without one are in."""
    if "%" in argument:
        return _strptime(value, argument)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _from_epoch(value)
    moment = reading.moment(_wrapped(value), "value")
    if not argument or _ZONED.search(str(value)):
        return moment
    return moment.replace(tzinfo=_zone(argument)).astimezone(timezone.utc).replace(tzinfo=None)


def _zone(name):
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(
            _("%(name)s is no time zone and no pattern of a time; correct the argument", name=name)
        ) from None


def _from_epoch(value):
    """Seconds since 1970, or milliseconds where that is what it can only be."""
    try:
        moment = datetime.fromtimestamp(value / 1000 if abs(value) > 1e11 else value, timezone.utc)
    except (ValueError, OverflowError, OSError):
        raise MappingError("value", _("is no time")) from None
    return moment.replace(tzinfo=None)


def _strptime(value, pattern):
    try:
        moment = datetime.strptime(str(value).strip(), pattern)
    except ValueError:
        raise MappingError("value", _("is no time as %(pattern)s", pattern=pattern)) from None
    return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment.tzinfo else moment


def _day(value, _digits, argument):
    return _strptime(value, argument).date() if argument else reading.day(_wrapped(value), "value")


FROM_WIRE = {
    "text": lambda value, _digits, _argument: reading.text(_wrapped(value), "value"),
    "number": _number,
    "integer": _integer,
    "decimal": _money,
    "boolean": lambda value, _digits, argument: _flag(value, argument),
    "date": _day,
    "datetime": _moment,
    "minor": _minor,
    "status": lambda value, _digits, _argument: reading.text(_wrapped(value), "value"),
}


def _flag(value, argument):
    """``argument``: the words that mean yes, where the marketplace has words of its own."""
    if argument:
        return str(value).strip().lower() in {word.strip().lower() for word in argument.split(",")}
    return reading.flag(_wrapped(value), "value")


def _written_moment(value, _digits, argument):
    return value.strftime(argument or "%Y-%m-%dT%H:%M:%SZ")


TO_WIRE = {
    "text": lambda value, _digits, _argument: _plain(value),
    "number": lambda value, _digits, _argument: value,
    "integer": lambda value, _digits, _argument: int(value),
    "decimal": lambda value, digits, _argument: str(_rounded(value, digits)),
    "boolean": lambda value, _digits, argument: _word(value, argument),
    "date": lambda value, _digits, argument: value.strftime(argument or "%Y-%m-%d"),
    "datetime": _written_moment,
    "minor": lambda value, digits, _argument: int(_rounded(value, digits).scaleb(digits)),
    "status": lambda value, _digits, _argument: value,
}


def _word(value, argument):
    words = (argument or "").split(",")
    return words[0 if value else 1].strip() if len(words) == 2 else bool(value)


def _plain(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _rounded(value, digits):
    try:
        return Decimal(str(value)).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    except InvalidOperation:
        raise MappingError("value", _("is no amount of money")) from None


def read(path, document, converter, digits=2, argument=""):
    """What stands at the path, converted; ``LEFT_OUT`` where there is nothing.

    :raise MappingError: with the path, and what is wrong with the value there
    """
    value = found(path, document)
    if value is None or (isinstance(value, str) and not value.strip()):
        return LEFT_OUT
    try:
        return FROM_WIRE[converter](value, digits, argument or "")
    except MappingError as error:
        what = _("%(problem)s; converter “%(converter)s”", problem=error.words, converter=converter)
        raise MappingError(path, what) from None


def write(row, path, value, converter, digits=2, argument=""):
    """Put the value, converted, into ``row`` at the dotted path."""
    try:
        value = TO_WIRE[converter](value, digits, argument or "")
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(
            _(
                "The field %(path)s can't be written with the converter “%(converter)s”; choose another one",
                path=path,
                converter=converter,
            )
        ) from error
    place(row, path, value)


def place(row, path, value):
    *steps, last = path.split(".")
    for step in steps:
        row = row.setdefault(step, {})
        if not isinstance(row, dict):
            raise ConfigurationError(
                _("The wire field %(path)s stands below one that is no object; correct the fields", path=path)
            )
    row[last] = value


@contextmanager
def named(label):
    """Say which of our fields a ``MappingError`` raised inside was for."""
    try:
        yield
    except MappingError as error:
        raise MappingError(error.path, Words("%(problem)s (%(field)s)", problem=error.words, field=label)) from None


# === templates ===


def names_in(template):
    """The names in braces."""
    return set(_NAME.findall(template or ""))


def filled_path(template, values):
    """The path with its names replaced, percent-encoded: an id is data, it can't become a step of the path."""

    def encoded(match):
        value = _of(values, match[1])
        if value in (None, ""):
            raise ConfigurationError(
                _("The path %(path)s needs %(name)s, and there is none; correct the path", path=template, name=match[0])
            )
        value = _plain(value)
        if value in (".", ".."):
            raise ConfigurationError(_("%(name)s of the path %(path)s is no id", name=match[0], path=template))
        return quote(value, safe="")

    return _NAME.sub(encoded, template)


def filled_lines(template, values, separator):
    """``name=value`` lines as a dict; a line whose value is a name and nothing else is left out where it has none."""
    pairs = {}
    for name, text in split_lines(template, separator):
        value = filled(text, values)
        if value is not LEFT_OUT:
            pairs[name] = _plain(value)
    return pairs


def split_lines(template, separator):
    lines = [line.strip() for line in (template or "").splitlines() if line.strip()]
    for line in lines:
        name, found_it, text = line.partition(separator)
        if not found_it or not name.strip():
            raise ConfigurationError(
                _(
                    "The line %(line)s should look like name%(separator)svalue; correct it",
                    line=line[:60],
                    separator=separator,
                )
            )
        yield name.strip(), text.strip()


def filled(template, values):
    """A template of parsed JSON with its names replaced. A text that is a name and nothing else becomes the value as it
    is, whatever its type; where there is no value the key is left out."""
    if isinstance(template, dict):
        pairs = {key: filled(value, values) for key, value in template.items()}
        return {key: value for key, value in pairs.items() if value is not LEFT_OUT}
    if isinstance(template, list):
        return [value for value in (filled(item, values) for item in template) if value is not LEFT_OUT]
    if not isinstance(template, str):
        return template
    whole = _NAME.fullmatch(template)
    if whole:
        value = _of(values, whole[1])
        return LEFT_OUT if value is None or value == "" else value
    return _NAME.sub(lambda match: _plain(_of(values, match[1]) or ""), template)


def _of(values, name):
    if name not in values:
        known = ", ".join("{%s}" % known for known in values) or _("no names at all")
        raise ConfigurationError(_("{%(name)s} is not known here; use one of %(known)s", name=name, known=known))
    return values[name]


def parsed_template(text):
    """The JSON of a body, None where it is empty."""
    if not (text or "").strip():
        return None
    if len(text) > LONGEST_TEMPLATE:
        raise ConfigurationError(_("The body is longer than %(most)s characters; shorten it", most=LONGEST_TEMPLATE))
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(_("The body is no JSON; correct it: %(why)s", why=error)) from None


def filled_text(value):
    """Any plain value as text; nothing, lists and objects give ``""``."""
    if value is None or value is LEFT_OUT or isinstance(value, (dict, list)):
        return ""
    return storable(_plain(value)).strip()


def constant(text, converter):
    """The fixed value that is written in the configuration as text."""
    value = read("value", {"value": text or ""}, converter)
    return "" if value is LEFT_OUT else value


def written_since(moment, pattern):
    """The moment, naive UTC, as the marketplace wants it."""
    if pattern == "%s":
        return str(int(moment.replace(tzinfo=timezone.utc).timestamp()))
    return moment.strftime(pattern or "%Y-%m-%dT%H:%M:%SZ")


def words(value):
    """An error of any shape as one text."""
    return one_text(value, longest=300)


def loaded_walk(cursor):
    """The walk that a cursor is, from its beginning where it makes no sense."""
    try:
        walk = json.loads(cursor or "{}")
    except ValueError:
        return {}
    return walk if isinstance(walk, dict) else {}


def next_link(header):
    """The URL that a ``Link`` header calls next, ``""`` where it calls none so."""
    for part in re.split(r",\s*(?=<)", header or ""):
        match = re.match(r'\s*<([^>]*)>(?=.*;\s*rel\s*=\s*"?[^"]*\bnext\b)', part, re.IGNORECASE)
        if match:
            return match[1]
    return ""
