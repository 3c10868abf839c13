"""Where a row of a channel stands: its file and line, for what is refused only when all rows are together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from localcloud.container.training.channel_rows import ChannelRows
from training.data.recordio import decode_record, frames


def refused_place(rows: ChannelRows, files: Sequence[Path], content_type: str) -> str:
    """`a.csv, line 3` of the first row with a label or a value that is not finite; "" where every row is good.

    rows:  all rows of the files, in their order.
    files: the files that they were read from.
    """
    row = _first_bad(rows)
    if row is None:
        return ""
    for file in files:
        for place in _places(file, content_type):
            if row == 0:
                return place
            row -= 1
    return ""


def _first_bad(rows: ChannelRows) -> int | None:
    """NaN is a missing feature, and no label."""
    found = [] if rows.label is None else np.flatnonzero(~np.isfinite(rows.label))[:1].tolist()
    if isinstance(rows.features, np.ndarray):
        found += np.flatnonzero(np.isinf(rows.features).any(axis=1))[:1].tolist()
    else:
        entries = np.flatnonzero(np.isinf(rows.features.data))[:1]
        found += (np.searchsorted(rows.features.indptr, entries, side="right") - 1).tolist()
    return min(found, default=None)


def _places(file: Path, content_type: str) -> Iterator[str]:
    """The place of every row of a file."""
    if content_type == "parquet":
        yield from (f"{file.name}, row {number}" for number in range(1, _parquet_rows(file) + 1))
    elif content_type == "recordio-protobuf":
        data = file.read_bytes()
        for number, (start, end) in enumerate(frames(data), start=1):
            if decode_record(data, start, end).features is not None:
                yield f"{file.name}, record {number}"
    else:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                text = line.strip(b"\r\n") if content_type == "csv" else line.partition(b"#")[0].strip()
                if text:
                    yield f"{file.name}, line {number}"


def _parquet_rows(file: Path) -> int:
    import pyarrow.parquet

    if file.name.startswith("_"):
        return 0
    metadata: Any = pyarrow.parquet.read_metadata(file)
    return int(metadata.num_rows)
