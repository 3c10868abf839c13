"""Measures of columns and rows in one pass and bounded memory: straight lines, row numbers, and digests of rows.

`StraightLines`: columns that are a straight line of another one, be it the label. `Counting`: columns that number the
rows, an index of pandas. `RowDigests`: 64 bits of each row, by which rows of two channels are known to be the same.
Where a channel has more rows than are kept, those are kept whose digest ends in so many zeros: the same choice in every
channel, so that a row that is in two of them is kept in both or in none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

_SAMPLE_ROWS = 64
"""Rows of a block that are enough to rule most columns out."""
_TOLERANCE = 1e-5
"""Of the target's range: what rounding to a few decimals leaves."""


@dataclass(slots=True)
class StraightLines:
    """The columns that were `value = start + slope * (target - first target)` in every row so far.

    columns: which ones; None before the first row. Until the target takes a second value there is no slope.
    """

    columns: npt.NDArray[np.int64] | None = None
    start: Numbers = field(default_factory=lambda: np.zeros(0))
    slope: Numbers | None = None
    _first: float = 0.0

    @property
    def open(self) -> bool:
        """Whether a column is left."""
        return self.columns is None or len(self.columns) > 0

    def take(self, matrix: Numbers, target: Numbers) -> None:
        """Further rows. matrix: shape (columns, rows), the label first, which is none of the columns."""
        if self.columns is None:
            self.columns = np.arange(1, len(matrix))
            self.start, self._first = matrix[1:, 0], float(target[0])
        if not len(self.columns):
            return
        away = np.abs(target - self._first)
        if self.slope is None and away.max() > 0:
            row = int(away.argmax())
            self.slope = (matrix[self.columns, row] - self.start) / (target[row] - self._first)
            self._keep(np.isfinite(self.slope) & (self.slope != 0))
        for rows in (slice(_SAMPLE_ROWS), slice(None)):
            slope = np.zeros(len(self.columns)) if self.slope is None else self.slope
            expected = self.start[:, None] + slope[:, None] * (target[rows] - self._first)
            limit = _TOLERANCE * np.abs(slope) * away.max()
            self._keep((np.abs(matrix[self.columns, rows] - expected) <= limit[:, None]).all(axis=1))

    def found(self) -> list[tuple[int, bool]]:
        """The columns, and whether each is the target itself."""
        if self.columns is None or self.slope is None:
            return []
        same = np.isclose(self.slope, 1, rtol=_TOLERANCE) & np.isclose(self.start, self._first, rtol=_TOLERANCE)
        return list(zip(self.columns.tolist(), same.tolist(), strict=True))

    def _keep(self, good: npt.NDArray[np.bool_]) -> None:
        assert self.columns is not None
        self.columns, self.start = self.columns[good], self.start[good]
        if self.slope is not None:
            self.slope = self.slope[good]


FEWEST = 20
"""Rows from which numbers one after another are no accident."""
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
        for rows in (slice(_SAMPLE_ROWS), slice(None)):
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


Digests = npt.NDArray[np.uint64]

_MOST_DIGESTS = 1 << 21
"""Digests that are kept of a channel: 16 MiB."""
_ODD, _ODD_TOO = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_SHIFT = np.uint64(29)
_NONE = np.zeros(0, dtype=np.uint64)
_WIDE = 1_000
"""Columns from which a block is taken as one matrix, not column by column."""


def dense_digests(columns: Sequence[Numbers] | Numbers) -> Digests:
    """Of rows of numbers. columns: the label first, all of one length; a missing value is NaN."""
    if len(columns) > _WIDE:
        places = np.arange(len(columns), dtype=np.uint64)[:, None]
        parts = (np.asarray(columns).view(np.uint64) ^ (places * _ODD)) * _ODD_TOO
        parts ^= parts >> _SHIFT
        return _mixed((parts * _ODD).sum(axis=0, dtype=np.uint64))
    found = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        found ^= column.view(np.uint64)
        found *= _ODD
        found ^= found >> _SHIFT
    return _mixed(found)


def sparse_digests(
    label: npt.NDArray[np.float32],
    starts: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    values: npt.NDArray[np.float32],
) -> Digests:
    """Of rows as a compressed sparse row matrix, in whatever order a row has its entries."""
    entries = values.view(np.uint32).astype(np.uint64) ^ (indices.astype(np.uint64) << np.uint64(32))
    sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(_mixed(entries), dtype=np.uint64)])
    return _mixed((sums[starts[1:]] - sums[starts[:-1]]) ^ (label.view(np.uint32).astype(np.uint64) * _ODD_TOO))


def _mixed(values: Digests) -> Digests:
    values = (values ^ (values >> np.uint64(32))) * _ODD
    values = (values ^ (values >> _SHIFT)) * _ODD_TOO
    return values ^ (values >> np.uint64(32))


@dataclass(slots=True)
class RowDigests:
    """The digests of a channel's rows, or a sample of them."""

    rows: int = 0
    _zeros: int = 0
    _kept: list[Digests] = field(default_factory=list)
    _count: int = 0

    def add(self, digests: Digests) -> None:
        """Take further rows."""
        self.rows += len(digests)
        self._append(_sample(digests, self._zeros))
        while self._count > _MOST_DIGESTS:
            self._zeros += 1
            kept, self._kept, self._count = self._kept, [], 0
            self._append(_sample(np.concatenate(kept), self._zeros))

    def _append(self, digests: Digests) -> None:
        self._kept.append(digests)
        self._count += len(digests)

    def found_in(self, other: RowDigests) -> int:
        """How many of these rows are rows of another channel; of a sample, as many as it stands for."""
        zeros = max(self._zeros, other._zeros)
        mine, theirs = (_sample(np.concatenate([_NONE, *one._kept]), zeros) for one in (self, other))
        share = np.isin(mine, theirs).mean() if len(mine) else 0.0
        return round(float(share) * self.rows)

    def repeated(self) -> int:
        """How many of these rows are there more than once, the first one not counted; of a sample likewise."""
        mine = np.concatenate([_NONE, *self._kept])
        return round((1 - len(np.unique(mine)) / len(mine)) * self.rows) if len(mine) else 0

    @property
    def whole(self) -> bool:
        """Whether every row is kept."""
        return self._zeros == 0


def _sample(digests: Digests, zeros: int) -> Digests:
    return digests[digests & np.uint64((1 << zeros) - 1) == 0] if zeros else digests
