"""64 bits of each row, by which rows of two channels are known to be the same; in bounded memory, whatever the size.

Where a channel has more rows than are kept, those are kept whose digest ends in so many zeros: the same choice in every
channel, so that a row that is in two of them is kept in both or in none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Digests = npt.NDArray[np.uint64]

_MOST = 1 << 21
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
        while self._count > _MOST:
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
