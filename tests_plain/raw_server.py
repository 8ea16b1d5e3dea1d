# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""A server of raw bytes, for answers that no HTTP library would let one send."""

import contextlib
import re
import socket
import threading
import time


class RawServer:
    """Answers each request with the next of ``answers`` (the last again and again) and closes the connection.

    An answer is bytes, or a list of bytes and numbers, where a number is a pause in seconds. ``requests`` holds the
    requests that came, as latin-1.
    """

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/api/"
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self):
        self._stopped.set()
        self._socket.close()
        self._thread.join(2)

    def _serve(self):
        self._socket.settimeout(0.05)
        while not self._stopped.is_set():
            try:
                connection, _address = self._socket.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            connection.settimeout(2)
            with contextlib.suppress(OSError), connection:
                self._answer(connection)

    def _answer(self, connection):
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
        head, _gap, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        while length and len(body) < int(length[1]):
            body += connection.recv(65536)
        received = head + b"\r\n\r\n" + body
        self.requests.append(received.decode("latin-1"))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        for part in answer if isinstance(answer, list) else [answer]:
            if isinstance(part, (int, float)):
                self._stopped.wait(part)
            else:
                connection.sendall(part)
            if self._stopped.is_set():
                return


def http(body=b"", status="200 OK", **headers):
    """A well-formed answer that closes the connection; header names are written with _ for -."""
    lines = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    lines.update({name.replace("_", "-"): value for name, value in headers.items()})
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def refused_port():
    """A port of this machine where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def elapsed(function):
    """Seconds that ``function`` took, whatever it raised."""
    started = time.monotonic()
    with contextlib.suppress(Exception):
        function()
    return time.monotonic() - started
