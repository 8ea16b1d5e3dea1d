"""Python environments in the cache, one per list of pins, built by uv in seconds."""

import os
import shutil
import sys
import venv
from pathlib import Path

from .common import Stop, cache_dir, call, digest, locked, say, timed

DEV = Path(__file__).parent
UV = "uv==0.13.9"
# The Python versions that the pins of a series have wheels for: first and last.
PYTHONS = {"17.0": ((3, 10), (3, 12)), "18.0": ((3, 11), (3, 12)), "19.0": ((3, 10), (3, 13))}
QUEUE_JOB = {"17.0": "17.0.1.5.4", "18.0": "18.0.4.1.2.2", "19.0": "19.0.2.4.0.1"}


def uv():
    """The uv on PATH, else one installed into a small environment of its own."""
    found = shutil.which("uv")
    if found:
        return found
    folder = cache_dir() / f"bootstrap-{digest(UV)}"
    if not (folder / "bin" / "uv").exists():
        with locked("bootstrap", folder=cache_dir()):
            if not (folder / "bin" / "uv").exists():
                make_bootstrap(folder)
    return folder / "bin" / "uv"


def make_bootstrap(folder):
    shutil.rmtree(folder, ignore_errors=True)
    try:
        venv.create(folder, with_pip=True)
    except Exception as error:
        raise Stop(f"Python cannot make a virtual environment ({error}): install python3-venv") from error
    call([folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check", UV])


def environment(name):
    """Path of the python that has everything in `requirements-<name>.txt`."""
    pins = DEV / f"requirements-{name}.txt"
    version = ".".join(map(str, sys.version_info[:2]))
    folder = cache_dir() / f"python-{name}-{digest(pins.read_text(), version)}"
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    with locked(f"python-{name}", folder=cache_dir()):
        if not (folder / "complete").exists():
            with timed(f"Python environment for {name}"):
                shutil.rmtree(folder, ignore_errors=True)
                call([uv(), "venv", "-q", "--python", interpreter(name), folder])
                install(python, ["-r", pins])
            (folder / "complete").touch()
    return python


def interpreter(name):
    """This Python where the pins have wheels for it, else what uv finds in their range."""
    first, last = PYTHONS.get(name, ((3, 10), (3, 99)))
    if first <= sys.version_info[:2] <= last:
        return sys.executable
    return f">={first[0]}.{first[1]},<{last[0]}.{last[1] + 1}"


def install(python, arguments):
    env = {**os.environ, "UV_LINK_MODE": "copy"}
    call([uv(), "pip", "install", "-q", "--python", python, *arguments], env=env)


def install_into(folder, requirement):
    """Unpack one package, without what it depends on, into a folder."""
    command = [uv(), "pip", "install", "-q", "--no-deps", "--python", sys.executable, "--target", folder, requirement]
    call(command, env={**os.environ, "UV_LINK_MODE": "copy"})


def queue_job(series):
    """Addons path holding OCA's queue_job."""
    return packaged("queue_job", QUEUE_JOB[series])


def packaged(addon, version):
    """Addons path holding one of OCA's addons, from PyPI without its dependencies (they would pull Odoo in again)."""
    folder = cache_dir() / f"{addon}-{version}"
    if not folder.exists():
        with locked(addon, folder=cache_dir()):
            if not folder.exists():
                fresh = cache_dir() / f"{addon}-{version}.{os.getpid()}"
                say(f"{addon} {version} from PyPI")
                install_into(fresh, f"odoo-addon-{addon.replace('_', '-')}=={version}")
                fresh.rename(folder)
    return folder / "odoo" / "addons"
