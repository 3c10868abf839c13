"""What a change does to a resource: whether it is replaced, what follows from that, and the sentence that says so.

It predicts CloudFormation's change sets: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kickstand.aws.resource_schema import Recreation, resource_schema
from review.changes.properties import STATEFUL, called, listed, own_name, references
from review.reports import Replacement

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
class PredictedChange:
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


def predicted_changes(old: Resources, new: Resources, region: str) -> dict[str, PredictedChange]:
    """Logical id to movement, for the resources of both that move. The resources with their effective properties."""
    common = sorted(old.keys() & new.keys())
    retyped = {key for key in common if old[key].get("Type") != new[key].get("Type")}
    direct = {key: _direct(old[key], new[key], region) for key in common}
    moved: dict[str, PredictedChange] = {}
    while True:  # each round carries a change one reference further
        found = {
            key: _predicted_change(direct[key], _referring(new[key], moved, region), key in retyped, moved)
            for key in common
        }
        kept = {key: predicted for key, predicted in found.items() if predicted.details or key in retyped}
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


def _referring(resource: Mapping[str, Any], moved: Mapping[str, PredictedChange], region: str) -> list[Detail]:
    """What changes because it refers to what moves."""
    schema = resource_schema(region, str(resource.get("Type", "")))
    found = []
    for name, value in sorted((resource.get("Properties") or {}).items()):
        for target, attribute in references(value):
            predicted = moved.get(target)
            if predicted is not None and (attribute or predicted.replacement != "False"):
                static = predicted.replacement == "True"
                found.append(Detail(name, schema.recreation(name), static, cause=target))
    return list(dict.fromkeys(found))


def _predicted_change(
    direct: list[Detail], referring: list[Detail], retyped: bool, moved: Mapping[str, PredictedChange]
) -> PredictedChange:
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
    return PredictedChange(details, replacement, idle=not retyped and still and (not own or metadata_alone))


Resource = Mapping[str, Any]


def added(key: str, resource: Resource, region: str) -> str:
    return f"The {called(key, resource, region)} is made."


def removed(key: str, resource: Resource, region: str, *, kept: bool) -> str:
    what = called(key, resource, region)
    if kept:
        return f"The {what} leaves the stack and stays in AWS: its deletion policy is Retain."
    lost = STATEFUL.get(str(resource.get("Type", "")))
    return f"The {what} is deleted{f', and with it {lost}' if lost else ''}."


def modified(
    key: str,
    old: Resource,
    new: Mapping[str, Resource],
    predicted: PredictedChange | None,
    names: list[str],
    region: str,
) -> str:
    """names: the properties that change, as they are listed."""
    resource = new[key]
    what = f"The {called(key, resource, region)}"
    properties = listed(sorted(dict.fromkeys(names)))
    if predicted is None or (set(names) == {"Tags"} and not predicted.causes):
        return f"{what} gets other tags; nothing else of it changes."
    if predicted.idle:
        if set(names) == {"Metadata"}:
            return f"{what} stays as it is: only notes about it in the template change."
        through = listed([called(cause, new[cause], region) for cause in predicted.causes])
        return (
            f"{what} stays as it is: CloudFormation lists it because its {properties} asks for an attribute of the "
            f"{through}, which changes in place and keeps its name and ARN."
        )
    because = listed([f"{called(cause, new[cause], region)}" for cause in predicted.causes])
    reason = f" because it refers to the {because}" if predicted.causes and not predicted.direct else f": {properties}"
    if old.get("Type") != resource.get("Type"):
        return f"{what} is made, and the {called(key, old, region)} of the same logical id deleted."
    if predicted.replacement == "False":
        return f"{what} is changed in place{reason}."
    sentence = f"{what} {_replaced(predicted)}{reason}."
    if collides(old, resource, predicted, region):
        name = own_name(resource, region)
        sentence += f" It cannot be: the new one would have the name of the old one, {name}, which is still there."
    return sentence


def collides(old: Resource, new: Resource, predicted: PredictedChange, region: str) -> bool:
    """Whether a replacement asks for the name that the old one still has: CloudFormation makes the new one first."""
    name = own_name(new, region) if resource_schema(region, str(new.get("Type", ""))).name_property else ""
    same_type = old.get("Type") == new.get("Type")
    return predicted.replacement == "True" and same_type and bool(name) and name == own_name(old, region)


def _replaced(predicted: PredictedChange) -> str:
    if predicted.replacement == "True":
        return "is replaced (a new one is made, then the old one deleted)"
    return "may be replaced, which CloudFormation knows only while it deploys"
