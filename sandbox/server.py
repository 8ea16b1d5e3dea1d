# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The HTTP server: werkzeug's, with connections kept alive and each answer sent at once.

werkzeug's own handler closes the connection after every answer and sends head and body apart, which costs a delayed
acknowledgement (40 ms) on each call. The handler here reads the whole request, so that the connection can be used
again.
"""

import contextlib
import io
import socket
import struct
import threading

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

_RESET = struct.pack("ii", 1, 0)


class Handler(WSGIRequestHandler):
    """One connection. An application may set ``environ["sandbox.wire"]`` to ``drop``, ``reset`` or ``truncated``."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    #: Buffered: head and body leave in one send.
    wbufsize = 2**16
    #: Seconds after which a silent connection is closed.
    timeout = 120

    def run_wsgi(self):
        environ = self.make_environ()
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
            self.wfile.flush()
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(self._length(environ)))
        environ["wsgi.input_terminated"] = True
        head: list = []
        result = self.server.app(environ, lambda status, headers, exc_info=None: head.extend((status, headers)))
        try:
            body = b"".join(result)
        finally:
            if hasattr(result, "close"):
                result.close()
        self._answer(head[0], head[1], body, environ.get("sandbox.wire"))

    def _length(self, environ):
        """Bytes of the body; all there are where the chunks tell the end."""
        return -1 if environ.get("wsgi.input_terminated") else int(environ.get("CONTENT_LENGTH") or 0)

    def _answer(self, status, headers, body, wire):
        if wire in ("drop", "reset"):
            self._hang_up(reset=wire == "reset")
            return
        code, _space, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if wire == "truncated" else body)
        if wire == "truncated":
            self._hang_up(reset=False)

    def _hang_up(self, reset):
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.flush()
            if reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                # The streams hold the socket open; only the last close resets the connection.
                for stream in (self.rfile, self.wfile, self.connection):
                    stream.close()
            else:
                self.connection.shutdown(socket.SHUT_RDWR)

    def handle(self):
        # A client that goes away is no event.
        with contextlib.suppress(ConnectionError, TimeoutError, ValueError):
            super().handle()

    def finish(self):
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def date_time_string(self, timestamp=None):
        return super().date_time_string(self.server.app.faults.now() if timestamp is None else timestamp)

    def log(self, *_args):
        """Silent: the journal has it."""


class Server(ThreadedWSGIServer):
    """Knows its open connections, so that closing it ends them too."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, host, port, app):
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(host, port, app, handler=Handler)

    def process_request(self, request, client_address):
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        with self._guard:
            waiting = list(self._open)
        for connection in waiting:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def log(self, *_args):
        """Silent."""
