"""Durations under a time factor, and the periods that moments lie in."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from localcloud.clock import Clock


def test_moments_are_real_and_durations_are_shorter() -> None:
    before = time.time()
    assert before <= Clock(60).now() <= time.time()
    assert Clock(60).real(300) == 5
    assert Clock().real(300) == 300


def test_periods_follow_each_other_without_a_gap() -> None:
    clock = Clock(7)
    length = clock.real(60)
    moment = 1_780_000_000.25
    beginnings = [clock.beginning(moment + number * length, 60) for number in range(1000)]
    assert all(abs(later - earlier - length) < 1e-5 for earlier, later in pairwise(beginnings))
    # A beginning lies in the period that it begins, whatever the rounding of its number.
    assert [clock.beginning(moment, 60) for moment in beginnings] == beginnings
    assert clock.following(beginnings[0], 60) == beginnings[1]


@pytest.mark.parametrize("factor", [0.5, 0, -1, float("nan"), float("inf")])
def test_a_factor_is_at_least_one(factor: float) -> None:
    with pytest.raises(ValueError, match="time factor of at least 1"):
        Clock(factor)
