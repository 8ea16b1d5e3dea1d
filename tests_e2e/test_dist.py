"""What `make dist` makes can be installed: from the zip and from the wheel alone, where no file of the repository is
found."""

import zipfile

import pytest

from dev.common import MODULE
from dev.databases import Databases
from dev.dist import archive, wheel
from dev.instance import Instance
from dev.postgres import Cluster
from dev.python_env import install_into

# All that an installation makes, by names that are the same in every database.
RECORDS = f"SELECT model || ' ' || name FROM ir_model_data WHERE module = '{MODULE}'"
VERSION = f"SELECT latest_version FROM ir_module_module WHERE name = '{MODULE}'"


@pytest.fixture(scope="module")
def cluster():
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def databases(cluster):
    databases = Databases(cluster, Instance(cluster))
    databases.prepare()
    return databases


def unpack(series, folder):
    with zipfile.ZipFile(archive(series, folder)) as packed:
        packed.extractall(folder / "addons")
    return folder / "addons"


def install(series, folder):
    """As an installer of packages lays it out: below `odoo/addons`, which a user's Odoo finds by its package."""
    install_into(folder / "site", wheel(series, folder))
    return folder / "site" / "odoo" / "addons"


@pytest.mark.parametrize("laid_out", [unpack, install])
def test_what_is_packed_installs_as_the_checkout_does(cluster, databases, tmp_path, laid_out):
    instance = databases.instance
    expected = set(cluster.query(RECORDS, database=databases.addon()))
    instance.addons = laid_out(instance.series, tmp_path)
    with databases.installed(f"e2e-dist-{laid_out.__name__}") as name:
        assert cluster.query(VERSION, database=name)[0].startswith(f"{instance.series}.")
        assert set(cluster.query(RECORDS, database=name)) == expected
