"""Rows that share something: by the values of a column, or by the quarters of its range."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promotion.gates.paired_bootstrap import relative_change
from promotion.gates.row_losses import figure
from training.prediction.metrics import Vector

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


def judged_slice(name: str, mask: Mask, metric: str, candidate: Vector, incumbent: Vector) -> Slice:
    """Both models on the rows of a slice. candidate, incumbent: the losses of all rows."""
    found, served = figure(metric, candidate[mask]), figure(metric, incumbent[mask])
    share = float(relative_change(np.array([found]), np.array([served]))[0])
    return Slice(name, int(mask.sum()), found, served, share)
