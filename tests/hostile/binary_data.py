"""Hostile Parquet and RecordIO-protobuf."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import partial
from typing import Any

from hostile.case import ROWS
from hostile.damage import ESCAPES

Content = bytes | str | Callable[[], bytes | str]


def _parquet(**columns: Any) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(pa.table(columns), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def good_parquet() -> bytes:
    return _parquet(label=[1.0, 2.0, 3.0], a=[1.0, 2.0, 3.0], b=[1.0, None, 3.0], c=[4.0, 5.0, 6.0])


def _nested_lists() -> bytes:
    value: Any = [1.0]
    for _ in range(60):
        value = [value]
    return _parquet(label=[1.0], a=[value])


def _wrong_footer(length: bytes) -> Callable[[], bytes]:
    return lambda: good_parquet()[:-8] + length + b"PAR1"


PARQUET: dict[str, Content] = {
    "empty": "",
    "magic alone": b"PAR1",
    "magic twice": b"PAR1PAR1",
    "zeros between": b"PAR1" + bytes(1_000) + b"PAR1",
    "cut": lambda: good_parquet()[:-20],
    "cut in front": lambda: good_parquet()[20:],
    "footer of 4 billion": _wrong_footer(b"\xff\xff\xff\xff"),
    "footer negative": _wrong_footer(b"\x00\x00\x00\x80"),
    "footer of nothing": _wrong_footer(b"\0\0\0\0"),
    "encrypted": lambda: good_parquet()[:-4] + b"PARE",
    "text columns": lambda: _parquet(label=["a", "b"], a=["\x1b[2J", "\u202e"]),
    "no rows": lambda: _parquet(label=[], a=[]),
    "no columns": lambda: _parquet(),
    "one column": lambda: _parquet(label=[1.0, 2.0]),
    "label null": lambda: _parquet(label=[None, None], a=[1.0, 2.0]),
    "all null": lambda: _parquet(label=[1.0, 2.0], a=[None, None]),
    "lists": lambda: _parquet(label=[1.0], a=[[1.0, 2.0]]),
    "lists sixty deep": _nested_lists,
    "structs": lambda: _parquet(label=[1.0], a=[{"x": 1.0}]),
    "dates": lambda: _parquet(label=[1.0], a=[__import__("datetime").date(2026, 1, 1)]),
    "bytes": lambda: _parquet(label=[1.0], a=[b"\xff\0"]),
    "20,000 columns": lambda: _parquet(**{f"c{n}": ["x"] for n in range(20_000)}),
    "CSV in truth": ROWS,
    "gzip": lambda: gzip.compress(good_parquet()),
    "million times one": lambda: _repeated_column(),
    **{f"column named {name}": partial(_parquet, label=["x"], **{text: ["y"]}) for name, text in ESCAPES.items()},
}
PARQUET_RIGHT = ("all null", "one column")


def _repeated_column() -> bytes:
    """A few kilobytes that hold 400 million values."""
    import pyarrow as pa
    import pyarrow.parquet

    sink = pa.BufferOutputStream()
    part = pa.table({"label": pa.array(["x"] * 1_000_000).dictionary_encode(), "a": [1.0] * 1_000_000})
    with pyarrow.parquet.ParquetWriter(sink, part.schema) as writer:
        for _ in range(40):
            writer.write_table(part)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def recordio() -> bytes:
    import numpy as np
    from channel_data import recordio as written

    return written(np.array([[1.0, 2, 3, 4], [5, 6, 7, 8]]))


def _framed(message: bytes, times: int = 1) -> bytes:
    from training.data.formats.protobuf import framed

    return framed(message) * times


def _varints(*numbers: int) -> bytes:
    made = bytearray()
    for number in numbers:
        while number > 0x7F:
            made.append(number & 0x7F | 0x80)
            number >>= 7
        made.append(number)
    return bytes(made)


def _nested_message(depth: int) -> bytes:
    message = b""
    for _ in range(depth):
        message = b"\x0a" + _varints(len(message)) + message
    return message


RECORDIO: dict[str, Content] = {
    "empty": "",
    "zeros": bytes(4_096),
    "magic alone": b"\x0a\x23\xd7\xce",
    "length of 4 billion": b"\x0a\x23\xd7\xce\xff\xff\xff\xff" + bytes(64),
    "length of half": b"\x0a\x23\xd7\xce\xff\xff\xff\x7f" + bytes(64),
    "cut": lambda: recordio()[:-7],
    "garbage behind": lambda: recordio() + b"\x1b[2J" * 5,
    "records of nothing": lambda: _framed(b"", 10_000),
    "messages 1,500 deep": lambda: _framed(_nested_message(1_500)),
    "messages 30,000 deep": lambda: _framed(_nested_message(30_000)),
    "varint without an end": lambda: _framed(b"\x08" + b"\xff" * 1_000),
    "field 0": lambda: _framed(b"\0\0\0"),
    "unknown wire type": lambda: _framed(b"\x0f" * 100),
    "group": lambda: _framed(b"\x0b" * 1_000),
    "length beyond": lambda: _framed(b"\x0a" + _varints(1 << 40) + b"x"),
    "tensor of keys beyond": lambda: _sparse([2**63], [1 << 40]),
    "shape of a terabyte": lambda: _sparse([0], [1 << 62]),
    "shape zero": lambda: _sparse([0], [0]),
    "CSV in truth": ROWS,
    "gzip": lambda: gzip.compress(recordio()),
}
RECORDIO_RIGHT = ("records of nothing", "tensor of keys beyond", "shape of a terabyte", "shape zero")


def _sparse(keys: list[int], shape: list[int]) -> bytes:
    import numpy as np
    from channel_data import record, tensor

    return b"".join(record(tensor(np.array([1.0]), keys, shape), tensor(np.array([1.0]))) for _ in range(2))
