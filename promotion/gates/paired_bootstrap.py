"""How far chance may have moved a comparison of two models on the same rows: a paired percentile bootstrap.

Each resample draws as many rows as there are, with replacement, the same rows for both models, and asks how much
worse the one is than the other on them. Efron and Tibshirani, An Introduction to the Bootstrap, chapters 8 and 13.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promotion.gates.row_losses import figures
from training.prediction.metrics import Vector

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
        shares.append(relative_change(figures(metric, means[:, 0]), figures(metric, means[:, 1])))
    spread = np.concatenate(shares)
    tail = (1 - confidence) / 2
    both = figures(metric, losses.mean(axis=0))
    return Change(
        candidate=float(both[0]),
        incumbent=float(both[1]),
        share=float(relative_change(both[:1], both[1:])[0]),
        # Resamples themselves, no value between two: one may be infinite. Rounded outwards.
        low=float(np.quantile(spread, tail, method="lower")),
        high=float(np.quantile(spread, 1 - tail, method="higher")),
    )
