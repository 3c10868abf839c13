"""CSV rows, the label first, as files of the other content types that the training program reads.

The numbers stay what the cells say: text in libsvm, doubles in the others.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping, Sequence

from training.data.protobuf import message
from training.data.record_frame import framed

Rows = Sequence[Sequence[str]]
"""Cells of numbers, the label first; all rows of one width."""

_FEATURES, _LABEL, _KEY, _VALUE, _FLOAT64, _VALUES = 1, 2, 1, 2, 3, 1
"""The fields of SageMaker's record.proto."""


def libsvm_bytes(columns: Sequence[str], rows: Rows) -> bytes:
    """`label 0:value 1:value …` a line, zeros too: what a row leaves out is missing, and that is another number.

    Indices are counted from 0, since the container takes them in training as they are written: counted from 1, as
    many a writer of svmlight does, there would be a feature 0 that no row has.
    """
    lines = [" ".join([row[0], *(f"{index}:{cell}" for index, cell in enumerate(row[1:]))]) for row in rows]
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def parquet_bytes(columns: Sequence[str], rows: Rows) -> bytes:
    """A table of doubles with these column names, the label in the first."""
    import pyarrow as pa
    import pyarrow.parquet

    numbers = zip(*([float(cell) for cell in row] for row in rows), strict=True)
    out = io.BytesIO()
    pyarrow.parquet.write_table(pa.table([pa.array(column) for column in numbers], names=list(columns)), out)
    return out.getvalue()


def recordio_bytes(columns: Sequence[str], rows: Rows) -> bytes:
    """A framed record a row: a dense float64 tensor of features and one of the label, both named `values`."""
    return b"".join(
        framed(message(_FEATURES, _named(row[1:])) + message(_LABEL, _named(row[:1])))  # a map's entries
        for row in rows
    )


def _named(cells: Sequence[str]) -> bytes:
    packed = struct.pack(f"<{len(cells)}d", *map(float, cells))
    return message(_KEY, b"values") + message(_VALUE, message(_FLOAT64, message(_VALUES, packed)))


WRITERS: Mapping[str, Callable[[Sequence[str], Rows], bytes]] = {
    "libsvm": libsvm_bytes,
    "parquet": parquet_bytes,
    "recordio-protobuf": recordio_bytes,
}
"""By the container's word for the content type: what writes rows of named columns so. CSV is what they are."""
