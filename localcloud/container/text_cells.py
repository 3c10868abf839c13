"""The cells of a block of CSV text, and their numbers as xgboost's own reader takes them out of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from training.data.float_text import EXPONENT, Doubles, Floats, Places, float32_of, scaled

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
            mantissas = float32_of(doubles[index][own], _of(bare.column(index), own))
            found: Floats = scaled(mantissas, exponents[here], _of(self.column(index), own))
            target[own, index] = np.where(np.isfinite(target[own, index]), found, target[own, index])

    def _with_exponents(self) -> tuple[Places, Places, Places]:
        """Row, column and exponent of every cell that has one."""
        letters = np.frombuffer(self.text, dtype=np.uint8)
        ends = np.flatnonzero((letters == ord(self.delimiter)) | (letters == ord("\n")))
        cells = np.searchsorted(ends, np.flatnonzero((letters | 32) == ord("e")))
        exponents = np.array([int(found) for found in EXPONENT.findall(self.text)], dtype=np.int64)
        return cells // self.width, cells % self.width, exponents


def _of(texts: Callable[[Places], list[bytes]], rows: Places) -> Callable[[Places], list[bytes]]:
    """The texts at places of `rows`."""
    return lambda places: texts(rows[places])
