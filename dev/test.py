"""`make test`: everything the project can prove, the fastest first; pytest's summary of the Odoo tests comes last."""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess

from . import npm
from .common import MODULE, ROOT, Stop, say, state_dir
from .databases import Databases
from .instance import Instance
from .odoo_source import WRITTEN_FOR, resolve
from .postgres import Cluster
from .python_env import environment

DEV = ROOT / "dev"
PLAIN, WHOLE, ODOO = "tests_plain", "tests_e2e", "tests"
STAGES = (PLAIN, WHOLE, ODOO)
BROWSERS = ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable")  # where Odoo looks
AXE = "axe-core@4.14.1"
RUN = ("-m", "pytest")  # what Python is started with; `make coverage` starts pytest under coverage.py
NO_TESTS = 5  # pytest's own status for "no tests ran": a failure, as any other that is not 0


def main():
    stages = chosen(STAGES)
    if list(stages) != [PLAIN]:
        os.environ["SERIES"] = resolve().series  # one for all stages
    for stage, words in stages.items():
        status = {PLAIN: plain, WHOLE: whole, ODOO: odoo}[stage](words)
        if status:
            say(f"{stage} failed with status {status}" + (" (no tests ran)" if status == NO_TESTS else ""))
            return status
    return 0


def chosen(stages):
    """What T= chooses of these stages: `{stage: its words for pytest}`, all of them where it is not set."""
    words = shlex.split(os.environ.get("T", ""))
    found = [stage for stage in stages if not words or any(belongs(word, stage) for word in words)]
    if not found:
        raise Stop(f"T={os.environ['T']}: name a file or folder below {'/, '.join(stages)}/")
    return {stage: [word for word in words if not is_path(word) or belongs(word, stage)] for stage in found}


def belongs(word, stage):
    return word.split("::")[0].removeprefix("./").split("/")[0] == stage


def is_path(word):
    return any(belongs(word, stage) for stage in STAGES)


def plain(words):
    """Transport, schemas, sandbox, port: no Odoo at all."""
    say(f"{PLAIN}: without Odoo")
    return outside(PLAIN, words)


def whole(words):
    """Real processes end to end; the tests start the system themselves."""
    say(f"{WHOLE}: a real server with its job runner")
    with Cluster() as cluster:
        Databases(cluster, Instance(cluster)).prepare()
        return outside(WHOLE, words)


def outside(stage, words):
    """Tests that are not loaded by Odoo, with a rootdir of their own: the repository's `__init__` imports odoo."""
    words = words if any(map(is_path, words)) else [stage, *words]
    series = os.environ.get("SERIES") or WRITTEN_FOR
    return pytest(environment(series), *outside_arguments(stage), *words)


def outside_arguments(stage):
    return f"--rootdir={stage}", "-p", "no:odoo"


def odoo(words):
    """The addon's tests by pytest-odoo, in a fresh database."""
    with Cluster() as cluster:
        instance = Instance(cluster)
        need_browser()
        with odoo_call(Databases(cluster, instance), instance, words) as (arguments, surroundings):
            return pytest(instance.python, *arguments, **surroundings)


@contextlib.contextmanager
def odoo_call(databases, instance, words):
    """What pytest is called with, as long as its database is there: arguments; environment and folder."""
    with databases.fresh("test", keep=bool(os.environ.get("KEEP"))) as name:
        # Any Odoo that serves HTTP with queue_job loaded starts a runner; tests decide themselves when a job runs.
        no_runner = {"channels": "root:0"}
        configuration = instance.configuration(
            f"test-{os.getpid()}", db_name=name, dbfilter=f"^{name}$", queue_job=no_runner
        )
        try:
            path = os.pathsep.join([instance.env["PYTHONPATH"], str(DEV / "pytest_plugins")])
            env = {**instance.env, "PYTHONPATH": path, **axe()}
            arguments = odoo_arguments(instance, configuration, words)
            yield ["-p", "quiet_start", *arguments], {"env": env, "cwd": instance.addons}
        finally:
            configuration.unlink()


def odoo_arguments(instance, configuration, words):
    addon = instance.addons / MODULE
    words = [str(addon / word.removeprefix("./")) if belongs(word, ODOO) else word for word in words]
    if not any(word.startswith(str(addon)) for word in words):
        words.insert(0, str(addon / ODOO))
    return [
        f"--rootdir={addon}", f"--odoo-config={configuration}", "--odoo-http", "--odoo-log-level=warn", "-W", "ignore",
        *(["--durations=25"] if os.environ.get("DURATIONS") else []), *words,
    ]  # fmt: skip


def need_browser():
    """Odoo skips its browser tests where it finds none: say so, and let the machine that proves the project fail."""
    if any(map(shutil.which, BROWSERS)):
        return
    if os.environ.get("CI"):
        raise Stop("browser tests would be skipped: install chromium")
    say("no Chromium: browser tests are skipped (Debian: apt-get install chromium)")


def axe():
    """Where the tests find what looks for faults of accessibility, as environment; nothing where it can't be had."""
    try:
        return {"AXE_CORE": str(npm.modules("axe-core", AXE) / "axe-core" / "axe.min.js")}
    except Stop as stop:
        if os.environ.get("CI"):
            raise
        say(f"{stop}; tests of accessibility are skipped")
        return {}


def command(python, *arguments):
    settings = ["-c", DEV / "pytest.ini", "-o", f"cache_dir={state_dir() / 'pytest'}", "--no-header", "-rs"]
    return [str(part) for part in (python, *RUN, *settings, *arguments)]


def pytest(python, *arguments, env=None, cwd=ROOT):
    # Ctrl-C reaches pytest too, which ends in order (its tests may have started a server); we wait for that.
    before = signal.signal(signal.SIGINT, lambda *_args: None)
    process = subprocess.Popen(command(python, *arguments), cwd=cwd, env=env)
    try:
        return process.wait()
    except KeyboardInterrupt:  # SIGTERM, which was sent to us alone
        process.send_signal(signal.SIGINT)
        process.wait()
        raise
    finally:
        signal.signal(signal.SIGINT, before)
