"""What the benchmark makes of its measurements; the measuring itself needs a running system."""

import html
import importlib
import json
import re
import subprocess
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT))
bench = importlib.import_module("dev.bench")
figures = importlib.import_module("dev.bench.figures")
prices = importlib.import_module("dev.bench.prices")
report = importlib.import_module("dev.compare.report")
sides = importlib.import_module("dev.compare.sides")
Row = figures.Row


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [
        ("< 1000 ms", 999.9, True),
        ("< 1000 ms", 1000, False),
        ("≤ 11", 11, True),
        ("≤ 11", 12, False),
        ("≤ 1.2 × floor", 12, True),
        ("≤ 1.2 × floor", 12.1, False),
        ("", 1, None),
    ],
)
def test_a_goal_is_about_the_value_or_about_its_floor(goal, value, met):
    assert Row("x", value, "ms", floor=10, goal=goal).met is met


def test_a_goal_beside_a_floor_that_was_not_measured_is_an_error():
    with pytest.raises(ValueError, match="needs a floor"):
        Row("x", 1, "ms", goal="≤ 2 × floor")


def test_a_lost_ratio_or_count_is_a_failure_and_a_bare_value_or_a_near_miss_only_where_strict():
    rows = [
        Row("ratio", 30, "ms", floor=10, goal="≤ 2 × floor"),
        Row("near", 22, "ms", floor=10, goal="≤ 2 × floor"),
        Row("bare", 30, "ms", floor=10, goal="< 20 ms"),
        Row("count", 12, "calls", floor=10, goal="≤ 11"),
        Row("scans", 1, "", goal="≤ 0"),
        Row("met", 10, "ms", floor=10, goal="≤ 2 × floor"),
        Row("no goal", 30, "ms", floor=1),
        Row("count of no goal", 30, "calls", floor=1),
    ]
    assert figures.failures(rows) == ["ratio", "count", "scans"]
    assert figures.failures(rows, strict=True) == ["ratio", "near", "bare", "count", "scans"]
    assert figures.failures(rows[5:], strict=True) == []


def test_percentiles_are_values_of_the_run():
    values = list(range(100, 0, -1))
    assert figures.p95(values) == 95
    assert figures.p95([3.0]) == 3.0
    assert figures.p50([1, 5, 2]) == 2


def test_the_file_holds_every_row_with_the_promised_keys():
    rows = json.loads(figures.as_json([Row("x", 1.23456, "s", 0.5, "≤ 2 × floor", "how"), Row("y", 3, "calls")]))
    assert rows[0] == {
        "name": "x", "value": 1.235, "unit": "s", "floor": 0.5, "ratio": 2.469, "goal": "≤ 2 × floor", "mark": 2.0,
        "met": False, "note": "how",
    }  # fmt: skip
    assert (rows[1]["ratio"], rows[1]["met"]) == (None, None)


def test_a_goal_is_marked_as_so_many_times_the_floor():
    assert Row("x", 1, "ms", floor=10, goal="≤ 1.2 × floor").mark == 1.2
    assert Row("x", 1, "ms", floor=10, goal="< 50 ms").mark == 5
    assert Row("x", 1, "ms", goal="< 50 ms").mark is None
    assert Row("x", 1, "ms", floor=10).mark is None


def test_the_picture_shows_each_row_that_has_a_floor_or_a_goal(tmp_path):
    rows = [
        Row("quick", 1, "ms", 10, "≤ 2 × floor"),
        Row("slow", 31, "ms", 10, "≤ 2 × floor"),
        Row("counted", 0, "", None, "≤ 0"),
        Row("alone", 7, "ms"),
    ]
    (tmp_path / "rows.json").write_text(figures.as_json(rows))
    python = importlib.import_module("dev.python_env").environment("bench")
    script = ROOT / "dev" / "bench" / "picture.py"
    drawn = []
    for name in ("one.svg", "other.svg"):
        subprocess.run([python, script, tmp_path / "rows.json", tmp_path / name], check=True)
        drawn.append((tmp_path / name).read_text())
    assert drawn[0] == drawn[1]
    for word in ("quick", "slow", "3.1 ×", "counted"):
        assert f">{word}<" in drawn[0]
    assert ">alone<" not in drawn[0]
    picture = drawn[0].lower()
    assert picture.count("fill: #2f8f5b") == 3  # the bars that met their goal, and the legend
    assert picture.count("fill: #c8372d") > 2


def test_the_comparison_shows_both_medians_and_how_often_one_goes_into_the_other():
    def one(seconds, calls):
        return {"ours": sides.Cost(seconds, calls, 1), "theirs": sides.Cost(2 * seconds, 10 * calls, 5)}

    rounds = [{"stock": one(seconds, 4), "orders": one(seconds, 40)} for seconds in (3.0, 1.0, 2.0)]
    text = report.table(rounds)
    line = next(line for line in text.splitlines() if line.startswith("orders: from the button"))
    assert line.split()[-7:] == ["2.00", "s", "(1.00–3.00)", "4.00", "s", "(2.00–6.00)", "2.0"]
    line = next(line for line in text.splitlines() if line.startswith("orders: HTTP calls"))
    assert line.split()[-3:] == ["40", "400", "10.0"]
    assert json.loads(report.as_json(rounds))[0]["stock"]["theirs"]["calls"] == 40


def test_the_table_shows_a_missed_goal():
    text = figures.table([Row("slow", 30, "ms", 10, "≤ 2 × floor", "what was done"), Row("peer", 72.0, "ms")])
    line = next(line for line in text.splitlines() if line.startswith("slow"))
    assert line.split() == ["slow", "30", "ms", "10", "3", "≤", "2", "×", "floor", "NO"]
    assert "what was done" in text


def test_prices_of_one_transaction_are_measured_beside_all_that_is_computed_and_beside_prices_alone():
    computed = {"seconds": 0.8, "prices": 0.3}
    wall, bare, calls = prices.transaction_rows(1000, "how", [(1.0, 10, computed, 0.2), (3.0, 12, computed, 0.2)])
    assert (wall.value, wall.floor, wall.met) == (2.0, 1.0, True)
    assert (bare.floor, bare.met) == (0.5, None)
    assert (calls.value, calls.floor, calls.goal, calls.met) == (12, 10, "≤ 11", False)


def test_the_price_that_came_last_counts():
    rows = [{"supplier_product_id": "1", "selling_price": 5}, {"supplier_product_id": 2, "selling_price": 1.1000000001}]
    calls = [{"body": rows}, {"body": [{"supplier_product_id": "1", "selling_price": 6}, {"supplier_product_id": "3"}]}]
    assert prices.arrived(calls) == {"1": 6, "2": 1.1}


def test_the_table_of_the_documentation_and_the_picture_come_from_one_run():
    """What the table says stands in the picture, figure by figure."""
    picture = (ROOT / "docs" / "images" / "benchmark.svg").read_text()
    drawn = [html.unescape(text) for text in re.findall(r">([^<>]+)</text>", picture)]
    page = (ROOT / "docs" / "OPERATIONS.md").read_text()
    rows = page.split(bench.BEGIN)[1].split(bench.END)[0].splitlines()[2:]
    assert len(rows) > 10
    for name, measured, floor, ratio, *_more in ([cell.strip() for cell in row.strip("|").split("|")] for row in rows):
        assert {name, measured, floor, ratio} - {""} <= set(drawn), name


def test_the_table_of_the_documentation_says_which_goal_was_missed():
    rows = [Row("a", 5.0, "ms", 2.0, "≤ 2 × floor", "how"), Row("b", 1.0, "s"), Row("c", 3, "calls", None, "≤ 3")]
    assert figures.markdown(rows).splitlines()[2:] == [
        "| a | 5 ms | 2 | 2.5 × | ≤ 2 × floor (missed) | how |",
        "| c | 3 calls |  |  | ≤ 3 |  |",
    ]
