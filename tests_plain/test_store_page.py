# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The page of Odoo's store stands by itself: no scripts, nothing from elsewhere, and each picture is there."""

import ast
import struct

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT

FOLDER = ROOT / "static" / "description"
MOST_BYTES = 150_000


@pytest.fixture
def page():
    return BeautifulSoup((FOLDER / "index.html").read_text(), "html.parser")


def size(path):
    """Width and height of a PNG."""
    data = path.read_bytes()[:24]
    assert data[:8] == b"\x89PNG\r\n\x1a\n", path
    return struct.unpack(">II", data[16:24])


def test_it_has_no_scripts_and_loads_nothing(page):
    assert not page.find_all(["script", "style", "link", "iframe", "object", "form", "html", "body"])
    for tag in page.find_all(True):
        assert not [name for name in tag.attrs if name.startswith("on")], tag
        assert "url(" not in tag.get("style", ""), tag
        assert "://" not in tag.get("src", "") + tag.get("href", ""), tag


def test_its_pictures_are_there_small_and_described(page):
    pictures = page.find_all("img")
    assert len(pictures) > 3
    for picture in pictures:
        path = FOLDER / picture["src"]
        assert len(picture["alt"]) > 20
        assert size(path) == (1366, 768)
        assert path.stat().st_size < MOST_BYTES, path


def test_no_picture_lies_about_that_the_page_does_not_show(page):
    shown = {picture["src"] for picture in page.find_all("img")} | {"icon.png"}
    assert {path.name for path in FOLDER.glob("*.png")} == shown


def test_the_icon_is_as_odoo_wants_it():
    assert size(FOLDER / "icon.png") == (128, 128)
    assert (FOLDER / "icon.svg").is_file()


def test_the_manifest_names_pictures_that_are_there():
    manifest = ast.literal_eval((ROOT / "__manifest__.py").read_text().partition("\n")[2])
    assert manifest["images"]
    assert all((ROOT / name).is_file() for name in manifest["images"])
