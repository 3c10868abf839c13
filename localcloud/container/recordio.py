"""SageMaker's RecordIO-protobuf: framed records of named tensors, read and written.

A record is framed by the magic number, its length and padding to four bytes. Inside is the protobuf message `Record`
of SageMaker's documentation ("Common data formats for training"): features and label map names to tensors, dense or
sparse with keys, of float32, float64 or int32.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from localcloud.container import protobuf

MAGIC = 0xCED7230A
_FRAME = struct.Struct("<II")
_FEATURES, _LABEL = 1, 2
_KEY, _VALUE = 1, 2
_VALUES, _KEYS, _SHAPE = 1, 2, 3
_FLOAT32, _FLOAT64, _INT32 = 2, 3, 7
_WIDTHS: dict[int, type[Any]] = {_FLOAT32: np.float32, _FLOAT64: np.float64}


class RecordError(ValueError):
    """Bytes that are no RecordIO-protobuf. The message says what and where."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """values: float32, float64 or int32. keys: columns of a sparse tensor, else None. shape: () where not given."""

    values: npt.NDArray[Any]
    keys: npt.NDArray[np.uint64] | None = None
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """One record; a name whose value is no tensor is left out."""

    features: dict[str, Tensor] = field(default_factory=dict)
    label: dict[str, Tensor] = field(default_factory=dict)


def read_records(content: bytes) -> Iterator[Record]:
    """The records of a buffer. Raises RecordError where it is cut off, or is something else."""
    view = memoryview(content)
    offset = 0
    while offset < len(view):
        if offset + _FRAME.size > len(view):
            raise RecordError(f"Truncated record at offset {offset}")
        magic, length = _FRAME.unpack_from(view, offset)
        if magic != MAGIC:
            raise RecordError(f"Invalid RecordIO magic at offset {offset}")
        offset += _FRAME.size
        padded = (length + 3) // 4 * 4
        if offset + padded > len(view):
            raise RecordError(f"Truncated record at offset {offset}")
        try:
            yield _record(view[offset : offset + length])
        except (protobuf.MessageError, ValueError) as error:
            raise RecordError(f"Invalid record at offset {offset}: {error}") from None
        offset += padded


def write_record(label: Mapping[str, Sequence[float]]) -> bytes:
    """One framed record with float32 tensors under `label`, as predictions are answered."""
    message = b"".join(
        protobuf.message(_LABEL, protobuf.message(_KEY, name.encode()) + protobuf.message(_VALUE, _float32(values)))
        for name, values in label.items()
    )
    return framed(message)


def framed(message: bytes) -> bytes:
    """A message in its frame."""
    return _FRAME.pack(MAGIC, len(message)) + message + bytes(-len(message) % 4)


def _float32(values: Sequence[float]) -> bytes:
    packed = protobuf.message(_VALUES, struct.pack(f"<{len(values)}f", *values)) if values else b""
    return protobuf.message(_FLOAT32, packed)


def _record(message: memoryview) -> Record:
    record = Record()
    tables = {_FEATURES: record.features, _LABEL: record.label}
    for number, content in protobuf.fields(message):
        if number in tables and isinstance(content, memoryview):
            name, tensor = _entry(content)
            if tensor is None:
                tables[number].pop(name, None)
            else:
                tables[number][name] = tensor
    return record


def _entry(message: memoryview) -> tuple[str, Tensor | None]:
    name, tensor = "", None
    for number, content in protobuf.fields(message):
        if number == _KEY and isinstance(content, memoryview):
            name = bytes(content).decode("utf-8")
        elif number == _VALUE and isinstance(content, memoryview):
            for kind, inner in protobuf.fields(content):
                if isinstance(inner, memoryview):
                    tensor = _tensor(kind, inner) if kind in (_FLOAT32, _FLOAT64, _INT32) else None
    return name, tensor


def _tensor(kind: int, message: memoryview) -> Tensor:
    values: list[npt.NDArray[Any]] = []
    keys: list[int] = []
    shape: list[int] = []
    for number, content in protobuf.fields(message):
        if number == _VALUES:
            values.append(_values(kind, content))
        elif number in (_KEYS, _SHAPE):
            found = protobuf.varints(content) if isinstance(content, memoryview) else [_whole(content)]
            (keys if number == _KEYS else shape).extend(found)
    joined = np.concatenate(values) if values else np.empty(0, dtype=_WIDTHS.get(kind, np.int32))
    return Tensor(joined, np.array(keys, dtype=np.uint64) if keys else None, tuple(shape))


def _values(kind: int, content: protobuf.Content) -> npt.NDArray[Any]:
    if kind == _INT32:
        found = protobuf.varints(content) if isinstance(content, memoryview) else [_whole(content)]
        return np.array(found, dtype=np.uint64).astype(np.uint32).astype(np.int32)
    width = _WIDTHS[kind]
    raw = bytes(content) if isinstance(content, (memoryview, bytes)) else b"?"
    if len(raw) % np.dtype(width).itemsize:
        raise RecordError("a tensor's values are cut off")
    return np.frombuffer(raw, dtype=np.dtype(width).newbyteorder("<")).astype(width)


def _whole(content: protobuf.Content) -> int:
    if not isinstance(content, int):
        raise RecordError("a key or a shape is no whole number")
    return content
