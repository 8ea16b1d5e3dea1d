"""Odoo's server as a service manager runs it: when it ends by itself, it is started again.

From 19.0 on Odoo's main process looks into the database before it starts a worker, and ends where there is none: a
worker that dies while PostgreSQL restarts takes the whole server along.
"""

import contextlib
import subprocess
import threading
import time

from ..common import end_process

WATCH_SECONDS, RESTART_SECONDS = 0.3, 1.0


class Service:
    """Looks like a process that never ends; `ends` are the moments at which it had to be started again."""

    def __init__(self, command, **kwargs):
        self._start = lambda: subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **kwargs)
        self._process, self.ends = self._start(), []
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()

    @property
    def pid(self):
        return self._process.pid

    @property
    def returncode(self):
        return self._process.returncode

    def poll(self):
        return None

    def stop(self):
        self._over.set()
        self._watcher.join()
        end_process(self._process)

    def _watch(self):
        while not self._over.wait(WATCH_SECONDS):
            if self._process.poll() is not None:
                self.ends.append(time.time())
                time.sleep(RESTART_SECONDS)
                self._process = self._start()


@contextlib.contextmanager
def kept_running(command, **kwargs):
    service = Service(command, **kwargs)
    try:
        yield service
    finally:
        service.stop()
