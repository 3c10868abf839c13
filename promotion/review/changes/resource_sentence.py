"""What happens to one resource, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kickstand.resource_schema import resource_schema
from promotion.review.changes.movement import Movement
from promotion.review.changes.words import STATEFUL, called, listed, own_name

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
    movement: Movement | None,
    names: list[str],
    region: str,
) -> str:
    """names: the properties that change, as they are listed."""
    resource = new[key]
    what = f"The {called(key, resource, region)}"
    properties = listed(sorted(dict.fromkeys(names)))
    if movement is None or (set(names) == {"Tags"} and not movement.causes):
        return f"{what} gets other tags; nothing else of it changes."
    if movement.idle:
        if set(names) == {"Metadata"}:
            return f"{what} stays as it is: only notes about it in the template change."
        through = listed([called(cause, new[cause], region) for cause in movement.causes])
        return (
            f"{what} stays as it is: CloudFormation lists it because its {properties} asks for an attribute of the "
            f"{through}, which changes in place and keeps its name and ARN."
        )
    because = listed([f"{called(cause, new[cause], region)}" for cause in movement.causes])
    reason = f" because it refers to the {because}" if movement.causes and not movement.direct else f": {properties}"
    if old.get("Type") != resource.get("Type"):
        return f"{what} is made, and the {called(key, old, region)} of the same logical id deleted."
    if movement.replacement == "False":
        return f"{what} is changed in place{reason}."
    sentence = f"{what} {_replaced(movement)}{reason}."
    if collides(old, resource, movement, region):
        name = own_name(resource, region)
        sentence += f" It cannot be: the new one would have the name of the old one, {name}, which is still there."
    return sentence


def collides(old: Resource, new: Resource, movement: Movement, region: str) -> bool:
    """Whether a replacement asks for the name that the old one still has: CloudFormation makes the new one first."""
    name = own_name(new, region) if resource_schema(region, str(new.get("Type", ""))).name_property else ""
    same_type = old.get("Type") == new.get("Type")
    return movement.replacement == "True" and same_type and bool(name) and name == own_name(old, region)


def _replaced(movement: Movement) -> str:
    if movement.replacement == "True":
        return "is replaced (a new one is made, then the old one deleted)"
    return "may be replaced, which CloudFormation knows only while it deploys"
