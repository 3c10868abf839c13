"""A project file as it was written: its tables, and where each setting stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kickstand.config.toml_bounds import MOST_BYTES, bounds_problem, value_problems
from kickstand.config.toml_lines import KeyPath, index_lines
from kickstand.errors import InputError, Problem
from kickstand.json_text import read_bounded


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
