"""CSV text in blocks that end where a line ends, and the cells of a block, read as xgboost's own reader does.

A block is what is parsed at a time, in parallel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.data.csv.float_text import EXPONENT, Doubles, Floats, Places, float32_of, scaled

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


Columns = Sequence[Doubles]


class TextCells:
    """A block whose lines are rows of `width` cells; their texts are found where they are looked for."""

    def __init__(self, text: bytes, delimiter: str, width: int, *, blank_lines: bool = False) -> None:
        """blank_lines: whether a blank line is a row, too."""
        if not blank_lines and (b"\n\n" in text or b"\n\r" in text or text[:1] in (b"\r", b"\n")):
            text = b"\n".join(line for line in text.split(b"\n") if line.strip(b"\r"))
        self.text = text
        self.delimiter, self.width, self.blank_lines = delimiter, width, blank_lines
        self._lines: list[bytes] | None = None

    def column(self, index: int) -> Callable[[Places], list[bytes]]:
        """What gives the texts of some rows of a column."""

        def texts(rows: Places) -> list[bytes]:
            if self._lines is None:
                self._lines = self.text.removeprefix(b"\xef\xbb\xbf").split(b"\n")
            return [self._lines[row].split(self.delimiter.encode())[index] for row in rows.tolist()]

        return texts

    def store(self, columns: Columns, parse: Callable[[bytes], Columns], target: npt.NDArray[np.float32]) -> None:
        """Fill `target` with what xgboost reads. columns: the nearest doubles. parse: of a text, gives those."""
        for index, doubles in enumerate(columns):
            target[:, index] = float32_of(doubles, self.column(index))
        if b"e" in self.text or b"E" in self.text:
            self._store_scaled(parse, target)

    def _store_scaled(self, parse: Callable[[bytes], Columns], target: npt.NDArray[np.float32]) -> None:
        """Read the cells with an exponent again: what stands before it, scaled. What is infinite stays so."""
        rows, places, exponents = self._with_exponents()
        bare = TextCells(EXPONENT.sub(b"", self.text), self.delimiter, self.width, blank_lines=self.blank_lines)
        doubles = parse(bare.text)
        for index in np.unique(places).tolist():
            here = places == index
            own = rows[here]
            mantissas = float32_of(doubles[index][own], _cells_of(bare.column(index), own))
            found: Floats = scaled(mantissas, exponents[here], _cells_of(self.column(index), own))
            target[own, index] = np.where(np.isfinite(target[own, index]), found, target[own, index])

    def _with_exponents(self) -> tuple[Places, Places, Places]:
        """Row, column and exponent of every cell that has one."""
        letters = np.frombuffer(self.text, dtype=np.uint8)
        ends = np.flatnonzero((letters == ord(self.delimiter)) | (letters == ord("\n")))
        cells = np.searchsorted(ends, np.flatnonzero((letters | 32) == ord("e")))
        exponents = np.array([int(found) for found in EXPONENT.findall(self.text)], dtype=np.int64)
        return cells // self.width, cells % self.width, exponents


def _cells_of(texts: Callable[[Places], list[bytes]], rows: Places) -> Callable[[Places], list[bytes]]:
    """The texts at places of `rows`."""
    return lambda places: texts(rows[places])
