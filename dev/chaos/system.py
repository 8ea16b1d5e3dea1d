"""The system that is broken on purpose: Odoo with several workers, its job runner, a sandbox, and a PostgreSQL of its
own, which may be restarted while other commands use the usual one."""

import contextlib
import json
import re
import secrets
import shutil
import struct
import tempfile
from pathlib import Path

from ..common import locked, state_dir
from ..databases import Databases
from ..instance import Instance, free_port
from ..postgres import Cluster
from ..stack import Stack, new_log, running_sandbox, running_server
from .service import kept_running

CLOCK = Path(__file__).parent / "clock" / "chaos_clock"
# A commit that was answered must survive a crash of PostgreSQL, which the usual cluster does not promise.
DURABLE = {"synchronous_commit": "on"}
WORKERS = 3
# One worker is left for people and webhooks while two run jobs.
CHANNELS = "root:2"
ALIVE = re.compile(r"Worker (Worker\w+) \((\d+)\) alive")


class Copied(Databases):
    """Databases in a cluster of their own; the template comes from the one that everybody shares."""

    def __init__(self, cluster, instance, origin):
        super().__init__(cluster, instance)
        self.origin = origin

    def addon(self):
        """Called under the lock of whoever wants a fresh copy."""
        source = self.origin.addon()
        sources = (state_dir() / f"{source}.sources").read_text()
        name = f"copied-{source}"
        known = state_dir() / f"{name}.sources"
        if name not in self.cluster.databases() or not known.exists() or known.read_text() != sources:
            known.unlink(missing_ok=True)
            self._build(name, lambda fresh: self._fetch(source, fresh))
            known.write_text(sources)
        return name

    def _fetch(self, source, fresh):
        with tempfile.NamedTemporaryFile() as dump:
            self.origin.cluster.tool("pg_dump", "-Fc", "-Z1", "-f", dump.name, source)
            self.cluster.query(f'CREATE DATABASE "{fresh}" TEMPLATE template0')
            self.cluster.restore(dump, fresh)
        shutil.copytree(self._filestore(source), self._filestore(fresh))


class Clock:
    """The clock of Odoo's processes: by how many seconds it is ahead."""

    def __init__(self, path):
        self.path = path
        self.set(0)

    def set(self, ahead):
        self.path.touch()
        with open(self.path, "r+b") as handle:
            handle.write(struct.pack("d", ahead))


class System:
    """The running stack, and what can be done to its parts."""

    def __init__(self, stack, clock):
        self.stack, self.clock = stack, clock
        self.cluster, self.sandbox, self.database = stack.cluster, stack.sandbox, stack.database
        self.server = stack.processes[1][1]

    def query(self, sql):
        """The rows of a statement, whose columns have a name each."""
        lines = self.cluster.query(f"SELECT row_to_json(q) FROM ({sql}) AS q", database=self.database)
        return [list(json.loads(line).values()) for line in lines]

    def workers(self):
        """`{class of the worker: [process ids]}` of those that are alive now, as the server's log told of them."""
        alive, server = {}, self.server.pid
        for kind, pid in ALIVE.findall(self.stack.log.read_text(errors="replace")):
            if parent(pid) == server and int(pid) not in alive.setdefault(kind, []):
                alive[kind].append(int(pid))
        return alive


def parent(pid):
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def resident_megabytes(pid):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return None


@contextlib.contextmanager
def running_system(seed, products, token=None):
    """One at a time: what one breaks would hurt the other."""
    with locked("chaos"), Cluster() as usual, Cluster("chaos", DURABLE) as cluster, contextlib.ExitStack() as stop:
        instance = Instance(cluster)
        databases = Copied(cluster, instance, Databases(usual, Instance(usual, instance.series)))
        database = stop.enter_context(databases.fresh("chaos"))
        log = new_log("chaos")
        clock = Clock(log.with_suffix(".clock"))
        stop.callback(clock.path.unlink, missing_ok=True)
        instance.env["CHAOS_CLOCK"] = str(clock.path)
        token = token or secrets.token_urlsafe(16)
        process, sandbox = stop.enter_context(running_sandbox(instance.python, products, 0, token, log, seed))
        options = {"workers": WORKERS, "gevent_port": free_port(), "limit_time_cpu": 600}
        running = running_server(instance, database, log, options, CLOCK, CHANNELS, kept_running)
        server, url = stop.enter_context(running)
        stack = Stack(url, database, sandbox, instance, cluster, log)
        stack.processes = [("the sandbox", process), ("the server", server)]
        yield System(stack, clock)
