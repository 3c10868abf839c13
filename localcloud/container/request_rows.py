"""The rows of a CSV request: features without a label, an empty cell is a missing value.

What is accepted, and the words for what is not, are the container's: each cell is what Python's `float` reads.
"""

from __future__ import annotations

import math

import numpy as np

from localcloud.container.csv_numbers import CsvError, Matrix, delimiter_of, parse_matrix, width_of

_SMALL = 4096
"""Bytes up to which Python's own float() beats the set-up of a parser."""
_WIDE = 10_000
"""Columns from which on a columnar parser is the slower one."""
_NOT_FINITE = "Input data contains `inf` or a value too large, while `missing` is not set to `inf`"


class UndecodableError(Exception):
    """A body that is not what its content type says."""


def decode_csv(body: bytes) -> Matrix:
    """The (rows, columns) float32 matrix of a text/csv body. Raises UndecodableError in the container's words."""
    try:
        return _decode(body)
    except (ValueError, IndexError) as error:
        raise UndecodableError(
            f"Loading csv data failed with Exception, please ensure data is in csv format:\n {type(error)}\n {error}"
        ) from None


def _decode(body: bytes) -> Matrix:
    body = body.strip()
    if not body:
        raise ValueError("Could not determine delimiter")
    first = body.split(b"\n", 1)[0]
    delimiter = delimiter_of(first.decode("utf-8"))
    width = width_of(first, delimiter)
    if len(body) > _SMALL and width < _WIDE:
        try:
            return _finite(parse_matrix(body, delimiter, width))
        except CsvError:
            pass  # rare: either Python reads it all the same (" 1", "+1"), or its words are the container's
    lines = body.decode("utf-8").split("\n")
    rows = [[_number(cell) for cell in line.rstrip("\r").split(delimiter)] for line in lines]
    with np.errstate(over="ignore"):
        return _finite(np.array(rows, dtype=np.float64).astype(np.float32))


def _number(cell: str) -> float:
    if "_" in cell:  # Python's own digit grouping is no number of anybody's CSV
        raise ValueError(f"could not convert string to float: {cell!r}")
    return float(cell) if cell else math.nan


def _finite(rows: Matrix) -> Matrix:
    if np.isinf(rows).any():
        raise ValueError(_NOT_FINITE)
    return rows
