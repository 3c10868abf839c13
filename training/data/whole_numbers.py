"""Columns that number the rows: an index of pandas, in order or shuffled, in one channel or over several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

FEWEST = 20
"""Rows from which numbers one after another are no accident."""
_FIRST = 64
"""Rows of a block that are enough to rule most columns out."""
_MODULUS = 1 << 64


@dataclass(slots=True)
class Counting:
    """The columns that held nothing but whole numbers, each once in a block.

    columns: which ones; None before the first row. steps: whether each number was the one before plus 1, file by file;
    rises: whether it was larger. pairs: numbers that were compared so. sums: of the numbers and their squares, by 2^64.
    """

    columns: npt.NDArray[np.int64] | None = None
    steps: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    rises: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    sums: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((2, 0), dtype=np.int64))
    low: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    high: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    rows: int = 0
    pairs: int = 0
    _last: npt.NDArray[np.int64] | None = None

    def begin_file(self) -> None:
        """The next number follows none."""
        self._last = None

    def take(self, matrix: Numbers) -> None:
        """Further rows; shape (columns, rows)."""
        if self.columns is None:
            self.columns = np.arange(len(matrix))
            self.steps = np.ones(len(matrix), dtype=np.bool_)
            self.rises, self.sums = self.steps.copy(), np.zeros((2, len(matrix)), dtype=np.int64)
            self.low = np.full(len(matrix), np.iinfo(np.int64).max)
            self.high = np.full(len(matrix), np.iinfo(np.int64).min)
        self._keep(np.asarray(self.columns < len(matrix)))
        for rows in (slice(_FIRST), slice(None)):
            values = matrix[self.columns, rows]
            whole = (values == np.floor(values)) & (np.abs(values) < 2.0**53)
            self._keep(np.asarray(whole.all(axis=1)))
            values = np.sort(matrix[self.columns, rows], axis=1)
            self._keep(np.asarray((values[:, 1:] > values[:, :-1]).all(axis=1)))
        found = matrix[self.columns].astype(np.int64)
        self.low = np.minimum(self.low, found.min(axis=1))
        self.high = np.maximum(self.high, found.max(axis=1))
        self.sums += [found.sum(axis=1), (found * found).sum(axis=1)]
        self.rows += found.shape[1]
        if self._last is not None:
            found = np.column_stack([self._last, found])
        self.pairs += found.shape[1] - 1
        differences = np.diff(found, axis=1)
        self.steps &= (differences == 1).all(axis=1)
        self.rises &= (differences > 0).all(axis=1)
        self._last = found[:, -1]

    def in_order(self, column: int, *, rising: bool = False) -> bool:
        """Whether the column counts the rows of each file; rising: or its numbers grow from row to row."""
        place = self._place(column)
        if place is None or self.pairs < FEWEST - 1:
            return False
        return bool(self.steps[place] or (rising and self.rises[place]))

    def _place(self, column: int) -> int | None:
        if self.columns is None:
            return None
        place = int(np.searchsorted(self.columns, column))  # they are in order
        return place if place < len(self.columns) and self.columns[place] == column else None

    def _keep(self, good: npt.NDArray[np.bool_]) -> None:
        if self.columns is None or bool(good.all()):
            return
        self.columns, self.steps, self.rises = self.columns[good], self.steps[good], self.rises[good]
        self.sums, self.low, self.high = self.sums[:, good], self.low[good], self.high[good]
        if self._last is not None:
            self._last = self._last[good]


def numbered(parts: Sequence[Counting], column: int) -> bool:
    """Whether a column of these channels together holds each number of a range once, in whatever order."""
    places = [part._place(column) for part in parts]
    if not parts or None in places:
        return False
    rows = sum(part.rows for part in parts)
    low = min(int(part.low[place]) for part, place in zip(parts, places, strict=True))
    high = max(int(part.high[place]) for part, place in zip(parts, places, strict=True))
    if rows < FEWEST or high - low + 1 != rows:
        return False
    sums = [sum(int(part.sums[power, place]) for part, place in zip(parts, places, strict=True)) for power in (0, 1)]
    expected = (_sum(low, high), _squares(high) - _squares(low - 1))
    return all((found - right) % _MODULUS == 0 for found, right in zip(sums, expected, strict=True))


def _sum(low: int, high: int) -> int:
    return (low + high) * (high - low + 1) // 2


def _squares(last: int) -> int:
    """The sum of the squares of 0 to a number; of a negative one so that differences stay right."""
    return last * (last + 1) * (2 * last + 1) // 6
