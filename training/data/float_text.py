"""Text to float32 as xgboost's own reader of CSV and libsvm does it, from the nearest doubles, column by column.

The container hands xgboost the files. Its reader (dmlc-core, `strtonum.h`, ParseFloat) adds the whole part and the
fraction as float32, and multiplies or divides by a power of ten as float32: in up to 4 % of cells without an exponent,
and 23 % of those with one, the last bit is not that of the nearest float32. Where a double leaves open what that gives,
the text itself is read.
"""

from __future__ import annotations

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
