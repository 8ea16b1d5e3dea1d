# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What `make dist` packs: all that the manifest names, nothing that a user has no use for, the same bytes each time."""

import ast
import email
import fnmatch
import importlib
import os
import re
import sys
import zipfile

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT))
dist = importlib.import_module("dev.dist")
Stop = importlib.import_module("dev.common").Stop
python_env = importlib.import_module("dev.python_env")

# What stands on top of the package. Something new in the repository is packed or left out by a decision, not by chance.
ON_TOP = {
    "CHANGELOG.md", "LICENSE", "README.md", "__init__.py", "__manifest__.py", "compat.py", "controllers", "data",
    "database.py", "demo", "docs", "encryption.py", "hooks.py", "i18n", "marketplaces", "models", "requirements.txt",
    "schemas.py", "screen.py", "security", "static", "transport", "views", "wizards",
}  # fmt: skip


@pytest.fixture(scope="module", params=dist.SERIES)
def series(request):
    return request.param


@pytest.fixture(scope="module")
def packed(series, tmp_path_factory):
    """Content by name, as it lies in the zip below the module's folder."""
    with zipfile.ZipFile(dist.archive(series, tmp_path_factory.mktemp("zip"))) as archive:
        assert archive.testzip() is None
        assert {name.split("/")[0] for name in archive.namelist()} == {"cartona_integration"}
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def manifest(packed):
    return ast.literal_eval(packed["__manifest__.py"].decode())


def test_it_is_of_its_series(manifest, series):
    assert manifest["version"].startswith(f"{series}.")


def test_what_its_reader_sees_first_names_its_series(packed, manifest, series):
    assert packed["README.md"].decode().splitlines()[0].endswith(f"for Odoo {series}")
    assert f"## {manifest['version']}" in packed["CHANGELOG.md"].decode()


def test_all_that_the_manifest_names_is_there(packed, manifest):
    for name in [*manifest["data"], *manifest["demo"], *manifest["images"], "static/description/icon.png"]:
        assert name in packed
    for bundle, patterns in manifest["assets"].items():
        for pattern in patterns:
            inside = pattern.removeprefix("cartona_integration/").replace("**/*", "*")
            assert fnmatch.filter(packed, inside), f"{bundle}: {pattern}"


def test_nothing_else_is_there(packed):
    assert {name.split("/")[0] for name in packed} == ON_TOP
    assert not [name for name in packed if re.search(r"(^|/)\.|\.py[co]$|__pycache__|\.(log|zip|whl)$", name)]


def test_each_package_is_whole(packed):
    """A module that is imported from its own folder is there too."""
    for name in packed:
        folder = os.path.dirname(name)
        if name.endswith("__init__.py"):
            for module in re.findall(r"^from \. import (\w+)", packed[name].decode(), re.M):
                path = os.path.join(folder, module)
                assert f"{path}.py" in packed or f"{path}/__init__.py" in packed, f"{name}: {module}"


def test_what_readme_leads_to_is_there(packed):
    links = re.findall(r"\]\((?!http|#)([^)#]+)", packed["README.md"].decode())
    assert len(links) > 5
    assert not [link for link in links if link not in packed]


def test_it_is_the_same_each_time(series, tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    first, second = (dist.archive(series, tmp_path / name).read_bytes() for name in "ab")
    assert first == second


@pytest.fixture(scope="module")
def wheel(series, tmp_path_factory):
    try:
        python_env.environment("dist")
    except Stop as stop:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"whool can't be had: {stop}")
    with zipfile.ZipFile(dist.wheel(series, tmp_path_factory.mktemp("wheel"))) as archive:
        yield archive


def test_the_wheel_holds_what_the_zip_holds(wheel, packed):
    inside = "odoo/addons/cartona_integration/"
    held = {name.removeprefix(inside): wheel.read(name) for name in wheel.namelist() if name.startswith(inside)}
    assert held == packed
    assert all(name.startswith(inside) or ".dist-info/" in name for name in wheel.namelist())


def test_the_wheel_says_what_it_is_and_needs(wheel, series, manifest):
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    about = email.message_from_bytes(wheel.read(name))
    assert re.sub("[-_.]+", "-", about["Name"]) == "odoo-addon-cartona-integration"
    assert re.fullmatch(re.escape(manifest["version"]) + r"(\.\d+)?", about["Version"])
    assert about["License"] == "LGPL-3"
    needs = {re.match(r"[\w-]+", need)[0]: need for need in about.get_all("Requires-Dist")}
    python = set(manifest["external_dependencies"]["python"])
    named = (ROOT / "requirements.txt").read_text().splitlines()
    assert {line for line in named if not line.startswith("#")} == python
    assert set(needs) == python | {"odoo", "odoo-addon-queue_job"}
    assert needs["odoo"] == {"17.0": "odoo>=17.0a,<17.1dev"}.get(series, f"odoo=={series}.*")
