"""Numbers out of Parquet, by name: which columns a folder's files have, and their values as doubles.

The container reads `pyarrow.parquet.read_table(folder).to_pandas()` (its `data_utils._get_parquet_dmatrix_file_mode`):
the first file names the columns and their types, the others are read by name, with nulls for a column that they lack,
and what pandas wrote as its index is no column. Then column 0 is the label.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kickstand.json_text import parse_json

_NULLABLE = re.compile(r"U?Int\d+|Float\d+|boolean|string(\[.*\])?|.*\[pyarrow\]")
"""The types of pandas whose missing value is `pandas.NA`, as pandas' metadata of a Parquet file names them."""
NOT_A_NUMBER = "float() argument must be a string or a real number, not 'NAType'"
"""Python's words, with which the container's job ends at a `pandas.NA`."""


class ParquetError(ValueError):
    """Columns that hold no numbers, or have one name twice. The message says which one."""


class NullableError(ParquetError):
    """A null of one of pandas' nullable types, which is no number to the container."""

    def __init__(self) -> None:
        super().__init__(NOT_A_NUMBER)


@dataclass(frozen=True, slots=True)
class ParquetColumns:
    """What the first file of a folder says of all of them.

    names:    of the columns that are read, the label first.
    index:    columns that pandas wrote as its index, which the container drops.
    nullable: columns that pandas reads as a type of its own that has `pandas.NA`: a null in one ends the job.
    schema:   of the file, an Arrow schema: the other files' columns are cast to its types.
    """

    names: tuple[str, ...]
    index: tuple[str, ...]
    nullable: frozenset[str]
    schema: Any

    @classmethod
    def of(cls, schema: Any) -> ParquetColumns:
        """Of an Arrow schema. Raises ParquetError for a name that two columns have."""
        names = schema.names
        if len(set(names)) < len(names):
            twice = next(name for name, count in Counter(names).items() if count > 1)
            raise ParquetError(f"two columns have the name {twice!r}; the container reads columns by their names")
        try:
            written = parse_json((schema.metadata or {}).get(b"pandas", b"{}"))
            index = tuple(name for name in written.get("index_columns", ()) if name in names)
            types = {str(column["field_name"]): str(column["numpy_type"]) for column in written.get("columns", ())}
        except (ValueError, LookupError, TypeError, AttributeError):  # not as pandas writes it: no word about an index
            index, types = (), {}
        nullable = frozenset(name for name, kind in types.items() if _NULLABLE.fullmatch(kind))
        return cls(tuple(name for name in names if name not in index), index, nullable, schema)


def is_no_data(name: str) -> bool:
    """Whether a file is one of those that writers of Parquet leave beside the data (`_SUCCESS`), which nobody reads."""
    return name.rpartition("/")[2].startswith("_")


def is_index(name: str) -> bool:
    """Whether pandas or Dask names a column so that holds an index."""
    return re.fullmatch(r"__index_level_\d+__|__null_dask_index__", name) is not None


def first_data_file(names: Iterable[str]) -> str:
    """The file that names the columns of a folder, "" for none. The container lays all files in one folder, by name."""
    return min((name for name in names if not is_no_data(name)), key=_in_one_folder, default="")


def _in_one_folder(name: str) -> tuple[str, str]:
    return name.rpartition("/")[2], name


def batch_doubles(batch: Any, columns: ParquetColumns, name: str) -> npt.NDArray[np.float64]:
    """The values of a column of a record batch, which has any columns in any order; NaN where it is not among them.

    Raises what `column_doubles` raises, and pyarrow.ArrowInvalid where a value is none of the first file's type.
    """
    place = batch.schema.get_field_index(name)
    if place < 0:
        if name in columns.nullable:
            raise NullableError()
        return np.full(batch.num_rows, np.nan)
    column = batch.column(place)
    if name in columns.nullable and column.null_count:
        raise NullableError()
    _refuse_other_types(name, column.type)
    wanted = columns.schema.field(name).type
    return column_doubles(name, column if column.type == wanted else column.cast(wanted))


def column_doubles(name: str, column: Any) -> npt.NDArray[np.float64]:
    """The values of an Arrow array; a view of its memory where it has the type already and nothing is missing.

    name: the column's, for messages. (The array's own to_numpy would import pandas: a second.)
    Whole numbers beyond 2^53 become the nearest double, as in NumPy. Text that spells a number is one.
    Raises ParquetError for dates, times, lists and the like, pyarrow.ArrowInvalid for text that spells no number.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    _refuse_other_types(name, column.type)
    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan)
    try:
        doubles = column.cast(pa.float64(), safe=not pa.types.is_integer(column.type))
    except pa.ArrowNotImplementedError:
        raise ParquetError(f"column {name!r} holds {column.type}, not numbers") from None
    validity, values = doubles.buffers()
    here = slice(doubles.offset, doubles.offset + len(doubles))
    found: npt.NDArray[np.float64] = np.frombuffer(values, dtype=np.float64)[here]
    if not doubles.null_count:
        return found
    valid = np.unpackbits(np.frombuffer(validity, dtype=np.uint8), bitorder="little")[here].astype(bool)
    return np.where(valid, found, np.nan)


def _refuse_other_types(name: str, kind: Any) -> None:
    if pa.types.is_temporal(kind) or pa.types.is_nested(kind):
        raise ParquetError(f"column {name!r} holds {kind}, not numbers")
