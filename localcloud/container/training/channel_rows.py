"""The rows of a channel, whatever they were written as: features, label, weight, query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost

Floats = npt.NDArray[np.float32]
NO_LABELS = (
    "Got input data without labels. Please check the input data set. If training job is running on multiple "
    "instances, please switch to using single instance if number of records in the data set is less than number of "
    "workers (16 * number of instance) in the cluster."
)
"""The container's words for a channel without rows, too."""


class DataError(ValueError):
    """Data that cannot be read as what its content type says. The message says what is wrong."""


@dataclass(frozen=True, slots=True)
class ChannelRows:
    """Rows in the order of their files.

    features: a (rows, columns) float32 array, NaN where missing, or a sparse matrix (scipy CSR), in which what is not
              stored is missing.
    label, weight, query: one for each row, or None where the data has none.
    names:    of the columns, the label first, where the files name them (Parquet).
    """

    features: Any
    label: Floats | None
    weight: Floats | None = None
    query: npt.NDArray[np.uint32] | None = None
    names: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        return int(self.features.shape[0])

    def matrix(self, threads: int | None) -> xgboost.DMatrix:
        """The rows as xgboost takes them. Raises XGBoostError and ValueError for what it refuses to load."""
        group = None if self.query is None else _runs(self.query)
        return xgboost.DMatrix(self.features, label=self.label, weight=self.weight, group=group, nthread=threads)

    def take(self, rows: npt.NDArray[np.int64]) -> ChannelRows:
        """The rows at these places."""
        return ChannelRows(
            self.features[rows], _part(self.label, rows), _part(self.weight, rows), _part(self.query, rows)
        )


def _runs(query: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """Rows of each query: one after another with one qid, as xgboost's reader of text has it, in whatever order."""
    ends = np.append(np.flatnonzero(query[1:] != query[:-1]) + 1, len(query))
    return np.diff(ends, prepend=0)


def joined(parts: Sequence[ChannelRows]) -> ChannelRows:
    """All rows of all parts, in order; missing columns of sparse parts at the end are added.

    Raises DataError where some have a weight, a label or a query and others have none, or where dense parts differ in
    their columns.
    """
    if len(parts) == 1:
        return parts[0]
    return ChannelRows(
        _stacked([part.features for part in parts]),
        _all_or_none([part.label for part in parts], "label"),
        _all_or_none([part.weight for part in parts], "weight"),
        _all_or_none([part.query for part in parts], "qid"),
        parts[0].names,
    )


def _part(values: Any, rows: npt.NDArray[np.int64]) -> Any:
    return None if values is None else values[rows]


def _stacked(features: list[Any]) -> Any:
    columns = max(part.shape[1] for part in features)
    if all(isinstance(part, np.ndarray) for part in features):
        if any(part.shape[1] != columns for part in features):
            widths = sorted({part.shape[1] for part in features})
            raise DataError(f"Files have {', '.join(map(str, widths))} feature columns; all need the same")
        return np.concatenate(features)
    import scipy.sparse

    for part in features:
        if not isinstance(part, np.ndarray):
            part.resize(part.shape[0], columns)
    return scipy.sparse.vstack(features, format="csr", dtype=np.float32)


def _all_or_none(values: list[Any], what: str) -> Any:
    given = [value for value in values if value is not None]
    if not given:
        return None
    if len(given) != len(values):
        raise DataError(f"Some files have a {what} for each row and others have none")
    return np.concatenate(given)
