"""All that a deployment changes in an environment's stacks, and the headlines of it, worst first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kickstand.config.model import Environment
from review.access.network import network
from review.access.permissions import Permission, permissions
from review.access.policies import attachments
from review.changes.capture import DESTINATION, stored
from review.changes.properties import STATEFUL, called, listed
from review.changes.resources import stack_change
from review.changes.risks import ENDPOINT, collisions, guardrails, traffic, two_steps
from review.changes.stacks import StackPair
from review.changes.template import StackScope, effective_resources
from review.changes.updates import ends
from review.reports import Headline, Infrastructure, PermissionChange, ResourceChange, StackChange

ONLY_THE_MODEL = "One new model; nothing else changes."
NOTHING = "Nothing changes in the infrastructure."


def headlines(
    pairs: Sequence[StackPair],
    stacks: Sequence[StackChange],
    permissions: Sequence[Permission],
    traffic: str,
    place: StackScope,
) -> tuple[Headline, ...]:
    """Danger, then warnings, then notes; each sentence once."""
    dangers = [
        *(one.change.sentence for one in permissions if one.public),
        *collisions(pairs, stacks, place),
        *([traffic] if _endpoint_at_risk(stacks) else []),
        *(one for pair, stack in zip(pairs, stacks, strict=True) for one in _lost(pair, stack, place)),
        *(one.change.sentence for one in sorted(permissions, key=_gravity) if one.change.widened and not one.public),
    ]
    captures, lifetimes = list(stored(pairs, place)), list(ends(pairs, place))
    warnings = [
        *(sentence for more, sentence in (*captures, *lifetimes) if more),
        *(one for pair, stack in zip(pairs, stacks, strict=True) for one in [two_steps(pair, stack, place)] if one),
        *(one for pair, stack in zip(pairs, stacks, strict=True) for one in guardrails(pair, stack, place)),
        *(_left(pair) for pair in pairs if pair.planned is None),
    ]
    found = [Headline(level="danger", sentence=one) for one in dict.fromkeys(dangers)]
    found += [Headline(level="warning", sentence=one) for one in dict.fromkeys(warnings)]
    notes = [_note(pairs, stacks), *(sentence for more, sentence in (*captures, *lifetimes) if not more)]
    return (*found, *(Headline(level="note", sentence=one) for one in notes if one))


def _gravity(permission: Permission) -> int:
    return 0 if permission.boundless else 1 if permission.foreign else 2


def _endpoint_at_risk(stacks: Sequence[StackChange]) -> bool:
    return any(
        change.type == ENDPOINT and not change.idle and (change.action == "Remove" or change.replacement != "False")
        for stack in stacks
        for change in stack.resources
    )


def _lost(pair: StackPair, stack: StackChange, place: StackScope) -> Iterator[str]:
    """What cannot be made again, and is deleted or begun anew."""
    old = effective_resources(pair.live, place)
    for change in stack.resources:
        held = STATEFUL.get(change.type)
        if held is None or change.idle or change.kept:
            continue
        if change.action == "Remove":
            yield change.says
        elif change.replacement != "False":
            what = called(change.logical_id, old[change.logical_id], place.region)
            certain = "is" if change.replacement == "True" else "may be"
            stays = str(old[change.logical_id].get("UpdateReplacePolicy", "")).startswith("Retain")
            then = (
                "the old one stays in AWS, outside of the stack"
                if stays
                else f"the old one is deleted, and {held} with it"
            )
            yield f"The {what} {certain} replaced by an empty one; {then}."


def _left(pair: StackPair) -> str:
    return (
        f"The stack {pair.stack} is deployed, and the assembly no longer has it. CloudFormation does not delete it: it "
        "stays, and costs what it costs, until somebody deletes it (kickstand destroy)."
    )


def _note(pairs: Sequence[StackPair], stacks: Sequence[StackChange]) -> str:
    moving = [change for stack in stacks for change in stack.resources if not change.idle]
    first = [pair.stack for pair in pairs if pair.live is None and pair.planned is not None]
    if first:
        return f"First deployment of {listed(first)}: {sum(_added(change) for change in moving)} resources are made."
    outputs = any(stack.outputs for stack in stacks)
    if not moving:
        return "Only outputs change in the infrastructure." if outputs else NOTHING
    own = frozenset(one.path for change in moving for one in change.properties if not one.via)
    if "PrimaryContainer.ModelDataUrl" in own:
        own -= {DESTINATION}  # it names the model
    if all(change.action == "Modify" for change in moving) and own in _MODEL_ALONE:
        return _MODEL_ALONE[own]
    return _count(moving)


_MODEL_ALONE = {
    frozenset({"PrimaryContainer.ModelDataUrl"}): ONLY_THE_MODEL,
    frozenset({"PrimaryContainer.ModelDataUrl", "PrimaryContainer.Image"}): (
        "One new model, in another image; nothing else changes."
    ),
    frozenset({"PrimaryContainer.Image"}): "The same model in another image; nothing else changes.",
}


def _count(moving: list[ResourceChange]) -> str:
    """`In all: 1 replaced and 2 changed in place.`"""
    kinds = {
        "replaced": [one for one in moving if one.replacement == "True"],
        "perhaps replaced": [one for one in moving if one.replacement == "Conditional"],
        "removed": [one for one in moving if one.action == "Remove"],
        "changed in place": [one for one in moving if one.action == "Modify" and one.replacement == "False"],
        "made": [one for one in moving if one.action == "Add"],
    }
    return f"In all: {listed([f'{len(found)} {kind}' for kind, found in kinds.items() if found])}."


def _added(change: ResourceChange) -> bool:
    return change.action == "Add"


def infrastructure(pairs: Sequence[StackPair], environment: Environment) -> Infrastructure:
    """The stacks in the order of `pairs`. A function of its arguments alone: the same templates, the same words."""
    account, region = environment.account, environment.region
    stacks = tuple(stack_change(pair, StackScope(account, region, pair.stack)) for pair in pairs)
    permissions = [one for pair in pairs for one in _permissions(pair, StackScope(account, region, pair.stack))]
    everywhere = StackScope(account, region, "")
    sentence = traffic(pairs, stacks, everywhere)
    return Infrastructure(
        stacks=stacks,
        permissions=tuple(one.change for one in sorted(permissions, key=lambda one: not one.change.widened)),
        traffic=sentence,
        headlines=headlines(pairs, stacks, permissions, sentence, everywhere),
    )


def _permissions(pair: StackPair, place: StackScope) -> Iterator[Permission]:
    """Policies, then what is attached to roles, then the network."""
    yield from permissions(pair, place)
    if pair.planned is None:
        return
    old, new = effective_resources(pair.live, place), effective_resources(pair.planned, place)
    for describe in (attachments, network):
        for permission in describe(old, new, place.region, fresh=pair.live is None):
            change = PermissionChange(
                stack=pair.stack,
                logical_id=permission.logical_id,
                widened=permission.widened,
                sentence=permission.sentence,
            )
            yield Permission(change, public=permission.public)
