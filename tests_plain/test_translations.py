# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The translations are complete, and hold whatever of a text is not words: placeholders, markup, line breaks."""

import ast
import re
from collections import Counter

import polib
import pytest
from conftest import ROOT

FOLDER = ROOT / "i18n"
TEMPLATE = FOLDER / "cartona_integration.pot"
LANGUAGES = ("ar", "fr")
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[\d.]*[sdifr](?!\w)|\$\{[^}]*\}|\{\{.*?\}\}")
MARKUP = re.compile(r"</?\w+[^>]*>|&\w+;")
# The letters of the language; a text that has none of them is a name or a sign.
SCRIPT = {"ar": re.compile(r"[\u0600-\u06ff]"), "fr": re.compile(r"\w")}


@pytest.fixture(params=LANGUAGES)
def language(request):
    return request.param


@pytest.fixture
def entries(language):
    found = list(polib.pofile(str(FOLDER / f"{language}.po")))
    assert len(found) > 1000
    return found


def wrong(entries, check):
    """The texts, with their translations, for which ``check`` does not hold."""
    return {entry.msgid: entry.msgstr for entry in entries if not check(entry)}


def test_every_text_is_translated(entries):
    assert not wrong(entries, lambda entry: entry.msgstr.strip() and not entry.fuzzy and not entry.obsolete)


def test_a_language_has_the_texts_of_the_template_in_the_same_places(entries):
    def places(entries):
        return {entry.msgid: sorted(entry.occurrences) for entry in entries}

    assert places(entries) == places(polib.pofile(str(TEMPLATE)))


def test_placeholders_are_kept(entries):
    assert not wrong(entries, lambda entry: same(PLACEHOLDER, entry))


def test_placeholders_without_a_name_keep_their_order(entries):
    """Python fills them one after the other."""

    def in_order(entry):
        found = [PLACEHOLDER.findall(text) for text in (entry.msgid, entry.msgstr)]
        plain = [[part for part in parts if not part.startswith("%(")] for parts in found]
        return plain[0] == plain[1]

    assert not wrong(entries, in_order)


def test_no_percent_sign_is_lost_or_added(entries):
    """One too many fails where the text is filled in."""
    assert not wrong(entries, lambda entry: entry.msgid.count("%") == entry.msgstr.count("%"))


def test_markup_is_kept(entries):
    assert not wrong(entries, lambda entry: same(MARKUP, entry))


def test_line_breaks_and_outer_spaces_are_kept(entries):
    def is_kept(entry):
        source, text = entry.msgid, entry.msgstr
        outer = [(len(one) - len(one.lstrip()), len(one) - len(one.rstrip())) for one in (source, text)]
        return source.count("\n") == text.count("\n") and outer[0] == outer[1]

    assert not wrong(entries, is_kept)


def test_quotes_come_in_pairs(entries):
    def is_sane(entry):
        """A text that opens a bracket for the next one to close does so in every language."""
        source, text = Counter(entry.msgid), Counter(entry.msgstr)
        brackets = source["("] - source[")"] == text["("] - text[")"]
        return brackets and text["«"] == text["»"] and text["“"] == text["”"]

    assert not wrong(entries, is_sane)


def test_nobody_left_the_english_text_in_place(entries, language):
    """Same as the source is a name (URL, Cartona) or a word that both languages write alike; a sentence is neither."""

    def is_translated(entry):
        words = re.findall(r"[A-Za-z]{2,}", MARKUP.sub("", PLACEHOLDER.sub("", entry.msgid)))
        return len(words) < 4 or (entry.msgstr != entry.msgid and SCRIPT[language].search(entry.msgstr))

    assert not wrong(entries, is_translated)


def same(pattern, entry):
    return Counter(pattern.findall(entry.msgid)) == Counter(pattern.findall(entry.msgstr))


def joins_by_comma(node):
    """Tell whether the call puts texts together with a comma and a blank, which Arabic writes another way."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "join"
        and getattr(node.func.value, "value", None) in (", ", "; ")
    )


def test_a_list_within_a_text_for_people_has_the_commas_of_their_language():
    """`compat.format_list` gives them."""
    found = []
    for folder in ("models", "marketplaces", "wizards", "controllers"):
        for path in sorted((ROOT / folder).glob("*.py")):
            for call in ast.walk(ast.parse(path.read_text())):
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "_":
                    parts = [part for value in ast.iter_child_nodes(call) for part in ast.walk(value)]
                    found += [f"{path.name}:{part.lineno}" for part in parts if joins_by_comma(part)]
    assert not found
