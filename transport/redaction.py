# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Taking secrets out of texts before anything is stored.

Two nets: the declared secrets of an account, in every form they can travel in; and the values of keys that name a
secret whatever the account (``pickup_otp``, ``access_token`` …).
"""

import base64
import html
import json
import re
from functools import lru_cache
from urllib.parse import quote, quote_plus

from .text import storable

MASK = "***"

#: An excerpt is made of its limit and this many characters more, not of the whole: it must not cost more than the call.
_MARGIN = 512

#: A key names a secret when it ends in one of these words.
_WORDS = (
    r"(?:otp|token|password|passwd|secret|signature|authorization|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|credential)"
)
_KEY = rf"[\w.-]*{_WORDS}s?"
#: A key names a person when it is made of one of these words and of what numbers people: ``customerId``, ``buyer_no``.
_PERSON = re.compile(
    r"(?:.*[_.-])?(?:customer|retailer|buyer|client|consignee|receiver|recipient|user|member|shopper)s?"
    r"[_.-]?(?:id|code|no|number|key|ref|reference|name)?",
    re.IGNORECASE,
)
#: The words of a key, and those of one whose value is counted or paid.
_KEY_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_AMOUNTS = {
    *("price", "prices", "amount", "quantity", "qty", "total", "totals", "subtotal", "count", "cost", "fee", "fees"),
    *("tax", "vat", "discount", "stock", "credit", "balance", "rebate", "paid", "weight", "unit", "units"),
}
#: A code that is nothing else by chance: a word with a figure in it, a long word, a long number.
_UNIQUE = re.compile(r"(?=.*\d)(?=.*[^\W\d])\S{5,}|[^\W\d]\S{7,}|\d{9,}")
#: Most texts hold none of the words: one quick look spares them the slow patterns below.
_TELLING = re.compile(_WORDS, re.IGNORECASE)
#: ``"key": value`` in JSON and in Python's own notation. A text that is cut off has no closing quote.
_QUOTED = re.compile(
    rf"""(?P<head>(?P<quote>["'])(?:{_KEY})(?P=quote)\s*:\s*)"""
    r"""(?:"(?:[^"\\]|\\.)*(?:"|\\?$)|'(?:[^'\\]|\\.)*(?:'|\\?$)|\[[^\[\]]*\]?|\{[^{}]*\}?"""
    r"""|(?!null\b|true\b|false\b|None\b|True\b|False\b)[\w.+-]+)""",
    re.IGNORECASE,
)
#: The same inside a text that is itself a JSON string: ``\"key\": \"value\"``.
_ESCAPED = re.compile(
    rf"""(?P<head>\\+["'](?:{_KEY})\\+["']\s*:\s*)(?:\\+["'](?:(?!\\+["']).)*(?:\\+["']|$)|[\d.+-]+)""",
    re.IGNORECASE | re.DOTALL,
)
#: ``key=value`` in queries and forms, ``Authorization: Bearer value`` in headers and error texts.
_PLAIN = re.compile(
    rf"""(?P<head>(?<![\w.-])(?:{_KEY})(?:=|:\s+)(?:(?:Bearer|Basic|Token)(?:\s+|%20|\+))?)(?!\s)[^&\s"',;]+""",
    re.IGNORECASE,
)


def covered(text: str, secrets) -> str:
    """``text`` with every secret, in all its forms, replaced by ``***``; for sentences, which tell of keys as well."""
    pattern = _secrets_pattern(_tidy(secrets))
    return text if pattern is None else pattern.sub(MASK, text)


def redact(text: str, secrets=()) -> str:
    """``text`` with every secret, in all its forms, and the values of telling keys replaced by ``***``."""
    text = covered(text, secrets)
    if not _TELLING.search(text):
        return storable(text)
    text = _QUOTED.sub(rf'\g<head>"{MASK}"', text)
    text = _ESCAPED.sub(lambda match: f'{match["head"]}\\"{MASK}\\"', text)
    return storable(_PLAIN.sub(rf"\g<head>{MASK}", text))


def excerpt(data, secrets=(), limit: int = 2000) -> str:
    """The redacted beginning of ``data``, at most ``limit`` characters.

    ``data`` is bytes, text, None, or anything that JSON can write (what it can't is written by ``str``).
    """
    longest = max((len(form) for secret in _tidy(secrets) for form in _forms(secret)), default=0)
    window = limit + longest + _MARGIN
    text = _as_text(data, window)
    if len(text) > window:
        # The cut can go through a secret and leave its beginning, which no pattern knows: drop what it can be long.
        text = redact(text[:window], secrets)
        text = text[: max(len(text) - longest, 0)] + "…"
    else:
        text = redact(text, secrets)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def without_personal(data, keys):
    """``data``, parsed JSON, without the values of ``keys`` (lower case), at any depth; the keys stay, with null."""
    if isinstance(data, dict):
        return {key: None if str(key).lower() in keys else without_personal(value, keys) for key, value in data.items()}
    if isinstance(data, list):
        return [without_personal(value, keys) for value in data]
    return data


def without_codes(data, codes, keys, key=""):
    """``data``, parsed JSON, with null in place of each text or number that is one of the texts ``codes`` and stands
    for a person: below one of ``keys`` (lower case) or a key that names a person, or anywhere where it is too long to
    be anything else. What is counted or paid stays, whatever it is: a code of 12 is no quantity of 12."""
    if isinstance(data, dict):
        return {name: without_codes(found, codes, keys, str(name)) for name, found in data.items()}
    if isinstance(data, list):
        return [without_codes(found, codes, keys, key) for found in data]
    if isinstance(data, bool) or str(data) not in codes:
        return data
    return None if _stands_for_person(str(data), keys, key) else data


def _stands_for_person(code, keys, key):
    if key.lower() in keys or _PERSON.fullmatch(key):
        return True
    return bool(_UNIQUE.fullmatch(code)) and _AMOUNTS.isdisjoint(word.lower() for word in _KEY_WORDS.findall(key))


def written_forms(words, shortest: int) -> list[str]:
    """Every text that one of ``words`` looks like in JSON, HTML, an address or a header, the longest first; words that
    are shorter than ``shortest`` would be found in too much. Each line is a word of its own."""
    lines = {line.strip() for word in words for line in word.splitlines()}
    long = {line for line in lines if len(line) >= shortest}
    plain = {form for word in long for form in _forms(word)} | {html.escape(word) for word in long}
    nested = {form.replace("\\", "\\\\") for form in plain}  # JSON in a text of JSON
    return sorted(plain | nested, key=len, reverse=True)


def names_person(data, keys, value) -> bool:
    """Whether ``value`` stands in ``data``, parsed JSON, as a whole text below one of ``keys`` (lower case)."""
    if isinstance(data, dict):
        return any(
            _holds(found, value) if str(key).lower() in keys else names_person(found, keys, value)
            for key, found in data.items()
        )
    return isinstance(data, list) and any(names_person(found, keys, value) for found in data)


def _holds(data, value):
    if isinstance(data, (dict, list)):
        return any(_holds(found, value) for found in (data.values() if isinstance(data, dict) else data))
    return data == value


def _as_text(data, window):
    if data is None:
        return ""
    if isinstance(data, str):
        return data
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data[: window * 4 + 4]).decode("utf-8", "replace")
    try:
        return json.dumps(data, ensure_ascii=False, default=str)
    except (TypeError, ValueError):
        return str(data)


def _tidy(secrets):
    secrets = (secrets,) if isinstance(secrets, (str, bytes)) else secrets
    texts = (secret.decode("utf-8", "replace") if isinstance(secret, bytes) else secret for secret in secrets)
    return tuple(text.strip() for text in texts if text and text.strip())


@lru_cache(maxsize=64)
def _secrets_pattern(secrets):
    # Longest first: a secret that is the beginning of another must not leave the other's end behind.
    forms = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, forms))) if forms else None


@lru_cache(maxsize=64)
def _forms(secret):
    """Every text a secret can look like: itself, in JSON, in a URL, in base64 at any offset (``user:secret``)."""
    escaped = quote(secret, safe="")
    forms = {secret, escaped, escaped.replace("%", "%25"), quote(secret), quote_plus(secret)}
    forms.add(re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), escaped))
    forms.update(json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    if len(secret) >= 6:
        forms.update(_base64_forms(secret.encode("utf-8", "replace")))
    return frozenset(forms)


def _base64_forms(raw):
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode()
        # The characters that depend on the secret alone, whatever stands before and after it.
        stable = encoded[(0, 2, 3)[offset] : (offset + len(raw)) * 8 // 6]
        yield from (stable, stable.replace("+", "-").replace("/", "_"), quote(stable, safe=""))
