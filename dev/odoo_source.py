"""Which Odoo is used, and why.

The first that answers: ODOO_HOME, the cache, a clone of Odoo's repository, Debian's package of a newer series. The
addon is written for 17.0; on another series it runs ported (see `port.py`). Without SERIES that is 17.0, or what
ODOO_HOME holds.
"""

import functools
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .common import Stop, cache_dir, call, digest, say

WRITTEN_FOR = "17.0"
SERIES = ("17.0", "18.0", "19.0")
TREES = ("17.0", "18.0")  # taken as source trees; what is newer comes from Debian
REPOSITORY = "https://github.com/odoo/odoo"
CLONE_LIMIT = 900
NO_ODOO = """no Odoo can be had here. Ways to get one:
  - set ODOO_HOME to a source tree of Odoo {series} (a git clone, or an unpacked release)
  - put such a tree at {cache}
  - give this machine access to {repository} (make clones it there)
  - without SERIES, on Debian or a relative with apt-get: access to the Debian archive (make takes Debian's odoo-19 and
    ports the addon)
{reasons}"""
NOT_WHOLE = "is not whole: it lacks web/static/lib, and with it what its pages are made of"


@dataclass(frozen=True)
class Odoo:
    """A source tree of Odoo: `home` holds the package `odoo`."""

    series: str
    home: Path
    why: str

    @property
    def addons(self):
        """Odoo's own addons folders: a clone has two, a packaged tree one."""
        folders = (self.home / "odoo" / "addons", self.home / "addons")
        return [folder for folder in folders if (folder / "base").is_dir() or (folder / "sale").is_dir()]

    @property
    def command(self):
        """What follows `python` to start the server."""
        script = self.home / "odoo-bin"
        return [str(script)] if script.exists() else ["-m", "odoo"]

    @property
    def fingerprint(self):
        """Changes when the source changes, as far as can be known at no cost: prepared databases carry it."""
        head = self.home / ".git"
        commit = call(["git", "-C", self.home, "rev-parse", "HEAD"], check=False).stdout if head.exists() else ""
        stamp = self.home / "version.txt"
        return digest(
            self.home.resolve(), (self.home / "odoo" / "release.py").read_text(), commit,
            stamp.read_text() if stamp.exists() else "",
        )  # fmt: skip


def series_of(home):
    """The series of a source tree, or None where there is no Odoo."""
    release = Path(home) / "odoo" / "release.py"
    if not release.exists():
        return None
    found = re.search(r"^version_info = \((\d+), (\d+)", release.read_text(), re.M)
    return f"{found[1]}.{found[2]}" if found else None


def resolve(wanted=None):
    """The Odoo to use. `wanted` (or the variable SERIES) forces a series."""
    wanted = wanted or os.environ.get("SERIES") or None
    if wanted and wanted not in SERIES:
        raise Stop(f"SERIES={wanted}: choose one of {', '.join(SERIES)}")
    reasons = []
    for source in (from_environment, from_cache, from_clone, from_debian):
        found = source(wanted, reasons)
        if found:
            tell(f"Odoo {found.series} in {found.home} ({found.why})")
            return found
    notes = "".join(f"  tried: {reason}\n" for reason in reasons)
    series = wanted or WRITTEN_FOR
    raise Stop(NO_ODOO.format(series=series, cache=tree(series), repository=REPOSITORY, reasons=notes))


@functools.cache
def tell(line):
    """Say it once, however often it is asked."""
    say(line)


def tree(series):
    """Where the cache holds the source tree of a series."""
    return cache_dir() / f"odoo-{series}"


def is_here(series):
    """True where the source tree of a series is on the machine already; one that can't be taken is told of."""
    reasons = []
    found = from_environment(series, reasons) or from_cache(series, reasons)
    for reason in reasons:
        tell(f"passed over: {reason}")
    return bool(found)


def from_environment(wanted, reasons):
    """The tree in ODOO_HOME; passed over where SERIES asks for another one."""
    home = os.environ.get("ODOO_HOME")
    if not home or wanted not in (None, *TREES):
        return None
    series = series_of(home)
    if series not in TREES:
        content = f"Odoo {series}" if series else "no Odoo"
        raise Stop(f"ODOO_HOME={home} holds {content}: point it at a tree of {' or '.join(TREES)}")
    if not is_whole(home):
        raise Stop(f"ODOO_HOME={home} {NOT_WHOLE}")
    return Odoo(series, Path(home).resolve(), "ODOO_HOME") if wanted in (None, series) else None


def from_cache(wanted, reasons):
    series = wanted or WRITTEN_FOR
    home = tree(series)
    if series not in TREES or series_of(home) != series:
        return None
    if not is_whole(home):
        reasons.append(f"{home} {NOT_WHOLE}")
        return None
    return Odoo(series, home, "found in the cache")


def is_whole(home):
    """False for a tree that went through a repository whose .gitignore names `lib`: no page would load."""
    return any((Path(home) / addons / "web/static/lib/owl").is_dir() for addons in ("addons", "odoo/addons"))


def from_clone(wanted, reasons):
    """A shallow clone; whether the network lets us is asked first and answered within seconds."""
    series = wanted or WRITTEN_FOR
    if series not in TREES:
        return None
    home = tree(series)
    if home.exists():
        reasons.append(f"{home} is in the way of a clone: remove it")
        return None
    if not shutil.which("git"):
        reasons.append("no git to clone with")
        return None
    env = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        call(["git", "ls-remote", "--exit-code", REPOSITORY, series], env=env, timeout=8)
    except (Stop, subprocess.TimeoutExpired):
        reasons.append(f"{REPOSITORY} cannot be reached")
        return None
    fresh = cache_dir() / f"{home.name}.{os.getpid()}"
    say(f"cloning {REPOSITORY} {series}: some minutes, once")
    try:
        call(["git", "clone", "-q", "--depth", "1", "--branch", series, REPOSITORY, fresh], env=env,
             timeout=CLONE_LIMIT)  # fmt: skip
        if not home.exists():
            fresh.rename(home)
    except (Stop, subprocess.TimeoutExpired) as error:
        reasons.append(f"the clone failed: {error}")
        return None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return from_cache(wanted, reasons) and Odoo(series, home, f"cloned from {REPOSITORY}")


def from_debian(wanted, reasons):
    if wanted in TREES:
        return None
    from . import debian

    try:
        home = debian.odoo()
    except Stop as error:
        reasons.append(f"Debian's package: {error}")
        return None
    why = "asked for by SERIES" if wanted else f"Debian's package, as no {WRITTEN_FOR} can be had: {'; '.join(reasons)}"
    return Odoo(debian.SERIES, home, why)
