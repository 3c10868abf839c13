"""SageMaker's RecordIO-protobuf, read: framed records, each with a tensor of features and perhaps one of labels.

A record is framed by the magic number, its length and padding to four bytes. Inside is the protobuf message `Record`
of SageMaker's documentation ("Common data formats for training"): features and label map names to tensors, dense or
sparse with keys, of float32, float64 or int32. The container reads the name `values` of each.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data.formats.protobuf import FRAME, MAGIC, Content, MessageError, fields, varints

_NAME = b"values"
_FEATURES, _LABEL = 1, 2
_KEY, _VALUE = 1, 2
_VALUES, _KEYS, _SHAPE = 1, 2, 3
_FLOAT32, _FLOAT64, _INT32 = 2, 3, 7
_WIDTHS: dict[int, type[Any]] = {_FLOAT32: np.float32, _FLOAT64: np.float64, _INT32: np.int32}


class RecordioError(ValueError):
    """Bytes that are no RecordIO-protobuf. The message says what and where."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """values: float32, float64 or int32. keys: columns of a sparse tensor, else None. shape: () where not given."""

    values: npt.NDArray[Any]
    keys: npt.NDArray[np.uint64] | None = None
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """The tensors named `values` of one record; None where there is none."""

    features: Tensor | None = None
    label: Tensor | None = None


def frames(data: bytes | mmap.mmap) -> Iterator[tuple[int, int]]:
    """Where each record's message begins and ends. Raises RecordioError where data is cut off, or something else."""
    offset = 0
    while offset < len(data):
        if offset + FRAME.size > len(data):
            raise RecordioError(f"Truncated record at offset {offset}")
        magic, length = FRAME.unpack_from(data, offset)
        if magic != MAGIC:
            raise RecordioError(f"Invalid RecordIO magic at offset {offset}")
        offset += FRAME.size
        padded = (length + 3) // 4 * 4
        if offset + padded > len(data):
            raise RecordioError(f"Truncated record at offset {offset}")
        yield offset, offset + length
        offset += padded


def decode_record(data: bytes, start: int, end: int) -> Record:
    """The record whose message stands there. Raises RecordioError."""
    features = label = None
    try:
        for number, content in fields(memoryview(data)[start:end]):
            if number in (_FEATURES, _LABEL) and isinstance(content, memoryview):
                name, tensor = _entry(content)
                if name == _NAME and number == _FEATURES:
                    features = tensor
                elif name == _NAME:
                    label = tensor
    except (MessageError, ValueError, OverflowError) as error:
        raise RecordioError(f"Invalid record at offset {start}: {error}") from None
    return Record(features, label)


def _entry(message: memoryview) -> tuple[bytes, Tensor | None]:
    """An entry of a map: its name, and its value where that is a tensor of numbers."""
    name, tensor = b"", None
    for number, content in fields(message):
        if number == _KEY and isinstance(content, memoryview):
            name = bytes(content)
        elif number == _VALUE and isinstance(content, memoryview):
            for kind, inner in fields(content):
                if isinstance(inner, memoryview):
                    tensor = _tensor(kind, inner) if kind in _WIDTHS else None
    return name, tensor


def _tensor(kind: int, message: memoryview) -> Tensor:
    values: list[npt.NDArray[Any]] = []
    keys: list[int] = []
    shape: list[int] = []
    for number, content in fields(message):
        if number == _VALUES:
            values.append(_values(kind, content))
        elif number == _KEYS:
            keys.extend(_wholes(content))
        elif number == _SHAPE:
            shape.extend(_wholes(content))
    joined = np.concatenate(values) if values else np.empty(0, dtype=_WIDTHS[kind])
    if keys and len(keys) != len(joined):
        raise RecordioError(f"a sparse tensor has {len(keys)} keys for {len(joined)} values")
    return Tensor(joined, np.array(keys, dtype=np.uint64) if keys else None, tuple(shape))


def _values(kind: int, content: Content) -> npt.NDArray[Any]:
    if kind == _INT32:
        return np.array(_wholes(content), dtype=np.uint64).astype(np.uint32).astype(np.int32)
    if isinstance(content, int):
        raise RecordioError("a tensor's values are whole numbers, and its type says otherwise")
    width = np.dtype(_WIDTHS[kind]).newbyteorder("<")
    if len(content) % width.itemsize:
        raise RecordioError("a tensor's values are cut off")
    return np.frombuffer(bytes(content), dtype=width).astype(_WIDTHS[kind])


def _wholes(content: Content) -> list[int]:
    if isinstance(content, memoryview):
        return varints(content)
    if isinstance(content, int):
        return [content]
    raise RecordioError("a key, a shape or a value is no whole number")
