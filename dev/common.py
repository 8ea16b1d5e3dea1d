"""Where things are, how to speak, how to stop: shared by every part of `dev`."""

import contextlib
import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

MODULE = "cartona_integration"
ROOT = Path(__file__).resolve().parent.parent


class Stop(Exception):
    """Something the developer has to do; the message says what. Printed without a traceback."""


def say(text):
    print(f"[dev] {text}", file=sys.stderr, flush=True)


def cache_dir():
    """Shared by all checkouts of this user: Odoo's source, Python environments, prepared databases."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(base) / MODULE
    path.mkdir(parents=True, exist_ok=True)
    return path


def checkout_key():
    """Two checkouts never share a database cluster, a data folder or a link: all carry this key."""
    return hashlib.sha256(str(ROOT).encode()).hexdigest()[:10]


def state_dir():
    """This checkout's own files, outside of it: Odoo's translation export would follow a link inside."""
    path = cache_dir() / "checkouts" / checkout_key()
    path.mkdir(parents=True, exist_ok=True)
    return path


def digest(*parts):
    return hashlib.sha256("\0".join(str(part) for part in parts).encode()).hexdigest()[:12]


def call(command, *, quiet=True, check=True, **kwargs):
    """Run a command; when it fails, show what it printed and stop."""
    command = [str(part) for part in command]
    if quiet:
        kwargs.update(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run(command, **kwargs)
    if check and done.returncode:
        output = (done.stdout or "")[-6000:] if quiet else ""
        raise Stop(f"{output}\nfailed with status {done.returncode}: {' '.join(command)}".strip())
    return done


@contextlib.contextmanager
def locked(name, *, folder=None):
    """One process at a time in this part, across processes; released by the kernel whatever happens."""
    path = (folder or state_dir()) / f"{name}.lock"
    with open(path, "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another run ({name})")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle


@contextlib.contextmanager
def timed(what):
    start = time.monotonic()
    yield
    say(f"{what}: {time.monotonic() - start:.1f} s")


def stop_on_signals():
    """SIGTERM ends like Ctrl-C, so that every `finally` runs; a second one does not disturb that."""

    def interrupt(*_args):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_again: None)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)


def end_process(process, grace=15):
    """Ask a process we started to end, then insist."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tracked():
    """Files git knows or would take; a deleted one is neither."""
    done = call(["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"])
    return [name for name in done.stdout.splitlines() if (ROOT / name).is_file()]
