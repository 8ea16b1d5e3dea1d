"""What a measurement says: a row beside its floor and its goal, and the table for people."""

import json
import math
import re
import statistics
from dataclasses import dataclass, field

# "< 1 s" is about the value; "≤ 2 × floor" about how many times the floor it is.
GOAL = re.compile(r"(<|≤) ([\d.]+)( × floor)?")


# Measured: two runs of the same code on one idle machine gave 2.45 and 2.80 of one floor, 1.99 and 2.08 of another.
NOISE = 1.15
# What is counted, not timed, is the same on any machine.
COUNTS = ("", "calls")


@dataclass
class Row:
    """One figure. `floor` is the least it could cost, measured in the same run; `note` says what was measured."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    goal: str = ""
    note: str = ""
    ratio: float | None = field(init=False)
    met: bool | None = field(init=False)  # None where there is no goal

    @property
    def of_floor(self):
        """The goal is about a ratio, which says the same on any machine."""
        return self.goal.endswith("× floor")

    def __post_init__(self):
        self.ratio = self.value / self.floor if self.floor else None
        self.met = self._is_met()

    @property
    def lost(self):
        """The goal of a ratio is missed by more than two runs on one machine differ, or that of a count at all."""
        if self.unit in COUNTS:
            return self.met is False
        return self.of_floor and self.ratio > float(GOAL.match(self.goal)[2]) * NOISE

    @property
    def mark(self):
        """The goal as so many times the floor, where there are both."""
        if not (self.goal and self.floor):
            return None
        limit = float(GOAL.match(self.goal)[2])
        return limit if self.of_floor else limit / self.floor

    def _is_met(self):
        if not self.goal:
            return None
        sign, limit, _words = GOAL.match(self.goal).groups()
        value = self.ratio if self.of_floor else self.value
        if value is None:
            raise ValueError(f"{self.name}: the goal {self.goal!r} needs a floor")
        return value < float(limit) if sign == "<" else value <= float(limit)


def failures(rows, strict=False):
    """The names of the rows whose goal was missed and counts: a ratio or count that is lost always, any other where
    strict."""
    return [row.name for row in rows if row.lost or (strict and row.met is False)]


def p50(values):
    return statistics.median(values)


def p95(values):
    """The value that 95 of 100 do not exceed, one that was measured."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def as_json(rows):
    keys = ("name", "value", "unit", "floor", "ratio", "goal", "mark", "met", "note")
    return json.dumps([{key: rounded(getattr(row, key)) for key in keys} for row in rows], indent=1, ensure_ascii=False)


def rounded(value):
    return float(f"{value:.4g}") if isinstance(value, float) else value


def shown(value):
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def table(rows):
    """The rows as text, a note below where there is one."""
    lines = [("measurement", "value", "unit", "floor", "ratio", "goal", "met")]
    for row in rows:
        met = {True: "yes", False: "NO", None: ""}[row.met]
        lines.append((row.name, shown(row.value), row.unit, shown(row.floor), shown(row.ratio), row.goal, met))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    left = (0, 2, 5, 6)
    text = []
    for number, line in enumerate(lines):
        cells = [
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text.append("  ".join(cells).rstrip())
        if not number:
            text.append("-" * (sum(widths) + 2 * len(widths)))
        elif rows[number - 1].note:
            text.append(f"    {rows[number - 1].note}")
    return "\n".join(text)


def markdown(rows):
    """The rows as a table of the documentation: those with a floor or a goal, as in the picture."""
    lines = [("what", "measured", "floor", "ratio", "goal", "how"), ("---",) * 6]
    for row in rows:
        if row.ratio or row.goal:
            # Rounded as in the file that the picture is drawn from.
            value, floor, ratio = (shown(rounded(number)) for number in (row.value, row.floor, row.ratio))
            missed = " (missed)" if row.met is False else ""
            cells = (row.name, f"{value} {row.unit}", floor, ratio and f"{ratio} ×", row.goal + missed, row.note)
            lines.append(tuple(cell.strip() for cell in cells))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
