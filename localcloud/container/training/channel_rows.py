"""The rows of a channel, of any content type: features, label, weight, query; and the file and line of each.

The place of a row is for what is refused only when all rows are together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost

from training.data.formats.recordio import decode_record, frames

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


def refused_place(rows: ChannelRows, files: Sequence[Path], content_type: str) -> str:
    """`a.csv, line 3` of the first row with a label or a value that is not finite; "" where every row is good.

    rows:  all rows of the files, in their order.
    files: the files that they were read from.
    """
    row = _first_bad(rows)
    if row is None:
        return ""
    for file in files:
        for place in _row_places(file, content_type):
            if row == 0:
                return place
            row -= 1
    return ""


def _first_bad(rows: ChannelRows) -> int | None:
    """NaN is a missing feature, and no label."""
    found = [] if rows.label is None else np.flatnonzero(~np.isfinite(rows.label))[:1].tolist()
    if isinstance(rows.features, np.ndarray):
        found += np.flatnonzero(np.isinf(rows.features).any(axis=1))[:1].tolist()
    else:
        entries = np.flatnonzero(np.isinf(rows.features.data))[:1]
        found += (np.searchsorted(rows.features.indptr, entries, side="right") - 1).tolist()
    return min(found, default=None)


def _row_places(file: Path, content_type: str) -> Iterator[str]:
    """The place of every row of a file."""
    if content_type == "parquet":
        yield from (f"{file.name}, row {number}" for number in range(1, _parquet_rows(file) + 1))
    elif content_type == "recordio-protobuf":
        data = file.read_bytes()
        for number, (start, end) in enumerate(frames(data), start=1):
            if decode_record(data, start, end).features is not None:
                yield f"{file.name}, record {number}"
    else:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                text = line.strip(b"\r\n") if content_type == "csv" else line.partition(b"#")[0].strip()
                if text:
                    yield f"{file.name}, line {number}"


def _parquet_rows(file: Path) -> int:
    import pyarrow.parquet

    if file.name.startswith("_"):
        return 0
    metadata: Any = pyarrow.parquet.read_metadata(file)
    return int(metadata.num_rows)
