"""What a deployment does to one stack: resources added, changed and removed, property by property, and outputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from review.changes.properties import Difference, differences, known_as, places, references
from review.changes.replacement import ATTRIBUTES, PredictedChange, added, modified, predicted_changes, removed
from review.changes.stacks import StackPair
from review.changes.template import Resource, StackScope, effective_outputs, effective_resources
from review.reports import PropertyChange, ResourceChange, StackChange

UNTAGGED = frozenset(
    {
        "AWS::CloudFormation::CustomResource",
        "AWS::CloudFormation::WaitCondition",
        "AWS::CloudFormation::WaitConditionHandle",
    }
)
"""Types that a change set leaves out where only the stack's tags change; as are all `Custom::` ones."""


def resource_changes(pair: StackPair, place: StackScope) -> tuple[ResourceChange, ...]:
    """Replacements first, then removals, changes, additions; what CloudFormation only lists comes after what moves.

    Of a stack that the assembly no longer has, nothing: CloudFormation leaves it as it is.
    """
    if pair.planned is None:
        return ()
    old, new = effective_resources(pair.live, place), effective_resources(pair.planned, place)
    moved = predicted_changes(old, new, place.region)
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


def _added(key: str, resource: Resource, place: StackScope) -> ResourceChange:
    return ResourceChange(
        logical_id=key,
        type=resource["Type"],
        name=known_as(resource, place.region),
        action="Add",
        says=added(key, resource, place.region),
    )


def _removed(key: str, resource: Resource, place: StackScope) -> ResourceChange:
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
    predicted: PredictedChange | None,
    retagged: tuple[Difference, ...],
    place: StackScope,
) -> ResourceChange | None:
    resource = new[key]
    if resource["Type"] in UNTAGGED or resource["Type"].startswith("Custom::"):
        retagged = ()
    if predicted is None and not retagged:
        return None
    properties = [*(_properties(old, resource, predicted) if predicted is not None else ())]
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
        replacement=predicted.replacement if predicted is not None else "False",
        properties=tuple(properties),
        because_of=predicted.causes if predicted is not None and not predicted.direct and not retagged else (),
        idle=predicted.idle and not retagged if predicted is not None else False,
        says=modified(key, old, new, predicted, [one.name for one in properties], place.region),
    )


def _properties(old: Resource, new: Resource, predicted: PredictedChange) -> Iterator[PropertyChange]:
    for detail in predicted.details:
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


def output_sentences(pair: StackPair, resources: tuple[ResourceChange, ...], place: StackScope) -> tuple[str, ...]:
    """In the order of their names. Outputs whose value is another because a resource is replaced are among them."""
    if pair.planned is None:
        return ()
    old, new = effective_outputs(pair.live, place), effective_outputs(pair.planned, place)
    replaced = {one.logical_id for one in resources if one.replacement != "False"}
    sentences = []
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            sentences.append(f"The output {name} is added{_exported(new[name])}.")
        elif name not in new:
            sentences.append(f"The output {name} is removed{_exported(old[name])}.")
        elif old[name].get("Value") != new[name].get("Value"):
            sentences.append(f"The output {name} gets another value.")
        elif old[name] != new[name]:
            sentences.append(f"The output {name} is described or exported otherwise.")
        elif moved := sorted({target for target, _ in references(new[name].get("Value"))} & replaced):
            sentences.append(f"The output {name} gets another value, of the replaced {moved[0]}.")
    return tuple(sentences)


def _exported(output: Mapping[str, Any]) -> str:
    export = (output.get("Export") or {}).get("Name")
    return f" (exported as {export}: other stacks may depend on it)" if export else ""


def stack_change(pair: StackPair, place: StackScope) -> StackChange:
    """What a deployment does to one stack."""
    resources = resource_changes(pair, place)
    return StackChange(
        stack=pair.stack,
        exists=pair.live is not None,
        live_template_sha256=template_sha256(pair.live),
        template_sha256=template_sha256(pair.planned),
        resources=resources,
        outputs=output_sentences(pair, resources, place),
    )


def template_sha256(template: Mapping[str, Any] | None) -> str:
    """Of the template's canonical JSON (sorted keys, no spaces, UTF-8); empty where there is none.

    The same for a template that CloudFormation gives back with its keys in another order.
    """
    if template is None:
        return ""
    canonical = json.dumps(template, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
