# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""README is in the order that readers expect, every page is reached, and what is said twice agrees."""

import ast
import re

import pytest
from conftest import ROOT

SECTIONS = [
    "Overview", "Features", "Installation", "Configuration", "Usage", "API", "Troubleshooting", "Development",
    "Licence",
]  # fmt: skip
PAGES = [
    ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "readme").rglob("*.md")),
]  # fmt: skip
ADAPTERS = sorted(
    path.stem for path in (ROOT / "marketplaces").glob("*.py") if '_name = "marketplace.api.' in path.read_text()
)


@pytest.fixture
def readme():
    return (ROOT / "README.md").read_text()


def without_code(text):
    return re.sub(r"```.*?```", "", text, flags=re.S)


def links(path):
    return re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", without_code(path.read_text()))


def anchors(path):
    headings = re.findall(r"^#+ (.*)$", without_code(path.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_readme_has_its_sections_in_order(readme):
    assert re.findall(r"^## (.*)$", without_code(readme), re.M) == SECTIONS


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path):
    for link in links(path):
        name, _hash, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("code", ADAPTERS)
def test_the_page_of_each_marketplace_says_what_readers_look_for(code):
    headings = re.findall(r"^## (.*)$", (ROOT / "docs" / f"{code}.md").read_text(), re.M)
    looked_for = ["Set up", "Webhooks", "Limits", "Not supported"]
    assert [heading for heading in headings if heading in looked_for] == looked_for


def test_readme_leads_to_every_page(readme):
    adapters = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert adapters <= {link.removeprefix("docs/") for link in links(ROOT / "README.md")}


def test_every_picture_of_readme_says_what_it_shows(readme):
    pictures = re.findall(r"!\[(.*?)\]\(", readme)
    assert len(pictures) >= 5
    assert all(len(text) > 10 for text in pictures)


def test_the_description_is_the_overview(readme):
    description = (ROOT / "readme" / "DESCRIPTION.md").read_text().partition("\n\nMore:")[0]
    assert description in readme.partition("## Overview")[2].partition("## Features")[0]


def test_the_contributors_are_the_manifests_author():
    manifest = ast.literal_eval((ROOT / "__manifest__.py").read_text())
    assert (ROOT / "readme" / "CONTRIBUTORS.md").read_text() == f"- {manifest['author']}\n"


def test_every_command_is_a_target_that_is_helped_and_described():
    source = ast.parse((ROOT / "dev" / "__main__.py").read_text())
    commands = next(ast.literal_eval(node.value) for node in source.body if isinstance(node, ast.Assign))
    makefile, page = (ROOT / "Makefile").read_text(), (ROOT / "docs" / "DEVELOPMENT.md").read_text()
    for command in set(commands) - {"series"}:  # what CI alone asks
        assert f'@echo "make {command} ' in makefile, command
        assert f"| `make {command}` |" in page, command
    targets = re.search(r"^([\w ]+):\n\t@\$\(PYTHON\) -m dev \$@$", makefile, re.M)[1].split()
    assert set(targets) == set(commands) - {"series"}
