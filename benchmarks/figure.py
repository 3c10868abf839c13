"""One measured figure: ours and a peer's in pairs of the same run, their ratio with its spread, its limit and goal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev

_CONFIDENCE = 0.9
_QUANTILES = {2: 63.66, 3: 9.925, 4: 5.841}
"""By the number of values: Student's t at 99 %, for the mean of what is normally distributed."""
_FARTHEST = 20.0
"""Of a logarithm: what lies farther from 1 is known as badly as that."""

Pair = tuple[float, float]

GOOD, OVER, UNCLEAR = "good", "over", "unclear"


@dataclass(frozen=True, slots=True)
class Figure:
    """Ours over the peer's, as the median of the ratios of pairs.

    pairs:        ours and the peer's of each round, in `unit`.
    peer:         what it is measured against.
    limit:        the bound of the ratio; None: there is no verdict.
    at_most:      whether limit and goal are upper bounds.
    either_way:   whether the limit is a factor in both directions: 1.05 is 5 % more or less.
    goal:         what is aimed at on a quiet machine, of the ratio: shown apart, and no part of the verdict.
    goal_of_ours: whether the goal is of ours, in `unit`.
    line, size:   where it is a point of a line over size: the line's name, and so many rows, jobs or environments.
    note:         what was measured elsewhere, with its date.
    reason:       why no more was measured although the verdict is unclear.
    """

    name: str
    pairs: tuple[Pair, ...]
    unit: str
    peer: str
    limit: float | None = None
    at_most: bool = True
    goal: float | None = None
    goal_of_ours: bool = False
    line: str = ""
    size: int = 0
    note: str = ""
    either_way: bool = False
    reason: str = ""

    @property
    def ours(self) -> float:
        """The median of ours."""
        return median(ours for ours, _ in self.pairs)

    @property
    def others(self) -> float:
        """The median of the peer's."""
        return median(peer for _, peer in self.pairs)

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios. The speed of a shared machine drifts, and one pair sees the same speed."""
        return median(self._ratios())

    @property
    def spread(self) -> Pair:
        """Where the median of the ratios lies; see median_spread."""
        return median_spread(self._ratios())

    @property
    def verdict(self) -> str:
        """`good` or `over` where the whole spread is on one side of the limit, else `unclear`; empty without limit."""
        if self.limit is None:
            return ""
        least, most = self.spread
        if self.either_way:
            good, over = 1 / self.limit <= least and most <= self.limit, most < 1 / self.limit or least > self.limit
        elif self.at_most:
            good, over = most <= self.limit, least > self.limit
        else:
            good, over = least >= self.limit, most < self.limit
        return GOOD if good else OVER if over else UNCLEAR

    def unclear_line(self) -> str:
        """Why there is no verdict: the limit and where the ratio lies; nothing where there is one."""
        if self.verdict != UNCLEAR:
            return ""
        least, most = map(number, self.spread)
        return f"its ratio lies between {least} and {most}, and its limit is {self.bound()}; {self.reason}"

    def times_better(self) -> float:
        """How many times better than its limit the ratio is: 1 is just kept. Raises ValueError without a limit."""
        if self.limit is None:
            raise ValueError(f"{self.name} has no limit")
        ratio = max(self.ratio, 1e-9)
        if self.either_way:
            ratio = max(ratio, 1 / ratio)
        return self.limit / ratio if self.at_most else self.ratio / self.limit

    def bound(self) -> str:
        """The limit as people read it; nothing where there is none."""
        if self.limit is not None and self.either_way:
            return f"± {(self.limit - 1) * 100:g} %"
        return "" if self.limit is None else self._bound(self.limit)

    def goal_line(self) -> str:
        """The goal and whether it is reached: `goal ≥ 0.6: 0.52, not reached`; nothing where there is none."""
        if self.goal is None:
            return ""
        value, unit = (self.ours, f" {self.unit}") if self.goal_of_ours else (self.ratio, "")
        reached = value <= self.goal if self.at_most else value >= self.goal
        return f"goal {self._bound(self.goal)}{unit}: {number(value)}{unit}, {'reached' if reached else 'not reached'}"

    def _bound(self, value: float) -> str:
        return f"{'≤' if self.at_most else '≥'} {value:,g}"

    def _ratios(self) -> list[float]:
        return [ours / max(peer, 1e-9) for ours, peer in self.pairs]


@dataclass(frozen=True, slots=True)
class Skipped:
    """What could not be measured here, and why."""

    name: str
    why: str


def median_spread(values: Sequence[float]) -> Pair:
    """The values between which the median of all lies.

    From five values on it is known at 90 % confidence whatever the distribution. (The k-th value from either end: the
    number of values below the median is binomial, one half each; up to seven values these are the least and the
    greatest.) Two, three and four values can say it only of ratios whose logarithms are normally distributed: the
    confidence is 99 % then, so that they must be close together, or far from a limit, to decide anything. One value,
    and values of which one is 0, are a count: the least and the greatest.
    """
    ordered, count = sorted(values), len(values)
    if count in _QUANTILES and ordered[0] > 0:
        logarithms = [math.log(value) for value in ordered]
        middle, half = fmean(logarithms), _QUANTILES[count] * stdev(logarithms) / math.sqrt(count)
        return math.exp(max(middle - half, -_FARTHEST)), math.exp(min(middle + half, _FARTHEST))
    cut, below = 0, 1 / 2**count
    while cut + 1 < count / 2 and 2 * (below := below + math.comb(count, cut + 1) / 2**count) <= 1 - _CONFIDENCE:
        cut += 1
    return ordered[cut], ordered[count - 1 - cut]


def number(value: float) -> str:
    """Three significant digits, or all the whole ones, as people read them: 0.612, 14.5, 7,070."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
