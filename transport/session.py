# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The HTTP session: connections kept alive, nothing taken from the environment, and a limit on the whole answer."""

import http.client
import io
import socket
import time
from collections.abc import Iterable
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import HTTPAdapter

from .address import refuse_private


def new_session(private_hosts: Iterable[str] = ()) -> requests.Session:
    """A session that reads no ``.netrc`` and no proxy variables, keeps no cookies (what proves us is the account's, and
    not that of one connection), bounds the time of a whole answer, and connects to no address of a private network, but
    for ``private_hosts``."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    session.headers["User-Agent"] = "cartona_integration"
    session.headers["Accept"] = "application/json"
    adapter = GuardedAdapter(private_hosts)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class GuardedAdapter(HTTPAdapter):
    """Looks where a connection leads, and makes the read timeout a limit for the whole answer, head and body.

    Plain ``requests`` applies it to every single read, so that a server sending a byte now and then holds its caller
    for ever. The connection classes of the pool get an answer class that knows when its time is over.
    """

    def __init__(self, private_hosts=()):
        self.private_hosts = frozenset(host.lower() for host in private_hosts)
        super().__init__(pool_maxsize=2)

    def init_poolmanager(self, *args, **kwargs):
        result = super().init_poolmanager(*args, **kwargs)
        _guard(self.poolmanager, self.private_hosts)
        return result


class _Guarded:
    """A connection that is made to the addresses alone that ``transport.address.refuse_private`` lets pass."""

    private_hosts = frozenset()

    def _new_conn(self):
        for ip in _addresses(self.host, self.port):
            refuse_private(self.host, ip, self.private_hosts)
        sock = super()._new_conn()
        try:
            # A name server may have said something else the second time.
            refuse_private(self.host, sock.getpeername()[0], self.private_hosts)
        except BaseException:
            sock.close()
            raise
        return sock


def _addresses(host, port):
    """Return the addresses that the name stands for; of an unknown one the connection itself will tell."""
    try:
        return {found[4][0] for found in socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)}
    except OSError:
        return set()


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


def _guard(manager, private_hosts):
    classes = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _guarded_pool(pool, private_hosts) for scheme, pool in classes.items()}


def _guarded_pool(pool, private_hosts):
    if issubclass(pool.ConnectionCls, _Guarded):
        return pool
    own = {"response_class": _BoundedResponse, "private_hosts": private_hosts}
    connection = type("GuardedConnection", (_Guarded, pool.ConnectionCls), own)
    return type(f"Guarded{pool.__name__}", (pool,), {"ConnectionCls": connection})
