# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""From what the HTTP library raises to a ``MarketplaceError`` in plain words."""

import socket

from requests import exceptions

from .errors import ConfigurationError, MarketplaceError, TemporaryFailure

_AGAIN = "it is tried again. If it goes on"


def failure_of(error: Exception, host: str, redact=str, outer: BaseException | None = None) -> MarketplaceError:
    """The error, not raised, for what ``requests`` raised on the way to ``host``.

    ``redact(text)`` is applied to words that come from outside. Whether the request may have been carried out is told
    by ``maybe_applied``: not when there never was a connection. ``outer`` is the exception that was being handled
    before the request, where the search for causes ends.
    """
    causes = _chain(error, outer)
    if isinstance(error, exceptions.ConnectTimeout):
        return TemporaryFailure(f"Connection timeout: {host} does not answer; {_AGAIN}, check the API URL")
    if isinstance(error, exceptions.Timeout) or _any(causes, TimeoutError):
        text = f"Connection timeout: {host} took too long to answer; {_AGAIN}, lower the batch size of the account"
        return TemporaryFailure(text, maybe_applied=True)
    if isinstance(error, exceptions.ProxyError):
        return TemporaryFailure(f"Cannot reach {host} through the proxy; check the proxy settings")
    if isinstance(error, exceptions.SSLError):
        return TemporaryFailure(f"No secure connection to {host}: {redact(_root(causes))}; check the API URL")
    if isinstance(error, ValueError):  # of requests: a wrong URL, scheme, header; of Python: an impossible host name
        return ConfigurationError(f"The request can't be sent to {host}: {redact(str(error))}; check the API URL")
    return _of_connection(error, causes, host, redact)


def _of_connection(error, causes, host, redact):
    if _any(causes, socket.gaierror):
        return TemporaryFailure(f"Cannot reach host {host}: its name is not known; check the API URL")
    if _any(causes, ConnectionRefusedError):
        return TemporaryFailure(f"Cannot reach host {host}: it refuses the connection; check the API URL")
    if isinstance(error, exceptions.ContentDecodingError):
        text = f"The answer of {host} can't be decompressed; it is tried again"
    elif isinstance(error, exceptions.ChunkedEncodingError):
        text = f"The answer of {host} was cut off; it is tried again"
    elif _any(causes, (ConnectionResetError, BrokenPipeError)):
        text = f"{host} closed the connection without an answer; it is tried again"
    else:
        text = f"Cannot reach {host}: {redact(_root(causes))}; it is tried again"
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
