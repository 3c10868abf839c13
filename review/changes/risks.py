"""What is at risk while a deployment runs: requests to the endpoint, its size and guardrails, and names still taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kickstand.aws.resource_schema import resource_schema
from review.changes.properties import STATEFUL, called, listed, own_name
from review.changes.stacks import StackPair
from review.changes.template import StackScope, effective_resources
from review.changes.updates import course, less_watched, watched, weakened
from review.reports import PropertyChange, ResourceChange, StackChange

ENDPOINT = "AWS::SageMaker::Endpoint"
CONFIG = "AWS::SageMaker::EndpointConfig"
TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"

NONE = "There is no endpoint, so no traffic is at risk."
UNTOUCHED = "The endpoint is not touched: requests are answered as before."


def traffic(pairs: Sequence[StackPair], stacks: Sequence[StackChange], place: StackScope) -> str:
    """The sentence for the worst that happens to an endpoint of the stacks."""
    sentences = [one for pair, stack in zip(pairs, stacks, strict=True) for one in _of_stack(pair, stack, place)]
    return " ".join(text for _, text in sorted(dict.fromkeys(sentences))) or NONE


def _of_stack(pair: StackPair, stack: StackChange, place: StackScope) -> list[tuple[int, str]]:
    """(how bad, 0 being worst; sentence) for each endpoint of a stack."""
    old, new = effective_resources(pair.live, place), effective_resources(pair.planned, place)
    names = {key: own_name(one, place.region) or key for key, one in {**old, **new}.items() if one["Type"] == ENDPOINT}
    if pair.planned is None:
        return [
            (2, f"The endpoint {name} stays and serves: its stack is not part of this deployment.")
            for name in names.values()
        ]
    changes = {change.logical_id: change for change in stack.resources if not change.idle}
    found = []
    for name in sorted(set(names.values())):
        mine = [changes.get(key) for key in sorted(names) if names[key] == name]
        before = own_name(old[mine[0].logical_id], place.region) if mine[0] and mine[0].action == "Modify" else name
        planned = mine[0] and new.get(mine[0].logical_id)
        found.append(_of_endpoint(name, before, mine, course(planned, new) if planned else ""))
    steps = two_steps(pair, stack, place)
    if names and changes and (watch := watched(pair)):
        found.append((5, watch))
    return [*found, (1, steps)] if steps else found


def _of_endpoint(name: str, before: str, changes: list[ResourceChange | None], moves: str) -> tuple[int, str]:
    """changes: of the endpoint; several where the template gives its name to another logical id. moves: how an update
    takes the traffic."""
    change = changes[0]
    if len(changes) > 1:
        return 0, f"The endpoint {name} is deleted and made anew: its callers get errors meanwhile."
    if change is None:
        return 4, UNTOUCHED
    if change.action == "Add":
        return 3, f"The endpoint {name} is made: nobody calls it yet, so no traffic is at risk."
    if change.action == "Remove":
        return 0, f"The endpoint {name} is deleted: its callers get errors from then on."
    if change.replacement == "True":
        if before != name:
            return 0, (
                f"The endpoint {before} is replaced by {name}: {name} is made, then {before} deleted. Callers of "
                f"{before} get errors until they call {name}."
            )
        return 0, f"The endpoint {name} is deleted and made anew: its callers get errors meanwhile."
    if change.replacement == "Conditional":
        return 0, f"The endpoint {name} may be deleted and made anew: its callers would get errors meanwhile."
    if any(one.name == "EndpointConfigName" for one in change.properties):
        return 3, (
            f"The endpoint {name} is updated in place: SageMaker starts new instances beside the old ones, which "
            f"answer all requests until the new ones are ready. {moves}"
        )
    return 3, f"The endpoint {name} is changed in place and goes on answering requests: no instance of it is replaced."


def two_steps(pair: StackPair, stack: StackChange, place: StackScope) -> str:
    """What to do where an instance type changes under a registered scalable target, which SageMaker refuses.

    A target that the same deployment removes does not help: CloudFormation removes it only at the end.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-delete.html
    """
    old = effective_resources(pair.live, place)
    targets = {key for key, one in old.items() if one["Type"] == TARGET}
    types = [
        one
        for change in stack.resources
        if change.type == CONFIG and change.action == "Modify"
        for one in change.properties
        if one.path.endswith(".InstanceType") and not one.via
    ]
    if not types or not targets:
        return ""
    kind = " and ".join(f"{one.before} to {one.after}" for one in types)
    return (
        f"The instance type changes ({kind}) while the endpoint's capacity is registered for autoscaling "
        f"({listed(sorted(targets))}), and SageMaker refuses that. Take two steps: first deploy the old type without "
        "autoscaling, then the new type with it; kickstand deploy does both."
    )


_SIZES = {
    "InstanceType": "instance type",
    "InitialInstanceCount": "number of instances",
    "MinCapacity": "smallest number of instances",
    "MaxCapacity": "largest number of instances",
}
_WATCHERS = {
    "AWS::CloudWatch::Alarm": "nobody is notified any longer of what it watches",
    "AWS::CloudWatch::Dashboard": "nobody sees any longer what it shows",
    "AWS::ApplicationAutoScaling::ScalableTarget": "the endpoint no longer grows with its load",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "the endpoint no longer grows with its load",
}
_PROTECTION = {
    ("AWS::SageMaker::Endpoint", "DeploymentConfig"): "new models are no longer tried and rolled back step by step",
    ("AWS::SageMaker::EndpointConfig", "DataCaptureConfig"): "its requests are no longer recorded",
    ("AWS::SageMaker::EndpointConfig", "KmsKeyId"): "its disks are no longer encrypted with your key",
    ("AWS::S3::Bucket", "BucketEncryption"): "its objects are no longer encrypted with the key that was set",
    ("AWS::S3::Bucket", "VersioningConfiguration"): "overwritten objects can no longer be brought back",
    ("AWS::Logs::LogGroup", "KmsKeyId"): "it is no longer encrypted with your key",
}


def guardrails(pair: StackPair, stack: StackChange, place: StackScope) -> Iterator[str]:
    """One sentence for each, in the order of the stack's changes."""
    old = effective_resources(pair.live, place)
    yield from less_watched(pair)
    for change in stack.resources:
        if change.logical_id not in old or change.idle:
            continue
        what = called(change.logical_id, old[change.logical_id], place.region)
        if change.action == "Remove" and change.type in _WATCHERS:
            yield f"The {what} is removed: {_WATCHERS[change.type]}."
        for one in change.properties:
            if not one.via:
                yield from _of_property(change, one, what)
                yield from weakened(change, one, what)
        if change.action == "Modify" and change.type in STATEFUL:
            yield from _policy(change, what)


def _of_property(change: ResourceChange, one: PropertyChange, what: str) -> Iterator[str]:
    member = one.path.rpartition(".")[2]
    sized = change.type.startswith(("AWS::SageMaker::", "AWS::ApplicationAutoScaling::")) and member in _SIZES
    if sized and None not in (one.before, one.after):
        yield f"The {_SIZES[member]} of the {what} changes from {one.before} to {one.after}."
    loss = _PROTECTION.get((change.type, one.name))
    suspended = one.name == "VersioningConfiguration" and one.after == "Suspended"
    if loss is not None and ((one.path == one.name and one.after is None) or suspended):
        yield f"{one.name} of the {what} is {'suspended' if suspended else 'removed'}: {loss}."
    elif one.path in ("DeploymentConfig.AutoRollbackConfiguration",) and one.after is None:
        yield f"The {what} no longer rolls a bad deployment back by itself: its alarms are taken off it."


def _policy(change: ResourceChange, what: str) -> Iterator[str]:
    for one in change.properties:
        if one.name in ("DeletionPolicy", "UpdateReplacePolicy") and str(one.before).startswith("Retain"):
            when = "removed from the stack" if one.name == "DeletionPolicy" else "replaced"
            yield f"The {what} would from now on be deleted when it is {when}: its {one.name} is no longer Retain."


@dataclass(frozen=True, slots=True)
class _Leaving:
    order: int
    stack: str
    change: ResourceChange


def collisions(pairs: Sequence[StackPair], stacks: Sequence[StackChange], place: StackScope) -> Iterator[str]:
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
