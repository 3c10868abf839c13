"""Texts that terminals obey, and damage that is done to a good input by a seed."""

from __future__ import annotations

import random
from collections.abc import Callable

ESCAPES = {
    "escape": "\x1b[2J\x1b[31mred",
    "title": "\x1b]0;owned\x07",
    "8-bit escape": "\x9b31mred",
    "bidi": "a\u202egnp.exe",
    "isolate": "a\u2066b\u2069",
    "newlines": "a\nerror: b\nc\r\nd",
    "carriage return": "good\rbad",
    "backspace": "abc\b\b\bxyz",
    "delete": "a\x7fb",
    "line separator": "a\u2028b\u2029c",
    "tab": "a\tb",
    "bell": "\a" * 50,
    "megabyte": "A" * 1_000_000,
    "rich markup": "[red]x[/red][link=http://e]y[/link][/]",
    "zero width": "a\u200bb\ufeffc",
}
"""By name: each is put wherever others' text is read."""

DEEP = 1_500
HUGE = "9" * 5_000
"""A whole number that Python refuses to read as one."""


def mutants(good: bytes, count: int, seed: int) -> dict[str, bytes]:
    """Damaged copies: bytes changed, pieces cut out, doubled or swapped, zeros, a bit of another."""
    found = {}
    for number in range(count):
        chance = random.Random(f"{seed}-{number}")
        change = chance.choice(_CHANGES)
        found[f"mutant {number}"] = change(good, chance)
    return found


def _bytes(good: bytes, chance: random.Random) -> bytes:
    made = bytearray(good)
    for _ in range(chance.randint(1, 8)):
        made[chance.randrange(len(made))] = chance.choice(
            (0, 0x0A, 0x1B, 0x22, 0x5B, 0x7F, 0x9B, 0xFF, chance.randrange(256))
        )
    return bytes(made)


def _cut(good: bytes, chance: random.Random) -> bytes:
    first, last = sorted(chance.randrange(len(good) + 1) for _ in range(2))
    return good[:first] + good[last:]


def _double(good: bytes, chance: random.Random) -> bytes:
    first, last = sorted(chance.randrange(len(good) + 1) for _ in range(2))
    return good[:last] + good[first:last] * chance.randint(1, 50) + good[last:]


def _zeros(good: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(good))
    return good[:place] + bytes(chance.choice((1, 512, 65536))) + good[place:]


def _trail(good: bytes, chance: random.Random) -> bytes:
    return good + chance.randbytes(chance.choice((1, 100, 20_000)))


_CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (_bytes, _bytes, _cut, _double, _zeros, _trail)


def deep(begin: str, end: str, middle: str = "", depth: int = DEEP) -> str:
    return begin * depth + middle + end * depth
