"""What differs between two releases, field by field. Pure.

Every field of a release is compared, one that a later schema adds too: nothing is chosen here but the order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kickstand.release import Release

_FIRST = ("artifact", "model_package_arn", "metrics", "hyperparameters", "channels", "target_transform", "algorithm")
"""What a reviewer looks for first; the other fields follow in the order of the release."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field with two values; None where a release has no such field."""

    field: str
    """Dotted; a channel and a file by its name: `channels.train.rows`, `channels.train.files.train.csv.sha256`."""
    before: Any
    after: Any

    @property
    def delta(self) -> str:
        """`+0.002`, exact as the numbers are written; empty where one is no number."""
        pair = (self.before, self.after)
        if any(isinstance(value, bool) or not isinstance(value, int | float) for value in pair):
            return ""
        return f"{Decimal(repr(self.after)) - Decimal(repr(self.before)):+f}"


def differences(before: Release, after: Release) -> tuple[Change, ...]:
    """Every field that differs, the model first. The seal (`sha256`) is left out: it differs whenever another does."""
    old, new = dict(_leaves(_fields(before))), dict(_leaves(_fields(after)))
    places = list(dict.fromkeys([*new, *old]))
    changed = [Change(place, old.get(place), new.get(place)) for place in places if old.get(place) != new.get(place)]
    return tuple(sorted(changed, key=lambda change: _rank(change.field)))


def diff_lines(changes: tuple[Change, ...]) -> list[str]:
    """Changes as a person reads them, one block for each part of a release."""
    lines: list[str] = []
    part = ""
    for change in changes:
        if _part(change.field) != part:
            part = _part(change.field)
            lines.append(part)
        name = change.field.removeprefix(f"{part}.")
        lines += _change(name if name != part else "", change)
    return lines


def _change(name: str, change: Change) -> Iterator[str]:
    label = f"  {name}" if name else ""
    if change.before is None:
        yield f"{label}  added: {_shown(change.after)}"
    elif change.after is None:
        yield f"{label}  removed: {_shown(change.before)}"
    else:
        before, after = _shown(change.before), _shown(change.after)
        if len(before) + len(after) > 60:  # digests and places are compared one below the other
            yield from (
                (label.rstrip(), f"    - {before}", f"    + {after}") if name else (f"  - {before}", f"  + {after}")
            )
        else:
            yield f"{label}  {before} -> {after}" + (f"  ({change.delta})" if change.delta else "")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else repr(value)


def _fields(release: Release) -> dict[str, Any]:
    return {name: value for name, value in release.model_dump().items() if name != "sha256"}


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """The values that hold no others, each with its dotted place."""
    if isinstance(value, Mapping):
        inner = [(str(name), item) for name, item in value.items()]
    elif isinstance(value, tuple):
        inner = [(name, item) for name, item in zip(_keys(value), value, strict=True)]
    else:
        yield place, value
        return
    for name, item in inner:
        yield from _leaves(item, f"{place}.{name}" if place else name)


def _keys(items: tuple[Any, ...]) -> list[str]:
    """What tells the items of a list apart: their names where they have such (and each its own), else 1, 2, 3."""
    names = [item["name"] for item in items if isinstance(item, Mapping) and "name" in item]
    own = len(set(names)) == len(items)
    return names if own else [str(number) for number in range(1, len(items) + 1)]


def _part(field: str) -> str:
    return field.split(".")[0]


def _rank(field: str) -> int:
    """Where a field stands; the sort is stable."""
    return _FIRST.index(_part(field)) if _part(field) in _FIRST else len(_FIRST)
