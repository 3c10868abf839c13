"""Numbers out of CSV text: float32 matrices, read in parallel.

Every cell is read as the nearest double and then rounded to float32, as xgboost does with what Python hands it; an
empty cell and `nan` are missing values.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from localcloud.container.text_blocks import Block, blocks, first_line

Matrix = npt.NDArray[np.float32]

_MISSING = ["", "nan", "NaN", "NAN"]


class CsvError(ValueError):
    """Text that is no matrix of numbers. The message says what and, where it is known, in which file."""


def delimiter_of(line: str) -> str:
    """The delimiter of a CSV line: the most frequent of comma, tab and semicolon; a comma where there is none."""
    return max((",", "\t", ";"), key=line.count)


def width_of(line: bytes, delimiter: str) -> int:
    """How many cells a line has."""
    return line.count(delimiter.encode()) + 1


def parse_matrix(text: bytes, delimiter: str, width: int) -> Matrix:
    """All rows of `text` as a (rows, width) matrix. Raises CsvError for words, ragged rows, and no rows."""
    table = _table(text, delimiter, width)
    matrix: Matrix = np.empty((table.num_rows, width), dtype=np.float32)
    _store(table, matrix)
    return matrix


def read_matrix(files: Sequence[Path], delimiter: str, threads: int) -> Matrix:
    """All rows of all files, in order, as one (rows, columns) matrix in row-major order.

    Memory: the matrix, and one block of text and doubles for each thread. Raises CsvError with the file's name.
    """
    width = width_of(next(filter(None, map(first_line, files)), b""), delimiter)
    pieces = [block for file in files for block in blocks(file)]
    starts = [0, *np.cumsum([block.lines for block in pieces]).tolist()]
    matrix: Matrix = np.empty((starts[-1], width), dtype=np.float32)

    def fill(block: Block, start: int) -> int:
        try:
            table = _table(block.read(), delimiter, width)
        except CsvError as error:
            raise CsvError(f"{block.file.name}: {error}") from None
        _store(table, matrix[start : start + table.num_rows])
        return int(table.num_rows)

    with ThreadPoolExecutor(threads, "csv") as pool:
        rows = list(pool.map(fill, pieces, starts[:-1]))
    return _without_gaps(matrix, starts[:-1], rows)


def _table(text: bytes, delimiter: str, width: int) -> Any:
    """The rows of CSV text as an Arrow table of doubles, named 0, 1, …"""
    names = [str(index) for index in range(width)]
    try:
        return pyarrow.csv.read_csv(
            pa.BufferReader(text),
            read_options=pyarrow.csv.ReadOptions(use_threads=False, column_names=names, block_size=len(text) + 1),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, quote_char=False),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.float64()), null_values=_MISSING, check_utf8=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise CsvError(str(error)) from None


def _store(table: Any, target: Matrix) -> None:
    with np.errstate(over="ignore"):  # a value beyond float32 becomes inf, which xgboost then refuses by name
        for index, column in enumerate(table.columns):
            row = 0
            for chunk in column.chunks:
                target[row : row + len(chunk), index] = _doubles(chunk)
                row += len(chunk)


def _doubles(chunk: Any) -> npt.NDArray[np.float64]:
    """The values of an Arrow array, NaN where missing. (Its own to_numpy would import pandas: a second.)"""
    validity, values = chunk.buffers()
    here = slice(chunk.offset, chunk.offset + len(chunk))
    doubles = np.frombuffer(values, dtype=np.float64)[here]
    if chunk.null_count == 0:
        return doubles
    valid = np.unpackbits(np.frombuffer(validity, dtype=np.uint8), bitorder="little")[here].astype(bool)
    return np.where(valid, doubles, np.nan)


def _without_gaps(matrix: Matrix, starts: Sequence[int], rows: Sequence[int]) -> Matrix:
    """Close the gaps that blank lines left between the blocks' rows."""
    end = 0
    for start, count in zip(starts, rows, strict=True):
        if start != end:
            matrix[end : end + count] = matrix[start : start + count]
        end += count
    return matrix[:end]
