"""Where a chart's lines, ticks and limits are, and what it says in words."""

from __future__ import annotations

import math

from console.charts import Series, line_chart


def test_points_are_where_the_scale_puts_them() -> None:
    chart = line_chart("rmse", [Series("train", ((0, 4.0), (10, 2.0), (20, 0.0)))], x_text=lambda x: f"{x:.0f}")
    assert chart.lines[0].points == "58.0,10.0 224.0,105.0 390.0,200.0"
    assert [(tick.at, tick.text) for tick in chart.across] == [("58.0", "0"), ("224.0", "10"), ("390.0", "20")]
    assert [(tick.at, tick.text) for tick in chart.up] == [
        ("200.0", "0"),
        ("152.5", "1"),
        ("105.0", "2"),
        ("57.5", "3"),
        ("10.0", "4"),
    ]
    assert chart.alt == "rmse: train 0 last, 0 to 4."


def test_a_limit_near_the_points_is_drawn_and_one_far_away_is_named() -> None:
    points = (Series("p99", ((0, 10.0), (1, 20.0))),)
    chart = line_chart(
        "Latency", points, x_text=str, unit=" ms", from_zero=True, limits=(("near", 40.0), ("far", 500.0))
    )
    assert [(one.at, one.text) for one in chart.limits] == [("10.0", "40 ms"), ("", "500 ms")]
    assert chart.lines[0].points == "58.0,152.5 390.0,105.0"


def test_nothing_and_what_is_no_number_are_not_drawn() -> None:
    assert line_chart("x", [], x_text=str).alt == "x: nothing yet."
    chart = line_chart("x", [Series("a", ((0, math.nan), (1, 3.0), (2, math.inf)))], x_text=str)
    assert len(chart.lines[0].dots) == 1
    assert (chart.lines[0].last, chart.lines[0].lowest, chart.lines[0].highest) == ("3", "3", "3")


def test_one_point_has_a_place() -> None:
    chart = line_chart("x", [Series("a", ((5, 0.0),))], x_text=str)
    assert chart.lines[0].points == "58.0,200.0"


def test_of_many_points_the_extremes_of_each_part_are_drawn() -> None:
    points = tuple((float(n), 100.0 if n == 7777 else float(n % 2)) for n in range(20_000))
    chart = line_chart("x", [Series("a", points)], x_text=str)
    drawn = chart.lines[0].points.split()
    assert len(drawn) <= 601
    assert min(float(one.split(",")[1]) for one in drawn) == 10.0
    assert chart.lines[0].highest == "100"
