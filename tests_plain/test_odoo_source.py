# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Which Odoo is taken: the tree that is asked for, whole, from ODOO_HOME or the cache, and no other."""

import importlib
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT))
odoo_source = importlib.import_module("dev.odoo_source")
series_here = importlib.import_module("dev.series")
from_clone = odoo_source.from_clone
Stop = importlib.import_module("dev.common").Stop


@pytest.fixture(autouse=True)
def nothing_else(tmp_path, monkeypatch):
    """A cache of its own, and nothing from the network."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("SERIES", "ODOO_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(odoo_source, "from_clone", lambda wanted, reasons: None)
    monkeypatch.setattr(odoo_source, "from_debian", lambda wanted, reasons: None)


def tree(home, series, *, whole=True):
    major, minor = series.split(".")
    (home / "odoo").mkdir(parents=True)
    (home / "odoo" / "release.py").write_text(f"version_info = ({major}, {minor}, 0, FINAL, 0, '')\n")
    if whole:
        (home / "odoo" / "addons" / "web" / "static" / "lib" / "owl").mkdir(parents=True)
    return home


def test_each_series_is_found_in_the_cache_by_its_name():
    homes = {series: tree(odoo_source.tree(series), series) for series in odoo_source.TREES}
    assert {series: odoo_source.resolve(series).home for series in homes} == homes
    assert odoo_source.resolve().series == odoo_source.WRITTEN_FOR


def test_odoo_home_gives_its_own_series_and_no_other(tmp_path, monkeypatch):
    home = tree(tmp_path / "mine", "18.0")
    tree(odoo_source.tree("17.0"), "17.0")
    monkeypatch.setenv("ODOO_HOME", str(home))
    assert odoo_source.resolve().home == home
    assert odoo_source.resolve("18.0").home == home
    assert odoo_source.resolve("17.0").home == odoo_source.tree("17.0")


def test_what_is_not_there_is_said_with_where_to_put_it():
    with pytest.raises(Stop, match=r"(?s)source tree of Odoo 18\.0.*odoo-18\.0"):
        odoo_source.resolve("18.0")


def test_a_tree_without_its_libraries_is_not_taken(tmp_path, monkeypatch):
    tree(odoo_source.tree("18.0"), "18.0", whole=False)
    with pytest.raises(Stop, match="is not whole"):
        odoo_source.resolve("18.0")
    monkeypatch.setenv("ODOO_HOME", str(tree(tmp_path / "mine", "17.0", whole=False)))
    with pytest.raises(Stop, match="is not whole"):
        odoo_source.resolve()


def test_a_tree_that_is_not_proven_is_told_of(capsys):
    tree(odoo_source.tree("18.0"), "18.0", whole=False)
    assert not odoo_source.is_here("18.0")
    assert "is not whole" in capsys.readouterr().err


def test_nothing_is_cloned_beside_a_tree_that_is_in_the_way(monkeypatch):
    home = tree(odoo_source.tree("18.0"), "18.0", whole=False)
    calls = []
    monkeypatch.setattr(odoo_source, "call", lambda command, **_kwargs: calls.append(command))
    reasons = []
    assert not from_clone("18.0", reasons)
    assert not calls
    assert reasons == [f"{home} is in the way of a clone: remove it"]


@pytest.mark.parametrize(
    ("trees", "proven"),
    [(["17.0"], ["19.0", "17.0"]), (["17.0", "18.0"], ["18.0", "19.0", "17.0"]), (["18.0"], ["19.0"])],
)
def test_the_series_that_are_here_are_proven_the_written_one_last(trees, proven, monkeypatch, capsys):
    for series in trees:
        tree(odoo_source.tree(series), series)
    debian = odoo_source.Odoo("19.0", ROOT, "Debian's package")
    monkeypatch.setattr(odoo_source, "from_debian", lambda wanted, reasons: debian)
    monkeypatch.setattr(series_here.debian, "odoo", lambda: ROOT)
    series_here.main()
    assert capsys.readouterr().out.split() == proven
