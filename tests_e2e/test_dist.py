"""What `make dist` makes can be installed: from the zip alone, where no file of the repository is found."""

import zipfile

from dev.common import MODULE
from dev.databases import Databases
from dev.dist import archive
from dev.instance import Instance
from dev.postgres import Cluster

# All that an installation makes, by names that are the same in every database.
RECORDS = f"SELECT model || ' ' || name FROM ir_model_data WHERE module = '{MODULE}'"
VERSION = f"SELECT latest_version FROM ir_module_module WHERE name = '{MODULE}'"


def test_the_zip_installs_as_the_checkout_does(tmp_path):
    with Cluster() as cluster:
        instance = Instance(cluster)
        databases = Databases(cluster, instance)
        databases.prepare()
        expected = set(cluster.query(RECORDS, database=databases.addon()))
        with zipfile.ZipFile(archive(instance.series, tmp_path)) as packed:
            packed.extractall(tmp_path / "addons")
        instance.addons = tmp_path / "addons"
        with databases.installed("e2e-dist") as name:
            assert cluster.query(VERSION, database=name)[0].startswith(f"{instance.series}.")
            assert set(cluster.query(RECORDS, database=name)) == expected
