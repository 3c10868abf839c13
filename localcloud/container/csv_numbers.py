"""Numbers out of CSV text: float32 matrices, read in parallel.

Every cell of a request is read as the nearest double and then rounded to float32, as xgboost does with what Python
hands it; a cell of a training file as xgboost's own reader does (`training.data.csv.float_text`), which the container
uses. An empty cell and `nan` are missing values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from localcloud.container.csv_text import Block, TextCells, blocks, first_line

Matrix = npt.NDArray[np.float32]

_MISSING = ["", "nan", "NaN", "NAN"]
_WIDE = 10_000
"""Columns beyond which a reader for each of them takes longer than the numbers themselves."""
_GAPS = (b"  ", b"\t\t", b" \t", b"\t ", b"\n ", b"\n\t", b" \n", b"\t\n", b" \r", b"\t\r")
_BOM = b"\xef\xbb\xbf"


class CsvError(ValueError):
    """Text that is no matrix of numbers. The message says what and, where it is known, in which file."""


def width_of(line: bytes, delimiter: str) -> int:
    """How many cells a line has."""
    return line.count(delimiter.encode()) + 1


def parse_matrix(text: bytes, delimiter: str, width: int) -> Matrix:
    """All rows of `text` as a (rows, width) matrix. Raises CsvError for words, ragged rows, and no rows."""
    if width > _WIDE:
        return _wide(text, delimiter, width)
    table = _table(text, delimiter, width)
    matrix: Matrix = np.empty((table.num_rows, width), dtype=np.float32)
    _store(table, matrix)
    return matrix


def read_matrix(files: Sequence[Path], delimiter: str, threads: int) -> Matrix:
    """All rows of all files, in order, as one (rows, columns) matrix in row-major order.

    Memory: the matrix, and one block of text and doubles for each thread. Raises CsvError with the file's name
    and the line.
    """
    width = width_of(_single_spaced(next(filter(None, map(first_line, files)), b""), delimiter), delimiter)
    pieces = [block for file in files for block in blocks(file)]
    starts = [0, *np.cumsum([block.lines for block in pieces]).tolist()]
    matrix: Matrix = np.empty((starts[-1], width), dtype=np.float32)

    def fill(block: Block, start: int) -> int:
        text = _single_spaced(block.read(), delimiter)
        if _is_blank(text, delimiter):
            return 0
        try:
            if width > _WIDE:
                cells = _wide(text, delimiter, width, of_a_file=True)
                if len(cells) > block.lines:
                    raise CsvError("a carriage return stands inside a line")
                matrix[start : start + len(cells)] = cells
                return len(cells)
            table = _table(text, delimiter, width)
            if table.num_rows > block.lines:
                raise CsvError("a carriage return stands inside a line")
        except CsvError as error:
            fault = _first_fault(text, delimiter, width, block.first_line) or error
            if delimiter.isspace():
                fault = f"{fault} (an empty cell between blanks or tabs is none to the container)"
            raise CsvError(f"{block.file.name}: {fault}") from None
        _store(table, matrix[start : start + table.num_rows], TextCells(text, delimiter, width))
        return int(table.num_rows)

    with ThreadPoolExecutor(threads, "csv") as pool:
        rows = list(pool.map(fill, pieces, starts[:-1]))
    return _without_gaps(matrix, starts[:-1], rows)


def _single_spaced(text: bytes, delimiter: str) -> bytes:
    """Text whose delimiter is a blank or a tab, without those that xgboost passes over: around a row, and repeated."""
    if not delimiter.isspace() or not (
        any(gap in text for gap in _GAPS) or text[:1].isspace() or text[-1:] in (b" ", b"\t")
    ):
        return text
    separator = delimiter.encode()
    return b"\n".join(separator.join(line.split()) for line in text.split(b"\n"))


def _is_blank(text: bytes, delimiter: str) -> bool:
    """Whether there is no row."""
    return not (text.strip() if delimiter.isspace() else text.strip(b"\r\n"))


def _table(text: bytes, delimiter: str, width: int, *, blank_lines: bool = False) -> Any:
    """The rows of CSV text as an Arrow table of doubles, named 0, 1, … blank_lines: whether one is a row, too."""
    names = [str(index) for index in range(width)]
    try:
        return pyarrow.csv.read_csv(
            pa.BufferReader(text),
            read_options=pyarrow.csv.ReadOptions(use_threads=False, column_names=names, block_size=len(text) + 1),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter, quote_char=False, ignore_empty_lines=not blank_lines
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.float64()), null_values=_MISSING, check_utf8=False
            ),
        )
    except ValueError as error:  # ArrowInvalid is one; another is that of a delimiter that is no character of text
        raise CsvError(str(error)) from None


def _wide(text: bytes, delimiter: str, width: int, *, of_a_file: bool = False) -> Matrix:
    """As `parse_matrix`, all cells as one column: a million columns cost what a million rows cost.

    of_a_file: whether numbers are what xgboost's reader makes of them.
    """
    lines = text.removeprefix(_BOM).replace(b"\r", b"\n").split(b"\n")
    rows = [line for line in lines if line]
    if not rows:
        raise CsvError("no rows were found")
    for line in rows:
        if width_of(line, delimiter) != width:
            raise CsvError(f"Expected {width} columns, got {width_of(line, delimiter)}")
    matrix: Matrix = np.empty((len(rows) * width, 1), dtype=np.float32)
    cells = b"\n".join(rows).replace(delimiter.encode(), b"\n")
    own = TextCells(cells + b"\n", delimiter, 1, blank_lines=True) if of_a_file else None
    _store(_column(cells, delimiter), matrix, own)
    return matrix.reshape(-1, width)


def _column(cells: bytes, delimiter: str) -> Any:
    """Cells, one a line, as an Arrow table of one column. Raises CsvError."""
    return _table(cells + b"\n", delimiter, 1, blank_lines=True)


def _first_fault(text: bytes, delimiter: str, width: int, first: int) -> str:
    """`line 3: …` of the first line that is no row of numbers; "" where it cannot be told.

    first: the number of the text's first line. Halves what is refused until one line, one cell is left.
    """
    lines = text.split(b"\n")
    for place, line in enumerate(lines):
        if b"\r" in line.strip(b"\r"):
            return f"line {first + place}: a carriage return stands inside the line"

    def parse(part: Sequence[bytes]) -> Matrix | None:
        joined = b"\n".join(part)
        return None if _is_blank(joined, delimiter) else parse_matrix(joined, delimiter, width)

    place = _first_refused(lines, parse)
    line = lines[place].strip(b"\r")
    here = f"line {first + place}"
    cells = line.removeprefix(_BOM).split(delimiter.encode())
    if len(cells) != width:
        return f"{here}: {width} columns were expected, found {len(cells)}"
    cell = _first_refused(cells, lambda part: _column(b"\n".join(part), delimiter))
    if not _refused(cells[cell : cell + 1], lambda part: _column(b"\n".join(part), delimiter)):
        return ""
    found = cells[cell][:40].decode("utf-8", errors="replace")
    return f"{here}, column {cell + 1}: a number was expected, found {found!r}"


def _first_refused(parts: Sequence[bytes], parse: Callable[[Sequence[bytes]], object]) -> int:
    """The place of the first part that `parse` refuses, given that it refuses them all together."""
    low, high = 0, len(parts)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _refused(parts[low:middle], parse) else (middle, high)
    return low


def _refused(parts: Sequence[bytes], parse: Callable[[Sequence[bytes]], object]) -> bool:
    try:
        parse(parts)
    except CsvError:
        return True
    return False


def _store(table: Any, target: Matrix, cells: TextCells | None = None) -> None:
    """cells: the text that the table was read of, where numbers are to be those that xgboost's reader makes of it."""
    with np.errstate(over="ignore"):  # a value beyond float32 becomes inf, which xgboost then refuses by name
        if cells is None:
            for index, column in enumerate(_columns(table)):
                target[:, index] = column
        else:
            cells.store(_columns(table), partial(_parse_like, cells), target)


def _parse_like(cells: TextCells, text: bytes) -> list[npt.NDArray[np.float64]]:
    return _columns(_table(text, cells.delimiter, cells.width, blank_lines=cells.blank_lines))


def _columns(table: Any) -> list[npt.NDArray[np.float64]]:
    """The nearest doubles, column by column."""
    found = [[*map(_doubles, column.chunks)] for column in table.columns]
    return [chunks[0] if len(chunks) == 1 else np.concatenate([np.empty(0), *chunks]) for chunks in found]


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
