"""SHA-256 of a file, with progress."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

_PIECE = 4 << 20


def file_digest(path: Path, progress: Callable[[int], None] = lambda count: None) -> tuple[str, int]:
    """SHA-256 in hex, and the bytes. progress: called with the bytes read since the last call. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            progress(len(piece))
    return digest.hexdigest(), size
