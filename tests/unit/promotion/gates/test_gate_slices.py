"""Slices: every row in exactly one, quarters where a column has many values, and what they come to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from promotion.gates.comparison import slices_verdict
from promotion.gates.context import Losses
from promotion.gates.gate import Verdict
from training.evaluation.comparison import Slice, compare_slice, slices_of

NAN = float("nan")
LOSSES = Losses("model:mae", np.zeros(1), np.zeros(1), "id", "test.csv", ("A note.",))


def found(values: list[float]) -> dict[str, list[int]]:
    return {name: np.flatnonzero(mask).tolist() for name, mask in slices_of("season", np.array(values))}


def test_few_values_are_slices_of_their_own_and_empty_cells_too() -> None:
    assert found([2, 1, NAN, 2, 1.5]) == {
        "season = 1": [1],
        "season = 1.5": [4],
        "season = 2": [0, 3],
        "season is empty": [2],
    }


def test_up_to_twenty_values() -> None:
    assert len(found([float(value) for value in range(20)])) == 20
    assert list(found([float(value) for value in range(21)])) == [
        "season 0 to below 5",
        "season 5 to below 10",
        "season 10 to below 15",
        "season 15 to 20",
    ]


def test_quarters_are_of_the_range() -> None:
    """With an outlier most rows are in the first quarter; quarters without a row are no slices."""
    assert {name: len(rows) for name, rows in found([*map(float, range(25)), 100.0, NAN]).items()} == {
        "season 0 to below 25": 25,
        "season 75 to 100": 1,
        "season is empty": 1,
    }


@given(hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e6, 1e6) | st.just(NAN)))
def test_every_row_is_in_exactly_one_slice(values: np.ndarray) -> None:
    masks = [mask for _, mask in slices_of("x", values)]
    assert np.array_equal(sum(mask.astype(int) for mask in masks), np.ones(len(values)))
    assert all(mask.any() for mask in masks)


def test_both_models_on_a_slice() -> None:
    mask = np.array([True, False, True])
    one = compare_slice("x = 1", mask, "model:rmse", np.array([4.0, 100.0, 14.0]), np.array([1.0, 0.0, 7.0]))
    assert one == Slice("x = 1", 2, 3.0, 2.0, 0.5)


GOOD = Slice("season = 1", 60, 1.01, 1.0, 0.01)
BAD = Slice("season = 2", 50, 1.2, 1.0, 0.2)
SMALL = Slice("season = 3", 49, 9.0, 1.0, 8.0)


def test_all_slices_are_told_and_small_ones_not_judged() -> None:
    assert slices_verdict([GOOD, SMALL], LOSSES, least_rows=50, most=0.1) == Verdict(
        True,
        "worst of 1 slices: season = 1, model:mae +1 %",
        (
            "season = 1: +1 %, 1.01 against 1, 60 rows",
            "season = 3: +800 %, 9 against 1, 49 rows  (fewer than 50 rows: not compared)",
            "A note.",
        ),
    )


def test_the_worst_slice_is_named() -> None:
    judged = slices_verdict([GOOD, BAD, SMALL], LOSSES, least_rows=50, most=0.1)
    assert (judged.passed, judged.figure) == (False, "worst of 2 slices: season = 2, model:mae +20 %")
    assert judged.details[1] == "season = 2: +20 %, 1.2 against 1, 50 rows  TOO MUCH WORSE"
    both = slices_verdict([GOOD, BAD], LOSSES, least_rows=50, most=0.0)
    assert both.figure.endswith("; 2 of 2 slices are over the limit")


@pytest.mark.parametrize(("share", "passed"), [(0.1, True), (0.1000001, False)])
def test_the_limit_itself_passes(share: float, passed: bool) -> None:
    one = Slice("season = 1", 50, 1.1, 1.0, share)
    assert slices_verdict([one], LOSSES, least_rows=50, most=0.1).passed is passed


def test_where_no_slice_is_large_enough_nothing_is_shown() -> None:
    judged = slices_verdict([SMALL], LOSSES, least_rows=50, most=0.1)
    assert (judged.passed, judged.figure) == (False, "no slice has 50 rows, so none was compared")
