"""Text files in pieces that end where a line ends: what is parsed at a time, in parallel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BLOCK_BYTES = 4 << 20
"""Large enough for a block's set-up to vanish, small enough that its text and doubles are no matter of memory."""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a file that ends where a line ends. lines: of the block; first_line: its place in the file, from 1."""

    file: Path
    offset: int
    size: int
    lines: int
    first_line: int

    def read(self) -> bytes:
        with self.file.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


def blocks(file: Path, size: int | None = None) -> Iterator[Block]:
    """The blocks of a file that hold more than blank lines. size: in bytes, to the next end of a line."""
    wanted = size or BLOCK_BYTES
    offset, line = 0, 1
    with file.open("rb") as content:
        while text := content.read(wanted):
            if not text.endswith(b"\n"):
                text += content.readline()
            lines = text.count(b"\n") + (not text.endswith(b"\n"))
            if text.strip(b"\r\n"):
                yield Block(file, offset, len(text), lines, line)
            offset += len(text)
            line += lines


def first_line(file: Path) -> bytes:
    """The first line of a file that is not blank, without its end; b"" where there is none."""
    with file.open("rb") as lines:
        return next((line.strip(b"\r\n") for line in lines if line.strip(b"\r\n")), b"")
