"""Two models on the same rows: the loss of each row, the change of a metric with its interval, and slices of the rows.

The loss of a row is what it adds to a metric: the metric is the mean of the losses (and its root), so a metric of any
selection of rows, a slice or a resample, is one mean. How far chance may have moved a comparison is computed by a
paired percentile bootstrap: each resample draws as many rows as there are, with replacement, the same rows for both
models (Efron and Tibshirani, An Introduction to the Bootstrap, chapters 8 and 13). A slice is the rows that share a
value of a column, or a quarter of its range.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kickstand.config.model import TargetTransform
from kickstand.errors import KickstandError, Problem
from training.evaluation.metrics import Vector, original_units, reported_metrics
from training.evaluation.test_rows import TestRows

_ROOTS = frozenset({"rmse", "rmsle"})
_NEAREST_PROBABILITY = 1e-15


@dataclass(frozen=True, slots=True)
class EndpointAnswers:
    """The answers of one model to the test rows: texts as the endpoint gave them, and how they are to be read."""

    texts: tuple[str, ...]
    objective: str
    transform: TargetTransform


def figure(metric: str, losses: NDArray[np.float64]) -> float:
    """The metric of rows whose losses are given."""
    return float(figures(metric, np.asarray(losses.mean())))


def figures(metric: str, means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metrics of many selections of rows from the means of their losses."""
    return np.sqrt(means) if metric.split(":")[1] in _ROOTS else means


def row_losses(
    metric: str, answered: EndpointAnswers, rows: TestRows, labels_transform: TargetTransform, *, where: str
) -> Vector:
    """The loss of each row.

    metric: a reported one, `original:rmse`. labels_transform: what was done to the labels of the rows; the model's
    own transform may be another, and then original units alone compare. where: the model, for messages.
    Raises KickstandError for an answer that is no finite number, by its row, and for a metric that the model's
    objective does not have.
    """
    if metric not in reported_metrics(answered.objective):
        message = f"The model of the objective {answered.objective} has no {metric}."
        raise KickstandError(Problem(message, where, "Compare by a metric that both have."))
    if metric.startswith("model:") and answered.transform != labels_transform:
        message = f"It was trained with target_transform {answered.transform}, the test labels are {labels_transform}."
        raise KickstandError(Problem(message, where, f"Compare in original units: {metric.split(':')[1]}."))
    table = _numbers(answered, rows, where)
    name = metric.split(":")[1]
    if answered.objective.startswith(("reg:", "count:")):
        return _regression(metric, name, table, answered, rows, labels_transform, where)
    actual, predicted = rows.labels, table[:, 0]
    if name == "error":
        return np.asarray(actual != _class_of(answered.objective, table), dtype=np.float64)
    if name == "logloss":
        p = np.clip(predicted, _NEAREST_PROBABILITY, 1 - _NEAREST_PROBABILITY)
        return np.asarray(-(actual * np.log(p) + (1 - actual) * np.log(1 - p)), dtype=np.float64)
    chosen = table[np.arange(len(actual)), actual.astype(int)]
    return np.asarray(-np.log(np.clip(chosen, _NEAREST_PROBABILITY, 1)), dtype=np.float64)


def _class_of(objective: str, table: NDArray[np.float64]) -> Vector:
    if objective == "multi:softprob":
        return np.asarray(table.argmax(axis=1), dtype=np.float64)
    chances = table[:, 0]
    return np.asarray(chances > 0.5, dtype=np.float64) if objective == "binary:logistic" else chances


def _regression(
    metric: str,
    name: str,
    table: NDArray[np.float64],
    answered: EndpointAnswers,
    rows: TestRows,
    labels_transform: TargetTransform,
    where: str,
) -> Vector:
    actual, predicted = rows.labels, table[:, 0]
    if metric.startswith("original:"):
        actual = original_units(actual, labels_transform)
        with np.errstate(over="ignore"):
            predicted = original_units(predicted, answered.transform)
        _require_finite(predicted[:, None], answered, rows, where, " in original units")
    if name == "mae":
        return np.asarray(np.abs(predicted - actual), dtype=np.float64)
    if name == "rmsle":
        if actual.min() < 0:
            raise KickstandError(Problem("Labels below 0 have no rmsle.", rows.source, "Compare by rmse or mae."))
        actual, predicted = np.log1p(actual), np.log1p(np.maximum(predicted, 0))
    with np.errstate(over="ignore"):
        squares = np.asarray((predicted - actual) ** 2, dtype=np.float64)
    _require_finite(squares[:, None], answered, rows, where, " once squared")
    return squares


def _numbers(answered: EndpointAnswers, rows: TestRows, where: str) -> NDArray[np.float64]:
    try:
        table = np.array([text.split(",") for text in answered.texts], dtype=np.float64)
    except ValueError as error:
        raise KickstandError(Problem(f"Expected numbers from the endpoint: {error}.", where)) from error
    _require_finite(table, answered, rows, where, "")
    return table


def _require_finite(
    table: NDArray[np.float64], answered: EndpointAnswers, rows: TestRows, where: str, units: str
) -> None:
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if len(bad):
        first = int(bad[0])
        more = f", and {len(bad) - 1:,} more" if len(bad) > 1 else ""
        message = f"The answer to the row {rows.place(first)} is {answered.texts[first]}, not finite{units}{more}."
        raise KickstandError(Problem(message, where, "The model has not learned; do not promote it."))


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
    found, served = figure(metric, candidate[mask]), figure(metric, incumbent[mask])
    share = float(relative_change(np.array([found]), np.array([served]))[0])
    return Slice(name, int(mask.sum()), found, served, share)
