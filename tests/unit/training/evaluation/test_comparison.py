"""The paired bootstrap, against a computation of its own, and what it can and cannot tell apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation import comparison
from training.evaluation.comparison import compare, relative_change, seed_of

CANDIDATE = np.array([1.0, 4.0, 9.0, 16.0, 0.25])
INCUMBENT = np.array([1.0, 1.0, 9.0, 9.0, 1.0])


def by_hand(metric: str, resamples: int, seed: int) -> tuple[float, float]:
    """The 90 % interval, one resample after another, in plain Python."""
    draw = np.random.default_rng(seed).integers(0, 5, size=(resamples, 5)).tolist()
    changes = []
    for rows in draw:
        found = math.fsum(CANDIDATE[row] for row in rows) / 5
        served = math.fsum(INCUMBENT[row] for row in rows) / 5
        if metric.endswith("rmse"):
            found, served = math.sqrt(found), math.sqrt(served)
        changes.append((found - served) / served)
    changes.sort()
    last = resamples - 1
    return changes[math.floor(0.05 * last + 1e-9)], changes[math.ceil(0.95 * last - 1e-9)]


@pytest.mark.parametrize("metric", ["original:rmse", "model:mae"])
def test_against_plain_python(metric: str) -> None:
    found = compare(metric, CANDIDATE, INCUMBENT, confidence=0.9, resamples=501, seed=7)
    low, high = by_hand(metric, 501, 7)
    assert found.low == pytest.approx(low, rel=1e-12)
    assert found.high == pytest.approx(high, rel=1e-12)
    assert low < found.share < high
    if metric == "model:mae":
        assert (found.candidate, found.incumbent) == (6.05, 4.2)
        assert found.share == pytest.approx(1.85 / 4.2, rel=1e-12)
    else:
        assert (found.candidate, found.incumbent) == (math.sqrt(6.05), math.sqrt(4.2))


def test_the_seed_is_of_both_models_in_their_order() -> None:
    # The first eight bytes of sha256("a b"), computed by sha256sum.
    assert seed_of("a", "b") == 0xC8687A08AA5D6ED2
    assert seed_of("b", "a") != seed_of("a", "b")
    one, two = (compare("model:mae", CANDIDATE, INCUMBENT, confidence=0.95, resamples=200, seed=3) for _ in range(2))
    assert one == two


def test_blocks_do_not_change_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = compare("model:mae", CANDIDATE, INCUMBENT, confidence=0.95, resamples=333, seed=3)
    monkeypatch.setattr(comparison, "_BLOCK", 35)
    assert compare("model:mae", CANDIDATE, INCUMBENT, confidence=0.95, resamples=333, seed=3) == whole


def test_the_same_answers_are_no_change_at_all() -> None:
    found = compare("original:rmse", CANDIDATE, CANDIDATE, confidence=0.95, resamples=200, seed=1)
    assert (found.share, found.low, found.high) == (0.0, 0.0, 0.0)


@given(st.floats(0.25, 4), st.integers(0, 2**32))
def test_rows_are_drawn_in_pairs(factor: float, seed: int) -> None:
    """Were they not, a model that is worse by the same share on every row would have a wide interval."""
    found = compare("model:mae", CANDIDATE * factor, CANDIDATE, confidence=0.95, resamples=100, seed=seed)
    assert found.low == pytest.approx(factor - 1, abs=1e-12)
    assert found.high == pytest.approx(factor - 1, abs=1e-12)


def losses(seed: int, worse: float) -> tuple[np.ndarray, np.ndarray]:
    """Squared errors of two models on 2,000 rows; the candidate's error is larger by a share, and differs by chance."""
    draw = np.random.default_rng(seed)
    error = draw.normal(size=2000)
    return ((1 + worse) * error + 0.05 * draw.normal(size=2000)) ** 2, error**2


def ends(worse: float) -> list[float]:
    return [
        compare("original:rmse", *losses(seed, worse), confidence=0.95, resamples=500, seed=seed).high
        for seed in range(20)
    ]


def test_an_equal_model_passes_and_a_worse_one_fails() -> None:
    """A margin of 2 %: a model that is as good is let through each time, one that is 5 % worse never is."""
    assert sum(high <= 0.02 for high in ends(0.0)) == 20
    assert sum(high <= 0.02 for high in ends(0.05)) == 0
    # At the margin itself the model passes in no more than 2.5 % of cases; none of 20 here.
    assert sum(high <= 0.02 for high in ends(0.02)) == 0


def test_few_rows_prove_nothing() -> None:
    """The same two models on 2,000 rows pass, on 20 rows they do not: not proven is not passed."""
    candidate, incumbent = losses(4, 0.0)
    found = compare("original:rmse", candidate[:20], incumbent[:20], confidence=0.95, resamples=500, seed=4)
    assert found.high > 0.02


def test_zeros() -> None:
    zero, one = np.array([0.0]), np.array([1.0])
    assert relative_change(zero, zero).tolist() == [0.0]
    assert relative_change(one, zero).tolist() == [math.inf]
    found = compare("model:error", np.array([0.0, 1.0]), np.zeros(2), confidence=0.95, resamples=200, seed=1)
    assert (found.share, found.low, found.high) == (math.inf, 0.0, math.inf)
