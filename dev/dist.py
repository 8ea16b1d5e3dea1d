"""`make dist`: what a user installs, in `dist/`: for each series one zip to unpack into an addons path, and one wheel.

Only series whose tests run are packed: those of the port's rules (see `port_rules.py`), and the one it is written in.
"""

import ast
import os
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

from .addon import addons_path
from .common import MODULE, ROOT, Stop, call, say, tracked
from .odoo_source import SERIES, WRITTEN_FOR
from .port import rewritten
from .python_env import environment

DIST = ROOT / "dist"
# No tests: they talk to the sandbox, and neither belongs on a server that sells; Odoo looks for them when told to test,
# never else. The tours stay, since the manifest names them, and the pages that README leads to.
LEFT_OUT = {
    "dev", "sandbox", "tests", "tests_plain", "tests_e2e", "readme", "Makefile", "pyproject.toml", "eslint.config.mjs",
}  # fmt: skip
# Run beside the checkout, under the module's name: whool takes it from the folder. Counts commits as OCA's packages do.
VERSION = """
import sys
from pathlib import Path
from manifestoo_core.metadata import metadata_from_addon_dir
print(metadata_from_addon_dir(Path(sys.argv[1]))["Version"])
"""
WHEEL = "import sys; from whool.buildapi import build_wheel; print(build_wheel(sys.argv[1]))"


def main():
    DIST.mkdir(exist_ok=True)
    for old in (*DIST.glob("*.zip"), *DIST.glob("*.whl")):
        old.unlink()
    for series in SERIES:
        print(archive(series, DIST))
        try:
            print(wheel(series, DIST))
        except Stop as stop:
            say(f"no wheel for {series}: {stop}")
    return 0


def files(series):
    """Content of the addon's files by their names, as a user of `series` gets them."""
    names = sorted(filter(is_packed, tracked()))
    return as_written(names) if series == WRITTEN_FOR else rewritten(ROOT, names, series)


def as_written(names):
    return {name: (ROOT / name).read_bytes() for name in names}


def is_packed(name):
    first = name.split("/")[0]
    return not (first.startswith(".") or first in LEFT_OUT or (ROOT / name).is_symlink())


def archive(series, folder):
    """Write the zip; the same commit gives the same bytes."""
    packed = files(series)
    path = Path(folder) / f"{MODULE}-{version(packed)}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in packed.items():
            entry = zipfile.ZipInfo(f"{MODULE}/{name}", time.gmtime(packed_at())[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            target.writestr(entry, data)
    return path


def version(packed):
    return ast.literal_eval(packed["__manifest__.py"].decode())["version"]


def packed_at():
    """The commit's time, not one for ever: Odoo tells by its files' times that a bundle of assets is another one."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given or call(["git", "-C", ROOT, "log", "-1", "--format=%ct"]).stdout)


def wheel(series, folder):
    """Build the wheel by whool, from the same files in the form of an sdist: with PKG-INFO it neither asks git, which
    knows more files than a user needs, nor takes the name of the folder."""
    python = environment("dist")
    packed = files(series)
    with tempfile.TemporaryDirectory() as stage:
        for name, data in {**packed, "PKG-INFO": pkg_info(python, version(packed))}.items():
            path = Path(stage) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        env = {**os.environ, "SOURCE_DATE_EPOCH": str(packed_at())}
        done = call([python, "-c", WHEEL, Path(folder).resolve()], cwd=stage, env=env)
    return Path(folder) / done.stdout.split()[-1]


def pkg_info(python, version):
    """Name and version: that of the series, and how many commits came since it was set."""
    link = addons_path(WRITTEN_FOR) / MODULE
    full = subprocess.check_output([python, "-c", VERSION, link], text=True).strip()
    commits = full.split(".")[5:]
    return f"Metadata-Version: 2.1\nName: odoo-addon-{MODULE}\nVersion: {'.'.join([version, *commits])}\n".encode()
