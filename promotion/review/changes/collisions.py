"""Resources that cannot be made because their name is still taken: CloudFormation makes first and removes last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kickstand.resource_schema import resource_schema
from promotion.review.changes.effective import Place, effective_resources
from promotion.review.changes.stack_pair import StackPair
from promotion.review.changes.words import called, own_name
from promotion.review.parts import ResourceChange, StackChange


@dataclass(frozen=True, slots=True)
class _Leaving:
    order: int
    stack: str
    change: ResourceChange


def collisions(pairs: Sequence[StackPair], stacks: Sequence[StackChange], place: Place) -> Iterator[str]:
    """One sentence for each, in the order of the stacks."""
    leaving = {
        (change.type, change.name): _Leaving(order, stack.stack, change)
        for order, stack in enumerate(stacks)
        for change in stack.resources
        if change.action == "Remove" and change.name
    }
    for order, (pair, stack) in enumerate(zip(pairs, stacks, strict=True)):
        old, new = effective_resources(pair.live, place), effective_resources(pair.planned, place)
        for change in stack.resources:
            resource = new.get(change.logical_id)
            name = _taken_name(resource, place.region)
            if resource is None or not name:
                continue
            what = called(change.logical_id, resource, place.region)
            if change.action == "Add":
                gone = leaving.get((change.type, name))
                if gone is not None and (gone.order >= order or gone.change.kept):
                    yield (
                        f"The {what} ({change.logical_id}) cannot be made: the name is still that of "
                        f"{gone.change.logical_id} in {gone.stack}, which {_until(gone)}. The deployment would fail "
                        "and roll back."
                    )
            elif change.replacement == "True" and name == own_name(old[change.logical_id], place.region):
                yield (
                    f"The {what} cannot be replaced: the new one would have the name of the old one, which is still "
                    "there. The deployment would fail and roll back."
                )


def _until(gone: _Leaving) -> str:
    return "stays in AWS" if gone.change.kept else "is deleted only afterwards"


def _taken_name(resource: dict[str, Any] | None, region: str) -> str:
    """A name that is one of its kind in the account; empty where AWS makes it."""
    if resource is None or not resource_schema(region, resource["Type"]).name_property:
        return ""
    return own_name(resource, region)
