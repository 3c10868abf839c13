"""What the numbers of a channel's columns have in common, and which rows are a query's, gathered block by block.

`warnings` is made of it. xgboost takes rows one after another with one qid for a query. Where queries are ranked, a
weight is a query's, and a channel that gives one to each row is refused: `Size of weight must equal to the number of
query groups`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kickstand.errors import Problem
from training.data.checks.columns import Counting, RowDigests, StraightLines, dense_digests, sparse_digests
from training.hyperparameters.table import requested_metrics

_MOST_QUERIES = 1_000_000
"""Queries that are remembered, to know one that comes again."""


@dataclass(slots=True)
class Queries:
    """Of one channel. runs: of rows with one qid, each a query to xgboost. again: of a qid that was there before."""

    runs: int = 0
    again: int = 0
    _last: int = -1
    _seen: set[int] = field(default_factory=set)

    def take(self, query: npt.NDArray[np.uint32]) -> None:
        """Further rows."""
        first = np.flatnonzero(np.append(int(query[0]) != self._last, query[1:] != query[:-1]))
        for qid in query[first].tolist():
            self.again += qid in self._seen
            if len(self._seen) < _MOST_QUERIES:
                self._seen.add(qid)
        self.runs += len(first)
        self._last = int(query[-1])


def weight_problems(
    facts: Mapping[str, ColumnFacts], values: Mapping[str, str], where: str, *, in_column: bool
) -> list[Problem]:
    """Weights with which a job fails. values: hyperparameters. where, in_column: of csv_weights, where it is 1."""
    problems = []
    for channel in ("train", "validation"):
        found = facts.get(channel)
        if found is None or found.lost or not found.rows or found.no_weight is None:
            continue
        if found.no_weight == found.rows and channel == "train":
            message = (
                f"all {found.rows:,} rows of train have weight 0: there is nothing to train on, and the job fails."
            )
            fix = "Weigh rows by numbers above 0" + (", or remove csv_weights." if in_column else ".")
            problems.append(Problem(message, where, fix))
        groups = found.queries.runs or 1
        if (found.queries.runs or _ranks(values)) and groups != found.rows:
            what = "1 query" if groups == 1 else f"{groups:,} queries"
            message = (
                f"channel {channel} has a weight for each of {found.rows:,} rows in {what}; where queries are ranked, "
            )
            message += "xgboost takes one for each query, and the job fails."
            fix = "Remove csv_weights and the column." if in_column else "Write labels without weights."
            problems.append(Problem(message, where, fix))
    return problems


def query_warnings(facts: Mapping[str, ColumnFacts], values: Mapping[str, str]) -> Iterator[str]:
    """Queries that xgboost sees otherwise than who wrote them; a line each."""
    for channel, found in facts.items():
        if found.queries.again:
            times = f"channel {channel}: {found.queries.again:,} times a qid comes again behind another one"
            yield (
                f"{times}; rows one after another are a query to xgboost, so that there are {found.queries.runs:,} "
                "queries. Sort the rows by qid."
            )
        elif found.queries.runs == found.rows > 1 and _ranks(values):
            yield f"channel {channel}: each of {found.rows:,} rows is a query of its own, in which nothing is ranked."


def _ranks(values: Mapping[str, str]) -> bool:
    metrics = (metric.partition("@")[0] for metric in requested_metrics(values))
    return values.get("objective", "").startswith("rank:") or any(metric in ("ndcg", "map") for metric in metrics)


Numbers = npt.NDArray[np.float64]

EXACT = 2.0**24
"""Up to which float32, in which xgboost keeps all numbers, has every whole number."""
_WIDEST = 100_000
"""Columns of a file beyond which none is looked at."""
_MOST_CLASSES = 10_000


@dataclass(slots=True)
class ColumnFacts:
    """Of one channel. Columns are counted from 0, the label being the first.

    log1p:       whether the label is the logarithm of what was measured.
    weights:     whether column 1 is a row's weight.
    low, high:   of each column; inf and -inf where all is missing. missing: cells of each.
    changed:     whole numbers of each column that are others as float32. example: one of them.
    classes:     rows by label, where labels are small whole numbers; else None.
    total:       sum of the labels, and of their squares.
    no_weight:   rows of weight 0; None where rows have none.
    twice:       rows that have an index twice, and one such index.
    sparse:      rows name the columns they have.
    lost:        rows came that could not be looked at, so that nothing is known of every row.
    """

    log1p: bool = False
    weights: bool = False
    rows: int = 0
    features: bool = True
    sparse: bool = False
    lost: bool = False
    low: Numbers = field(default_factory=lambda: np.zeros(0))
    high: Numbers = field(default_factory=lambda: np.zeros(0))
    missing: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    changed: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    example: dict[int, float] = field(default_factory=dict)
    classes: dict[int, int] | None = field(default_factory=dict)
    total: tuple[float, float] = (0.0, 0.0)
    no_weight: int | None = None
    twice: tuple[int, int] = (0, 0)
    counting: Counting = field(default_factory=Counting)
    of_label: StraightLines = field(default_factory=StraightLines)
    of_measured: StraightLines = field(default_factory=StraightLines)
    digests: RowDigests = field(default_factory=RowDigests)
    queries: Queries = field(default_factory=Queries)

    def begin_file(self) -> None:
        """What comes next is of another file."""
        self.counting.begin_file()

    def give_up(self) -> None:
        """Rows come that cannot be looked at."""
        self.lost = True

    def take(self, columns: Sequence[Numbers]) -> None:
        """Further rows, column by column, the label first; a missing value is NaN."""
        if (self.rows and len(columns) != len(self.low)) or len(columns) > _WIDEST:
            self.features = False
        if self.lost or not len(columns) or not len(columns[0]):
            return
        self.digests.add(dense_digests(columns))
        if self.weights and len(columns) > 1:
            self._weigh(columns[1])
        self._look(np.stack(columns) if self.features else np.stack(columns[:1]), exact=True)

    def take_sparse(
        self,
        label: npt.NDArray[np.float32],
        starts: npt.NDArray[np.int64],
        indices: npt.NDArray[np.int32],
        values: npt.NDArray[np.float32],
        weight: npt.NDArray[np.float32] | None = None,
        query: npt.NDArray[np.uint32] | None = None,
    ) -> None:
        """Further rows as a compressed sparse row matrix."""
        if self.lost or not len(label):
            return
        self.sparse = True
        self.digests.add(sparse_digests(label, starts, indices, values))
        if weight is not None:
            self._weigh(weight)
        if query is not None:
            self.queries.take(query)
        rows = np.repeat(np.arange(len(label)), np.diff(starts))
        self._find_twice(rows, indices)
        width = max(len(self.low), 2 + int(indices.max(initial=-1)))
        if width * len(label) > max(4 * len(indices), 1_000_000):
            self.features = False  # too sparse to be written out
        matrix = np.full((width if self.features else 1, len(label)), np.nan)
        if self.features:
            matrix[indices + 1, rows] = values
        matrix[0] = label
        self._look(matrix, exact=False)

    def _weigh(self, weights: npt.NDArray[np.floating]) -> None:
        self.no_weight = (self.no_weight or 0) + int((weights == 0).sum())

    def _find_twice(self, rows: npt.NDArray[np.int64], indices: npt.NDArray[np.int32]) -> None:
        if bool(np.all((np.diff(indices) > 0) | (np.diff(rows) > 0))):
            return
        keys = np.sort((rows.astype(np.int64) << 32) | indices)
        again = keys[1:][keys[1:] == keys[:-1]]
        if len(again):
            index = self.twice[1] if self.twice[0] else int(again[0] & 0xFFFFFFFF)
            self.twice = (self.twice[0] + len(np.unique(again >> 32)), index)
            self.features = False  # which of the values is the row's?

    def _look(self, matrix: Numbers, *, exact: bool) -> None:
        label = matrix[0]
        with np.errstate(over="ignore", invalid="ignore"):
            self._count_classes(label)
            self.total = (self.total[0] + float(label.sum()), self.total[1] + float((label * label).sum()))
            self._grow(len(matrix))
            width = len(matrix)
            low, high = np.fmin.reduce(matrix, axis=1), np.fmax.reduce(matrix, axis=1)
            self.low[:width] = np.fmin(self.low[:width], low)
            self.high[:width] = np.fmax(self.high[:width], high)
            gaps = np.flatnonzero(np.isnan(matrix.sum(axis=1)))
            self.missing[gaps] += np.isnan(matrix[gaps]).sum(axis=1)
            for column in np.flatnonzero(np.fmax(-low, high) >= EXACT).tolist():
                self._count_changed(column, matrix[column], exact=exact)
            self.counting.take(matrix)
            if self.features:
                self.of_label.take(matrix, label)
                if self.log1p and self.of_measured.open:
                    self.of_measured.take(matrix, np.expm1(label))
        self.rows += len(label)

    def _grow(self, width: int) -> None:
        more = width - len(self.low)
        if more > 0:
            self.low = np.append(self.low, np.full(more, np.inf))
            self.high = np.append(self.high, np.full(more, -np.inf))
            self.missing = np.append(self.missing, np.full(more, self.rows))
            self.changed = np.append(self.changed, np.zeros(more, dtype=np.int64))

    def _count_changed(self, column: int, values: Numbers, *, exact: bool) -> None:
        far = np.abs(values) >= EXACT
        if exact:  # else they are float32 already, and every one may have been another
            far &= (values == np.floor(values)) & (values.astype(np.float32).astype(np.float64) != values)
        if found := int(far.sum()):
            self.changed[column] += found
            self.example.setdefault(column, float(values[far.argmax()]))

    def _count_classes(self, label: Numbers) -> None:
        if self.classes is None:
            return
        if not (label.min() >= 0 and label.max() < _MOST_CLASSES and np.array_equal(label, np.floor(label))):
            self.classes = None
            return
        for value, count in enumerate(np.bincount(label.astype(np.int64)).tolist()):
            if count:
                self.classes[value] = self.classes.get(value, 0) + count
