"""What a role is given beside its own policies: attached managed policies, and the boundary that limits it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from promotion.review.changes.policies import texts
from promotion.review.changes.told import Told
from promotion.review.changes.words import called

Resource = Mapping[str, Any]

_HOLDERS = ("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group")


def attachments(
    old: Mapping[str, Resource], new: Mapping[str, Resource], region: str, *, fresh: bool
) -> Iterator[Told]:
    """fresh: the stack is new, so nothing of it is more than before."""
    before, after = texts(old), texts(new)
    for key, resource in sorted(new.items()):
        if resource["Type"] not in _HOLDERS:
            continue
        what = called(key, resource, region)
        was = old[key]["Properties"] if key in old else {}
        now = resource["Properties"]
        had = {before(one) for one in was.get("ManagedPolicyArns") or ()}
        has = {after(one) for one in now.get("ManagedPolicyArns") or ()}
        for policy in sorted(has - had):
            sentence = f"The managed policy {policy} is now attached to the {what}: it may do all that this allows."
            yield Told(key, not fresh, sentence)
        for policy in sorted(had - has):
            yield Told(key, False, f"The managed policy {policy} is no longer attached to the {what}.")
        if key in old:
            boundary = "PermissionsBoundary"
            limits = [text(one[boundary]) if boundary in one else "" for text, one in ((before, was), (after, now))]
            yield from _boundary(key, f"The {what}", *limits)


def _boundary(key: str, what: str, was: str, now: str) -> Iterator[Told]:
    if was == now:
        return
    if not now:
        yield Told(key, True, f"{what} is no longer limited by the permissions boundary {was}.")
    elif not was:
        yield Told(key, False, f"{what} is now limited by the permissions boundary {now}.")
    else:
        # What the other boundary allows is not in the templates: it may be more.
        yield Told(key, True, f"{what} is limited by another permissions boundary, {now} instead of {was}.")
