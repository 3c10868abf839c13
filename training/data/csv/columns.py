"""CSV text to numbers by Arrow: the fast way, which takes a block of good rows or none of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.data.csv.cells import LARGEST, Layout

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_PIECE = 1 << 20
_WIDE = 256
"""Columns from which on all cells are read as one column: a reader for each costs more than its numbers."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """The cells of whole rows.

    nans: cells that hold NaN. filled: columns up to the last one that has a value. largest: of all absolute values.
    empty: whether a cell is empty. columns: the first ones, as many as asked for, as doubles: NaN where a cell is empty
    or holds NaN.
    """

    rows: int
    nans: int
    filled: int
    largest: float
    empty: bool
    columns: Callable[[int], list[npt.NDArray[np.float64]]]


def read_numbers(block: bytes, layout: Layout) -> Numbers | None:
    """A block of whole lines; None where a line is not a row of numbers, empty cells and NaN."""
    if block.count(b"\r") != block.count(b"\r\n"):  # Arrow takes a lone carriage return for the end of a line
        return None
    return _wide(block, layout) if layout.width >= _WIDE else _narrow(block, layout)


def all_finite(block: bytes, layout: Layout) -> bool:
    """Whether a block is surely rows of finite numbers and missing values: fast, and False where in doubt."""
    found = read_numbers(block, layout)
    return found is not None and found.nans == 0 and found.largest <= LARGEST


def _narrow(block: bytes, layout: Layout) -> Numbers | None:
    import pyarrow.compute as compute

    table = _table(block, layout.delimiter, layout.width)
    if table is None or table.num_rows != block.count(b"\n") + (not block.endswith(b"\n")):
        return None
    nans, filled, largest = 0, 0, 0.0
    for index, column in enumerate(table.columns):
        range_ = compute.min_max(column).as_py()
        if range_["min"] is not None:
            largest = max(largest, -range_["min"], range_["max"])
        total = compute.sum(column).as_py() or 0.0  # the range passes NaN over, the sum does not
        nans += compute.sum(compute.is_nan(column)).as_py() if math.isnan(total) else 0
        if column.null_count < len(column):
            filled = index + 1
    empty = any(column.null_count for column in table.columns)

    def columns(count: int) -> list[npt.NDArray[np.float64]]:
        found = table.columns[:count]
        return [_doubles(compute.fill_null(column, math.nan) if column.null_count else column) for column in found]

    return Numbers(table.num_rows, nans, filled, largest, empty, columns)


def _wide(block: bytes, layout: Layout) -> Numbers | None:
    """All cells as one column: a million columns cost what a million rows cost."""
    import numpy as np

    text = block.replace(b"\r\n", b"\n").removesuffix(b"\n")
    delimiter = layout.delimiter.encode()
    lines = text.split(b"\n")
    if any(line.count(delimiter) != layout.width - 1 for line in lines):
        return None
    table = _table(text.replace(delimiter, b"\n") + b"\n", layout.delimiter, 1, blank_lines=True)
    if table is None or table.num_rows != len(lines) * layout.width:
        return None
    column = table.column(0)
    missing = np.concatenate([_missing(chunk) for chunk in column.chunks]).reshape(-1, layout.width)
    cells = _doubles(column).reshape(-1, layout.width)
    cells[missing] = np.nan
    filled = np.flatnonzero(~missing.all(axis=0))
    empty = int(missing.sum())
    return Numbers(
        len(lines),
        int(np.isnan(cells).sum()) - empty,
        int(filled[-1]) + 1 if len(filled) else 0,
        float(np.fmax.reduce(np.abs(cells), axis=None, initial=0.0)),
        empty > 0,
        lambda count: list(cells.T[:count]),
    )


def _table(block: bytes, delimiter: str, width: int, *, blank_lines: bool = False) -> Any:
    """An Arrow table of doubles; None where a cell is something else. blank_lines: whether one is a row, too."""
    import pyarrow as arrow
    from pyarrow import csv as arrow_csv

    names = [str(index) for index in range(width)]
    try:
        return arrow_csv.read_csv(
            arrow.BufferReader(block),
            read_options=arrow_csv.ReadOptions(column_names=names, block_size=max(_PIECE, block.find(b"\n") * 2)),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, quote_char=False, ignore_empty_lines=not blank_lines
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, arrow.float64()), null_values=[""], check_utf8=False
            ),
        )
    except arrow.ArrowInvalid:
        return None


def _doubles(column: Any) -> npt.NDArray[np.float64]:
    """The values of a column, anything where they are missing. (Its own to_numpy would import pandas: a second.)"""
    import numpy as np

    parts = []
    for chunk in column.chunks:
        values = np.frombuffer(chunk.buffers()[1], dtype=np.float64)
        parts.append(values[chunk.offset : chunk.offset + len(chunk)])
    return np.concatenate(parts) if parts else np.zeros(0)


def _missing(chunk: Any) -> npt.NDArray[np.bool_]:
    """Which values of an Arrow array are missing."""
    import numpy as np

    validity = chunk.buffers()[0]
    if validity is None or not chunk.null_count:
        return np.zeros(len(chunk), dtype=np.bool_)
    bits = np.unpackbits(np.frombuffer(validity, dtype=np.uint8), bitorder="little")
    return ~bits[chunk.offset : chunk.offset + len(chunk)].astype(bool)
