"""Columns that are a straight line of another one: among the features, the label itself or in another unit."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

_FIRST = 64
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
        for rows in (slice(_FIRST), slice(None)):
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
