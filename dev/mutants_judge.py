"""What tests say of a copy of the addon in which something was changed."""

import contextlib
import os
import signal
import subprocess

from . import test
from .databases import Databases
from .instance import Instance
from .postgres import Cluster
from .python_env import environment

# Far longer than the tests of a mutant take, on a machine that has nothing else to do.
SECONDS = 300
PASS, FAIL, LATE = "pass", "fail", "come to no end"


class Judge(contextlib.ExitStack):
    """Runs tests in `addon`, a copy of the checkout; the database they use has the checkout's own addon installed."""

    def __init__(self, addon):
        super().__init__()
        self.addon = addon
        cluster = self.enter_context(Cluster())
        self.databases = Databases(cluster, Instance(cluster))
        self.mutated = Instance(cluster)
        self.mutated.addons = addon.parent

    def verdict(self, words):
        """``PASS``, ``FAIL`` or ``LATE``: the first of the tests' verdicts that is not ``PASS``."""
        plain = [word for word in words if test.belongs(word, test.PLAIN)]
        odoo = [word for word in words if test.belongs(word, test.ODOO)]
        said = self._plain(plain) if plain else PASS
        return self._odoo(odoo) if odoo and said == PASS else said

    def _plain(self, words):
        python = environment(self.mutated.series)
        return run(
            test.command(python, "-x", *test.outside_arguments(test.PLAIN), *words), dict(os.environ), self.addon
        )

    def _odoo(self, words):
        with test.odoo_call(self.databases, self.mutated, words) as (arguments, surroundings):
            return run(test.command(self.mutated.python, "-x", *arguments), **surroundings)


def run(command, env, cwd, seconds=None):
    # A mutant is as long and as old as the file it stands for: what was compiled of that must not run.
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=env, cwd=cwd, start_new_session=True, **quiet)
    try:
        return FAIL if process.wait(seconds or SECONDS) else PASS
    except subprocess.TimeoutExpired:
        return LATE
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
