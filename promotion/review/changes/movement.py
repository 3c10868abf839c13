"""Which resources of a stack change, and what each change does to it: the reckoning of CloudFormation's change sets.

A property that gets another value replaces its resource where the schema says so. A replaced resource has a new
identity, so what refers to it changes too, and may be replaced in its turn. Of a resource that is changed in place,
CloudFormation takes it that any attribute may be another afterwards: who asks for one (Fn::GetAtt) is listed, as
`Dynamic`, though names and ARNs stay as they are; a `Ref` of it is not.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html (Replacement)
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html (Evaluation)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kickstand.resource_schema import Recreation, resource_schema
from promotion.review.changes.references import references
from promotion.review.parts import Replacement

ATTRIBUTES = ("Metadata", "CreationPolicy", "UpdatePolicy", "DeletionPolicy", "UpdateReplacePolicy")
"""What of a resource CloudFormation compares beside its properties; none of it replaces."""


@dataclass(frozen=True, slots=True)
class Detail:
    """One reason for which one property changes."""

    name: str
    """The property, or the attribute of the resource (`DeletionPolicy`)."""
    recreation: Recreation
    static: bool
    """Whether it is certain before the deployment that the value changes."""
    cause: str = ""
    """The logical id whose identity or attribute the value is; empty for a change of the template."""

    @property
    def replaces(self) -> Replacement:
        if self.recreation == "Never":
            return "False"
        return "True" if self.recreation == "Always" and self.static else "Conditional"


@dataclass(frozen=True, slots=True)
class Movement:
    """What a change does to one resource that is there before and after."""

    details: tuple[Detail, ...]
    replacement: Replacement
    idle: bool
    """CloudFormation lists it, and nothing of it will change."""

    @property
    def causes(self) -> tuple[str, ...]:
        """The resources that move it."""
        return tuple(sorted({detail.cause for detail in self.details if detail.cause}))

    @property
    def direct(self) -> bool:
        """Whether the template itself changes it."""
        return any(not detail.cause for detail in self.details) or not self.details


Resources = Mapping[str, Mapping[str, Any]]


def movements(old: Resources, new: Resources, region: str) -> dict[str, Movement]:
    """Logical id to movement, for the resources of both that move. The resources with their effective properties."""
    common = sorted(old.keys() & new.keys())
    retyped = {key for key in common if old[key].get("Type") != new[key].get("Type")}
    direct = {key: _direct(old[key], new[key], region) for key in common}
    moved: dict[str, Movement] = {}
    while True:  # each round carries a change one reference further
        found = {
            key: _movement(direct[key], _referring(new[key], moved, region), key in retyped, moved) for key in common
        }
        kept = {key: movement for key, movement in found.items() if movement.details or key in retyped}
        if kept == moved:
            return moved
        moved = kept


def _direct(old: Mapping[str, Any], new: Mapping[str, Any], region: str) -> list[Detail]:
    """What the template itself changes."""
    schema = resource_schema(region, str(new.get("Type", "")))
    before, after = old.get("Properties") or {}, new.get("Properties") or {}
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    details = [Detail(name, schema.recreation(name), static=True) for name in changed]
    return details + [Detail(name, "Never", static=True) for name in ATTRIBUTES if old.get(name) != new.get(name)]


def _referring(resource: Mapping[str, Any], moved: Mapping[str, Movement], region: str) -> list[Detail]:
    """What changes because it refers to what moves."""
    schema = resource_schema(region, str(resource.get("Type", "")))
    found = []
    for name, value in sorted((resource.get("Properties") or {}).items()):
        for target, attribute in references(value):
            movement = moved.get(target)
            if movement is not None and (attribute or movement.replacement != "False"):
                static = movement.replacement == "True"
                found.append(Detail(name, schema.recreation(name), static, cause=target))
    return list(dict.fromkeys(found))


def _movement(direct: list[Detail], referring: list[Detail], retyped: bool, moved: Mapping[str, Movement]) -> Movement:
    # A property that the template changes and that refers to what moves: its final value is not known beforehand.
    open_ended = {detail.name for detail in referring}
    own = [
        Detail(detail.name, detail.recreation, static=detail.static and detail.name not in open_ended)
        for detail in direct
    ]
    details = tuple(own + referring)
    ranks = {detail.replaces for detail in details}
    replacement: Replacement = (
        "True" if retyped or "True" in ranks else "Conditional" if "Conditional" in ranks else "False"
    )
    metadata_alone = bool(own) and all(detail.name == "Metadata" for detail in own)
    still = all(moved[detail.cause].replacement == "False" or moved[detail.cause].idle for detail in referring)
    return Movement(details, replacement, idle=not retyped and still and (not own or metadata_alone))
