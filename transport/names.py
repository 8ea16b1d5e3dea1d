# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Names of products, made comparable: two people write one product in two ways, in Arabic above all."""

import re
import unicodedata
from difflib import SequenceMatcher

#: A name that is less like another one is no suggestion.
LIKE_ENOUGH = 0.6
#: What is left of the likeness where the numbers differ: another size is another product.
OTHER_NUMBERS = 0.8
#: Characters of a name that are looked at.
LONGEST = 200

# What decomposing does not unify: alef wasla, alef maqsura, ta marbuta, Persian kaf and ya. Hamza and tatweel go.
_LETTERS = str.maketrans({"ٱ": "ا", "ى": "ي", "ی": "ي", "ة": "ه", "ک": "ك", "ء": "", "ـ": ""})
_WORD = re.compile(r"\d+|[^\W\d_]+")


def words(name: str) -> list[str]:
    """The words and numbers of a name, in lower case: letters without their marks (tashkeel, hamza, accents), digits
    as 0-9, ``330ml`` as two, nothing of punctuation.

    >>> words("مياهُ إيـفيان ٣٣٠مل")
    ['مياه', 'ايفيان', '330', 'مل']
    """
    letters = unicodedata.normalize("NFKD", name[:LONGEST].lower())
    bare = "".join(_digit(letter) for letter in letters if not unicodedata.combining(letter))
    return _WORD.findall(bare.translate(_LETTERS))


def closest(name: str, others: dict, count: int = 3) -> list:
    """The keys of up to ``count`` of ``others``, ``{key: its names in several languages}``, that are most like
    ``name``, best first; in their given order where they are equally like it."""
    target = _Target(name)
    found = {key: max(map(target.likeness, names), default=0.0) for key, names in others.items()}
    ranked = sorted((key for key in found if found[key] >= LIKE_ENOUGH), key=lambda key: -found[key])
    return ranked[:count]


class _Target:
    """One name that many others are compared with, whatever the order of their words."""

    def __init__(self, name):
        self.numbers, text = _parts(name)
        self.matcher = SequenceMatcher(b=text, autojunk=False)

    def likeness(self, name):
        """From 0.0, nothing in common, to 1.0, the same words."""
        numbers, text = _parts(name)
        if not text:
            return 0.0
        self.matcher.set_seq1(text)
        part = 1.0 if numbers == self.numbers else OTHER_NUMBERS
        if self.matcher.quick_ratio() * part < LIKE_ENOUGH:  # never less than the true one
            return 0.0
        return self.matcher.ratio() * part


def _digit(letter):
    return str(unicodedata.decimal(letter, letter))


def _parts(name):
    found = sorted(words(name))
    return [word for word in found if word.isdecimal()], " ".join(found)
