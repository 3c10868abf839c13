"""The pictures of a review: exact figures in words, safe and small SVG, the same bytes each time."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from review.model.charts.predictions import (
    calibration_bins,
    confusion_table,
    draw_calibration,
    draw_confusion,
    draw_predicted_actual,
    draw_residuals,
)
from review.model.charts.svg import draw
from review.model.charts.training import draw_importance, draw_learning_curve
from review.pages.html import picture
from review.reports import Plot
from training.evaluation.metrics import lower_is_better
from training.model.learning_curve import Curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SVG = "{http://www.w3.org/2000/svg}"
LARGEST = 150_000
"""Bytes of one picture."""
LIVE = Curve((0, 1), {"validation:rmse": (4.0, 2.0)}, 2)


def many(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).gamma(2.0, 90.0, 200_000)


def spread(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(5_000)


def curve(rounds: int) -> Curve:
    train = tuple(0.2 + 3 / (number + 1) for number in range(rounds))
    return Curve(tuple(range(rounds)), {"train:rmse": train, "validation:rmse": tuple(x + 0.1 for x in train)}, rounds)


def drawn(plot: Plot | None) -> Plot:
    assert plot is not None
    return plot


PICTURES: dict[str, Callable[[], Plot]] = {
    "learning-curve": lambda: drawn(draw_learning_curve(curve(20_000), LIVE)),
    # no pattern at all: every cell is filled, and unlike its neighbours
    "predicted-actual": lambda: draw_predicted_actual(spread(1), spread(2), unit="a <b> & $x$"),
    "residuals": lambda: draw_residuals(many(1), many(2), many(3), unit="count"),
    "importance": lambda: drawn(draw_importance({f"feature {n} $<&" * 3: 1.0 / (n + 1) for n in range(500)}, None)),
    "calibration": lambda: draw_calibration(
        (many(1) > 180).astype(np.float64), many(2) / many(2).max(), many(3) / many(3).max()
    ),
    "confusion": lambda: draw_confusion(np.floor(many(1) / 20), np.floor(many(2) / 20)),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_safe_small_and_the_same_again(name: str) -> None:
    plot = PICTURES[name]()
    assert plot.name == name
    assert len(plot.svg.encode()) < LARGEST
    assert PICTURES[name]() == plot
    root = ET.fromstring(plot.svg)  # noqa: S314
    assert (root.tag, root.get("role"), root.get("aria-label")) == (f"{SVG}svg", "img", plot.alt)
    assert float(root.attrib["width"]) == pytest.approx(403, abs=0.5)
    ids = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
    assert all(one.startswith(f"{name}-") for one in ids)
    allowed = {"svg", "g", "path", "text", "use", "defs", "clipPath", "rect"}
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= allowed
    for element in root.iter():
        for attribute, value in element.attrib.items():
            assert not attribute.lower().startswith("on")
            if attribute == "href":
                assert value.removeprefix("#") in ids
            for reference in re.findall(r"url\(([^)]*)\)", value):
                assert reference.removeprefix("#") in ids
    assert "://" not in plot.svg.replace("http://www.w3.org/2000/svg", "")


def test_a_learning_curve_tells_its_first_last_and_best() -> None:
    given = Curve((0, 1, 2, 3), {"train:rmse": (3.1, 1, 0.5, 0.21), "validation:rmse": (3.2, 1.5, 0.75, None)}, 4)
    assert drawn(draw_learning_curve(given, LIVE)).alt == (
        "train:rmse falls from 3.1 to 0.21 in 4 rounds; validation:rmse falls from 3.2 to 0.75 in 4 rounds. "
        "Best validation:rmse: 0.75 in round 3. The live model's job ended at 2."
    )


def test_a_learning_curve_says_which_round_is_released() -> None:
    given = Curve((0, 1, 2, 3), {"validation:rmse": (3.2, 0.75, 0.75, 0.5)}, 4)
    assert drawn(draw_learning_curve(given, LIVE, released=2, live_released=1)).alt == (
        "validation:rmse falls from 3.2 to 0.5 in 4 rounds. Best validation:rmse: 0.5 in round 4. The released model "
        f"has 2 rounds: 0.75. The live model has 1 round: {LIVE.metrics['validation:rmse'][0]:.4g}."
    )


def test_a_metric_that_rises_is_best_at_its_highest() -> None:
    given = Curve((0, 1, 2), {"validation:logloss": (3, 2, 1), "validation:auc": (0.5, 0.9, 0.8)}, 3)
    assert drawn(draw_learning_curve(given)).alt == (
        "validation:auc rises from 0.5 to 0.8 in 3 rounds. Best validation:auc: 0.9 in round 2."
    )
    assert [lower_is_better(name) for name in ("rmse", "validation:auc", "ndcg@5", "test model:error")] == [
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("given", [Curve((), {}, 0), Curve((0,), {"train:mape": (None,)}, 1)])
def test_a_curve_without_numbers_is_not_drawn(given: Curve) -> None:
    assert draw_learning_curve(given) is None


def test_predictions_are_told_in_figures() -> None:
    plot = draw_predicted_actual(np.array([0.0, 10, 20, 30]), np.array([1.0, 9, 22, 28]), unit="count")
    assert plot.alt == (
        "4 test rows; actual count from 0 to 30, predicted from 1 to 28. 50% of the predictions are too high; "
        "the correlation of predicted and actual is 0.991."
    )


def test_errors_are_told_in_figures() -> None:
    actual = np.zeros(101)
    plot = draw_residuals(actual, np.linspace(-50, 50, 101), np.full(101, 3.0), unit="count")
    assert plot.alt == (
        "Of 101 test rows the median error is 0; nine of ten errors are between -45 and 45 count. "
        "Nine of ten of the live model's are between 3 and 3."
    )


def test_perfect_and_constant_predictions_are_drawn_too() -> None:
    same = np.full(5, 7.0)
    assert "the correlation of predicted and actual is 0.000" in draw_predicted_actual(same, same, unit="x").alt
    assert "the median error is 0" in draw_residuals(same, same, None, unit="x").alt


def test_importance_is_a_share_of_the_gain() -> None:
    plot = drawn(draw_importance({"hour": 75.0, "temp": 25.0}, {"hour": 1.0}))
    assert plot.alt == "Share of the total gain: hour 75.0% (live 100.0%), temp 25.0% (live 0.0%)."
    assert draw_importance({}, {"hour": 1.0}) is None


def test_calibration_is_counted_in_tenths() -> None:
    means, shares, counts = calibration_bins(np.array([0.0, 1, 1, 1]), np.array([0.05, 0.07, 0.95, 1.0]))
    assert means.tolist() == pytest.approx([0.06, 0.975])
    assert shares.tolist() == [0.5, 1.0]
    assert counts.tolist() == [2, 2]


def test_the_rarest_classes_are_gathered() -> None:
    actual = np.repeat(np.arange(12.0), np.arange(12, 0, -1))
    names, table = confusion_table(actual, actual)
    assert names == [*(str(number) for number in range(9)), "other"]
    assert table.diagonal().tolist() == [12, 11, 10, 9, 8, 7, 6, 5, 4, 6]
    assert table.sum() == len(actual)
    names, table = confusion_table(np.array([0.0, 1, 1]), np.array([1.0, 1, 1]))
    assert (names, table.tolist()) == (["0", "1"], [[0, 1], [0, 2]])


def test_direction_characters_are_shown_in_a_picture_of_ours_and_of_others() -> None:
    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_xlabel("age\u202egnp.exe \x1b[2J")
        axes.set_yticks([0], ["\x1b]0;a"])

    ours = draw("p", "t", "of \u202eage", paint)
    forged = '<svg xmlns="http://www.w3.org/2000/svg"><text x="1">a&#x202e;b<g/>\u2066c</text></svg>'
    theirs = picture(Plot(name="p", title="t", alt="\u202e", svg=forged))
    assert theirs is not None
    assert r"age\u202egnp.exe \x1b[2J<" in ours.svg and r">\x1b]0;a<" in ours.svg
    assert r'aria-label="of \u202eage"' in ours.svg
    assert r">a\u202eb<" in theirs and r"/>\u2066c<" in theirs and r'aria-label="\u202e"' in theirs
    for drawn in (ours.svg, theirs):
        assert not {"\u202e", "\u2066", "\x1b"} & set(drawn)
