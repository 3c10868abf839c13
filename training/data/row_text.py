"""Rows of any content type as CSV lines, label first.

An endpoint is invoked with CSV lines: every image answers text/csv, none answers Parquet, and image 3.2-0 reads libsvm
requests wrongly. An empty cell is a missing value there, as is a column that a sparse row does not name, so the answers
are those of the rows themselves.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from training.data.formats.libsvm_numbers import parse_libsvm
from training.data.formats.parquet_numbers import ParquetColumns, batch_doubles, first_data_file, is_no_data
from training.data.formats.recordio import decode_record, frames


def csv_lines(kind: str, name: str, content: bytes, width: int, *, first: bytes = b"") -> list[bytes]:
    """The rows of one file, each a line without its end; of CSV the lines as they are.

    kind:    `csv`, `libsvm`, `parquet` or `recordio-protobuf`.
    name:    the file's.
    content: of the file, which was checked (`check_data`), or was trained on.
    width:   columns with the label; rows that name fewer get empty cells.
    first:   of Parquet, the channel's first file (`first_content`), by whose names this one is read; empty: by its own.
    Raises ValueError (pyarrow's errors among them) for what is not of the kind.
    """
    if kind == "csv":
        return content.splitlines()
    rows = _parquet(name, content, first or content) if kind == "parquet" else _ROWS[kind](content, width)
    return [",".join(cells).encode() for cells in rows]


def first_content(kind: str, files: Iterable[Path]) -> bytes:
    """The file of a channel that names its columns; empty for other kinds than Parquet. Raises OSError."""
    if kind != "parquet":
        return b""
    by_name = {str(file): file for file in files}
    name = first_data_file(by_name)
    return by_name[name].read_bytes() if name else b""


def number_text(value: Any) -> str:
    """The fewest digits that give the same number again, read as a double and rounded to its type; NaN is empty."""
    if value != value:
        return ""
    text = repr(float(value))
    if isinstance(value, np.float32):
        short = repr(float(str(value)))
        text = short if np.float32(float(short)) == value else text
    return text.removesuffix(".0")


def _libsvm(content: bytes, width: int) -> Iterator[list[str]]:
    rows = parse_libsvm(content, nearest=True)
    for row, (start, end) in enumerate(zip(rows.starts[:-1].tolist(), rows.starts[1:].tolist(), strict=True)):
        yield _filled(rows.label[row], rows.indices[start:end].tolist(), rows.values[start:end], width)


def _parquet(name: str, content: bytes, first: bytes) -> Iterator[list[str]]:
    import pyarrow.parquet

    if is_no_data(name):
        return
    columns = ParquetColumns.of(pyarrow.parquet.read_schema(io.BytesIO(first)))
    with pyarrow.parquet.ParquetFile(io.BytesIO(content)) as table:
        for batch in table.iter_batches():
            cells = [
                map(number_text, _single(batch_doubles(batch, columns, each), str(columns.schema.field(each).type)))
                for each in columns.names
            ]
            yield from map(list, zip(*cells, strict=True))


def _recordio(content: bytes, width: int) -> Iterator[list[str]]:
    for start, end in frames(content):
        record = decode_record(content, start, end)
        if record.features is None or record.label is None:
            raise ValueError("A record has no features or no label.")
        keys, values = record.features.keys, record.features.values
        named: Iterable[int] = range(len(values)) if keys is None else keys.tolist()
        yield _filled(record.label.values[0], named, values, width)


def _filled(label: Any, places: Iterable[int], values: Any, width: int) -> list[str]:
    cells = [""] * (width - 1)
    for place, value in zip(places, values, strict=True):
        if place >= len(cells):
            raise ValueError(f"A row has index {place}; the last one of the model is {len(cells) - 1}.")
        cells[place] = number_text(value)
    return [number_text(label), *cells]


def _single(values: Any, kind: str) -> Any:
    """Doubles, or float32 where the file has no more, so that 0.1 is written as that."""
    return values.astype(np.float32) if kind == "float" else values


_ROWS: Mapping[str, Callable[[bytes, int], Iterator[list[str]]]] = {
    "libsvm": _libsvm,
    "recordio-protobuf": _recordio,
}
