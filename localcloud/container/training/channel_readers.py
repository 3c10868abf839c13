"""Read a channel's files as their content type says: CSV, libsvm, Parquet, recordio-protobuf."""

from __future__ import annotations

import itertools
import logging
import operator
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from localcloud.container.csv_numbers import delimiter_of, read_matrix
from localcloud.container.errors import UserError
from localcloud.container.text_blocks import Block, blocks, first_line
from localcloud.container.training.channel_rows import NO_LABELS, ChannelRows, DataError, joined
from training.data.libsvm_numbers import LibsvmError, SparseRows, parse_libsvm
from training.data.parquet_numbers import ParquetColumns, batch_doubles, is_index, is_no_data
from training.data.recordio import Record, RecordioError, Tensor, decode_record, frames

_log = logging.getLogger("container")
_LIBSVM_BLOCK = 8 << 20


def read_csv(files: Sequence[Path], *, weights: bool, threads: int) -> ChannelRows:
    """Label first, then, where `weights` is true, the row's weight, then the features.

    The delimiter (comma, tab or semicolon) is that of the first line.
    """
    line = next(filter(None, map(first_line, files)), b"").decode(errors="replace")
    delimiter = delimiter_of(line)
    if delimiter not in line:
        raise UserError(f"Could not determine delimiter on line {line[:50]}:\nCould not determine delimiter")
    _log.info("Determined delimiter of CSV input is '%s'", delimiter)
    cells = read_matrix(files, delimiter, threads)
    begin = 2 if weights else 1
    if cells.shape[1] <= begin:
        what = "label, weight and features" if weights else "label and features"
        raise DataError(f"{what} were expected, found {cells.shape[1]} columns")
    return ChannelRows(cells[:, begin:], cells[:, 0], cells[:, 1] if weights else None)


def read_libsvm(files: Sequence[Path], *, weights: bool, threads: int) -> ChannelRows:
    """`label[:weight] [qid:query] index:value …`; `weights` is for CSV alone, as in the container."""
    pieces = [block for file in files for block in blocks(file, _LIBSVM_BLOCK)]

    def parse(block: Block) -> SparseRows:
        try:
            return parse_libsvm(block.read(), block.first_line)
        except LibsvmError as error:
            if error.line == block.first_line and not block.offset:
                raise UserError(_not_libsvm(block.file)) from None
            raise DataError(f"{block.file.name}: {error}") from None

    with ThreadPoolExecutor(threads, "libsvm") as pool:
        found = list(pool.map(parse, pieces))
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
    rows = joined(parts)
    if rows.features.shape[1] == 0:
        raise DataError("label and features were expected, found 1 column")
    return rows


def read_recordio(files: Sequence[Path], *, weights: bool, threads: int) -> ChannelRows:
    """Records whose `features` and `label` hold a tensor named `values`; dense and sparse ones may be mixed."""
    parts: list[ChannelRows] = []
    for file in files:
        data = file.read_bytes()
        try:
            records = [decode_record(data, start, end) for start, end in frames(data)]
        except RecordioError as error:
            raise DataError(f"{file.name}: {error}") from None
        if records := [record for record in records if record.features is not None]:
            parts.append(_of_records(records))
    if not parts:
        raise DataError("No records found in RecordIO-Protobuf data")
    return joined(parts)


READERS: Mapping[str, Callable[..., ChannelRows]] = {
    "csv": read_csv,
    "libsvm": read_libsvm,
    "parquet": read_parquet,
    "recordio-protobuf": read_recordio,
}


def _not_libsvm(file: Path) -> str:
    """The container's words: it looks at the first line of every file before it reads any."""
    snippet = first_line(file)[:50].decode("utf-8", errors="ignore")
    return (
        f"First line '{snippet}...' of file '{file.name}' is not 'LIBSVM' format. Please ensure the file is in "
        "'LIBSVM' format."
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
    if all(tensor.keys is None and len(tensor.values) for tensor in features):
        widths = sorted({len(tensor.values) for tensor in features})
        if len(widths) > 1:
            raise DataError(f"records have {', '.join(map(str, widths))} features; all need the same number")
        with np.errstate(over="ignore"):
            return ChannelRows(np.stack([tensor.values for tensor in features]).astype(np.float32), label)
    return ChannelRows(_sparse_tensors(features), label)


def _sparse_tensors(tensors: Sequence[Tensor]) -> Any:
    import scipy.sparse

    keys = [np.arange(len(tensor.values)) if tensor.keys is None else tensor.keys for tensor in tensors]
    columns = max(_columns(tensor, found) for tensor, found in zip(tensors, keys, strict=True))
    if columns > 2**31 - 1:
        raise DataError(f"a sparse tensor has {columns} columns; at most {2**31 - 1} can be read")
    starts = [0, *itertools.accumulate(map(len, keys), operator.add)]
    with np.errstate(over="ignore"):
        values = np.concatenate([tensor.values for tensor in tensors]).astype(np.float32)
    indices = np.concatenate(keys).astype(np.int32)
    return scipy.sparse.csr_matrix((values, indices, starts), shape=(len(tensors), columns))


def _columns(tensor: Tensor, keys: Any) -> int:
    last = int(keys.max()) + 1 if len(keys) else 0
    if tensor.shape and last > tensor.shape[-1]:
        raise DataError(f"a sparse tensor has the key {last - 1}, and the shape {tensor.shape[-1]}")
    return tensor.shape[-1] if tensor.shape else last
