# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import re
from pathlib import Path

SHEETS = sorted((Path(__file__).parents[1] / "static" / "src").rglob("*.css"))


def selectors(sheet):
    """What the rules of a sheet are for, each by itself."""
    text = re.sub(r"/\*.*?\*/|@media[^{]*\{", "", sheet.read_text(), flags=re.DOTALL)
    return [one.strip() for rule in re.findall(r"([^{}]+)\{", text) for one in rule.split(",")]


def test_styles_are_of_our_own_classes_alone():
    """A field's name may be another addon's too, and a page shows many addons."""
    found = {one for sheet in SHEETS for one in selectors(sheet)}
    assert len(SHEETS) > 2
    assert [one for one in sorted(found) if ".o_marketplace_" not in one] == []
