"""CSV text as the container reads it: its delimiter, and the texts that C's `strtof` and Python take for numbers.

The delimiter is found as the container finds it: Python's own `csv.Sniffer`, on the first line
(`data_utils._get_csv_delimiter` for training, `encoder.csv_to_dmatrix` for requests).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]

EXPONENT = re.compile(rb"[eE]([+-]?\d+)")
_NUMBER = re.compile(rb"\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?)(\d*))?")
_DIGITS = 19
"""Digits of a fraction that the reader takes."""
_LEFT_OUT = 1e-19
"""What the digits behind those are worth."""
_PIECE = 8192
"""Numbers at a time, whose intermediate results stay in a processor's cache: less than half the time."""
_RELATIVE = 2.0**-51
"""How far the fraction of a double may be from that of its text, to its size."""
_EXACT = 2.0**53
"""Above it a double does not show all digits of a whole number."""
_LARGEST_EXPONENT = 38
_LARGEST, _SMALLEST = np.float32(3.402823466), np.float32(1.175494351)
"""What a number of that exponent may have before it."""


def _scale(exponent: int) -> np.float32:
    scale = np.float32(1)
    for _ in range(exponent // 8):
        scale *= np.float32(1e8)
    for _ in range(exponent % 8):
        scale *= np.float32(10)
    return scale


_SCALES = np.array([_scale(exponent) for exponent in range(_LARGEST_EXPONENT + 1)], dtype=np.float32)


def float32_of(doubles: Doubles, cells: Callable[[Places], list[bytes]]) -> Floats:
    """What xgboost reads of texts without an exponent. doubles: nearest to them. cells: the texts at some places.

    A number beyond float32 is infinite, which xgboost refuses.
    """
    floats: Floats = np.empty(len(doubles), dtype=np.float32)
    for start in range(0, len(doubles), _PIECE):
        floats[start : start + _PIECE], doubtful = _sums(doubles[start : start + _PIECE])
        if len(doubtful):
            floats[start + doubtful] = [float32_text(cell) for cell in cells(start + doubtful)]
    return floats


def _sums(doubles: Doubles) -> tuple[Floats, Places]:
    """Whole part and fraction, added as float32, and the places where the text may give another sum."""
    size = np.abs(doubles)
    largest = np.fmax.reduce(size, initial=0)
    whole = np.trunc(size)
    error = np.minimum(size, _LEFT_OUT)
    error += size * _RELATIVE
    with np.errstate(over="ignore", invalid="ignore"):
        fraction = np.subtract(size, whole, out=size)
        least = (fraction - error).astype(np.float32)
        floats = np.add(fraction, error, out=error).astype(np.float32)
        whole_part = whole.astype(np.float32)
        least += whole_part
        floats += whole_part
    np.copysign(floats, doubles, out=floats, casting="unsafe")
    doubtful = np.flatnonzero(np.abs(floats) != least)
    if largest >= _EXACT:
        with np.errstate(over="ignore"):
            nearest = doubles.astype(np.float32)
        infinite = np.isinf(nearest)
        floats[infinite] = nearest[infinite]
        doubtful = np.flatnonzero(((np.abs(floats) != least) | (np.abs(doubles) >= _EXACT)) & ~infinite)
    return floats, doubtful[~np.isnan(doubles[doubtful])]


def scaled(mantissas: Floats, exponents: Places, cells: Callable[[Places], list[bytes]]) -> Floats:
    """What xgboost reads of texts with an exponent. mantissas: of the texts before it, by `float32_of`."""
    sizes = np.minimum(np.abs(exponents), _LARGEST_EXPONENT)
    with np.errstate(over="ignore"):
        floats: Floats = np.where(exponents < 0, mantissas / _SCALES[sizes], mantissas * _SCALES[sizes])
    if len(edge := np.flatnonzero(sizes == _LARGEST_EXPONENT)):
        floats[edge] = [float32_text(cell) for cell in cells(edge)]
    return floats


def float32_text(text: bytes) -> np.float32:
    """One number, as the reader takes it digit by digit."""
    found = _NUMBER.match(text)
    sign, whole, decimals, exponent_sign, exponent_digits = found.groups(b"") if found else (b"",) * 5
    fraction = decimals[:_DIGITS]
    with np.errstate(over="ignore"):
        value = np.float32(np.uint64(int(whole or b"0") % 2**64))
        if fraction:
            value += np.float32(float(int(fraction)) / float(10 ** len(fraction)))
        exponent = min(int(exponent_digits or b"0"), _LARGEST_EXPONENT)
        if exponent == _LARGEST_EXPONENT and exponent_sign == b"-":
            value = max(value, _SMALLEST)
        elif exponent == _LARGEST_EXPONENT:
            value = min(value, _LARGEST)
        value = value / _SCALES[exponent] if exponent_sign == b"-" else value * _SCALES[exponent]
    return np.float32(-value if sign == b"-" else value)


_PREFERRED = ",\t; :"
"""What the sniffer takes before all others, in its order, where a line has it (`csv.Sniffer.preferred`)."""
_OF_NUMBERS = frozenset(".+-'\"")
_SAMPLE = 512
"""Characters of a request's first line that the container looks at."""
_QUOTED_SAMPLE = 8192
"""Characters of a line with quotes that the sniffer is given: its time grows with their square."""


def sniffed(line: str) -> str:
    """What the sniffer finds in a line: of one without a preferred delimiter or quotes its most frequent character.

    Raises csv.Error where it finds nothing, as in a blank line.
    """
    if '"' not in line and "'" not in line:  # the sniffer itself takes a hundred times as long
        for delimiter in _PREFERRED:
            if delimiter in line:
                return delimiter
    return csv.Sniffer().sniff(line[:_QUOTED_SAMPLE]).delimiter


def delimiter_of(line: bytes) -> str:
    """The delimiter of a line of rows that were checked, or are to be; a comma where only numbers could be split."""
    try:
        found = sniffed(line.strip(b"\r\n").decode("utf-8", errors="ignore"))
    except csv.Error:
        return ","
    return "," if is_of_a_number(found) or not found.isascii() else found


def split_number(line: bytes) -> str:
    """What the sniffer takes for the delimiter of a line of cells, where it may stand inside a number; else empty."""
    try:
        found = sniffed(line.decode("utf-8", errors="ignore"))
    except csv.Error:
        return ""
    return found if is_of_a_number(found) and not found.isalpha() else ""


def request_delimiter(line: str) -> str:
    """The delimiter of a request by its first line. Raises csv.Error where the sniffer finds nothing."""
    found = sniffed(line[:_SAMPLE])
    return "," if found.isalnum() else found


def is_of_a_number(delimiter: str) -> bool:
    """Whether what the sniffer found may stand inside a cell: the line has one cell, or a delimiter it passes over.

    Training on AWS splits the rows there all the same.
    """
    return delimiter.isalnum() or delimiter in _OF_NUMBERS
