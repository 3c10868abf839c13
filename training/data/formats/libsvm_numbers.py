"""Numbers out of libsvm text: `label[:weight] [qid:query] index:value …`, one row a line.

Indices are taken as they are written: whoever counts from 1 has an empty feature 0, in training as in xgboost's own
reader, which also says what float32 a text is (`float_text`). What it cannot read, a word or NaN, is refused, with the
line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from training.data.csv.float_text import EXPONENT, float32_of, scaled

LARGEST_INDEX = 2**31 - 2
"""The matrix counts its columns in 32 bits with a sign."""
_QUERY = 2**52 + 2015
"""Stands for the word `qid` while a text is read; far above any index, and exact as a double."""
_SPACE, _TAB, _LINE, _COLON = 32, 9, 10, 58
_EMPTY_VALUE = re.compile(rb"(?<=[ \t])(\d+:)[ \t]*(?=\n|\Z)")
_NUMBER = re.compile(rb"[ \t\n]*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_SPLIT = bytes.maketrans(b" \t:", b"\n\n\n")

Numbers = npt.NDArray[np.float64]


class LibsvmError(ValueError):
    """Text that is not libsvm. The message says what, and in which line.

    reason: what was expected and found. line: its number; None where it is of no one line.
    """

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.reason, self.line = reason, line


@dataclass(frozen=True, slots=True)
class SparseRows:
    """Rows as a compressed sparse row matrix.

    label, weight, query: one for each row; the last two None where the text has none.
    starts: where each row's entries begin, and their number at the end (int64). indices: int32. values: float32.
    """

    label: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32] | None
    query: npt.NDArray[np.uint32] | None
    starts: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    values: npt.NDArray[np.float32]


def parse_libsvm(text: bytes, line: int = 1, *, after: bytes | None = None, nearest: bool = False) -> SparseRows:
    """The rows of a text of whole lines. line: the number of its first. Raises LibsvmError.

    after: where an empty value at the end of a line (`8:`) is to be what xgboost's reader makes of it, the text behind
    this one: it takes the next number, which is the next row's label, and 0 at the end. None: that is refused.
    nearest: whether values are the nearest float32, as an endpoint reads them, not those of xgboost's reader.
    """
    text = _plain(text)
    if after is not None and _EMPTY_VALUE.search(text):
        text = _with_next_numbers(text, after)
    letters = np.frombuffer(text, dtype=np.uint8)
    blank = (letters == _SPACE) | (letters == _TAB) | (letters == _LINE)
    colon = letters == _COLON
    between = blank | colon
    before = np.concatenate([[True], between[:-1]])
    starts = np.flatnonzero(~between & before)
    ends = np.flatnonzero(between & ~before)
    if len(ends) < len(starts):
        ends = np.append(ends, len(letters))
    lines = np.searchsorted(np.flatnonzero(letters == _LINE), starts)
    tokens = _Tokens(text, starts, ends, lines + line)
    tokens.refuse_where(_loose_colons(colon, between, starts, ends), "a colon stands between two numbers")
    after_colon = (starts > 0) & colon[np.maximum(starts - 1, 0)]
    before_colon = (ends < len(letters)) & colon[np.minimum(ends, max(len(letters) - 1, 0))]
    numbers = tokens.numbers()
    with np.errstate(over="ignore"):  # a value beyond float32 becomes inf, which xgboost then refuses by name
        floats = numbers.astype(np.float32) if nearest else tokens.floats(numbers)
    return _rows(tokens, numbers, floats, after_colon, before_colon)


def refused_line(lines: Iterable[str]) -> tuple[int, str] | None:
    """The line at which the container's check of a file's format ends a job: its number and the line; else None.

    lines: with their ends. The check reads up to the first line with two features; there it takes a label, perhaps with
    a weight, and pairs between single blanks alone. (`data_utils._validate_libsvm_format`, which counts the parts of
    the first pair only.)
    """
    for number, line in enumerate(lines, start=1):
        label, *pairs = line.split(" ")
        well_formed = _is_label(label) and all(":" in pair for pair in pairs)
        if not well_formed or (pairs and pairs[0].count(":") != 1):
            return number, line
        if len(pairs) > 1:
            return None
    return None


def _is_label(text: str) -> bool:
    parts = text.split(":")
    try:
        return len(parts) <= 2 and all(float(part) is not None for part in parts)
    except ValueError:
        return False


def _with_next_numbers(text: bytes, after: bytes) -> bytes:
    """With the next number as each empty value at the end of a line; 0 where none comes."""

    def filled(empty: re.Match[bytes]) -> bytes:
        found = _NUMBER.match(text, empty.end()) or (None if text[empty.end() :].strip() else _NUMBER.match(after))
        return empty[1] + (found[1] if found else b"0")

    return _EMPTY_VALUE.sub(filled, text)


def _plain(text: bytes) -> bytes:
    """Without comments, carriage returns and plus signs, and with a number in place of `qid`."""
    if b"#" in text:
        text = re.sub(rb"#[^\n]*", b"", text)
    if b"\r" in text:
        text = text.replace(b"\r", b"")
    if b"+" in text:
        text = re.sub(rb"(?<![eE0-9.+-])\+(?=[0-9.])", b"", text)
    if b"qid:" in text:
        text = re.sub(rb"(?<=[ \t])qid:", b"%d:" % _QUERY, text)
    return text


def _loose_colons(
    colon: npt.NDArray[np.bool_], between: npt.NDArray[np.bool_], starts: Any, ends: Any
) -> npt.NDArray[np.bool_]:
    """Which tokens stand before a colon that has no number on both sides; the first one where none stands before."""
    places = np.flatnonzero(colon)
    left = (places == 0) | between[np.maximum(places - 1, 0)]
    right = (places == len(between) - 1) | between[np.minimum(places + 1, len(between) - 1)]
    loose = places[left | right]
    if len(loose) and not len(starts):
        raise LibsvmError("a colon stands between two numbers, found it alone")
    faulty = np.zeros(len(starts), dtype=np.bool_)
    faulty[np.maximum(np.searchsorted(starts, loose) - 1, 0)] = True
    return faulty


@dataclass(frozen=True, slots=True)
class _Tokens:
    """The numbers' texts, in order: where each begins and ends, and its line."""

    text: bytes
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]

    def refuse_where(self, faulty: npt.NDArray[np.bool_], expected: str) -> None:
        """Raise LibsvmError for the first token that is faulty."""
        if faulty.any():
            place = int(np.flatnonzero(faulty)[0])
            found = self.text[self.starts[place] : self.ends[place]][:40].decode("utf-8", errors="replace")
            raise LibsvmError(f"{expected}, found {found.replace(str(_QUERY), 'qid')!r}", int(self.lines[place]))

    def numbers(self) -> Numbers:
        """Every token's value. Raises LibsvmError for one that is no finite number."""
        values = self._doubles(self.text)
        if len(values) != len(self.starts):  # a blank of another kind, which is none of libsvm's
            raise self._no_number()
        self.refuse_where(np.isnan(values), "a number was expected")
        return values

    def floats(self, numbers: Numbers) -> npt.NDArray[np.float32]:
        """Every token's value as xgboost's reader takes it. numbers: the nearest doubles."""
        floats = float32_of(numbers, self._at)
        if b"e" in self.text or b"E" in self.text:
            letters = np.frombuffer(self.text, dtype=np.uint8)
            own = np.searchsorted(self.starts, np.flatnonzero((letters | 32) == ord("e")), side="right") - 1
            bare = self._doubles(EXPONENT.sub(b"", self.text))[own]
            exponents = np.array([int(found) for found in EXPONENT.findall(self.text)], dtype=np.int64)
            mantissas = float32_of(bare, lambda places: [EXPONENT.sub(b"", word) for word in self._at(own[places])])
            found = scaled(mantissas, exponents, lambda places: self._at(own[places]))
            floats[own] = np.where(np.isfinite(floats[own]), found, floats[own])
        return floats

    def _doubles(self, text: bytes) -> Numbers:
        if not len(self.starts):
            return np.empty(0)
        try:
            table = pyarrow.csv.read_csv(
                pa.BufferReader(text.translate(_SPLIT)),
                read_options=pyarrow.csv.ReadOptions(
                    use_threads=False, column_names=["number"], block_size=len(text) + 1
                ),
                parse_options=pyarrow.csv.ParseOptions(delimiter=",", quote_char=False),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types={"number": pa.float64()}, null_values=[], check_utf8=False
                ),
            )
        except pa.ArrowInvalid:
            raise self._no_number() from None
        column = table.column(0).combine_chunks()
        values: Numbers = np.frombuffer(column.buffers()[1], dtype=np.float64)[: len(column)]
        return values

    def _no_number(self) -> LibsvmError:
        """What the first token that is no number is refused with."""
        for start, end, line in zip(self.starts.tolist(), self.ends.tolist(), self.lines.tolist(), strict=True):
            if not _is_number(self.text[start:end]):
                found = self.text[start:end][:40].decode("utf-8", errors="replace").replace(str(_QUERY), "qid")
                return LibsvmError(f"a number was expected, found {found!r}", line)
        return LibsvmError("a number was expected")

    def _at(self, places: npt.NDArray[np.int64]) -> list[bytes]:
        starts, ends = self.starts[places].tolist(), self.ends[places].tolist()
        return [self.text[start:end] for start, end in zip(starts, ends, strict=True)]


def _is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return word.strip() == word and b"_" not in word


def _rows(
    tokens: _Tokens,
    numbers: Numbers,
    floats: npt.NDArray[np.float32],
    after_colon: npt.NDArray[np.bool_],
    before_colon: npt.NDArray[np.bool_],
) -> SparseRows:
    """numbers: of all tokens. floats: the same as xgboost's reader takes them."""
    first = np.ones(len(numbers), dtype=np.bool_)
    first[1:] = tokens.lines[1:] != tokens.lines[:-1]
    label = first & ~after_colon
    index = ~first & ~after_colon
    before_is_label, before_is_index = _next(label), _next(index)
    tokens.refuse_where(index & ~before_colon, "index:value was expected")
    weight = after_colon & before_is_label
    value = after_colon & before_is_index
    tokens.refuse_where(after_colon & ~weight & ~value, "label, label:weight or index:value was expected")
    query_key = index & (numbers == _QUERY)
    query = _next(query_key)
    key = index & ~query_key
    whole = (numbers >= 0) & (numbers == np.floor(numbers))
    tokens.refuse_where(
        key & ~(whole & (numbers <= LARGEST_INDEX)), f"an index is a whole number, 0 to {LARGEST_INDEX}"
    )
    tokens.refuse_where(query & ~(whole & (numbers < 2**32)), "a qid is a whole number of 32 bits")
    rows = np.cumsum(label) - 1
    count = int(label.sum())
    entries = value & ~query
    starts = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows[entries], minlength=count), out=starts[1:])
    with np.errstate(over="ignore"):  # a value beyond float32 becomes inf, which xgboost then refuses by name
        return SparseRows(
            label=floats[label],
            weight=_for_every_row(floats[weight], count, "weight"),
            query=_queries(numbers[query], count),
            starts=starts,
            indices=numbers[key].astype(np.int32),
            values=floats[entries],
        )


def _next(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which tokens come right after those of the mask."""
    after = np.zeros_like(mask)
    after[1:] = mask[:-1]
    return after


def _for_every_row(found: npt.NDArray[np.float32], rows: int, what: str) -> npt.NDArray[np.float32] | None:
    if not len(found):
        return None
    if len(found) != rows:
        raise LibsvmError(f"{len(found)} of {rows} rows have a {what}; all or none must")
    return found


def _queries(found: Numbers, rows: int) -> npt.NDArray[np.uint32] | None:
    if not len(found):
        return None
    if len(found) != rows:
        raise LibsvmError(f"{len(found)} of {rows} rows have a qid; all or none must")
    return found.astype(np.uint32)
