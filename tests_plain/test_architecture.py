# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""docs/ARCHITECTURE.md shows the rooms as they are: the picture is that of the code, and no import leads up."""

import pytest
from conftest import ROOT

from dev import architecture
from dev.common import Stop


def test_the_picture_is_that_of_the_code():
    assert architecture.PICTURE.read_text(encoding="utf-8") == architecture.picture(), "run make architecture"


def test_every_room_of_the_addon_is_in_the_picture():
    beside = {"sandbox", "tests", "tests_plain", "tests_e2e", "dev"}
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} - beside
    modules = {path.name for path in ROOT.glob("*.py")} - {"__init__.py", "__manifest__.py"}
    assert folders | modules <= architecture.ROOMS.keys()


def test_imports_that_go_round_are_refused():
    with pytest.raises(Stop, match="circle among models, transport"):
        architecture.floors_of({("models", "transport"), ("transport", "models")})


def test_what_a_room_imports_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(architecture, "ROOT", tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "transport").mkdir()
    (tmp_path / "models" / "x.py").write_text(
        "from ..transport.errors import E\nfrom .y import z\nfrom .. import compat"
    )
    assert architecture.taken_from("models") == {"transport", "compat.py"}


def test_arrows_that_follow_from_others_are_not_drawn():
    arrows = {("wizards", "models"), ("models", "transport"), ("wizards", "transport")}
    assert architecture.drawn(arrows) == {("wizards", "models"), ("models", "transport")}
