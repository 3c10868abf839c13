"""Read a channel's files as their content type says: CSV, libsvm, Parquet, recordio-protobuf."""

from __future__ import annotations

import csv
import itertools
import logging
import operator
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from localcloud.container.contract import UserError
from localcloud.container.csv_numbers import read_matrix
from localcloud.container.csv_text import Block, blocks
from localcloud.container.training.channel_rows import NO_LABELS, ChannelRows, DataError, joined
from training.data.csv.float_text import is_of_a_number, sniffed
from training.data.formats.libsvm_numbers import LibsvmError, SparseRows, parse_libsvm, refused_line
from training.data.formats.parquet_numbers import ParquetColumns, batch_doubles, is_index, is_no_data
from training.data.formats.recordio import Record, RecordioError, Tensor, decode_record, frames

_log = logging.getLogger("container")
_LIBSVM_BLOCK = 8 << 20
_LONGEST_NUMBER = 64


def read_csv(files: Sequence[Path], *, weights: bool, threads: int) -> ChannelRows:
    """Label first, then, where `weights` is true, the row's weight, then the features.

    The delimiter is what Python's sniffer finds in the first line of the first file; it must find one in every file.
    Columns at the end that are empty in all rows are none, as xgboost's own reader has it.
    """
    with_rows = [file for file in files if file.stat().st_size or not file.name.startswith("_")]  # not: _SUCCESS
    delimiter, *_ = [_delimiter(file) for file in with_rows]
    if is_of_a_number(delimiter):
        expected = f"Expected '{delimiter}' as the delimiter to separate fields."
        raise DataError(f"Delimiter '{delimiter}' is not found in the line. {expected}")
    cells = read_matrix(with_rows, delimiter, threads)
    begin = 2 if weights else 1
    if weights and cells.shape[1] < begin:
        raise DataError("label and weight were expected, found 1 column")
    columns = _columns_with_values(cells, begin, with_rows)
    return ChannelRows(cells[:, begin:columns], cells[:, 0], cells[:, 1] if weights else None)


def _delimiter(file: Path) -> str:
    """The delimiter of a file's first line, of which the container asks nothing else. Raises UserError in its words."""
    with file.open(encoding="utf-8", errors="ignore") as text:
        line = text.readline()
    try:
        delimiter = sniffed(line.removesuffix("\n"))
    except csv.Error as error:
        raise UserError(f"Could not determine delimiter on line {line[:50]}:\n{error}") from None
    _log.info("Determined delimiter of CSV input is '%s'", delimiter)
    return delimiter


def _columns_with_values(cells: Any, begin: int, files: Sequence[Path]) -> int:
    """Columns up to the last one in which a cell is not empty; `nan` is a cell that is there."""
    columns = int(cells.shape[1])
    if not len(cells) or columns <= begin or not np.isnan(cells[:, -1]).all():
        return columns
    if any(b"nan" in block.read().lower() for file in files for block in blocks(file)):
        return columns
    while columns > begin and np.isnan(cells[:, columns - 1]).all():
        columns -= 1
    return columns


def read_libsvm(files: Sequence[Path], *, weights: bool, threads: int) -> ChannelRows:
    """`label[:weight] [qid:query] index:value …`; `weights` is for CSV alone, as in the container."""
    for file in files:
        if not file.name.startswith("_"):
            _check_first_lines(file)
    pieces = [block for file in files for block in blocks(file, _LIBSVM_BLOCK)]

    def parse(block: Block, after: Block | None) -> SparseRows:
        try:
            return parse_libsvm(block.read(), block.first_line, after=after.read()[:_LONGEST_NUMBER] if after else b"")
        except LibsvmError as error:
            raise DataError(f"{block.file.name}: {error}") from None

    with ThreadPoolExecutor(threads, "libsvm") as pool:
        found = list(pool.map(parse, pieces, [*pieces[1:], None]))
    if not found:
        raise DataError("no rows were found")
    return joined([_sparse(part) for part in found])


def read_parquet(files: Sequence[Path], *, weights: bool, threads: int) -> ChannelRows:
    """Columns by name, those of the first file, whose column 0 is the label; pandas' index is none of them.

    A null is a missing value, and so is every value of a column that a later file lacks. Text that spells a number is
    one, as it is in the container.
    """
    import pyarrow as pa
    import pyarrow.parquet

    parts: list[ChannelRows] = []
    columns: ParquetColumns | None = None
    for file in files:
        if is_no_data(file.name):
            continue  # _SUCCESS, _metadata: what writes Parquet leaves these, and Arrow does not read them either
        try:
            with pyarrow.parquet.ParquetFile(file) as table:
                columns = columns or ParquetColumns.of(table.schema_arrow)
                _say_what_differs(file, columns, table.schema_arrow.names)
                for batch in table.iter_batches(batch_size=1 << 17):
                    cells = _cells(batch, columns)
                    parts.append(ChannelRows(cells[:, 1:], cells[:, 0], names=columns.names))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DataError(f"{file.name}: {str(error).replace(str(file), file.name)}") from None
    if not parts:
        raise UserError(NO_LABELS)
    return joined(parts)


def read_recordio(files: Sequence[Path], *, weights: bool, threads: int) -> ChannelRows:
    """Records whose `features` and `label` hold a tensor named `values`; dense and sparse ones may be mixed.

    All have the same columns: a dense one its values, a sparse one those of its shape, else up to its last key.
    """
    records: list[Record] = []
    for file in files:
        if is_no_data(file.name):
            continue
        data = file.read_bytes()
        try:
            records += [decode_record(data, start, end) for start, end in frames(data)]
        except RecordioError as error:
            raise DataError(f"{file.name}: {error}") from None
    records = [record for record in records if record.features is not None]
    if not records:
        raise DataError("No records found in RecordIO-Protobuf data")
    return _of_records(records)


READERS: Mapping[str, Callable[..., ChannelRows]] = {
    "csv": read_csv,
    "libsvm": read_libsvm,
    "parquet": read_parquet,
    "recordio-protobuf": read_recordio,
}


def _check_first_lines(file: Path) -> None:
    """What the container does before it reads any rows, in its words."""
    with file.open(encoding="utf-8", errors="ignore") as lines:
        found = refused_line(lines)
    if found:
        raise UserError(
            f"First line '{found[1][:50]}...' of file '{file.name}' is not 'LIBSVM' format. Please ensure the file is "
            "in 'LIBSVM' format."
        )


def _sparse(part: SparseRows) -> ChannelRows:
    import scipy.sparse

    columns = int(part.indices.max()) + 1 if len(part.indices) else 0
    matrix = scipy.sparse.csr_matrix(
        (part.values, part.indices, part.starts), shape=(len(part.label), columns), dtype=np.float32
    )
    return ChannelRows(matrix, part.label, part.weight, part.query)


def _cells(batch: Any, columns: ParquetColumns) -> Any:
    """A record batch's columns as a (rows, columns) float32 array."""
    cells = np.empty((batch.num_rows, len(columns.names)), dtype=np.float32)
    with np.errstate(over="ignore"):  # a value beyond float32 becomes inf, which xgboost then refuses by name
        for place, name in enumerate(columns.names):
            cells[:, place] = batch_doubles(batch, columns, name)
    return cells


def _say_what_differs(file: Path, columns: ParquetColumns, found: Sequence[str]) -> None:
    """Log what the container does without a word: columns that the first file has not, and those that are missing."""
    if missing := [name for name in columns.names if name not in found]:
        _log.warning("%s lacks the columns %s of the first file: their values are missing", file.name, missing)
    if other := [name for name in found if name not in columns.schema.names and not is_index(name)]:
        _log.warning("%s has columns that the first file has not, which are left out: %s", file.name, other)


def _of_records(records: Sequence[Record]) -> ChannelRows:
    features = [record.features for record in records if record.features is not None]
    labels = [record.label.values for record in records if record.label is not None]
    if labels and (len(labels) != len(records) or any(len(label) != 1 for label in labels)):
        raise DataError("every record needs one label; some have none, or several")
    with np.errstate(over="ignore"):  # a label beyond float32 becomes inf, which xgboost then refuses by name
        label = np.concatenate(labels).astype(np.float32) if labels else None
    if all(tensor.keys is None for tensor in features):
        widths = sorted({len(tensor.values) for tensor in features})
        if len(widths) > 1:
            raise DataError(f"records have {', '.join(map(str, widths))} features; all need the same number")
        with np.errstate(over="ignore"):
            return ChannelRows(np.stack([tensor.values for tensor in features]).astype(np.float32), label)
    return ChannelRows(_sparse_tensors(features), label)


def _sparse_tensors(tensors: Sequence[Tensor]) -> Any:
    import scipy.sparse

    # SciPy, which stacks the rows in the container, drops the zeros of a dense one
    keys = [np.flatnonzero(tensor.values) if tensor.keys is None else tensor.keys for tensor in tensors]
    found = [
        tensor.values[own] if tensor.keys is None else tensor.values for tensor, own in zip(tensors, keys, strict=True)
    ]
    widths = [_columns(tensor, own) for tensor, own in zip(tensors, keys, strict=True)]
    columns = widths[0]
    if other := next((place for place, width in enumerate(widths) if width != columns), 0):
        raise DataError(
            f"blocks[:,0] has incompatible column dimensions. Got blocks[{other},0].shape[1] == {widths[other]}, "
            f"expected {columns}."
        )
    if columns > 2**31 - 1:
        raise DataError(f"a sparse tensor has {columns} columns; at most {2**31 - 1} can be read")
    starts = [0, *itertools.accumulate(map(len, keys), operator.add)]
    with np.errstate(over="ignore"):
        values = np.concatenate(found).astype(np.float32)
    indices = np.concatenate(keys).astype(np.int32)
    return scipy.sparse.csr_matrix((values, indices, starts), shape=(len(tensors), columns))


def _columns(tensor: Tensor, keys: Any) -> int:
    if tensor.keys is None:
        return len(tensor.values)
    last = int(keys.max()) + 1
    if tensor.shape and last > tensor.shape[0]:
        raise DataError(f"a sparse tensor has the key {last - 1}, and the shape {tensor.shape[0]}")
    return tensor.shape[0] if tensor.shape else last
