"""One Odoo, ready to be called: source, Python, addons paths, configuration."""

import os
import re
import socket

from .addon import addons_path
from .common import Stop, call, state_dir
from .odoo_source import resolve
from .postgres import PORT, ROLE
from .python_env import environment, queue_job

# Lines that say that a module was not loaded as it stands, though Odoo goes on and ends with status 0.
SILENT_FAILURES = re.compile(
    r"installable=False|not installable|invalid module names|Some modules are not loaded|Failed to load registry"
    r"|incompatible version|Unable to add constraint|unmet dependencies",
    re.I,
)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Instance:
    """Odoo of one series with the addon of this checkout; `cluster` is a running one."""

    def __init__(self, cluster, series=None):
        self.cluster = cluster
        self.odoo = resolve(series)
        self.series = self.odoo.series
        self.python = environment(self.series)
        self.addons = addons_path(self.series)
        self.data_dir = state_dir() / f"data-{self.series}"
        self.env = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("PG", "ODOO_", "OPENERP_"))},
            "PYTHONPATH": str(self.odoo.home),
            "PYTHONUNBUFFERED": "1",
        }

    def command(self, *arguments):
        return [str(self.python), *self.odoo.command, *map(str, arguments)]

    def addons_path(self, *more):
        return ",".join(map(str, [*self.odoo.addons, queue_job(self.series), self.addons, *more]))

    def configuration(self, name, **options):
        """Write a configuration file; `options` with a dict as value become a section of that name."""
        values = {
            "addons_path": self.addons_path(),
            "data_dir": self.data_dir,
            "db_host": self.cluster.socket,
            "db_port": PORT,
            "db_user": ROLE,
            "http_interface": "127.0.0.1",
            "http_port": free_port(),
            "list_db": False,
            "server_wide_modules": "base,web",
            "max_cron_threads": 0,
            "log_level": "warn",
            "marketplace_private_hosts": "127.0.0.1,localhost",  # where the sandbox is
            **options,
        }
        sections = {key: values.pop(key) for key in [key for key, value in values.items() if isinstance(value, dict)]}
        lines = ["[options]", *(f"{key} = {value}" for key, value in values.items())]
        for section, content in sections.items():
            lines += ["", f"[{section}]", *(f"{key} = {value}" for key, value in content.items())]
        path = state_dir() / f"{name}.conf"
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o600)
        return path

    def install(self, database, modules):
        """Install modules with demo data; stop with Odoo's output when anything about it went wrong."""
        configuration = self.configuration(f"install-{os.getpid()}")
        demo = [] if self.series < "19.0" else ["--with-demo"]
        options = ["-c", configuration, "-d", database, "--stop-after-init", "--no-http", *demo]
        done = call(self.command(*options, "-i", ",".join(modules)), env=self.env, check=False)
        configuration.unlink()
        failed = done.returncode or any(map(is_failure, done.stdout.splitlines()))
        if failed or self.not_installed(database, modules):
            raise Stop(f"{done.stdout[-8000:]}\n{', '.join(modules)} could not be installed: see above")

    def not_installed(self, database, modules):
        """Names of the modules that the database does not have, whatever Odoo said."""
        rows = self.cluster.query("SELECT name FROM ir_module_module WHERE state = 'installed'", database=database)
        return set(modules) - set(rows)


def is_failure(line):
    return bool(SILENT_FAILURES.search(line)) or " ERROR " in line or " CRITICAL " in line
