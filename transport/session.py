# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The HTTP session: connections kept alive, nothing taken from the environment, and a limit on the whole answer."""

import http.client
import io
import time
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import HTTPAdapter


def new_session() -> requests.Session:
    """A session that reads no ``.netrc`` and no proxy variables, keeps no cookies (what proves us is the account's, and
    not that of one connection), and bounds the time of a whole answer."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    session.headers["User-Agent"] = "cartona_integration"
    session.headers["Accept"] = "application/json"
    adapter = DeadlineAdapter(pool_maxsize=2)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class DeadlineAdapter(HTTPAdapter):
    """Makes the read timeout a limit for the whole answer, head and body.

    Plain ``requests`` applies it to every single read, so that a server sending a byte now and then holds its caller
    for ever. The connection classes of the pool get an answer class that knows when its time is over.
    """

    def init_poolmanager(self, *args, **kwargs):
        result = super().init_poolmanager(*args, **kwargs)
        _bound(self.poolmanager)
        return result

    def proxy_manager_for(self, proxy, **kwargs):
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not known:
            _bound(manager)
        return manager


class _BoundedResponse(http.client.HTTPResponse):
    """Reads through ``_BoundedReader``; its time runs from the moment the request has been sent."""

    def __init__(self, sock, *args, **kwargs):
        super().__init__(sock, *args, **kwargs)
        timeout = sock.gettimeout() if hasattr(sock, "gettimeout") else None
        if timeout:
            self.fp = io.BufferedReader(_BoundedReader(self.fp.detach(), sock, timeout))


class _BoundedReader(io.RawIOBase):
    """The socket's stream, whose reads share one time limit."""

    def __init__(self, stream, sock, timeout):
        super().__init__()
        self._stream, self._socket, self._timeout = stream, sock, timeout
        self._end = time.monotonic() + timeout

    def readable(self):
        return True

    def fileno(self):
        return self._stream.fileno()

    def readinto(self, buffer):
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left)
        try:
            return self._stream.readinto(buffer)
        finally:
            # The connection is used again; its next request must not inherit what was left of this one's time.
            self._socket.settimeout(self._timeout)

    def close(self):
        self._stream.close()
        return super().close()


def _bound(manager):
    classes = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _bounded_pool(pool) for scheme, pool in classes.items()}


def _bounded_pool(pool):
    if getattr(pool.ConnectionCls, "response_class", None) is _BoundedResponse:
        return pool
    connection = type("BoundedConnection", (pool.ConnectionCls,), {"response_class": _BoundedResponse})
    return type(f"Bounded{pool.__name__}", (pool,), {"ConnectionCls": connection})
