"""Breaks the parts of the system, one after the other, as the seed decides."""

import os
import signal
import threading
import time
import urllib.request
from collections import Counter

from .people import NETWORK
from .plan import KILLS, choose


class Breaker:
    """Breaks until it is told to stop. `events` are `(moment, words)` of everything that was broken, for whoever has to
    explain what it led to."""

    def __init__(self, system, plan):
        self.system, self.plan = system, plan
        self.events, self.counts = [], Counter()
        self.away = []  # (from, until) of PostgreSQL
        self._over = threading.Event()
        acts = {"kill": (self._kill, plan.size.kills), "restart": (self._restart, plan.size.restarts)}
        acts["clock"] = (self._clock, plan.size.clocks)
        self._threads = [
            threading.Thread(target=self._act, args=(plan.generator(name), *act), name=name)
            for name, act in acts.items()
        ]
        self.failures = []

    def __enter__(self):
        for strike in self.plan.strikes():
            self.system.sandbox.post("faults", strike)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error):
        self._over.set()
        for thread in self._threads:
            thread.join()
        self.struck = [fault for fault in self.system.sandbox.get("faults") if fault["hits"]]
        self.system.sandbox.delete("faults")
        self.system.sandbox.post("clock", {"ahead": 0})
        self.system.clock.set(0)
        if self.failures:
            raise self.failures[0]

    def _act(self, rng, act, every):
        try:
            while not self._over.wait(rng.uniform(0.5, 1.5) * every):
                act(rng)
        except Exception as error:
            self.failures.append(error)

    def _note(self, words):
        self.events.append((time.time(), words))
        self.counts[words] += 1

    def _kill(self, rng):
        kind, chosen = choose(rng, KILLS), rng.random()
        alive = self.system.workers().get(kind)
        if not alive:
            return  # not started again yet
        os.kill(alive[int(chosen * len(alive))], signal.SIGKILL)
        self._note(f"SIGKILL {kind}")

    def _restart(self, rng):
        mode = rng.choice(("fast", "immediate"))
        start = time.time()
        self._note(f"PostgreSQL restarted ({mode})")
        self.system.cluster.restart(mode)
        self.away.append((start, time.time()))
        self._wait_for_answer()

    def _wait_for_answer(self):
        """The time until it is broken once more begins when it is back: a slow machine would get nothing done else."""
        while not self._over.wait(0.5):
            try:
                with urllib.request.urlopen(f"{self.system.stack.url}/web/health", timeout=5):
                    return
            except NETWORK:
                continue

    def _clock(self, rng):
        whose, ahead = rng.choice(("Odoo", "sandbox")), rng.choice((-45, -7, 0, 7, 45))
        if whose == "Odoo":
            self.system.clock.set(ahead)
        else:
            # Far more than a signature may be old, too: such deliveries are refused, and the pull makes up for them.
            ahead *= rng.choice((1, 1, 40))
            self.system.sandbox.post("clock", {"ahead": ahead})
        self._note(f"clock of {whose} jumps")
