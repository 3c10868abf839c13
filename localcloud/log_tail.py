"""Follows a growing file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path


def follow_log(path: Path, *, pause: float = 0.25) -> Iterator[str]:
    """What is appended to the file from now on, for ever; begins anew where the file was replaced or cut."""
    position = path.stat().st_size if path.exists() else 0
    while True:
        try:
            if path.stat().st_size < position:
                position = 0
            with path.open("rb") as file:
                file.seek(position)
                part = file.read()
        except FileNotFoundError:
            part = b""
        if part:
            position += len(part)
            yield part.decode(errors="replace")
        else:
            time.sleep(pause)
