"""The frame of a RecordIO record, and the wire format of protocol buffers, as much of it as records need.

A record is framed by the magic number, its length and padding to four bytes; the wire format is at
https://protobuf.dev/programming-guides/encoding/. Serving programs read it too, so that numpy stays away.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

Content = int | bytes | memoryview
"""A field's content: a whole number (varint), the bytes of a fixed32 or fixed64, a view of a length-delimited one."""

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5


class MessageError(ValueError):
    """Bytes that are no protobuf message."""


def fields(message: memoryview) -> Iterator[tuple[int, Content]]:
    """The fields of a message in their order: number and content. Raises MessageError."""
    offset = 0
    while offset < len(message):
        tag, offset = _varint(message, offset)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise MessageError("a field has the number 0")
        if kind == _VARINT:
            value, offset = _varint(message, offset)
            yield number, value
            continue
        if kind == _DELIMITED:
            length, offset = _varint(message, offset)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise MessageError(f"a field has the unknown wire type {kind}")
        if length > len(message) - offset:
            raise MessageError("a field is cut off")
        content = message[offset : offset + length]
        yield number, content if kind == _DELIMITED else bytes(content)
        offset += length


def varints(content: memoryview) -> list[int]:
    """The whole numbers of a packed field. Raises MessageError."""
    found = []
    offset = 0
    while offset < len(content):
        value, offset = _varint(content, offset)
        found.append(value)
    return found


def message(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return _encoded(number << 3 | _DELIMITED) + _encoded(len(content)) + content


def _varint(content: memoryview, offset: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if offset >= len(content) or shift > 63:
            raise MessageError("a whole number is cut off or too long")
        byte = content[offset]
        offset += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, offset
        shift += 7


def _encoded(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


MAGIC = 0xCED7230A
FRAME = struct.Struct("<II")
"""The magic number and the length of what follows, without its padding."""


def framed(message: bytes) -> bytes:
    """A message in its frame."""
    return FRAME.pack(MAGIC, len(message)) + message + bytes(-len(message) % 4)
