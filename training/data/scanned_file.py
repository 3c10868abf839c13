"""What one file of a channel holds, whatever it is written as."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """One file as it was read.

    rows:      without a header.
    width:     columns, the label among them; 0 where no row could be read.
    delimiter: of CSV text, else empty.
    sparse:    rows name the columns they have, so that `width` is only the last one that is named.
    filled:    of CSV, columns up to the last one that has a value in any row.
    grouped:   of libsvm, whether rows belong to queries (qid).
    names:     of the columns, where the file has them (Parquet), the label first.
    """

    sha256: str
    size: int
    rows: int
    width: int
    delimiter: str
    label_min: float
    label_max: float
    sparse: bool = False
    filled: int = 0
    grouped: bool = False
    names: tuple[str, ...] = ()
