"""The rows of a request, dense or sparse, cut into dense blocks of bounded size for prediction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from localcloud.container.csv_numbers import Matrix

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
