"""The differences of two values of a property, with the place of each.

Lists of objects are compared by what names their members (a statement's Sid, a tag's Key, a variant's name), so that
one more of them is one difference, not a difference of all that follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

NATURAL_KEYS = ("Sid", "Key", "VariantName", "Id", "Name", "AttributeName", "AlarmName")
"""Members of an object that name it among its neighbours."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two values differ; None where there is nothing."""

    path: str
    before: Any
    after: Any


def differences(path: str, before: Any, after: Any) -> Iterator[Difference]:
    """The innermost differences; none where the values are equal, whatever the order of keys."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict) and not _function(before) and not _function(after):
        for key in sorted(before.keys() | after.keys()):
            yield from differences(f"{path}.{key}", before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(path, before, after)
    else:
        yield Difference(path, before, after)


def _of_lists(path: str, before: list[Any], after: list[Any]) -> Iterator[Difference]:
    if not any(isinstance(item, dict) for item in [*before, *after]):
        yield Difference(path, before, after)
        return
    key = natural_key([*before, *after], before, after)
    if key:
        old, new = ({str(item[key]): item for item in items} for items in (before, after))
        found = [
            one
            for name in sorted(old.keys() | new.keys())
            for one in differences(f"{path}[{name}]", old.get(name), new.get(name))
        ]
        # The same members in another order: still another value to CloudFormation.
        yield from found or [Difference(path, before, after)]
        return
    for index in range(max(len(before), len(after))):
        old_item = before[index] if index < len(before) else None
        new_item = after[index] if index < len(after) else None
        yield from differences(f"{path}[{index}]", old_item, new_item)


def natural_key(items: list[Any], *lists: list[Any]) -> str:
    """The member that names every object of each list, once; empty where there is none."""
    for key in NATURAL_KEYS:
        if all(isinstance(item, dict) and isinstance(item.get(key), str) for item in items) and all(
            len({item[key] for item in one}) == len(one) for one in lists
        ):
            return key
    return ""


def _function(value: dict[str, Any]) -> bool:
    """Whether it is an intrinsic function: its inside is not the property's."""
    name = next(iter(value), "")
    return len(value) == 1 and (name == "Ref" or name.startswith("Fn::"))
