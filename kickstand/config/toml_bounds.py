"""What a project file may be before tomllib parses it, and what of its values nothing could use.

tomllib's time grows with the square of a dotted key's parts (three minutes for 100 KB), it fails on deep brackets, and
takes whole numbers of any length, which no float can be made of. TOML itself asks for 64 bits
(https://toml.io/en/v1.0.0#integer).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kickstand.config.toml_lines import KeyPath
from kickstand.errors import Problem

MOST_BYTES = 1 << 20
MOST_KEYS = 5000
"""Keys and headers."""
MOST_PARTS = 16
"""Of a dotted key: `environments.dev.training.spot` has 4."""
DEEPEST = 32
"""Brackets and braces inside each other."""
_WHOLE = 10**64
_MARK = re.compile(r"[#\"'\[\]{}.,=\n]")
_STRINGS = {
    '"""': re.compile(r'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""', re.DOTALL),
    "'''": re.compile(r"'''[^']*(?:'(?!'')[^']*)*'''"),
    '"': re.compile(r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"'),
    "'": re.compile(r"'[^'\n]*'"),
}


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
        elif type(value) is int and not -_WHOLE <= value < _WHOLE:
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
