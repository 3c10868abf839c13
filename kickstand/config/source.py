"""A project file as it was written: bounded before tomllib parses it, its tables, and the line of each setting.

tomllib parses values and forgets their places; the lines are found beside it.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kickstand.errors import InputError, Problem
from kickstand.json_text import read_bounded

KeyPath = tuple[str, ...]
"""Keys from the top: `("environments", "dev", "training", "spot")`; an array's item adds its index as text."""


def index_lines(text: str) -> dict[KeyPath, int]:
    """The line, counted from 1, of every table, key and array item of `text`.

    `text` must be valid TOML (parse it with tomllib first): nothing is checked here. A table that only dotted
    keys or deeper tables imply gets the line where it is first implied. Items of an array of tables share one
    path: their header's.
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


# Comments belong to what is passed over wherever a line break may stand.
_BETWEEN_LINES = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)+")
_BETWEEN_ITEMS = re.compile(r"(?:[ \t\r\n,]+|#[^\n]*)+")
_BRACKETS, _EQUALS, _DOTS = re.compile(r"[\[\] \t]+"), re.compile(r"[= \t]+"), re.compile(r"[ \t.]+")
_KEY_END, _VALUE_END = re.compile(r"[ \t.=\]]"), re.compile(r"[#,\]}\r\n]")
_STRINGS = {
    '"""': re.compile(r'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""', re.DOTALL),
    "'''": re.compile(r"'''[^']*(?:'(?!'')[^']*)*'''"),
    '"': re.compile(r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"'),
    "'": re.compile(r"'[^'\n]*'"),
}


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self._breaks = [found.start() for found in re.finditer("\n", text)]

    def document(self) -> None:
        table: KeyPath = ()
        while self._skip(_BETWEEN_LINES):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> KeyPath:
        start = self.at
        self._skip(_BRACKETS)
        path = self._key()
        self._skip(_BRACKETS)
        self._note(path, start)
        # A header is the table's own place, even where a deeper table implied it earlier.
        self.lines[path] = self._line(start)
        return path

    def _pair(self, table: KeyPath) -> None:
        start = self.at
        path = table + self._key()
        self._skip(_EQUALS)
        self._note(path, start)
        self._value(path)

    def _key(self) -> KeyPath:
        """One key, dotted or not, up to the `=` or `]` behind it."""
        parts: list[str] = []
        while self.text[self.at] not in "=]":
            if self.text[self.at] in "\"'":
                start = self.at
                self._string()
                parts.append(_plain(self.text[start : self.at]))
            else:
                parts.append(self._until(_KEY_END))
            self._skip(_DOTS)
        return tuple(parts)

    def _value(self, path: KeyPath) -> None:
        opening = self.text[self.at]
        if opening == "{":
            self.at += 1
            while self._skip(_BETWEEN_ITEMS) and self.text[self.at] != "}":
                self._pair(path)
            self.at += 1
        elif opening == "[":
            self.at += 1
            item = 0
            while self._skip(_BETWEEN_ITEMS) and self.text[self.at] != "]":
                here = (*path, str(item))
                self._note(here, self.at)
                self._value(here)
                item += 1
            self.at += 1
        elif opening in "\"'":
            self._string()
        else:
            self._until(_VALUE_END)

    def _string(self) -> None:
        quote = self.text[self.at]
        opening = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        self._pass(_STRINGS[opening])
        # Up to two quotes may stand directly before the closing three.
        while len(opening) == 3 and self.text.startswith(quote, self.at):
            self.at += 1

    def _until(self, stops: re.Pattern[str]) -> str:
        start = self.at
        found = stops.search(self.text, start)
        self.at = found.start() if found else len(self.text)
        return self.text[start : self.at]

    def _skip(self, passed: re.Pattern[str]) -> bool:
        """Passes over what `passed` matches; false at the end of the text."""
        self._pass(passed)
        return self.at < len(self.text)

    def _pass(self, pattern: re.Pattern[str]) -> None:
        if found := pattern.match(self.text, self.at):
            self.at = found.end()

    def _note(self, path: KeyPath, offset: int) -> None:
        for depth in range(1, len(path) + 1):
            self.lines.setdefault(path[:depth], self._line(offset))

    def _line(self, offset: int) -> int:
        return bisect_right(self._breaks, offset - 1) + 1


def _plain(quoted_key: str) -> str:
    """A quoted key without its quotes and escapes."""
    return next(iter(tomllib.loads(f"{quoted_key} = 0")))


MOST_BYTES = 1 << 20
MOST_KEYS = 5000
"""Keys and headers."""
MOST_PARTS = 16
"""Of a dotted key: `environments.dev.training.spot` has 4."""
DEEPEST = 32
"""Brackets and braces inside each other."""
_LARGE_NUMBER = 10**64
_MARK = re.compile(r"[#\"'\[\]{}.,=\n]")


def bounds_problem(text: str, label: str) -> Problem | None:
    """The first thing in a TOML text that is beyond the bounds; None where there is none.

    One pass over the text. A text that is no TOML is looked at up to where it stops being one.
    """
    depth = parts = keys = at = 0
    while found := _MARK.search(text, at):
        mark, at = found[0], found.end()
        if mark == "#":
            at = text.find("\n", at)
            if at < 0:
                break
        elif mark in "\"'":
            opening = mark * 3 if text.startswith(mark * 3, found.start()) else mark
            string = _STRINGS[opening].match(text, found.start())
            if string is None:
                break
            at = string.end()
        elif mark == ".":
            parts += 1
        else:
            keys += mark == "=" or (mark == "[" and depth == 0)
            depth = max(0, depth + {"[": 1, "{": 1, "]": -1, "}": -1}.get(mark, 0))
            parts = 0
        message = _beyond(depth, parts, keys)
        if message:
            return Problem(message, f"{label}:{text.count(chr(10), 0, found.start()) + 1}")
    return None


def value_problems(tables: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Keys and values that TOML can write and nothing can use: a NUL, a whole number of more than 64 digits."""
    waiting: list[tuple[KeyPath, Any]] = [((), tables)]
    while waiting:
        path, value = waiting.pop()
        name = ".".join(path)
        if path and "\0" in path[-1]:
            yield path, "A key holds the character NUL, which no name on AWS or in a file system can have."
        elif isinstance(value, str) and "\0" in value:
            yield path, f"{name} holds the character NUL, which no path, name or setting can have."
        elif type(value) is int and not -_LARGE_NUMBER <= value < _LARGE_NUMBER:
            yield path, f"{name} is a whole number of more than 64 digits."
        elif isinstance(value, dict):
            waiting += [((*path, key), item) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [((*path, str(number)), item) for number, item in enumerate(value)]


def _beyond(depth: int, parts: int, keys: int) -> str:
    if depth > DEEPEST:
        return f"Brackets are nested deeper than {DEEPEST}."
    if parts >= MOST_PARTS:
        return f"A key has more than {MOST_PARTS} parts; the longest that there is has 4."
    if keys > MOST_KEYS:
        return f"A project file has at most {MOST_KEYS:,} keys; this one has more."
    return ""


@dataclass(frozen=True, slots=True)
class Source:
    """label: the file as messages name it. file: absolute. tables: as tomllib gives them. lines: from 1."""

    label: str
    file: Path
    tables: Mapping[str, Any]
    lines: Mapping[KeyPath, int]

    def where(self, path: KeyPath) -> str:
        """`kickstand.toml:31` for a key, or for the nearest table around one that is not written."""
        for depth in range(len(path), 0, -1):
            if path[:depth] in self.lines:
                return f"{self.label}:{self.lines[path[:depth]]}"
        return self.label


def read_source(path: Path) -> Source:
    """Reads and parses the project file. InputError: missing, a folder, unreadable, not UTF-8, not TOML."""
    label = _label(path)
    text = _text(path, label)
    if beyond := bounds_problem(text, label):
        raise InputError(beyond)
    try:
        tables = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, and what int() refuses
        raise InputError(_syntax_problem(text, str(error), label)) from None
    source = Source(label=label, file=path.absolute(), tables=tables, lines=index_lines(text))
    if problems := [Problem(message, source.where(key)) for key, message in value_problems(tables)]:
        raise InputError(*problems)
    return source


def _label(path: Path) -> str:
    """The path as the user gave it; relative where it lies below the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_absolute() and path.is_relative_to(here) else str(path)


def _text(path: Path, label: str) -> str:
    try:
        # -sig: Windows editors put a byte order mark in front, which tomllib takes for a key.
        return read_bounded(path, MOST_BYTES).decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        fix = "Name the project file with --config FILE, or go to the folder that holds kickstand.toml."
        raise InputError(Problem("There is no such project file.", label, fix)) from None
    except IsADirectoryError:
        fix = f"Name the file: --config {label}/kickstand.toml"
        raise InputError(Problem("The project file must be a file; this is a folder.", label, fix)) from None
    except OSError as error:
        raise InputError(Problem(f"The project file cannot be read: {error.strerror or error}.", label)) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        message = f"The project file must be UTF-8; byte 0x{error.object[error.start]:02x} is not."
        raise InputError(Problem(message, f"{label}:{line}", "Save it as UTF-8.")) from None


def _syntax_problem(text: str, message: str, label: str) -> Problem:
    place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    if place is None and (digits := re.search(r"[\d_]{4000,}", text)):
        line = text.count("\n", 0, digits.start()) + 1
        return Problem(f"A whole number of {len(digits[0]):,} digits is beyond 64 bits.", f"{label}:{line}")
    if place is None:
        return Problem(f"Not valid TOML: {message}.", label)
    line = int(place[1]) if place[1] else text.count("\n") + 1
    column = f":{place[2]}" if place[2] else ""
    written = text.splitlines()[line - 1] if line <= len(text.splitlines()) else ""
    fix = ""
    if "key part" in message and written[int(place[2] or 1) - 1 :].strip() == "" and "{" in written:
        fix = "A table in braces stands on one line; for more lines give it a [header] of its own."
    if re.search(r"=\s*0\d+\s*(#.*)?$", written):
        fix = "A number cannot begin with 0. An account is text: put it in quotes."
    return Problem(f"Not valid TOML: {message[: place.start()]}.", f"{label}:{line}{column}", fix)
