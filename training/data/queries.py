"""Rows that belong to queries, and rows that have weights: what a ranking makes of them, and what ends its job.

xgboost takes rows one after another with one qid for a query. Where queries are ranked, a weight is a query's, and a
channel that gives one to each row is refused: `Size of weight must equal to the number of query groups`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kickstand.errors import Problem
from training.hyperparameters.table import asked_metrics

if TYPE_CHECKING:
    from training.data.column_facts import ColumnFacts

_MOST = 1_000_000
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
            if len(self._seen) < _MOST:
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
    metrics = (metric.partition("@")[0] for metric in asked_metrics(values))
    return values.get("objective", "").startswith("rank:") or any(metric in ("ndcg", "map") for metric in metrics)
