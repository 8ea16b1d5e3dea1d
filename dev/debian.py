"""Odoo 19.0 from Debian's package, on any machine whose apt knows a Debian archive.

The package is in Debian's newest suite (sid) alone, so apt gets a private configuration made from the machine's own
sources with the suite replaced: the system's apt stays as it is, and signatures are verified with the system's keys.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from .common import Stop, cache_dir, call, locked, timed

SERIES = "19.0"
SUITE = "sid"
PACKAGE = "odoo-19"
JQUERY = "libjs-jquery"  # the package of Odoo links to it; without it no login page
SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
OLD_SOURCES = Path("/etc/apt/sources.list")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PYTHON_PATH = "usr/lib/python3/dist-packages"
# Left out by Debian for its licence (blurred video calls); without the file each page logs an error.
REMOVED_BY_DEBIAN = "odoo/addons/mail/static/lib/selfie_segmentation/selfie_segmentation.js"
# 836 MB of translations, and a second copy of all addons that slipped into the package.
LEFT_OUT = ["*.po", "*.pot", f"./{PYTHON_PATH}/addons"]
APT_CONFIGURATION = """Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{folder}/sources";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "{folder}/preferences";
Dir::State::lists "{folder}/lists";
Dir::Cache "{folder}/cache";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
APT::Sandbox::User "root";
"""


def odoo():
    """The folder that holds the package `odoo`, made on the first call."""
    folder = cache_dir() / f"odoo-{SERIES}-debian"
    home = folder / PYTHON_PATH
    if not (folder / "complete").exists():
        with locked("debian", folder=cache_dir()):
            if not (folder / "complete").exists():
                shutil.rmtree(folder, ignore_errors=True)
                with timed(f"{PACKAGE} from Debian"):
                    unpack(*download(), folder)
                (folder / "complete").touch()
    return home


def download():
    """The two packages, verified by apt; Stop where this machine has no apt or its archive no such package."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Stop("this machine has no apt-get")
    folder = cache_dir() / "apt"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("sources", "preferences", "lists/partial", "cache/archives/partial", "packages"):
        (folder / name).mkdir(parents=True)
    write_sources(folder / "sources")
    configuration = folder / "apt.conf"
    configuration.write_text(APT_CONFIGURATION.format(folder=folder))
    env = {**os.environ, "APT_CONFIG": str(configuration), "LC_ALL": "C"}
    call(["apt-get", "update", "-q", "--error-on=any"], env=env, timeout=300)
    check_version(call(["apt-cache", "policy", PACKAGE], env=env).stdout)
    call(["apt-get", "download", "-q", PACKAGE, JQUERY], env=env, cwd=folder / "packages", timeout=900)
    return tuple(next((folder / "packages").glob(f"{name}_*.deb")) for name in (PACKAGE, JQUERY))


def write_sources(folder):
    """The machine's own archive with the newest suite, in the format the machine uses."""
    if SOURCES.exists():
        stanza = re.split(r"\n\s*\n", SOURCES.read_text().strip())[0]
        lines = [line for line in stanza.splitlines() if not line.startswith("#")]
        text = re.sub(r"^Suites:.*$", f"Suites: {SUITE}", "\n".join(lines), flags=re.M)
        (folder / "private.sources").write_text(text + "\n")
        return
    found = re.search(r"^deb\s+(\[[^]]*\]\s+)?(\S+debian/?)\s", read(OLD_SOURCES), re.M)
    if not found:
        raise Stop(f"no Debian archive in {SOURCES} or {OLD_SOURCES}")
    options = found[1] or (f"[signed-by={KEYRING}] " if KEYRING.exists() else "")
    (folder / "private.list").write_text(f"deb {options}{found[2]} {SUITE} main\n")


def read(path):
    return path.read_text() if path.exists() else ""


def check_version(policy):
    """The suite moves: another series, or none, must be told from a package that can't be reached."""
    found = re.search(r"Candidate: (\S+)", policy)
    if not found or found[1] == "(none)":
        raise Stop(f"Debian {SUITE} has no {PACKAGE} any more: set ODOO_HOME to an Odoo 17.0 tree")
    version = found[1].split(":")[-1]
    if not version.startswith(SERIES):
        raise Stop(f"Debian {SUITE} has {PACKAGE} {version}, the addon is ported to {SERIES}")


def unpack(package, jquery, folder):
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    extract(package, fresh, *(f"--exclude={name}" for name in LEFT_OUT))
    extract(jquery, fresh)
    stub = fresh / PYTHON_PATH / REMOVED_BY_DEBIAN
    stub.parent.mkdir(parents=True, exist_ok=True)
    stub.write_text("/* not in Debian's package; only there so that pages load without an error */\n")
    check(fresh)
    version = call(["dpkg-deb", "-f", package, "Version"]).stdout
    (fresh / PYTHON_PATH / "version.txt").write_text(version)
    fresh.rename(folder)
    shutil.rmtree(cache_dir() / "apt")


def extract(package, folder, *options):
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as source:
        call(["tar", "-x", "-C", folder, "--no-same-owner", *options], stdin=source.stdout)
    if source.returncode:
        raise Stop(f"{package.name} can not be unpacked")


def check(folder):
    """What was seen broken in the package, so that a new version fails here and not in a browser."""
    home = folder / PYTHON_PATH
    link = home / "odoo/addons/web/static/lib/jquery/jquery.js"
    if not link.exists():
        raise Stop(f"{PACKAGE}: {link.name} is missing, no page would load")
    if not (home / "odoo" / "release.py").exists():
        raise Stop(f"{PACKAGE} has another layout than known: no {PYTHON_PATH}/odoo")
