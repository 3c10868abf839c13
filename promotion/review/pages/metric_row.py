"""A metric of two models side by side, and what the difference is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from promotion.review.pages.values import figure
from promotion.review.reports import MetricPair, SliceMetric

Word = Literal["better", "worse", "the same", "new", "gone"]


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One row of a table of metrics, as text. change: `−12.3 %` of the live figure; empty where there is none."""

    name: str
    live: str
    released: str
    change: str
    word: Word


def metric_row(pair: MetricPair) -> MetricRow:
    return _row(pair.name, pair.live, pair.released, lower_is_better=pair.lower_is_better)


def slice_row(one: SliceMetric) -> MetricRow:
    """The metric of a slice is an error: gates judge slices by losses, so lower is better."""
    return _row(f"{one.column} = {one.value}", one.live, one.released, lower_is_better=True)


def _row(name: str, live: float | None, released: float | None, *, lower_is_better: bool) -> MetricRow:
    word: Word
    if live is None:
        word = "new"
    elif released is None:
        word = "gone"
    elif live == released:
        word = "the same"
    else:
        word = "better" if (released < live) is lower_is_better else "worse"
    return MetricRow(name, figure(live), figure(released), _change(live, released), word)


def _change(live: float | None, released: float | None) -> str:
    if live is None or released is None or not live or live == released:
        return ""
    share = (released - live) / abs(live) * 100
    return f"{'+' if share > 0 else '−'}{abs(share):,.3g} %" if abs(share) < 1000 else f"× {released / live:,.3g}"
