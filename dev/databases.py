"""Databases that are ready in a moment.

Three layers, each a copy of the one below: Odoo's modules with demo data (dumped into the cache, so that the next
checkout restores it in seconds), the same with the addon, and a fresh copy of that for each run.
"""

import contextlib
import os
import shutil
import tarfile
from pathlib import Path

from .addon import fingerprint
from .common import MODULE, cache_dir, digest, locked, say, state_dir, timed
from .python_env import QUEUE_JOB

# Python's guard against archives that write elsewhere, where it has one: ours is of our own making.
SAFE = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
# mrp and product_expiry are no dependencies: they are there so that the tests see kits and lots that expire.
MODULES = ["sale_management", "stock", "sale_stock", "mrp", "product_expiry", "queue_job"]


class Databases:
    """Prepares and copies databases of one series. `odoo` is an `instance.Instance`, `cluster` a running one."""

    def __init__(self, cluster, instance):
        self.cluster = cluster
        self.instance = instance
        self.series = instance.odoo.series
        self.filestores = instance.data_dir / "filestore"
        self.base_key = digest(
            instance.odoo.fingerprint, QUEUE_JOB[self.series], *MODULES,
            (Path(__file__).parent / f"requirements-{self.series}.txt").read_text(),
        )  # fmt: skip

    # --- layer 1: Odoo ----------------------------------------------------------------------------------------------

    def base(self):
        """Name of the template with Odoo's modules and demo data."""
        name = f"base-{self.series}-{self.base_key}"
        if name in self.cluster.databases():
            return name
        self._drop_matching(f"base-{self.series}-")
        dump = cache_dir() / "databases" / f"{name}.dump"
        with locked(f"base-{self.series}", folder=cache_dir()):
            if dump.exists():
                with timed(f"restored Odoo {self.series} with demo data"):
                    self._restore(dump, name)
            else:
                with timed(f"installed {', '.join(MODULES)} in Odoo {self.series}"):
                    self._build(name, lambda fresh: self.instance.install(fresh, MODULES))
                self._dump(name, dump)
        return name

    def _restore(self, dump, name):
        def fill(fresh):
            self.cluster.query(f'CREATE DATABASE "{fresh}" TEMPLATE template0')
            with open(dump) as handle:  # opened here: PostgreSQL's user may not enter the cache folder
                self.cluster.restore(handle, fresh)
            with tarfile.open(dump.with_suffix(".tar")) as archive:
                archive.extractall(self._filestore(fresh), **SAFE)

        self._build(name, fill)

    def _dump(self, name, dump):
        dump.parent.mkdir(exist_ok=True)
        for old in dump.parent.glob(f"base-{self.series}-*"):
            old.unlink()
        with tarfile.open(dump.with_suffix(".tar"), "w") as archive:
            archive.add(self._filestore(name), ".")
        part = dump.with_suffix(".part")
        self.cluster.tool("pg_dump", "-Fc", "-Z1", "-f", part, name)
        part.rename(dump)

    # --- layer 2: the addon -----------------------------------------------------------------------------------------

    def addon(self):
        """Name of the template with the addon as the sources are now; installed anew when they changed.

        Never updated (`-u`): that is no faster, and passes over what belongs to records marked noupdate.
        """
        name = f"addon-{self.series}"
        known = state_dir() / f"{name}.sources"
        sources = f"{self.base_key} {fingerprint(self.instance.addons / MODULE)}"
        there = name in self.cluster.databases() and known.exists()
        if there and known.read_text() == sources:
            return name
        known.unlink(missing_ok=True)
        base = self.base()
        with timed(f"installed {MODULE}"):
            self._build(name, lambda fresh: self._install_addon(base, fresh))
        known.write_text(sources)
        return name

    def _install_addon(self, base, fresh, module=MODULE):
        """Without its demo data: tests, benchmark and pictures make what they look at, and a test loads the story.
        Odoo installs it where what a module depends on has its own, whatever the command line says."""
        self._copy(base, fresh)
        self.cluster.query("UPDATE ir_module_module SET demo = false", database=fresh)
        self.instance.install(fresh, [module])

    def prepare(self):
        """Make what is missing of both templates, in sight of whoever waits for it."""
        with locked(f"addon-{self.series}"):
            self.addon()

    # --- layer 3: a run ---------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def fresh(self, purpose, *, keep=False):
        """A database with the addon for one run, dropped at its end."""
        name = f"{purpose}-{self.series}-{os.getpid()}"
        with locked(f"addon-{self.series}"):
            self._drop_abandoned()
            self._copy(self.addon(), name)
        try:
            yield name
        finally:
            if keep:
                say(f"database {name} is kept")
            else:
                self._drop(name)

    @contextlib.contextmanager
    def installed(self, purpose, module=MODULE):
        """A database in which a module is installed now, from where the instance finds it; dropped at its end."""
        name = f"{purpose}-{self.series}-{os.getpid()}"
        try:
            self._install_addon(self.base(), name, module)
            yield name
        finally:
            self._drop(name)

    def _drop_abandoned(self):
        """Databases of runs that were killed: their process number is nobody's any more."""
        for name in self.cluster.databases():
            process = name.rpartition("-")[2]
            if name.startswith(("test-", "run-", "bench-", "e2e-", "chaos-", "i18n-", "compare-")) and not alive(
                process
            ):
                self._drop(name)

    # --- databases with their files ---------------------------------------------------------------------------------

    def _build(self, name, fill):
        """Let `fill` make a database under another name, so that a half made one is never taken for a whole one."""
        fresh = f"new-{name}"
        self._drop(fresh)
        try:
            fill(fresh)
            self._drop(name)
            self.cluster.query(f'ALTER DATABASE "{fresh}" RENAME TO "{name}"')
            if self._filestore(fresh).exists():
                self._filestore(fresh).rename(self._filestore(name))
        finally:
            self._drop(fresh)

    def _copy(self, source, target):
        self._drop(target)
        self.cluster.copy(source, target)
        if self._filestore(source).exists():
            shutil.copytree(self._filestore(source), self._filestore(target))

    def _drop(self, name):
        self.cluster.drop(name)
        shutil.rmtree(self._filestore(name), ignore_errors=True)
        (self.instance.data_dir / MODULE / name).unlink(missing_ok=True)  # by which the addon knows a copy

    def _drop_matching(self, prefix):
        for name in self.cluster.databases():
            if name.startswith(prefix):
                self._drop(name)

    def _filestore(self, name):
        return self.filestores / name


def alive(process):
    return process.isdigit() and Path(f"/proc/{process}").exists()
