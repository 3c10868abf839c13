"""The JSONPath of batch transform's filters: a record in, the selected part out.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html lists the operators: `$`, `.name`,
`*`, `['name', …]`, `[number, …]`, `[start:end]`; numbers and slices may stand together (`$[0,5:]`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_STEP = re.compile(r"\.(?P<name>[A-Za-z_][\w-]*|\*)|\.?\[(?P<inside>(?:'[^']*'|\"[^\"]*\"|[^\]'\"])*)\]")
_NAME = re.compile(r"\s*(?:'([^']*)'|\"([^\"]*)\")\s*")
_INDEX = re.compile(r"\s*-?\d+\s*")
_SLICE = re.compile(r"\s*(-?\d+)?\s*:\s*(-?\d+)?\s*")


class JsonPathError(ValueError):
    """A path that cannot be read, or that selects nothing of a record."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One step down. many: whether it gives a list, each member of which the next step goes on from."""

    names: tuple[str, ...] = ()
    indexes: tuple[int | slice, ...] = ()
    every: bool = False

    @property
    def many(self) -> bool:
        return self.every or len(self.indexes) > 1 or any(isinstance(index, slice) for index in self.indexes)


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A parsed path."""

    text: str
    steps: tuple[_Step, ...]

    @classmethod
    def parse(cls, text: str) -> JsonPath:
        """Raises JsonPathError for anything but the operators of the page."""
        if not text.startswith("$"):
            raise JsonPathError(f"The JSONPath {text} must begin with $.")
        steps, place = [], 1
        while place < len(text):
            match = _STEP.match(text, place)
            if match is None:
                raise JsonPathError(f"The JSONPath {text} has an operator that is not supported: {text[place:]}.")
            steps.append(_named(match["name"]) if match["name"] else _bracketed(match["inside"], text))
            place = match.end()
        return cls(text, tuple(steps))

    @property
    def whole(self) -> bool:
        """Whether it selects the whole record."""
        return not self.steps

    def select(self, record: Any) -> Any:
        """The selected part: a value, or a list where the path may select several.

        Several names give an object that has them. Raises JsonPathError for a name or a number that is not there;
        a slice takes what is there.
        """
        return self._select(record, self.steps)

    def _select(self, value: Any, steps: tuple[_Step, ...]) -> Any:
        if not steps:
            return value
        step, rest = steps[0], steps[1:]
        if step.many:
            found = [self._select(one, rest) for one in self._several(value, step)]
            # `$.rows[*].cells[*]` gives one list of all cells.
            return _flat(found) if any(later.many for later in rest) else found
        return self._select(self._one(value, step), rest)

    def _one(self, value: Any, step: _Step) -> Any:
        if step.names:
            missing = [name for name in step.names if not isinstance(value, dict) or name not in value]
            if missing:
                raise JsonPathError(f"The JSONPath {self.text} selects {missing[0]!r}, which the record does not have.")
            return value[step.names[0]] if len(step.names) == 1 else {name: value[name] for name in step.names}
        return self._at(value, step.indexes[0])

    def _several(self, value: Any, step: _Step) -> Iterator[Any]:
        if step.every:
            if not isinstance(value, dict | list):
                raise JsonPathError(f"The JSONPath {self.text} selects all of what is no object and no array.")
            yield from value.values() if isinstance(value, dict) else value
        for index in step.indexes:
            if isinstance(index, slice):
                yield from self._array(value)[index]
            else:
                yield self._at(value, index)

    def _at(self, value: Any, index: int | slice) -> Any:
        try:
            return self._array(value)[index]
        except IndexError:
            raise JsonPathError(
                f"The JSONPath {self.text} selects index {index}, and the record has {len(value)} members."
            ) from None

    def _array(self, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise JsonPathError(f"The JSONPath {self.text} takes an index of what is no array.")
        return value


def _named(name: str) -> _Step:
    return _Step(every=True) if name == "*" else _Step(names=(name,))


def _bracketed(inside: str, path: str) -> _Step:
    if inside.strip() == "*":
        return _Step(every=True)
    names, place = [], 0
    while match := _NAME.match(inside, place):
        names.append(match[1] if match[1] is not None else match[2])
        if match.end() == len(inside):
            return _Step(names=tuple(names))
        if inside[match.end()] != ",":
            break
        place = match.end() + 1
    if names:
        raise JsonPathError(f"The JSONPath {path} has an operator that is not supported: [{inside}].")
    return _Step(indexes=tuple(_index(part, path) for part in inside.split(",")))


def _index(part: str, path: str) -> int | slice:
    if _INDEX.fullmatch(part):
        return int(part)
    found = _SLICE.fullmatch(part)
    if found is None:
        raise JsonPathError(f"The JSONPath {path} has an operator that is not supported: [{part}].")
    return slice(*(int(end) if end is not None else None for end in found.groups()))


def _flat(found: list[Any]) -> list[Any]:
    return [one for part in found for one in (part if isinstance(part, list) else [part])]
