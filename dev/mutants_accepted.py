"""Mutants that may survive, and why: `(file, lines before, lines after): reason`, lines without their indentation.

A file of "" stands for any.
"""

import re

SAME = "the same outcome, by way of more or less work"
FIGURE = "a figure that could as well be another; no promise names it"
DECLARED = "says that nobody changes it, and nobody does"
ORDER = "ranks are compared, never counted"
ELSEWHERE = "the judges' database was made of the checkout, and what is readonly, forms alone heed"

MADE_OF = re.compile(r"\b(readonly|required|index)= ?(True|False)\b")

ACCEPTED = {
    ("", "@dataclass(frozen=True)", "@dataclass(frozen=False)"): DECLARED,
    ("schemas.py", '"approved": 10,', '"approved": 9,'): ORDER,
    ("schemas.py", '"approved": 10,', '"approved": 11,'): ORDER,
    ("schemas.py", '"shipped": 20,', '"shipped": 19,'): ORDER,
    ("schemas.py", '"shipped": 20,', '"shipped": 21,'): ORDER,
    ("schemas.py", '"delivered": 30,', '"delivered": 29,'): ORDER,
    ("schemas.py", '"delivered": 30,', '"delivered": 31,'): ORDER,
    ("transport/client.py", "timeout: float = 30.0,", "timeout: float = 29.0,"): FIGURE,
    ("transport/client.py", "timeout: float = 30.0,", "timeout: float = 31.0,"): FIGURE,
    ("transport/client.py", "connect_timeout: float = 5.0,", "connect_timeout: float = 4.0,"): FIGURE,
    ("transport/client.py", "connect_timeout: float = 5.0,", "connect_timeout: float = 6.0,"): FIGURE,
    ("transport/client.py", "def _words(data, depth=0):", "def _words(data, depth= -1):"): FIGURE,
    ("transport/session.py", "super().__init__(pool_maxsize=2)", "super().__init__(pool_maxsize= 1)"): FIGURE,
    (
        "transport/failures.py",
        'waiting += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args[:2]]',
        'waiting += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args[: 3]]',
    ): "no exception of these libraries has a third argument that is an exception",
    (
        "transport/names.py",
        "found = {key: max(map(target.likeness, names), default=0.0) for key, names in others.items()}",
        "found = {key: max(map(target.likeness, names), default= -1.0) for key, names in others.items()}",
    ): SAME,
    (
        "transport/names.py",
        "if self.matcher.quick_ratio() * part < LIKE_ENOUGH:  # never less than the true one",
        "if self.matcher.quick_ratio() ** part < LIKE_ENOUGH:  # never less than the true one",
    ): SAME,
    (
        "transport/oauth.py",
        "return Token(token, _lifetime(min(ends) - time.time()) if ends else None)",
        "return Token(token, _lifetime(min(ends) % time.time()) if ends else None)",
    ): "a cookie that has ended is not in the answer's cookies, and none lasts until twice today's date",
    (
        "transport/redaction.py",
        'return bytes(data[: window * 4 + 4]).decode("utf-8", "replace")',
        'return bytes(data[: window * 5 + 4]).decode("utf-8", "replace")',
    ): SAME,
    (
        "transport/redaction.py",
        "longest = max((len(form) for secret in _tidy(secrets) for form in _forms(secret)), default=0)",
        "longest = max((len(form) for secret in _tidy(secrets) for form in _forms(secret)), default= -1)",
    ): "one character more of a text in which nothing is to be hidden, and that is cut later",
    (
        "transport/retry.py",
        "ceiling = min(cap, base * 2 ** min(max(attempt, 1) - 1, 40))",
        "ceiling = min(cap, base * 2 ** min(max(attempt, 1) - 1, 41))",
    ): "the cap is reached long before; the limit is there so that no number grows without end",
    (
        "transport/session.py",
        "super().__init__(pool_maxsize=2)",
        "super().__init__(pool_maxsize= 3)",
    ): FIGURE,
    ("models/marketplace_failure.py", "@api.model", ""): "these are called by our own code, on any records",
    (
        "models/marketplace_offer.py",
        'if config.price_tax == "as_is":',
        'if config.price_tax <= "as_is":',
    ): "no other choice comes before it in the alphabet",
}


def reason(name, before, after):
    """Why a mutant may survive; ``None``: it may not."""
    if MADE_OF.sub("", before) == MADE_OF.sub("", after):
        return ELSEWHERE
    return ACCEPTED.get((name, before, after)) or ACCEPTED.get(("", before, after))
