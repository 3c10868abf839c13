"""Changes of size and of what watches or protects an endpoint and its data, as warnings."""

from __future__ import annotations

from collections.abc import Iterator

from promotion.review.changes.effective import Place, effective_resources
from promotion.review.changes.stack_pair import StackPair
from promotion.review.changes.words import STATEFUL, called
from promotion.review.parts import PropertyChange, ResourceChange, StackChange

_SIZES = {
    "InstanceType": "instance type",
    "InitialInstanceCount": "number of instances",
    "MinCapacity": "smallest number of instances",
    "MaxCapacity": "largest number of instances",
}
_WATCHERS = {
    "AWS::CloudWatch::Alarm": "nobody is told any more when it would have rung",
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


def guardrails(pair: StackPair, stack: StackChange, place: Place) -> Iterator[str]:
    """One sentence for each, in the order of the stack's changes."""
    old = effective_resources(pair.live, place)
    for change in stack.resources:
        if change.logical_id not in old or change.idle:
            continue
        what = called(change.logical_id, old[change.logical_id], place.region)
        if change.action == "Remove" and change.type in _WATCHERS:
            yield f"The {what} is removed: {_WATCHERS[change.type]}."
        for one in change.properties:
            if not one.via:
                yield from _of_property(change, one, what)
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
