"""A whole running system: database, sandbox marketplace, Odoo server with its job runner.

    with running_stack("run", products=200, orders=20) as stack:
        stack.odoo.call("res.partner", "search_count", [])
        stack.sandbox.get("journal")

Used by `make run`, `make bench` and the end-to-end tests: what they see is what a customer's server does.
"""

import contextlib
import json
import os
import secrets
import subprocess
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from .common import ROOT, Stop, end_process, say, state_dir, timed
from .databases import Databases, alive
from .instance import Instance
from .postgres import Cluster
from .rpc import OdooClient, SandboxClient

LOGIN = PASSWORD = "admin"
START_LIMIT = 120
# Threaded mode; four jobs at once, so that accounts do not wait for each other.
CHANNELS = "root:4"


@dataclass
class Stack:
    url: str
    database: str
    sandbox: SandboxClient
    instance: Instance
    cluster: Cluster
    log: Path
    login: str = LOGIN
    password: str = PASSWORD
    processes: list = field(default_factory=list)

    @property
    def odoo(self):
        """A client of Odoo's external API, signed in as the administrator."""
        return OdooClient(self.url, self.database, self.login, self.password)

    def check(self):
        """Stop with the log's end when one of the processes has died."""
        for name, process in self.processes:
            if process.poll() is not None:
                raise Stop(f"{tail(self.log)}\n{name} ended with status {process.returncode}")


@contextlib.contextmanager
def running_stack(purpose, *, series=None, products=100, orders=20, keep=False, options=None, module=None):
    """Start everything, give a `Stack`, stop everything whatever happens.

    `purpose` names the database (test, run, bench, e2e); `options` are further lines of Odoo's configuration;
    `module` is the folder of one that is loaded without being installed.
    """
    with Cluster() as cluster, contextlib.ExitStack() as stop:
        instance = Instance(cluster, series)
        database = stop.enter_context(Databases(cluster, instance).fresh(purpose, keep=keep))
        log = new_log(purpose)
        token = secrets.token_urlsafe(16)
        process, sandbox = stop.enter_context(running_sandbox(instance.python, products, orders, token, log))
        server, url = stop.enter_context(running_server(instance, database, log, options or {}, module))
        processes = [("the sandbox", process), ("the server", server)]
        yield Stack(url, database, sandbox, instance, cluster, log, processes=processes)


@contextlib.contextmanager
def running_sandbox(python, products, orders, token, log, seed=1):
    """The marketplace in a box, in a process of its own; gives the process and a client."""
    command = [
        str(python), "-m", "sandbox", "--host", "127.0.0.1", "--port", "0",
        "--products", str(products), "--orders", str(orders), f"--token={token}", "--seed", str(seed),
    ]  # fmt: skip
    with (
        open(log, "a") as output,
        started(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=output, text=True) as process,
    ):
        line = process.stdout.readline()
        try:
            said = json.loads(line)
            client = SandboxClient(said["url"], said["admin"], said["token"])
        except (ValueError, KeyError, TypeError) as error:
            raise Stop(f"{tail(log)}\nthe sandbox did not say where it is but {line!r}") from error
        # Whatever it prints later is read, or it would stand still at a full pipe.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield process, client


@contextlib.contextmanager
def running_server(instance, database, log, options, module=None, channels=CHANNELS, start=None):
    """Odoo with queue_job's runner; gives the process and its URL once it answers. `start` may be used instead of
    `started`."""
    modules = ["base", "web", "queue_job"] if instance.series < "19.0" else ["base", "rpc", "web", "queue_job"]
    folders = [module.parent] if module else []
    modules += [module.name] if module else []
    settings = {
        "addons_path": instance.addons_path(*folders),
        "db_name": database,
        "dbfilter": f"^{database}$",
        "server_wide_modules": ",".join(modules),
        "workers": 0,
        "max_cron_threads": 1,
        "log_level": "info",
        "limit_time_real": 3600,
        **options,
    }
    configuration = instance.configuration(log.stem, **settings)
    port = next(line.split(" = ")[1] for line in configuration.read_text().splitlines() if line.startswith("http_port"))
    with open(configuration, "a") as handle:
        handle.write(f"\n[queue_job]\nchannels = {channels}\nhost = 127.0.0.1\nport = {port}\nscheme = http\n")
    command = instance.command("-c", configuration)
    try:
        with (
            open(log, "a") as output,
            (start or started)(command, env=instance.env, stdout=output, stderr=subprocess.STDOUT) as process,
        ):
            url = f"http://127.0.0.1:{port}"
            with timed("Odoo answers"):
                wait_until_up(url, process, log)
            yield process, url
    finally:
        configuration.unlink(missing_ok=True)


@contextlib.contextmanager
def started(command, **kwargs):
    """A process in a session of its own: Ctrl-C reaches us alone, and we end what we started, in order."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **kwargs)
    try:
        yield process
    finally:
        end_process(process)


def new_log(purpose):
    """A log of this run; it stays until the next one, for whoever wants to know why this one failed."""
    for old in state_dir().glob(f"{purpose}-*.log"):
        if not alive(old.stem.rpartition("-")[2]):
            old.unlink()
    return state_dir() / f"{purpose}-{os.getpid()}.log"


def wait_until_up(url, process, log):
    limit = time.monotonic() + START_LIMIT
    while time.monotonic() < limit:
        if process.poll() is not None:
            raise Stop(f"{tail(log)}\nthe server ended with status {process.returncode}")
        with contextlib.suppress(urllib.error.URLError, OSError):
            if urllib.request.urlopen(f"{url}/web/health", timeout=5).status == 200:
                return
        time.sleep(0.2)
    raise Stop(f"{tail(log)}\nthe server did not answer within {START_LIMIT} s")


def tail(log, lines=40):
    say(f"the end of {log}:")
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
