"""The frame of a record in RecordIO: magic number, length, the message, padding to four bytes."""

from __future__ import annotations

import struct

MAGIC = 0xCED7230A
FRAME = struct.Struct("<II")
"""The magic number and the length of what follows, without its padding."""


def framed(message: bytes) -> bytes:
    """A message in its frame."""
    return FRAME.pack(MAGIC, len(message)) + message + bytes(-len(message) % 4)
