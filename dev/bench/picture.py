"""The benchmark's picture: how many times its floor each figure is, the goal as a mark, in colour whether it is met.

A script, run with the Python that has matplotlib: `picture.py latest.json latest.svg`. The same figures give the same
file.
"""

import io
import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullFormatter

INK, FAINT = "#1d2433", "#d9deea"
MET, MISSED, NO_GOAL = "#2f8f5b", "#c8372d", "#8a97b1"
WORDS = {True: "goal met", False: "goal missed", None: "no goal"}
COLOURS = {True: MET, False: MISSED, None: NO_GOAL}
WIDTH, ROW, HEAD, FOOT = 12.0, 0.29, 0.85, 0.7  # inches
COLUMNS = (1.25, 1.43, 1.61)  # where they end, right of the bars
SETTINGS = {
    "svg.fonttype": "none", "svg.hashsalt": "benchmark", "font.family": "sans-serif", "font.size": 10,
    "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK,
}  # fmt: skip


def number(value):
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def words(row):
    """Value, floor and ratio, for the columns beside the bars."""
    value = f"{number(row['value'])} {row['unit']}".strip()
    return (value, number(row["floor"]), f"{number(row['ratio'])} ×") if row["ratio"] else (value, "", "")


def drawn(rows):
    """The rows that have something to show: a floor, or a goal."""
    return [row for row in rows if row["ratio"] or row["goal"]]


def draw(rows, path):
    rows = drawn(rows)
    height = HEAD + FOOT + ROW * len(rows)
    with matplotlib.rc_context(SETTINGS):
        figure, axes = plt.subplots(figsize=(WIDTH, height))
        figure.subplots_adjust(left=0.32, right=0.73, top=1 - HEAD / height, bottom=FOOT / height)
        bars(axes, rows)
        frame(axes, rows)
        legend(figure, axes, height)
        text = io.StringIO()
        figure.savefig(text, metadata={"Date": None, "Title": "The benchmark: each figure beside its floor"})
    lines = (line.rstrip() for line in text.getvalue().splitlines())  # as the lint wants it
    Path(path).write_text("\n".join(lines) + "\n")


def bars(axes, rows):
    for place, row in enumerate(rows):
        ratio, goal, colour = row["ratio"] or 1, row["mark"], COLOURS[row["met"]]
        axes.barh(place, ratio - 1, left=1, height=0.62, color=colour)
        if goal:
            axes.plot([goal, goal], [place - 0.42, place + 0.42], color=INK, linewidth=2.2, zorder=3)
        say(axes, place, words(row), color=MISSED if row["met"] is False else INK)
    say(axes, -1, ("value", "floor", "ratio"), color=INK, fontweight="bold")


def say(axes, place, texts, **style):
    """Words in columns beside the bars, where no bar and no mark can lie on them."""
    for column, text in zip(COLUMNS, texts, strict=True):
        axes.text(column, place, text, transform=axes.get_yaxis_transform(), ha="right", va="center", **style)


def frame(axes, rows):
    """The axis of so many times the floor."""
    known = [row["ratio"] for row in rows if row["ratio"]] or [1]
    goals = [row["mark"] for row in rows if row["mark"]]
    axes.set(xscale="log", xlim=(min(0.8, *known) * 0.9, max(*known, *goals, 2) * 1.3), ylim=(len(rows) - 0.4, -0.6))
    axes.axvline(1, color=INK, linewidth=1, zorder=2)
    axes.set_yticks(range(len(rows)), [row["name"] for row in rows])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g} ×"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("so many times the floor of the same run (logarithmic)")
    axes.tick_params(which="both", length=0)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)


def legend(figure, axes, height):
    marks = [Patch(color=COLOURS[met], label=WORDS[met]) for met in (True, False, None)]
    marks.append(Line2D([], [], color=INK, marker="|", markersize=11, markeredgewidth=2.2, linestyle="", label="goal"))
    figure.legend(
        handles=marks, loc="upper left", bbox_to_anchor=(0.315, 1 - 0.12 / height), ncols=4, frameon=False,
        handlelength=1.2, columnspacing=1.6,
    )  # fmt: skip


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2])
