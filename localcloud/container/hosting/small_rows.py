"""The rows of a small CSV body, packed at once: the form of nearly every request to an endpoint.

A microsecond a row, without NumPy. Whatever is unusual is left to `request_rows`, which knows the words for it.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from functools import lru_cache

SMALL = 4096
"""Bytes up to which a body is small."""
SNIFFED = 512
"""Bytes of the first line in which the container looks for a delimiter; a comma there is it, whatever else stands."""
_MOST_VALUES = 1 << 16
"""Values up to which rows are packed here: a model may have a million features."""


def packed_csv(body: bytes, features: int) -> tuple[bytes, int] | None:
    """`features` float32 for each row, NaN where nothing is given, and the number of rows; None where not sure."""
    if b"_" in body:
        return None
    lines = body.strip().split(b"\n")
    if b"," not in lines[0][:SNIFFED]:
        return None  # its delimiter has to be found
    width = lines[0].count(b",") + 1
    if width > features or features * len(lines) > _MOST_VALUES or not lines[0]:
        return None
    pack = _packer(features)
    missing = [math.nan] * (features - width)
    packed = []
    try:
        for line in lines:
            cells = line.split(b",")
            if len(cells) != width:
                return None
            try:
                values = list(map(float, cells))
            except ValueError:
                values = [float(cell) if cell else math.nan for cell in cells]
            total = sum(values)
            if total - total and any(map(math.isinf, values)):
                return None
            packed.append(pack(*values, *missing))
    except (ValueError, OverflowError):
        return None
    return b"".join(packed), len(lines)


@lru_cache(maxsize=4)
def _packer(features: int) -> Callable[..., bytes]:
    # "<": the standard size refuses what is beyond float32, where the native one would make it infinite
    return struct.Struct(f"<{features}f").pack
