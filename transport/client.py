# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The one door to the network.

``Client`` sends one request and gives one answer or one ``MarketplaceError``; it never retries, never sleeps and never
follows a redirect: what to do about a failure is decided by the caller, in one place.
"""

import json as jsonlib
import logging
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import Cookie
from typing import Any
from urllib.parse import urlsplit

import requests

from . import address
from .errors import FINAL, ConfigurationError, InvalidResponse, RequestRejected, error_for_status
from .failures import failure_of
from .redaction import excerpt, redact
from .retry import clock_ahead, parse_retry_after, sent_at
from .session import new_session
from .words import _

_logger = logging.getLogger(__name__)

_CHUNK = 16384
_MESSAGE_LIMIT = 300
#: Where marketplaces put what went wrong, in the order of trust.
_MESSAGE_KEYS = ("error", "errors", "error_description", "message", "detail", "title")
_CODE_KEYS = ("code", "error_code", "errorCode", "errorId")


@dataclass(frozen=True)
class Record:
    """One request and what came of it, redacted and ready to be stored.

    ``status`` is None when no answer came; excerpts are at most 2,000 characters. Headers are never part of it.
    ``ahead`` is how many seconds the marketplace's clock is ahead of ours, None where it does not tell the time.
    """

    method: str
    url: str
    status: int | None
    request_excerpt: str
    response_excerpt: str
    ahead: float | None = None


@dataclass(frozen=True)
class Response:
    """A good answer (2xx). ``headers`` ignores case; ``cookies`` are those that it sets."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: tuple[Cookie, ...] = field(default=(), repr=False)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The parsed body. Raises ``InvalidResponse`` when it is empty, a web page, or no JSON."""
        if not self.body.strip():
            raise InvalidResponse(_("The marketplace's answer is empty where JSON was expected"), status=self.status)
        try:
            return jsonlib.loads(self.body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise InvalidResponse(self._what_is_wrong(), status=self.status) from None

    def _what_is_wrong(self):
        if _is_html(self.body, self.headers):
            return _("The marketplace answered with a web page (HTML) instead of JSON; check the API URL")
        return _("The marketplace's answer is broken JSON; it may have been cut off")


class Client:
    """Requests to one marketplace under one base URL.

    - ``auth``: a ``requests.auth.AuthBase`` or None.
    - ``timeout``: seconds for the whole answer; ``connect_timeout``: seconds for the connection. The longest a request
      can take is about their sum.
    - ``max_bytes``: the longest body accepted, after decompression.
    - ``observer(record)``: called once for every request, good or bad, after it ended; what it raises is logged and
      goes no further, since a log that fails must not turn an accepted push into a failed one.
    - ``classify(status, data)``: may reinterpret an answer of 400 and above; ``data`` is the parsed JSON, or the text
      where it is none. Returns a ``MarketplaceError`` (class or instance), or None for the table's judgement.
    - ``secrets``: texts that must not appear in records or errors.
    - ``session``: a ``requests.Session`` to use instead of an own one; closing it stays with who made it.

    Raises ``ConfigurationError`` at once when the base URL can't be used. Close it, or use it as a context manager.
    """

    def __init__(
        self,
        base_url: str,
        auth=None,
        *,
        timeout: float = 30.0,
        connect_timeout: float = 5.0,
        max_bytes: int = 10 * 2**20,
        observer: Callable[[Record], None] | None = None,
        classify: Callable[[int, Any], Any] | None = None,
        secrets=(),
        session: requests.Session | None = None,
    ):
        if timeout <= 0 or connect_timeout <= 0:
            raise ConfigurationError(_("The timeouts must be more than 0 seconds; correct them in the account"))
        self.base_url = address.checked_base(base_url)
        self.host = urlsplit(self.base_url).netloc
        self.auth = auth
        self.timeout, self.connect_timeout, self.max_bytes = timeout, connect_timeout, max_bytes
        self.observer, self.classify, self.secrets = observer, classify, secrets
        self._owns_session = session is None
        self.session = session or new_session()

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()

    def close(self) -> None:
        if self._owns_session:
            self.session.close()

    def request(self, method: str, path: str, *, params=None, json=None, data=None, headers=None) -> Response:
        """Send one request and return its answer when the status is 2xx, else raise a ``MarketplaceError``.

        ``path`` is below the base URL, or an absolute URL of the same origin. ``json`` is written as UTF-8 JSON;
        ``data`` (bytes, text or a form's dict) is sent as it is when ``json`` is None.
        """
        call = _Call(method.upper(), path)
        try:
            return self._request(call, params, json, data, headers)
        finally:
            self._observe(call)

    # === steps ===

    def _request(self, call, params, json, data, headers):
        call.url = address.joined(self.base_url, call.path)
        # Errors raised below chain to what the caller is handling just now; that is not their cause.
        outer = sys.exc_info()[1]
        headers = dict(headers or {})
        if json is not None:
            data = _json_bytes(json)
            headers.setdefault("Content-Type", "application/json")
        elif isinstance(data, str):
            data = data.encode()
        try:
            prepared = self.session.prepare_request(
                requests.Request(call.method, call.url, headers=headers, params=params, data=data, auth=self.auth)
            )
            call.url, call.sent = prepared.url, prepared.body or b""
            self._send(prepared, call)
        except (requests.RequestException, requests.exceptions.BaseHTTPError, OSError, ValueError) as error:
            # "from None": the original error can quote the whole URL.
            raise failure_of(error, self.host, self._redact, outer) from None
        self._check(call)
        return Response(call.status, call.headers, call.received, call.cookies)

    def _send(self, prepared, call):
        limits = (self.connect_timeout, self.timeout)
        answer = self.session.send(prepared, stream=True, allow_redirects=False, timeout=limits)
        try:
            call.status, call.headers = answer.status_code, answer.headers
            call.ahead = clock_ahead(answer.headers.get("Date"), time.time())
            call.cookies = tuple(answer.cookies)
            call.received = self._read(answer, call.method)
        finally:
            # Gives the connection back to the pool, or closes it when the body was not read to its end.
            if answer.raw is not None:
                answer.close()

    def _read(self, answer, method):
        if answer.raw is None:
            return answer.content
        chunks, size = [], 0
        for chunk in answer.iter_content(_CHUNK):
            size += len(chunk)
            if size > self.max_bytes:
                text = _(
                    "The marketplace's answer is larger than %(size)s bytes; lower the batch size", size=self.max_bytes
                )
                raise InvalidResponse(text, status=answer.status_code)
            chunks.append(chunk)
        _refuse_cut(answer.headers, size, method)
        return b"".join(chunks)

    def _check(self, call):
        if 200 <= call.status < 300:
            return
        data = _parsed(call.received)
        said = "" if _is_html(call.received, call.headers) else self._redact(_message(data))
        now = sent_at(call.headers.get("Date"), time.time())
        wait = parse_retry_after(call.headers.get("Retry-After"), now)
        error = self._classified(call.status, data, said) or _judged(call.status, data, said, wait)
        error.status = error.status or call.status
        error.may_pass = isinstance(error, FINAL) and not _is_own_word(call.status, data, call.headers)
        error.seconds = wait if error.seconds is None else error.seconds
        raise error

    def _classified(self, status, data, said):
        verdict = self.classify(status, data) if self.classify and status >= 400 else None
        if isinstance(verdict, type):
            return verdict(said or f"HTTP {status}", code=_code(data), status=status)
        return verdict

    def _observe(self, call):
        if self.observer is None:
            return
        try:
            self.observer(call.record(self.secrets))
        except Exception:
            _logger.exception("The observer of a marketplace call failed; the call itself is not affected")

    def _redact(self, text):
        return redact(text, self.secrets)


class _Call:
    """What is known of a request so far."""

    def __init__(self, method, path):
        self.method, self.path, self.url = method, path, path
        self.status, self.headers, self.cookies = None, {}, ()
        self.sent, self.received, self.ahead = b"", b"", None

    def record(self, secrets):
        return Record(
            method=self.method,
            url=excerpt(self.url, secrets),
            status=self.status,
            request_excerpt=excerpt(self.sent, secrets),
            response_excerpt=excerpt(self.received, secrets),
            ahead=self.ahead,
        )


def _judged(status, data, said, wait):
    if status == 404 and not isinstance(data, (dict, list)):
        text = _("The marketplace has nothing at this address (HTTP 404); check the API URL and the paths")
        return ConfigurationError(text, status=404)
    error = error_for_status(status, said, wait)
    error.code = _code(data)
    return error


def _is_own_word(status, data, headers):
    """Whether it is the marketplace that refuses: by a body of JSON, or as OAuth has it (RFC 6750). A firewall, a proxy
    and a portal answer with pages, or lead elsewhere."""
    if status < 400 or status == 407:
        return False
    return isinstance(data, (dict, list)) or "error=" in headers.get("WWW-Authenticate", "")


def _json_bytes(data):
    try:
        return jsonlib.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise RequestRejected(_("The request can't be written as JSON: %(why)s", why=error)) from error


def _refuse_constant(name):
    raise ValueError(f"{name} is no JSON")


def _refuse_cut(headers, size, method):
    """A body shorter than announced; older versions of urllib3 pass it on as if it were whole."""
    announced = headers.get("Content-Length", "")
    if not announced.isdigit() or headers.get("Content-Encoding") or method == "HEAD":
        return
    if size < int(announced):
        raise requests.exceptions.ChunkedEncodingError(f"{size} of {announced} bytes")


def _is_html(body, headers):
    kind = (headers.get("Content-Type") or "").lower()
    return "html" in kind or body.lstrip()[:15].lower().startswith((b"<!doctype", b"<html", b"<head", b"<body"))


def _parsed(body):
    try:
        return jsonlib.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def _message(data):
    """The marketplace's words in an answer of any shape, on one line, at most 300 characters; may be empty."""
    text = " ".join(_words(data).split())
    return text if len(text) <= _MESSAGE_LIMIT else text[: _MESSAGE_LIMIT - 1] + "…"


def _words(data, depth=0):
    if data is None or isinstance(data, bool) or depth > 3:
        return ""
    if isinstance(data, dict):
        told = [words for key in _MESSAGE_KEYS if (words := _words(data.get(key), depth + 1))]
        return told[0] if told else "; ".join(f"{key}: {_words(data[key], depth + 1)}" for key in list(data)[:3])
    if isinstance(data, list):
        return "; ".join(filter(None, (_words(row, depth + 1) for row in data[:3])))
    return str(data)


def _code(data):
    if isinstance(data, list):
        data = data[0] if data else None
    if not isinstance(data, dict):
        return ""
    found = next((data[key] for key in _CODE_KEYS if isinstance(data.get(key), (str, int))), None)
    if found is None:
        nested = data.get("error") or data.get("errors")
        return _code(nested) if isinstance(nested, (dict, list)) else ""
    return str(found)
