# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""From what the HTTP library raises to a ``MarketplaceError`` in plain words."""

import socket

from requests import exceptions

from .errors import ConfigurationError, MarketplaceError, TemporaryFailure
from .words import _


def failure_of(error: Exception, host: str, redact=str, outer: BaseException | None = None) -> MarketplaceError:
    """The error, not raised, for what ``requests`` raised on the way to ``host``.

    ``redact(text)`` is applied to words that come from outside. Whether the request may have been carried out is told
    by ``maybe_applied``: not when there never was a connection. ``outer`` is the exception that was being handled
    before the request, where the search for causes ends.
    """
    causes = _chain(error, outer)
    if isinstance(error, exceptions.ConnectTimeout):
        text = _(
            "Connection timeout: %(host)s does not answer; it is tried again. If it goes on, check the API URL",
            host=host,
        )
        return TemporaryFailure(text)
    if isinstance(error, exceptions.Timeout) or _any(causes, TimeoutError):
        return TemporaryFailure(_too_slow(host), maybe_applied=True)
    if isinstance(error, exceptions.SSLError):
        why = redact(_root(causes))
        return TemporaryFailure(_("No secure connection to %(host)s: %(why)s; check the API URL", host=host, why=why))
    if isinstance(error, ValueError):  # of requests: a wrong URL, scheme, header; of Python: an impossible host name
        text = _("The request can't be sent to %(host)s: %(why)s; check the API URL", host=host, why=redact(str(error)))
        return ConfigurationError(text)
    return _of_connection(error, causes, host, redact)


def _too_slow(host):
    return _(
        "Connection timeout: %(host)s took too long to answer; it is tried again. If it goes on, lower the batch size "
        "of the account",
        host=host,
    )


def _of_connection(error, causes, host, redact):
    if _any(causes, socket.gaierror):
        return TemporaryFailure(_("Cannot reach host %(host)s: its name is not known; check the API URL", host=host))
    if _any(causes, ConnectionRefusedError):
        text = _("Cannot reach host %(host)s: it refuses the connection; check the API URL", host=host)
        return TemporaryFailure(text)
    if isinstance(error, exceptions.ContentDecodingError):
        text = _("The answer of %(host)s can't be decompressed; it is tried again", host=host)
    elif isinstance(error, exceptions.ChunkedEncodingError):
        text = _("The answer of %(host)s was cut off; it is tried again", host=host)
    elif _any(causes, (ConnectionResetError, BrokenPipeError)):
        text = _("%(host)s closed the connection without an answer; it is tried again", host=host)
    else:
        text = _("Cannot reach %(host)s: %(why)s; it is tried again", host=host, why=redact(_root(causes)))
    return TemporaryFailure(text, maybe_applied=True)


def _chain(error, outer):
    """The error and what it was raised from; ``reason`` is where urllib3 keeps the last failure."""
    causes, waiting = [], [error]
    while waiting and len(causes) < 20:
        current = waiting.pop(0)
        if not isinstance(current, BaseException) or current is outer or any(current is cause for cause in causes):
            continue
        causes.append(current)
        waiting += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args[:2]]
    return causes


def _any(causes, kinds):
    return any(isinstance(cause, kinds) for cause in causes)


def _root(causes):
    """The shortest words, which are those of the innermost failure; the outer ones repeat it and add addresses."""
    words = [str(cause) for cause in causes if str(cause)]
    return min(words, key=len) if words else type(causes[0]).__name__
