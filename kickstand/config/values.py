"""Whether a TOML value has the type that a setting wants: strictly, with words for what was found instead."""

from __future__ import annotations

import types
from datetime import date, datetime, time
from math import isfinite
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin


def mismatch(value: object, wanted: Any) -> tuple[str, str] | None:
    """None where `value` fits the annotation `wanted`; else (what was expected and found, how to mend it).

    Nothing is converted: "3" is no number, true is no 1, 1 is no true, 3.0 is no whole number; infinity is no number.
    Known annotations: str, int, float (a whole number is one), bool, Path, tuple of texts or paths, Literal of texts,
    and any of these or None.
    """
    wanted = _without_none(wanted)
    if wanted is int:
        if type(value) is int:
            return None
        return f"must be a whole number, not {found(value)}", _mend_number(value)
    if wanted is float:
        if type(value) in (int, float) and isfinite(value):  # type: ignore[arg-type]
            return None
        return f"must be a number, not {found(value)}", _mend_number(value)
    if wanted is bool:
        if type(value) is bool:
            return None
        plain = value.lower() if isinstance(value, str) else ""
        fix = f"Write {plain}, without quotes." if plain in ("true", "false") else ""
        return f"must be true or false, not {found(value)}", fix
    if get_origin(wanted) is tuple:
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return None
        if isinstance(value, list):
            odd = next(item for item in value if not isinstance(item, str))
            return f"must be a list of texts; it holds {found(odd)}", "Put each of them in quotes."
        fix = f'Put it in brackets: ["{value}"]' if isinstance(value, str) else ""
        return f"must be a list of texts, not {found(value)}", fix
    if isinstance(value, str):
        return None
    fix = f'Put it in quotes: "{value}"' if type(value) in (int, float) else ""
    return f"must be {'a path' if wanted is Path else 'text'}, not {found(value)}", fix


def choices(wanted: Any) -> tuple[str, ...]:
    """The texts that a Literal annotation allows; empty for every other annotation."""
    wanted = _without_none(wanted)
    return get_args(wanted) if get_origin(wanted) is Literal else ()


def found(value: object) -> str:
    """A value in a message: `the text "3"`, `the number 3.0`, `true`, `a list`, `a table`, `a date`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'the text "{value}"' if len(value) <= 60 else f'the text "{value[:60]}…"'
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, date | datetime | time):
        return "a date or time"
    return "a table" if isinstance(value, dict) else "a list"


def _mend_number(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return f"Write {int(value)}."
    if isinstance(value, str) and value.strip().isdecimal():
        return f"Write {value.strip()}, without quotes."
    return ""


def _without_none(wanted: Any) -> Any:
    if get_origin(wanted) in (Union, types.UnionType):
        return next(part for part in get_args(wanted) if part is not type(None))
    return wanted
