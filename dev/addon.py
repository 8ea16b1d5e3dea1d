"""The addon as Odoo sees it: a folder of the module's name in an addons path, outside of the repository.

On the series the source is written in this is a link to the checkout, on others a ported copy.
"""

import hashlib
import os
import shutil

from .common import MODULE, ROOT, locked, state_dir
from .odoo_source import WRITTEN_FOR

# What no database knows.
NOT_INSTALLED = {"dev", "sandbox", "tests", "tests_plain", "tests_e2e", "docs", "readme", "static", "node_modules"}
INSTALLED = {".py", ".xml", ".csv", ".sql", ".po", ".pot"}


def addons_path(series):
    """The addons path for a series, its content as the sources are now."""
    folder = state_dir() / f"addons-{series}"
    folder.mkdir(exist_ok=True)
    if series == WRITTEN_FOR:
        link(folder / MODULE)
    else:
        from .port import port

        with locked(f"port-{series}"):
            port(ROOT, folder / MODULE, series)
    return folder


def link(path):
    if path.is_symlink() and os.readlink(path) == str(ROOT):
        return
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
    path.symlink_to(ROOT, target_is_directory=True)


def sources(addon):
    """The addon's files that a database knows: code, views, data, translations."""
    for folder, folders, files in os.walk(addon):
        folders[:] = sorted(
            name for name in folders if not name.startswith((".", "__")) and name not in NOT_INSTALLED
        )  # fmt: skip
        for name in sorted(files):
            if os.path.splitext(name)[1] in INSTALLED:
                yield os.path.join(folder, name)


def fingerprint(addon):
    """Changes when the addon has to be installed anew; of the port where it is ported, so that its rules count."""
    known = hashlib.sha256()
    for path in sources(addon):
        known.update(os.path.relpath(path, addon).encode())
        with open(path, "rb") as handle:
            known.update(hashlib.sha256(handle.read()).digest())
    return known.hexdigest()[:12]
