"""A model file as its writer laid it out: JSON or UBJSON to Python's own values, in bounds and without xgboost.

xgboost's readers trust a file: they recurse as deep as it nests, and take the last of two members of one name. What is
read here is read once, to a bounded depth, each name once; `structure` checks the result.
Source: https://ubjson.org/type-reference/; integers and floats are big-endian.
"""

from __future__ import annotations

import json
import re
import struct
import sys
from array import array
from pathlib import Path
from typing import Any

DEEPEST = 64
"""Levels of objects and arrays; xgboost writes about ten."""

_UBJSON = re.compile(rb"\{[UiIlL]")
"""An object whose first key has a length of one of these integer types."""
_JSON = re.compile(rb'\{\s*"')
_NUMBERS = {"i": "b", "U": "B", "I": "h", "l": "i", "L": "q", "d": "f", "D": "d"}
"""UBJSON's types of numbers: the same in Python's arrays."""
_WHOLE = frozenset("iUIlL")
_CONSTANTS = {"Z": None, "T": True, "F": False}


class DocumentError(ValueError):
    """A file that is no whole model in one of xgboost's two open formats; the message says what was found."""


def form_of(model: Path) -> str:
    """`UBJSON`, `JSON` or, for anything else, ''. Looks at the beginning alone."""
    with model.open("rb") as opened:
        head = opened.read(64)
    if _UBJSON.match(head):
        return "UBJSON"
    return "JSON" if _JSON.match(head) else ""


def read_document(model: Path) -> dict[str, Any]:
    """The object in a model file; arrays of numbers are lists (JSON) or `array.array`s (UBJSON).

    Raises DocumentError where the file is cut off, nested deeper than DEEPEST, or has a member twice.
    """
    content = model.read_bytes()
    try:
        value = _Reader(content).document() if form_of(model) == "UBJSON" else _json(content)
    except (struct.error, IndexError):
        raise DocumentError("it is cut off: it ends in the middle of a value") from None
    except RecursionError:
        raise DocumentError(f"it is nested deeper than {DEEPEST} levels") from None
    if not isinstance(value, dict):
        raise DocumentError(f"it must hold an object, found {type(value).__name__}")
    return value


def _json(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8", "surrogateescape"), object_pairs_hook=_members)
    except json.JSONDecodeError as error:
        raise DocumentError(f"it is no whole JSON: {error.msg} at byte {error.pos}") from None
    except DocumentError:
        raise
    except ValueError as error:  # a number of thousands of digits
        raise DocumentError(f"it is no JSON that can be read: {str(error)[:200]}") from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise DocumentError("an object in it has a member twice")
    return members


class _Reader:
    """One pass over UBJSON."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def document(self) -> Any:
        value = self._value(self._kind(), 0)
        if self._content[self._at :].strip():
            raise DocumentError(f"it goes on after its end, at byte {self._at}")
        return value

    def _kind(self) -> str:
        kind = chr(self._content[self._at])
        self._at += 1
        return kind

    def _number(self, kind: str) -> Any:
        size = {"i": 1, "U": 1, "I": 2, "l": 4, "L": 8, "d": 4, "D": 8}[kind]
        value = struct.unpack_from(f">{_NUMBERS[kind]}", self._content, self._at)[0]
        self._at += size
        return value

    def _length(self) -> int:
        kind = self._kind()
        if kind not in _WHOLE:
            raise DocumentError(f"a length at byte {self._at} is no whole number")
        length: int = self._number(kind)
        if not 0 <= length <= len(self._content) - self._at:
            raise DocumentError(f"a length at byte {self._at} is {length}, more than the file holds")
        return length

    def _text(self) -> str:
        length = self._length()
        text = self._content[self._at : self._at + length]
        self._at += length
        return text.decode("utf-8", "replace")

    def _value(self, kind: str, depth: int) -> Any:
        if kind == "{" or kind == "[":
            if depth >= DEEPEST:
                raise DocumentError(f"it is nested deeper than {DEEPEST} levels")
            return self._object(depth + 1) if kind == "{" else self._array(depth + 1)
        if kind in _NUMBERS:
            return self._number(kind)
        if kind == "S":
            return self._text()
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        raise DocumentError(f"byte {self._at - 1} should be a type of UBJSON, found {kind!a}")

    def _object(self, depth: int) -> dict[str, Any]:
        pairs = []
        while self._content[self._at] != ord("}"):
            name = self._text()
            pairs.append((name, self._value(self._kind(), depth)))
        self._at += 1
        return _members(pairs)

    def _array(self, depth: int) -> Any:
        begin = chr(self._content[self._at])
        if begin == "$":
            return self._typed()
        if begin == "#":
            self._at += 1
            return [self._value(self._kind(), depth) for _ in range(self._length())]
        values = []
        while (kind := self._kind()) != "]":
            values.append(self._value(kind, depth))
        return values

    def _typed(self) -> array[Any]:
        self._at += 1
        kind = self._kind()
        if kind not in _NUMBERS or self._kind() != "#":
            raise DocumentError(f"an array at byte {self._at} has no type of numbers, or no length")
        values = array(_NUMBERS[kind])
        end = self._length() * values.itemsize + self._at
        if end > len(self._content):
            raise DocumentError("it is cut off: it ends in the middle of an array")
        values.frombytes(memoryview(self._content)[self._at : end])
        if sys.byteorder == "little":
            values.byteswap()
        self._at = end
        return values
