"""Numbers out of Parquet: columns as doubles, null as NaN. Text that spells a number is one, as in the container."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


class ParquetError(ValueError):
    """A column that holds no numbers. The message says which one."""


def is_no_data(name: str) -> bool:
    """Whether a file is one of those that writers of Parquet leave beside the data (`_SUCCESS`), which nobody reads."""
    return name.rpartition("/")[2].startswith("_")


def column_doubles(name: str, column: Any) -> npt.NDArray[np.float64]:
    """The values of an Arrow array; a view of its memory where it has the type already and nothing is missing.

    name: the column's, for messages. (The array's own to_numpy would import pandas: a second.)
    Raises ParquetError for dates, times, lists and the like, pyarrow.ArrowInvalid for text that spells no number.
    """
    if pa.types.is_temporal(column.type) or pa.types.is_nested(column.type):
        raise ParquetError(f"column {name!r} holds {column.type}, not numbers")
    doubles = column.cast(pa.float64())
    validity, values = doubles.buffers()
    here = slice(doubles.offset, doubles.offset + len(doubles))
    found: npt.NDArray[np.float64] = np.frombuffer(values, dtype=np.float64)[here]
    if not doubles.null_count:
        return found
    valid = np.unpackbits(np.frombuffer(validity, dtype=np.uint8), bitorder="little")[here].astype(bool)
    return np.where(valid, found, np.nan)
