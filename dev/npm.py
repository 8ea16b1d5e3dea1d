"""Packages of npm in the cache, pinned, never in the repository."""

import shutil

from .common import Stop, cache_dir, call, digest, locked, timed


def modules(name, *packages):
    """Return the `node_modules` that hold the packages, fetched once for all checkouts."""
    folder = cache_dir() / f"{name}-{digest(*packages)}"
    if (folder / "complete").exists():
        return folder / "node_modules"
    if not shutil.which("npm"):
        raise Stop(f"{name} needs node 18 or newer with npm: install them (Debian: nodejs, npm)")
    with locked(name, folder=cache_dir()), timed(f"{name} from npm"):
        call(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, *packages])
        (folder / "complete").touch()
    return folder / "node_modules"
