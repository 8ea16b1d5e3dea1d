# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What comes from outside may hold characters that no database takes."""


def storable(text: str) -> str:
    """``text`` without NUL characters and lone surrogates; everything else as it is."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")
