"""`make i18n`: what can be translated, as Odoo itself exports it, and the languages brought up to it.

A term that is new stands empty in `i18n/<language>.po`, one that is gone is dropped, and nothing is guessed: a text
that was changed is translated anew. The tests fail while a term is missing anywhere.
"""

import os
import tempfile
from pathlib import Path

from ..common import MODULE, ROOT, Stop, call, say
from ..databases import Databases
from ..instance import Instance, is_failure
from ..odoo_source import WRITTEN_FOR
from ..postgres import Cluster

MERGE = Path(__file__).with_name("merge.py")
FOLDER = ROOT / "i18n"
LANGUAGES = ("ar", "fr")


def main():
    with Cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        instance = Instance(cluster, WRITTEN_FOR)
        exported = Path(folder) / f"{MODULE}.pot"
        with Databases(cluster, instance).fresh("i18n") as database:
            export(instance, database, exported)
        done = call([instance.python, MERGE, exported, FOLDER, *LANGUAGES])
    say(done.stdout.strip())
    return 0


def export(instance, database, path):
    """Write the addon's terms. Odoo finds its files by the link in the addons path, which lies outside of the
    repository: it follows links, and would go round in circles."""
    configuration = instance.configuration(f"i18n-{os.getpid()}")
    try:
        done = call(
            instance.command(
                "-c", configuration, "-d", database, "--no-http", "--stop-after-init",
                f"--modules={MODULE}", f"--i18n-export={path}",
            ),
            env=instance.env,
        )  # fmt: skip
    finally:
        configuration.unlink()
    if any(map(is_failure, done.stdout.splitlines())):
        # It leaves out the texts of a file that it can't read: f-strings within _() are what it meets most.
        raise Stop(f"{done.stdout[-4000:]}\nOdoo could not export all texts: see above")
