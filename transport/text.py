# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Texts as they may be stored, and as they are laid out where a script runs from right to left."""

import unicodedata

#: Invisible; counts as a letter of such a script.
RIGHT_TO_LEFT_MARK = "\u200f"


def storable(text: str) -> str:
    """``text`` without NUL characters and lone surrogates; everything else as it is."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")


def one_text(value, longest: int | None = None) -> str:
    """An error of any shape as one text: a text, a list, an object, in one another; ``longest`` is of each part."""
    if isinstance(value, dict):
        return "; ".join(f"{key}: {one_text(part, longest)}" for key, part in value.items())
    if isinstance(value, list):
        return "; ".join(one_text(part, longest) for part in value)
    return "" if value is None else storable(str(value))[:longest]


def is_right_to_left(text: str) -> bool:
    """Whether most letters of ``text`` are of scripts that run from right to left; what it names may be of another."""
    directions = [unicodedata.bidirectional(character) for character in text]
    return directions.count("R") + directions.count("AL") > directions.count("L")
