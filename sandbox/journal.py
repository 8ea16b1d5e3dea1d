# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Every call the marketplace received, with its time; bounded in entries and bytes."""

import json
import re
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One call. ``monotonic`` and ``time`` are of its arrival; the monotonic clock is one for the whole machine.

    ``rows`` is the number of rows sent (a list) or, for a GET, answered; ``text`` the request's body;
    ``status`` 0 means that no answer was sent; ``fault`` names the fault that struck, ``""`` if none did. Headers are
    not kept.
    """

    seq: int
    monotonic: float
    time: float
    seconds: float
    method: str
    path: str
    query: dict
    status: int
    rows: int
    text: str
    fault: str

    @property
    def body(self) -> Any:
        """The request's body, parsed; None when it is empty or no JSON."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None

    def as_dict(self) -> dict:
        """The entry for JSON, with the parsed body beside the text."""
        return {**asdict(self), "body": self.body}


class Journal:
    """Keeps the last ``limit`` entries, and no more than ``max_bytes`` characters of bodies."""

    def __init__(self, limit: int = 100_000, max_bytes: int = 128 * 2**20):
        self._limit, self._max_bytes = limit, max_bytes
        self._entries: deque[Entry] = deque()
        self._size = 0
        self._seq = 0
        self._changed = threading.Condition()

    def add(self, **values) -> Entry:
        with self._changed:
            self._seq += 1
            entry = Entry(seq=self._seq, **values)
            self._entries.append(entry)
            self._size += len(entry.text)
            while len(self._entries) > self._limit or (self._size > self._max_bytes and len(self._entries) > 1):
                self._size -= len(self._entries.popleft().text)
            self._changed.notify_all()
            return entry

    def entries(self, method: str | None = None, path: str = "", since: int = 0) -> list[Entry]:
        """Entries after number ``since``, of a method, whose path holds the regular expression ``path``."""
        with self._changed:
            return self._matching(method, path, since)

    def wait(self, count: int = 1, timeout: float = 10.0, method=None, path: str = "", since: int = 0) -> list[Entry]:
        """The matching entries as soon as there are ``count``; raises ``TimeoutError`` telling what came instead."""
        end = time.monotonic() + timeout
        with self._changed:
            while True:
                found = self._matching(method, path, since)
                if len(found) >= count:
                    return found
                if not self._changed.wait(max(end - time.monotonic(), 0)):
                    came = ", ".join(f"{entry.method} {entry.path}" for entry in list(self._entries)[-10:]) or "none"
                    raise TimeoutError(f"{len(found)} of {count} calls to {path!r} in {timeout} s; last calls: {came}")

    def clear(self) -> None:
        with self._changed:
            self._entries.clear()
            self._size = 0

    def __len__(self):
        return len(self._entries)

    def _matching(self, method, path, since):
        pattern = re.compile(path)
        # From the end: a poll for what is new must not walk through all there is.
        found = []
        for entry in reversed(self._entries):
            if entry.seq <= since:
                break
            if (method is None or entry.method == method.upper()) and pattern.search(entry.path):
                found.append(entry)
        return found[::-1]
