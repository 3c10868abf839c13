"""The one reader of JSON: strict and bounded, so that a file of anybody's ends in a value or in one message.

Python's own takes NaN and Infinity, makes infinity of 1e400, keeps the last of two equal names, and fails in ways of
its own at 5,000 digits and 1,000 brackets. RFC 8259 leaves all of it to the reader.
"""

from __future__ import annotations

import errno
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kickstand.errors import Problem

MOST_BYTES = 64 << 20
"""Of a file. The largest of ours is a learning curve of 20,000 rounds."""
DEEPEST = 100
"""Brackets inside each other."""
_LONGEST_NUMBER = 64
_WHOLE = 1 << 63
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_BRACKETS = re.compile(rf"{_STRING}|[\[\]{{}}]", re.DOTALL)
_NAMES = re.compile(rf"({_STRING})(\s*:)?|[\[\]{{}}]", re.DOTALL)
_NUMBERS = re.compile(rf"{_STRING}|-?[\d][\d.eE+-]*|-?Infinity|NaN", re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class JsonError(ValueError):
    """Why a text is no JSON that is taken. message: without a place. line, column: from 1; 0 where there is none."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        self.message, self.line, self.column = message, line, column
        super().__init__(f"{message} (line {line}, column {column})" if line else message)

    def problem(self, place: Path | str, fix: str = "", *, what: str = "Not JSON") -> Problem:
        """As the problem of a file: `place:3:14: Not JSON: …`."""
        where = f"{place}:{self.line}:{self.column}" if self.line else str(place)
        return Problem(f"{what}: {self.message}.", where, fix)


class _RefusedError(Exception):
    """Raised while json parses, which does not say where it is."""

    def __init__(self, message: str, token: str) -> None:
        self.message, self.token = message, token


def parse_json(
    data: bytes | str, *, most: int = MOST_BYTES, deepest: int = DEEPEST, number: Callable[[str], Any] = float
) -> Any:
    """The value of a JSON text.

    most: bytes or characters that are taken. number: makes a number with a fraction or an exponent of its text.
    JsonError, with line and column: too long, not UTF-8, a byte order mark, no JSON, too deep, a name twice in one
    object, a number that is none, infinite, of more than 64 characters or, whole, beyond 64 bits, half a character.
    """
    if not isinstance(data, str | bytes):
        raise TypeError(f"a JSON text is str or bytes, not {type(data).__name__}")
    if len(data) > most:
        raise JsonError(f"it has {len(data):,} bytes; {most:,} are taken")
    text = data if isinstance(data, str) else _decoded(data)
    if text.startswith("\ufeff"):
        raise JsonError("it begins with a byte order mark; save it as UTF-8 without one", 1, 1)
    _require_depth(text, deepest)
    try:
        value = json.loads(
            text,
            parse_int=_whole,
            parse_float=lambda token: _finite(token, number),
            parse_constant=_constant,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        raise JsonError(error.msg, error.lineno, error.colno) from None
    except _RefusedError as error:
        at = next((one.start() for one in _NUMBERS.finditer(text) if one[0] == error.token), None)
        raise _at(error.message, text, at if at is not None else _twin(text)) from None
    if found := _SURROGATE.search(text):
        try:
            json.dumps(value, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError:
            raise _at("half of a surrogate pair is no character", text, found.start()) from None
    return value


def read_bounded(file: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file. OSError: the system refuses, or it is larger than `most` (a device without end too)."""
    with file.open("rb") as stream:
        data = stream.read(most + 1)
    if not isinstance(data, str | bytes):
        raise TypeError(f"a JSON text is str or bytes, not {type(data).__name__}")
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most:,} bytes", str(file))
    return data


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise JsonError(f"it is not UTF-8, byte 0x{data[error.start]:02x}", line, column) from None


def _require_depth(text: str, deepest: int) -> None:
    if text.count("[") + text.count("{") <= deepest:
        return
    depth = 0
    for token in _BRACKETS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > deepest:
            raise _at(f"it is nested deeper than {deepest} brackets", text, token.start())


def _whole(token: str) -> int:
    if len(token) > _LONGEST_NUMBER or not -_WHOLE <= int(token) < 2 * _WHOLE:
        raise _RefusedError(f"the number {token[:20]}… is beyond 64 bits ({len(token)} characters)", token)
    return int(token)


def _finite(token: str, number: Callable[[str], Any]) -> Any:
    if len(token) > _LONGEST_NUMBER:
        raise _RefusedError(f"the number {token[:20]}… has {len(token):,} characters", token)
    if not math.isfinite(float(token)):
        raise _RefusedError(f"the number {token} is beyond a 64-bit float", token)
    return number(token)


def _constant(token: str) -> None:
    raise _RefusedError(f"{token} is no number of JSON", token)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        seen = set[str]()
        twin = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise _RefusedError(f"the name {twin} stands twice in one object", "")
    return fields


def _twin(text: str) -> int:
    """Where the first name stands that its object has already."""
    names: list[set[str]] = []
    for token in _NAMES.finditer(text):
        if token[0] in "[{":
            names.append(set())
        elif token[0] in "]}":
            names.pop()
        elif token[2] is not None:
            name = json.loads(token[1])
            if name in names[-1]:
                return token.start()
            names[-1].add(name)
    return 0


def _at(message: str, text: str, position: int) -> JsonError:
    line = text.count("\n", 0, position) + 1
    return JsonError(message, line, position - text.rfind("\n", 0, position))
