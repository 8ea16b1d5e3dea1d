# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Texts as they may be stored, and as they are laid out where a script runs from right to left."""

import unicodedata

#: Invisible; counts as a letter of such a script.
RIGHT_TO_LEFT_MARK = "\u200f"


def storable(text: str) -> str:
    """``text`` without NUL characters and lone surrogates; everything else as it is."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")


def is_right_to_left(text: str) -> bool:
    """Whether the first letter of ``text`` is of a script that runs from right to left, as browsers decide it."""
    directions = (unicodedata.bidirectional(character) for character in text)
    return next((direction for direction in directions if direction in ("L", "R", "AL")), "L") != "L"
