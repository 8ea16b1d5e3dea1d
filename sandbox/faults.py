# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Faults on request: what a marketplace, or the network before it, does wrong."""

import random
import re
import threading
import time
from dataclasses import asdict, dataclass

#: What each kind does.
KINDS = {
    "status": "answers `status` with `body` (and Retry-After `retry_after`), and does nothing",
    "delay": "waits `seconds`, then does its work",
    "hang": "waits `seconds`, does nothing and closes the connection",
    "broken_json": "does its work, and answers JSON that is cut off, as if it were whole",
    "html": "answers 200 with a web page, and does nothing",
    "truncated": "does its work, announces the whole answer, sends half and closes the connection",
    "reset": "does nothing and resets the connection",
    "drop": "does its work, then closes the connection without an answer",
}


@dataclass
class Fault:
    """Strikes requests whose method, path (regular expression) and body (regular expression) match.

    The first ``skip`` matches are spared, then ``times`` are struck (None: all), each with ``probability``. ``hits``
    counts the strikes. A ``retry_after`` of ``+2`` is told as a date, by the marketplace's clock.
    """

    kind: str = "status"
    method: str | None = None
    path: str = ""
    content: str = ""
    times: int | None = 1
    skip: int = 0
    probability: float = 1.0
    status: int = 503
    body: object = None
    retry_after: str | None = None
    seconds: float = 60.0
    hits: int = 0

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        re.compile(self.path), re.compile(self.content)

    @property
    def spent(self) -> bool:
        return self.times is not None and self.hits >= self.times

    def matches(self, method: str, path: str, content: str) -> bool:
        if self.spent or (self.method and self.method.upper() != method):
            return False
        return bool(re.search(self.path, path) and (not self.content or re.search(self.content, content)))

    def as_dict(self) -> dict:
        return asdict(self)


class Faults:
    """The faults that are set, in order; the first that strikes a request decides."""

    def __init__(self, seed=1):
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._rng = random.Random(seed)
        self._cleared = threading.Event()
        #: How many calls were held up, those that were let go included.
        self.held = 0
        #: Seconds by which the marketplace's clock is ahead: what it signs, dates and asks to wait until goes by it.
        self.ahead = 0.0

    def now(self) -> float:
        """The time by the marketplace's clock."""
        return time.time() + self.ahead

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Forget all faults and let go of the requests that are being held up."""
        with self._lock:
            self._faults.clear()
            self._cleared.set()
            self._cleared = threading.Event()

    def all(self) -> list[Fault]:
        with self._lock:
            return list(self._faults)

    def strike(self, method: str, path: str, content: str) -> Fault | None:
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                if not fault.matches(method, path, content):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if fault.probability < 1 and self._rng.random() >= fault.probability:
                    continue
                fault.hits += 1
                return fault
        return None

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than until the faults are cleared."""
        cleared = self._cleared
        with self._lock:
            self.held += 1  # from here on a clearing is not missed
        cleared.wait(seconds)
