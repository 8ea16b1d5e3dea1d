# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Every picture is shown somewhere, and every picture that a page shows is there and can be made anew."""

import ast
import re

import pytest
from conftest import ROOT

from dev.screenshots.store import IN_README, PICTURES

FOLDER = ROOT / "docs" / "images"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHOWN = re.compile(r"!\[[^\]]*\]\((?!https?:)([^)\s]+)\)")


def shown(page):
    """Return the pictures that the page shows."""
    return {(page.parent / name).resolve() for name in SHOWN.findall(page.read_text())}


def named_pages():
    tree = ast.parse((ROOT / "dev" / "screenshots" / "__init__.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "page"]
    return {call.args[0].value for call in calls}


def test_every_picture_is_shown_by_a_page():
    pictures = {path.resolve() for path in FOLDER.iterdir()}
    assert pictures
    assert pictures == set().union(*map(shown, PAGES))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.png")), ids=lambda path: path.stem)
def test_every_picture_can_be_made_anew(path):
    assert path.stem.removesuffix("-ar") in named_pages()


def test_what_readme_and_the_store_show_is_made_without_being_named():
    made = {*PICTURES, *IN_README}
    store = {path.stem for path in (ROOT / "static" / "description").glob("*.png")} - {"icon"}
    assert {path.stem for path in shown(ROOT / "README.md")} <= made
    assert store == set(PICTURES)
