"""A change set against the review: equal in content, or what differs, in sentences.

Compared are each resource's action, type and replacement, and each property (or attribute: Tags, Metadata, …) with
whether it replaces; ids and times are not. `Conditional` is CloudFormation's word for a value that it does not know
yet. It says so of a property that refers to another resource which moves: there, and only there, the review's
`True` and a change set's `Conditional` are the same change, since both were told to the reader as a replacement.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from review.reports import Replacement, ResourceChange, StackChange

_RANK: dict[Replacement, int] = {"False": 0, "Conditional": 1, "True": 2}


@dataclass(frozen=True, slots=True)
class Content:
    """What happens to one resource."""

    action: str
    type: str
    replacement: Replacement
    properties: Mapping[str, Replacement]
    """Property or attribute, and whether its change replaces the resource."""
    referring: bool
    """Whether it moves, in part at least, because of another resource."""
    kept: bool | None = None
    """Of a removed resource: whether it stays in AWS; None where it is not said."""


def content_differences(review: StackChange, changes: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """What a change set does otherwise than the review says; empty where they are equal in content.

    changes: `Changes` of DescribeChangeSet, all pages.
    """
    expected = {one.logical_id: _reviewed(one) for one in review.resources}
    found = dict(_described(change["ResourceChange"]) for change in changes if change.get("ResourceChange"))
    return tuple(
        f"{review.stack}: {sentence}"
        for key in sorted(expected.keys() | found.keys())
        for sentence in _differences(key, expected.get(key), found.get(key))
    )


def _reviewed(change: ResourceChange) -> Content:
    properties: dict[str, Replacement] = {}
    for one in change.properties:
        properties[one.name] = max(one.replaces, properties.get(one.name, "False"), key=_RANK.__getitem__)
    referring = bool(change.because_of) or any(one.via for one in change.properties)
    kept = change.kept if change.action == "Remove" else None
    return Content(change.action, change.type, change.replacement, properties, referring, kept)


def _described(change: Mapping[str, Any]) -> tuple[str, Content]:
    properties: dict[str, Replacement] = {}
    details = change.get("Details", []) if change["Action"] == "Modify" else []
    for detail in details:
        target = detail["Target"]
        name = target.get("Name") if target["Attribute"] == "Properties" else target["Attribute"]
        properties[name] = max(_replaces(detail), properties.get(name, "False"), key=_RANK.__getitem__)
    referring = any(detail.get("CausingEntity") for detail in details)
    policy = change.get("PolicyAction", "")
    kept = policy == "Retain" if change["Action"] == "Remove" and policy else None
    replacement: Replacement = change.get("Replacement", "False") if change["Action"] == "Modify" else "False"
    content = Content(change["Action"], change["ResourceType"], replacement, properties, referring, kept)
    return change["LogicalResourceId"], content


def _replaces(detail: Mapping[str, Any]) -> Replacement:
    recreation = detail["Target"].get("RequiresRecreation", "Never")
    if recreation == "Never":
        return "False"
    return "True" if recreation == "Always" and detail.get("Evaluation", "Static") == "Static" else "Conditional"


def _differences(key: str, expected: Content | None, found: Content | None) -> Iterator[str]:
    if expected is None or found is None:
        there = found or expected
        assert there is not None
        sides = "the change set, not by the review" if expected is None else "the review, not by the change set"
        yield f"{key} ({there.type}) is to be {_WORDS[there.action]} by {sides}."
        return
    if (expected.action, expected.type) != (found.action, found.type):
        reviewed, made = (f"{side.action} of {side.type}" for side in (expected, found))
        yield f"{key}: the review has {reviewed}, the change set {made}."
        return
    lenient = expected.referring and found.referring
    if not _same(expected.replacement, found.replacement, lenient):
        yield f"{key}: the review has replacement {expected.replacement}, the change set {found.replacement}."
    if None not in (expected.kept, found.kept) and expected.kept != found.kept:
        side = "review" if expected.kept else "change set"
        yield f"{key}: by the {side} it stays in AWS, by the other it is deleted."
    for name in sorted(expected.properties.keys() | found.properties.keys()):
        before, after = expected.properties.get(name), found.properties.get(name)
        if before is None or after is None:
            yield f"{key}: {name} is changed by {'the change set' if before is None else 'the review'} alone."
        elif not _same(before, after, lenient):
            yield f"{key}: {name} replaces it: {before} in the review, {after} in the change set."


def _same(expected: Replacement, found: Replacement, lenient: bool) -> bool:
    return expected == found or (lenient and "False" not in (expected, found))


_WORDS = {"Add": "added", "Modify": "changed", "Remove": "removed", "Import": "imported", "Dynamic": "changed"}
