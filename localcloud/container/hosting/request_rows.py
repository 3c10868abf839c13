"""The rows of a request body: CSV, libsvm or recordio-protobuf.

What is accepted, and the words for what is not, are the container's; so is what counts as missing: an empty cell and
`nan` of a CSV, and every column of a sparse row that is not there.
"""

from __future__ import annotations

import csv
import math

import numpy as np

from localcloud.container.csv_numbers import CsvError, Matrix, delimiter_of, parse_matrix, width_of
from localcloud.container.hosting.content_type import CSV, LIBSVM, RECORDIO
from localcloud.container.hosting.served_rows import DenseRows, Rows, SparseRows
from training.data.recordio import Tensor, decode_record, frames

_SMALL = 4096
"""Bytes up to which Python's own float() beats the set-up of a parser."""
_WIDE = 10_000
"""Columns from which on a columnar parser is the slower one."""
_NOT_FINITE = "Input data contains `inf` or a value too large, while `missing` is not set to `inf`"


class UndecodableError(Exception):
    """A body that is not what its content type says, in the container's words."""


class _NotFiniteError(ValueError):
    """What xgboost itself refuses when the container hands it the rows."""


def decode(kind: str, body: bytes) -> Rows:
    """The rows of a body of the kind CSV, LIBSVM or RECORDIO. Raises UndecodableError."""
    try:
        if kind == CSV:
            return _csv(body)
        return _libsvm(body) if kind == LIBSVM else _recordio(body)
    except (ValueError, IndexError, OverflowError, csv.Error) as error:
        if kind == RECORDIO:
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
    if isinstance(error, _NotFiniteError):
        return "<class 'xgboost.core.XGBoostError'>"
    return str(type(error) if isinstance(error, (csv.Error, UnicodeError)) else _plain(error))


def _plain(error: Exception) -> type[Exception]:
    return next(kind for kind in (OverflowError, IndexError, ValueError) if isinstance(error, kind))


def _csv(body: bytes) -> DenseRows:
    body = body.strip()
    if not body:
        raise csv.Error("Could not determine delimiter")
    first = body.split(b"\n", 1)[0]
    delimiter = delimiter_of(first.decode("utf-8"))
    width = width_of(first, delimiter)
    if len(body) > _SMALL and width < _WIDE:
        try:
            return DenseRows(_finite(parse_matrix(body, delimiter, width)))
        except CsvError:
            pass  # rare: either Python reads it all the same (" 1", "+1"), or its words are the container's
    lines = body.decode("utf-8").split("\n")
    rows = [[_number(cell) for cell in line.rstrip("\r").split(delimiter)] for line in lines]
    with np.errstate(over="ignore"):
        return DenseRows(_finite(np.array(rows, dtype=np.float64).astype(np.float32)))


def _libsvm(body: bytes) -> SparseRows:
    """`[label] index:value …` a line. Indices are taken as they are written, as in training."""
    starts, columns = [0], list[int]()
    values = list[float]()
    for line in body.strip().decode("utf-8").split("\n"):
        row: dict[int, float] = {}
        for place, token in enumerate(line.split()):
            index, colon, value = token.partition(":")
            if not colon and place == 0:
                _number(token)  # the label, which a request need not have
            elif not colon:
                raise ValueError(f"index:value was expected, found {token!r}")
            else:
                row[_index(index)] = _number(value)
        columns += row.keys()
        values += row.values()
        starts.append(len(columns))
    with np.errstate(over="ignore"):
        numbers = _finite(np.array(values, dtype=np.float64).astype(np.float32))
    width = max(columns, default=-1) + 1
    # A column beyond 64 bits is none of any model's: the width says so before it is looked at.
    indices = np.array(columns if width < 2**63 else [0] * len(columns), dtype=np.int64)
    return SparseRows(np.array(starts, dtype=np.int64), indices, numbers, width)


def _recordio(body: bytes) -> Rows:
    tensors = [record.features for start, end in frames(body) if (record := decode_record(body, start, end)).features]
    found = [tensor for tensor in tensors if tensor is not None]
    if not found:
        raise ValueError("No records found in RecordIO-Protobuf data")
    widths = sorted({_width(tensor) for tensor in found})
    if len(widths) > 1:
        raise ValueError(f"records have {', '.join(map(str, widths))} features; all need the same number")
    with np.errstate(over="ignore"):
        values = _finite(np.concatenate([tensor.values for tensor in found]).astype(np.float32))
    if all(tensor.keys is None and len(tensor.values) for tensor in found):
        return DenseRows(values.reshape(len(found), widths[0]))
    starts = np.cumsum([0, *(len(tensor.values) for tensor in found)], dtype=np.int64)
    keys = [np.arange(len(tensor.values)) if tensor.keys is None else tensor.keys for tensor in found]
    indices = np.concatenate([key.astype(np.uint64) for key in keys])
    if widths[0] >= 2**63:
        indices = np.zeros(len(indices), dtype=np.uint64)
    return SparseRows(starts, indices.astype(np.int64), values, widths[0])


def _width(tensor: Tensor) -> int:
    """A row's columns: the shape where it is given, else up to the last key; a dense tensor's values."""
    if tensor.keys is None and len(tensor.values):
        return len(tensor.values)
    last = int(tensor.keys.max()) + 1 if tensor.keys is not None else 0
    if not tensor.shape:
        return max(1, last)
    if last > tensor.shape[0]:
        raise ValueError(f"a sparse tensor has the key {last - 1}, and the shape {tensor.shape[0]}")
    return tensor.shape[0]


def _number(cell: str) -> float:
    if "_" in cell:  # Python's own digit grouping is no number of anybody's data
        raise ValueError(f"could not convert string to float: {cell!r}")
    return float(cell) if cell else math.nan


def _index(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"invalid literal for int() with base 10: {text!r}")
    return int(text)


def _finite(rows: Matrix) -> Matrix:
    if np.isinf(rows).any():
        raise _NotFiniteError(_NOT_FINITE)
    return rows
