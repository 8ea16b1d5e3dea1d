# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Sentences for people. They are English here; each keeps what it is made of, so that Odoo can say it in another
language. ``_`` is the name by which they are found for translation."""

from collections.abc import Callable

from .text import storable


class Words(str):
    """An English sentence with ``values`` in it, which may be such sentences themselves."""

    source: str
    values: dict

    def __new__(cls, source: str, **values):
        words = super().__new__(cls, storable(source % values if values else source))
        words.source, words.values = source, values
        return words

    def said(self, say: Callable[[str], str]) -> str:
        """The sentence in the language of ``say(source)``."""
        values = {name: value.said(say) if isinstance(value, Words) else value for name, value in self.values.items()}
        source = say(self.source)
        return storable(source % values if values else source)

    def covered(self, cover: Callable[[str], str]) -> "Words":
        """The sentence with ``cover(text)`` in place of each text in it that is no sentence itself."""

        def within(value):
            if isinstance(value, Words):
                return value.covered(cover)
            return cover(value) if isinstance(value, str) else value

        return Words(self.source, **{name: within(value) for name, value in self.values.items()})


def _(source: str, **values) -> Words:
    return Words(source, **values)
