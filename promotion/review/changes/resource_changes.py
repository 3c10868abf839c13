"""The resources of a stack that a deployment adds, changes and removes, property by property."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from promotion.review.changes.effective import Place, Resource, effective_resources
from promotion.review.changes.movement import ATTRIBUTES, Movement, movements
from promotion.review.changes.property_diff import Difference, differences
from promotion.review.changes.references import places
from promotion.review.changes.resource_sentence import added, modified, removed
from promotion.review.changes.stack_pair import StackPair
from promotion.review.changes.words import known_as
from promotion.review.parts import PropertyChange, ResourceChange

UNTAGGED = frozenset(
    {
        "AWS::CloudFormation::CustomResource",
        "AWS::CloudFormation::WaitCondition",
        "AWS::CloudFormation::WaitConditionHandle",
    }
)
"""Types that a change set leaves out where only the stack's tags change; as are all `Custom::` ones."""


def resource_changes(pair: StackPair, place: Place) -> tuple[ResourceChange, ...]:
    """Replacements first, then removals, changes, additions; what CloudFormation only lists comes after what moves.

    Of a stack that the assembly no longer has, nothing: CloudFormation leaves it as it is.
    """
    if pair.planned is None:
        return ()
    old, new = effective_resources(pair.live, place), effective_resources(pair.planned, place)
    moved = movements(old, new, place.region)
    retagged = tuple(_tags(pair)) if pair.live is not None else ()
    found = [_modified(key, old[key], new, moved.get(key), retagged, place) for key in sorted(old.keys() & new.keys())]
    changes = [change for change in found if change is not None]
    changes += [_removed(key, old[key], place) for key in sorted(old.keys() - new.keys())]
    changes += [_added(key, new[key], place) for key in sorted(new.keys() - old.keys())]
    return tuple(sorted(changes, key=_order))


def _order(change: ResourceChange) -> tuple[int, bool, str]:
    ranks = {"Remove": 2, "Modify": 3, "Add": 4}
    rank = {"True": 0, "Conditional": 1}.get(change.replacement, ranks[change.action])
    return rank if not change.idle else 5, change.idle, change.logical_id


def _added(key: str, resource: Resource, place: Place) -> ResourceChange:
    return ResourceChange(
        logical_id=key,
        type=resource["Type"],
        name=known_as(resource, place.region),
        action="Add",
        says=added(key, resource, place.region),
    )


def _removed(key: str, resource: Resource, place: Place) -> ResourceChange:
    kept = str(resource.get("DeletionPolicy", "")).startswith("Retain")
    return ResourceChange(
        logical_id=key,
        type=resource["Type"],
        name=known_as(resource, place.region),
        action="Remove",
        kept=kept,
        says=removed(key, resource, place.region, kept=kept),
    )


def _modified(
    key: str,
    old: Resource,
    new: Mapping[str, Resource],
    movement: Movement | None,
    retagged: tuple[Difference, ...],
    place: Place,
) -> ResourceChange | None:
    resource = new[key]
    if resource["Type"] in UNTAGGED or resource["Type"].startswith("Custom::"):
        retagged = ()
    if movement is None and not retagged:
        return None
    properties = [*(_properties(old, resource, movement) if movement is not None else ())]
    there = {(one.path, str(one.before), str(one.after)) for one in properties}
    properties += [
        PropertyChange(name="Tags", path=tag.path, before=tag.before, after=tag.after, replaces="False")
        for tag in retagged
        if (tag.path, str(tag.before), str(tag.after)) not in there
    ]
    return ResourceChange(
        logical_id=key,
        type=resource["Type"],
        name=known_as(resource, place.region),
        action="Modify",
        replacement=movement.replacement if movement is not None else "False",
        properties=tuple(properties),
        because_of=movement.causes if movement is not None and not movement.direct and not retagged else (),
        idle=movement.idle and not retagged if movement is not None else False,
        says=modified(key, old, new, movement, [one.name for one in properties], place.region),
    )


def _properties(old: Resource, new: Resource, movement: Movement) -> Iterator[PropertyChange]:
    for detail in movement.details:
        if detail.cause:
            for path, after in places(detail.name, new["Properties"].get(detail.name), detail.cause):
                yield PropertyChange(
                    name=detail.name,
                    path=path,
                    before=after,
                    after=after,
                    replaces=detail.replaces,
                    via=detail.cause,
                )
            continue
        before, after = (
            side.get(detail.name) if detail.name in ATTRIBUTES else side["Properties"].get(detail.name)
            for side in (old, new)
        )
        for one in differences(detail.name, before, after):
            yield PropertyChange(
                name=detail.name, path=one.path, before=one.before, after=one.after, replaces=detail.replaces
            )


def _tags(pair: StackPair) -> Iterator[Difference]:
    """The stack's own tags that change."""
    for name in sorted(pair.live_tags.keys() | pair.planned_tags.keys()):
        before: Any = pair.live_tags.get(name)
        after: Any = pair.planned_tags.get(name)
        # As a tag of the resource's own would be told, so that one that is both is told once.
        if before is None or after is None:
            whole = [None if value is None else {"Key": name, "Value": value} for value in (before, after)]
            yield Difference(f"Tags[{name}]", *whole)
        elif before != after:
            yield Difference(f"Tags[{name}].Value", before, after)
