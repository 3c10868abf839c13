"""The rows of a request body (CSV, libsvm, recordio-protobuf), cut into dense blocks of bounded size."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import dropwhile
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from localcloud.container.csv_numbers import CsvError, Matrix, parse_matrix, width_of
from localcloud.container.hosting.selected_output import CSV_BODY, LIBSVM_BODY, RECORDIO_BODY
from training.data.csv.float_text import request_delimiter
from training.data.formats.recordio import Tensor, decode_record, frames

_BLOCK_VALUES = 8 << 20
"""Values of a block, 32 MB: a few bytes may ask for millions of rows, and a model may have a million features."""


@dataclass(frozen=True, slots=True)
class DenseRows:
    """A (rows, columns) float32 matrix; NaN is a missing value."""

    matrix: Matrix

    @property
    def width(self) -> int:
        """Columns that the rows have."""
        return int(self.matrix.shape[1])

    def blocks(self, features: int) -> Iterator[Matrix]:
        """Pieces that stay small when they are widened to the model's features."""
        step = max(1, _BLOCK_VALUES // max(1, features))
        for start in range(0, self.matrix.shape[0], step):
            yield self.matrix[start : start + step]


@dataclass(frozen=True, slots=True)
class SparseRows:
    """Rows of which only some values are given; all others are missing.

    starts: where each row's values begin, and the end of the last (rows + 1). columns, values: one each a value.
    width:  columns that the rows have, which may be more than the largest column given.
    """

    starts: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    values: npt.NDArray[np.float32]
    width: int

    def blocks(self, features: int) -> Iterator[Matrix]:
        """Dense pieces; no column may be beyond `features`."""
        step = max(1, _BLOCK_VALUES // max(1, features))
        count = len(self.starts) - 1
        lengths = np.diff(self.starts)
        for start in range(0, count, step):
            stop = min(start + step, count)
            block = np.full((stop - start, max(1, self.width)), np.nan, dtype=np.float32)
            here = slice(self.starts[start], self.starts[stop])
            block[np.repeat(np.arange(stop - start), lengths[start:stop]), self.columns[here]] = self.values[here]
            yield block


Rows = DenseRows | SparseRows


_SMALL = 4096
"""Bytes up to which Python's own float() beats the set-up of a parser."""
_WIDE = 10_000
"""Columns from which on a columnar parser is the slower one."""
_NOT_FINITE = "Check failed: valid: Input data contains `inf` or a value too large, while `missing` is not set to `inf`"


class UndecodableError(Exception):
    """A body that is not what its content type says, in the container's words."""


class _RefusedByXGBoostError(ValueError):
    """What xgboost itself refuses when the container hands it the rows."""


def decode(kind: str, body: bytes, *, shifts: bool = True) -> Rows:
    """The rows of a body of the kind CSV, LIBSVM or RECORDIO. Raises UndecodableError.

    shifts: whether the image takes 1 off the indices of a libsvm body without an index 0, as 3.2-0 does.
    """
    try:
        if kind == CSV_BODY:
            return _csv(body)
        return _libsvm(body, shifts) if kind == LIBSVM_BODY else _recordio(body)
    except (ValueError, IndexError, OverflowError, csv.Error) as error:
        if kind == RECORDIO_BODY:
            raise UndecodableError(
                "Loading recordio-protobuf data failed with Exception, please ensure data is in recordio-protobuf "
                f"format: {_class_of(error)} {error}"
            ) from None
        raise UndecodableError(
            f"Loading {kind} data failed with Exception, please ensure data is in {kind} format:\n "
            f"{_class_of(error)}\n {error}"
        ) from None


def _class_of(error: Exception) -> str:
    """The class that the container's message shows: none of this program's own."""
    if isinstance(error, _RefusedByXGBoostError):
        return "<class 'xgboost.core.XGBoostError'>"
    return str(type(error) if isinstance(error, (csv.Error, UnicodeError)) else _plain(error))


def _plain(error: Exception) -> type[Exception]:
    return next(kind for kind in (OverflowError, IndexError, ValueError) if isinstance(error, kind))


def _csv(body: bytes) -> DenseRows:
    body = body.strip()
    if not body:
        raise csv.Error("Could not determine delimiter")
    first = body.split(b"\n", 1)[0]
    delimiter = request_delimiter(first.decode("utf-8"))
    width = width_of(first, delimiter)
    # The container takes a carriage return for part of the last cell, which so is not empty.
    if len(body) > _SMALL and width < _WIDE and f"{delimiter}\r".encode() not in body:
        try:
            return DenseRows(_finite(parse_matrix(body, delimiter, width)))
        except CsvError:
            pass  # rare: either Python reads it all the same (" 1", "+1"), or its words are the container's
    rows = [line.split(delimiter) for line in body.decode("utf-8").split("\n")]
    if len({len(row) for row in rows}) > 1:
        np.array(rows)  # raises ValueError in the words that the container's answer shows
    return DenseRows(_float32(np.array([[_number(cell) for cell in row] for row in rows], dtype=np.float64)))


def _libsvm(body: bytes, shifts: bool) -> SparseRows:
    """`[label] index:value …` a line, as the container's `_get_sparse_matrix_from_libsvm` reads it.

    Blanks alone separate, what has no colon is passed over, a second colon ends the value, and the values of an index
    that stands twice are added. The rows end with the last that has a value.
    """
    lines = [
        [(_index(index), value) for index, value, *_ in (token.split(":") for token in line.split(" ") if ":" in token)]
        for line in body.strip().decode("utf-8").split("\n")
    ]
    starts, columns = [0], list[int]()
    values = list[float]()
    for line in lines:
        row: dict[int, float] = {}
        for column, value in line:
            number = _number(value) if value else _no_number(value)
            row[column] = row[column] + number if column in row else number
        columns += row.keys()
        values += row.values()
        starts.append(len(columns))
    if not columns:
        raise ValueError("cannot infer dimensions from zero sized index arrays")
    while starts[-2] == starts[-1]:
        starts.pop()
    least, most = min(columns), max(columns)
    shift = 1 if shifts and least >= 1 else 0
    if most >= 2**64:
        raise OverflowError("Python int too large to convert to C long")
    if most < -1 or most - shift + 1 >= 2**63:
        raise ValueError("'shape' elements cannot be negative")
    if least < 0:
        raise ValueError(f"negative axis 1 index: {least}")
    numbers = _float32(np.array(values, dtype=np.float64))
    indices = np.array(columns, dtype=np.int64) - shift
    return SparseRows(np.array(starts, dtype=np.int64), indices, numbers, most - shift + 1)


def _recordio(body: bytes) -> Rows:
    records = [decode_record(body, start, end) for start, end in frames(body)]
    found = [(record.features, record.label) for record in records if record.features is not None]
    if not found:
        raise ValueError("No records found in RecordIO-Protobuf data")
    tensors = [tensor for tensor, _ in found]
    labels = [label for _, label in found if label is not None]
    if all(tensor.keys is None for tensor in tensors):
        matrix = np.vstack([tensor.values for tensor in tensors])  # its ValueError has the words for unequal widths
        _check_labels(labels, len(found))
        return DenseRows(_float32(matrix))
    widths = [_width(tensor) for tensor in tensors]
    if max(widths) >= 2**63:
        raise OverflowError("Python int too large to convert to C long")
    # SciPy, which the container stacks the rows with, takes one without columns as long as it has seen none with any.
    if len(set(dropwhile(lambda width: width == 0, widths))) > 1:
        raise ValueError("incompatible dimensions for axis 1")
    _check_labels(labels, len(found))
    # Of a dense record among sparse ones it drops the zeros.
    keys = [np.flatnonzero(tensor.values) if tensor.keys is None else tensor.keys for tensor in tensors]
    values = [
        tensor.values[key] if tensor.keys is None else tensor.values for tensor, key in zip(tensors, keys, strict=True)
    ]
    starts = np.cumsum([0, *map(len, values)], dtype=np.int64)
    indices = np.concatenate([key.astype(np.int64) for key in keys])
    return SparseRows(starts, indices, _float32(np.concatenate(values)), max(widths))


def _check_labels(labels: list[Tensor], rows: int) -> None:
    """The container hands labels on to xgboost, which refuses these before it predicts."""
    numbers = np.concatenate([label.values for label in labels]) if labels else np.empty(0)
    if len(numbers) % rows:
        raise _RefusedByXGBoostError(
            f"Check failed: p_info->Size() % n_samples == 0: {len(numbers)} labels, {rows} rows"
        )
    if not np.isfinite(numbers).all():
        raise _RefusedByXGBoostError("Check failed: valid: Label contains NaN, infinity or a value too large.")


def _width(tensor: Tensor) -> int:
    """A row's columns: a dense tensor's values, a sparse one's shape where it is given, else up to the last key."""
    if tensor.keys is None:
        return len(tensor.values)
    last = int(tensor.keys.max()) + 1
    if not tensor.shape:
        return last
    if last > tensor.shape[0]:
        raise ValueError(f"a sparse tensor has the key {last - 1}, and the shape {tensor.shape[0]}")
    return tensor.shape[0]


def _number(cell: str) -> float:
    """A number, or NaN for an empty cell. Raises ValueError in NumPy's words, which the container's answer shows."""
    if "_" in cell:  # Python's own digit grouping is no number of anybody's data
        _no_number(cell)
    try:
        return float(cell) if cell else math.nan
    except ValueError:
        _no_number(cell)


def _no_number(cell: str) -> NoReturn:
    raise ValueError(f"could not convert string to float: {np.str_(cell)!r}")


def _index(text: str) -> int:
    if "_" in text:
        raise ValueError(f"invalid literal for int() with base 10: {text!r}")
    return int(text)


def _float32(values: npt.NDArray[Any]) -> Matrix:
    with np.errstate(over="ignore"):
        return _finite(values.astype(np.float32))


def _finite(rows: Matrix) -> Matrix:
    if np.isinf(rows).any():
        raise _RefusedByXGBoostError(_NOT_FINITE)
    return rows
