"""What a change set holds, for comparing: what was foretold with what DescribeChangeSet says, without ids and times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from promotion.review.parts import Replacement, StackChange


@dataclass(frozen=True, slots=True, order=True)
class Listed:
    """One resource of a change set: equal where action, resource, replacement and each property's are."""

    logical_id: str
    type: str
    action: str
    replacement: str
    """Empty for what is added or removed."""
    properties: tuple[tuple[str, str], ...]
    """Top-level property (or `Tags`, `Metadata`, `DeletionPolicy`, …) and whether its change replaces, sorted."""

    def __str__(self) -> str:
        properties = ", ".join(f"{name} (replaces: {replaces})" for name, replaces in self.properties)
        words = [self.action, self.logical_id, f"({self.type})"]
        words += [f"replacement {self.replacement}"] if self.replacement else []
        return " ".join([*words, f"for {properties}"] if properties else words)


def foretold(stack: StackChange) -> tuple[Listed, ...]:
    """What the change set of a stack will list, by the review. Sorted."""
    return tuple(
        sorted(
            Listed(
                one.logical_id,
                one.type,
                one.action,
                one.replacement if one.action == "Modify" else "",
                _strongest((change.name, change.replaces) for change in one.properties),
            )
            for one in stack.resources
        )
    )


def described(changes: Iterable[Mapping[str, Any]]) -> tuple[Listed, ...]:
    """What a change set lists: `Changes` of DescribeChangeSet, of all its pages. Sorted."""
    resources = [change["ResourceChange"] for change in changes if change.get("Type", "Resource") == "Resource"]
    return tuple(
        sorted(
            Listed(
                one["LogicalResourceId"],
                one["ResourceType"],
                one["Action"],
                one.get("Replacement", "") if one["Action"] == "Modify" else "",
                _strongest((_name(detail["Target"]), _replaces(detail)) for detail in one.get("Details", ())),
            )
            for one in resources
        )
    )


def _name(target: Mapping[str, Any]) -> str:
    return str(target.get("Name") or target["Attribute"])


def _replaces(detail: Mapping[str, Any]) -> Replacement:
    recreation = detail["Target"].get("RequiresRecreation", "Never")
    if recreation == "Never":
        return "False"
    return "True" if recreation == "Always" and detail["Evaluation"] == "Static" else "Conditional"


def _strongest(found: Iterable[tuple[str, Replacement]]) -> tuple[tuple[str, str], ...]:
    """Each property once: several reasons to change it are one change."""
    ranks = ("False", "Conditional", "True")
    properties: dict[str, Replacement] = {}
    for name, replaces in found:
        properties[name] = max(properties.get(name, "False"), replaces, key=ranks.index)
    return tuple(sorted(properties.items()))
