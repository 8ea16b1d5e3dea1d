"""Both sides in one table: medians of the rounds, and how often ours goes into theirs."""

import json
from dataclasses import asdict
from statistics import median

# What is shown of a round: the words for it, the work it belongs to, the figure, and its unit.
ROWS = (
    ("stock: the user's own transaction", "stock", "transaction", "s"),
    ("stock: from its commit to the last one at the shop", "stock", "seconds", "s"),
    ("stock: HTTP calls", "stock", "calls", ""),
    ("stock: jobs", "stock", "jobs", ""),
    ("orders: from the button to the last sale order", "orders", "seconds", "s"),
    ("orders: HTTP calls until all is quiet", "orders", "calls", ""),
    ("orders: jobs until all is quiet", "orders", "jobs", ""),
)


def figures(rounds):
    """`(words, unit, ours, theirs)`, each side a list with a figure for each round."""
    for words, work, key, unit in ROWS:
        ours, theirs = zip(*([getattr(cost, key) for cost in one[work].values()] for one in rounds), strict=True)
        yield words, unit, list(ours), list(theirs)


def table(rounds):
    names = list(rounds[0]["stock"])
    lines = [f"{'':52}  {names[0]:>22}  {names[1]:>22}  {'times':>6}"]
    lines.append("-" * len(lines[0]))
    for words, unit, ours, theirs in figures(rounds):
        times = median(theirs) / median(ours) if median(ours) else float("nan")
        lines.append(f"{words:52}  {shown(ours, unit):>22}  {shown(theirs, unit):>22}  {times:>6.1f}")
    lines.append(f"Medians of {len(rounds)}; in brackets the least and the most.")
    return "\n".join(lines)


def shown(values, unit):
    """`2.31 s (2.2–2.4)`"""
    form = ".2f" if unit else ".0f"
    text = f"{median(values):{form}} {unit}".strip()
    return f"{text} ({min(values):{form}}–{max(values):{form}})" if min(values) != max(values) else text


def as_json(rounds):
    plain = [
        {work: {name: asdict(cost) for name, cost in sides.items()} for work, sides in one.items()} for one in rounds
    ]
    return json.dumps(plain, indent=1)
