"""Two models on the same rows, from the losses of each row: the change of a metric with its interval, and slices.

How far chance may have moved a comparison is computed by a paired percentile bootstrap: each resample draws as many
rows as there are, with replacement, the same rows for both models (Efron and Tibshirani, An Introduction to the
Bootstrap, chapters 8 and 13). A slice is the rows that share a value of a column, or a quarter of its range.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluation.metrics import Vector, metric_of, metrics_of

_BLOCK = 2_000_000
"""Drawn rows that are held at once: 32 MB of losses."""


@dataclass(frozen=True, slots=True)
class Change:
    """How much worse the candidate is, as a share of the incumbent's metric: 0.02 is 2 % worse, -0.02 2 % better.

    low, high: the ends of the interval.
    """

    candidate: float
    incumbent: float
    share: float
    low: float
    high: float


def seed_of(candidate_sha256: str, incumbent_sha256: str) -> int:
    """The seed of two models' comparison: whoever repeats it draws the same rows."""
    return int.from_bytes(hashlib.sha256(f"{candidate_sha256} {incumbent_sha256}".encode()).digest()[:8], "big")


def relative_change(candidate: NDArray[np.float64], incumbent: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much worse, as a share of the incumbent's. 0 where both are 0; infinite where only the incumbent's is."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (candidate - incumbent) / incumbent
    return np.where(candidate == incumbent, 0.0, share)


def compare(
    metric: str, candidate: Vector, incumbent: Vector, *, confidence: float, resamples: int, seed: int
) -> Change:
    """The change of a metric and its interval.

    candidate, incumbent: losses row by row, of the same rows in the same order. confidence: of the two-sided
    interval, 0.95: a share of 2.5 % of the resamples lies above its upper end.
    """
    losses = np.column_stack([candidate, incumbent])
    draw, count = np.random.default_rng(seed), len(losses)
    block = max(1, _BLOCK // count)
    shares = []
    for start in range(0, resamples, block):
        drawn = draw.integers(0, count, size=(min(block, resamples - start), count))
        means = losses[drawn].mean(axis=1)
        shares.append(relative_change(metrics_of(metric, means[:, 0]), metrics_of(metric, means[:, 1])))
    spread = np.concatenate(shares)
    tail = (1 - confidence) / 2
    both = metrics_of(metric, losses.mean(axis=0))
    return Change(
        candidate=float(both[0]),
        incumbent=float(both[1]),
        share=float(relative_change(both[:1], both[1:])[0]),
        # Resamples themselves, no value between two: one may be infinite. Rounded outwards.
        low=float(np.quantile(spread, tail, method="lower")),
        high=float(np.quantile(spread, 1 - tail, method="higher")),
    )


MOST_VALUES = 20
"""Distinct values of a column up to which each is a slice of its own."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice, and how both models do on it.

    share: how much worse the candidate is, of the incumbent's figure.
    """

    name: str
    rows: int
    candidate: float
    incumbent: float
    share: float


def slices_of(name: str, values: Vector) -> Iterator[tuple[str, Mask]]:
    """The slices of a column as masks of rows, in the order of the values; rows without a value are the last.

    name: the column's. Every row is in exactly one; no slice is empty.
    """
    missing = np.isnan(values)
    distinct = np.unique(values[~missing])
    if len(distinct) <= MOST_VALUES:
        for value in distinct:
            yield f"{name} = {value:g}", values == value
    else:
        yield from _quarters(name, values, float(distinct[0]), float(distinct[-1]))
    if missing.any():
        yield f"{name} is empty", missing


def _quarters(name: str, values: Vector, low: float, high: float) -> Iterator[tuple[str, Mask]]:
    edges = [low + (high - low) * quarter / 4 for quarter in range(5)]
    for number, (begin, end) in enumerate(itertools.pairwise(edges), start=1):
        last = number == 4
        mask = (values >= begin) & ((values <= high) if last else (values < end))
        if mask.any():
            yield f"{name} {begin:.4g} to {'' if last else 'below '}{(high if last else end):.4g}", mask


def compare_slice(name: str, mask: Mask, metric: str, candidate: Vector, incumbent: Vector) -> Slice:
    """Both models on the rows of a slice. candidate, incumbent: the losses of all rows."""
    ours, theirs = metric_of(metric, candidate[mask]), metric_of(metric, incumbent[mask])
    share = float(relative_change(np.array([ours]), np.array([theirs]))[0])
    return Slice(name, int(mask.sum()), ours, theirs, share)
