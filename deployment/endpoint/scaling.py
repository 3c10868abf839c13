"""Another instance type of an endpoint that scales, which takes two steps: autoscaling off, then the new type with it.

SageMaker refuses an update that changes the instance type of a variant while it is a scalable target, and in one update
CloudFormation removes a target last, behind the endpoint's update: no single template can do it.
https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployment.change_set import POLL_SECONDS, deploy_session, describe_change_set, execute_change_set
from kickstand.aws.deployed import HOLDS_NOTHING, find_endpoint, live_template, stack_status
from kickstand.aws.errors import explained
from kickstand.errors import KickstandError, Problem

if TYPE_CHECKING:
    import boto3

    from deployment.assembly import AssembledStack
    from kickstand.names import Names

_AUTOSCALING = ("AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy")
_CONFIG = "AWS::SageMaker::EndpointConfig"
_LONGEST_TEMPLATE = 51_200
"""Bytes in a request: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html"""
CHANGE_SET = "kickstand-autoscaling-off"
_LOOK_SECONDS, _LOOKS = 2.0, 450


@dataclass(frozen=True, slots=True)
class TypeChange:
    """An instance type that changes under a scalable target of the deployed template."""

    before: str
    after: str


def type_change(live: Mapping[str, Any] | None, planned: Mapping[str, Any] | None) -> TypeChange | None:
    """What SageMaker would refuse of a deployment; None where nothing scales, or no type changes.

    live, planned: the hosting stack's templates. Whether the planned one scales does not matter.
    """
    if live is None or planned is None or not any(_is(one, *_AUTOSCALING[:1]) for one in _resources(live)):
        return None
    before, after = _instance_types(live), _instance_types(planned)
    changed = sorted(name for name in before.keys() & after.keys() if before[name] != after[name])
    return TypeChange(before[changed[0]], after[changed[0]]) if changed else None


def without_autoscaling(template: Mapping[str, Any]) -> dict[str, Any]:
    """A template without what scales its endpoint; nothing else of it changes, the retained count neither."""
    resources = {name: one for name, one in template["Resources"].items() if not _is(one, *_AUTOSCALING)}
    return {**template, "Resources": resources}


@contextmanager
def autoscaling_off(
    session: boto3.Session,
    stack: AssembledStack,
    say: Callable[[str], None],
    *,
    rerun_command: str,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Surround the update of the hosting stack: where it changes the type of an endpoint that scales, do the first of
    the two steps before it, and say both.

    stack: as it is to be. rerun_command: the command that does the second step where it failed.
    Raises KickstandError: the first step would change more than it is to, or failed (the endpoint serves as before).
    """
    with explained("reading the deployed template", f"stack {stack.name}"):
        live = deployed_template(session, stack.name)
    change = type_change(live, stack.template)
    if change is None or live is None:
        yield
        return
    say(
        f"{stack.name}: the instance type changes from {change.before} to {change.after} while the endpoint scales, "
        "which SageMaker refuses. It is done in two steps."
    )
    say(f"{stack.name}: step 1 of 2, autoscaling is taken off; the endpoint keeps its instances")
    with explained("taking autoscaling off", f"stack {stack.name}"):
        _take_off(deploy_session(session, stack), stack.name, without_autoscaling(live), say, sleep)
    say(f"{stack.name}: step 2 of 2, {change.after}, and autoscaling as the project file has it")
    try:
        yield
    except BaseException:
        say(f"{stack.name}: autoscaling is off until step 2 succeeds: {rerun_command}")
        raise


def await_scaling(session: boto3.Session, names: Names, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait while autoscaling changes the number of instances, a quarter of an hour at most, and for no update.

    The endpoint is Updating meanwhile, and answers.
    """
    for _ in range(_LOOKS if names.environment.hosting.scaled else 0):
        found = find_endpoint(session.client("sagemaker"), names.endpoint)
        if found is None or found["EndpointStatus"] != "Updating" or "PendingDeploymentSummary" in found:
            return
        sleep(_LOOK_SECONDS)


def deployed_template(session: boto3.Session, stack: str) -> dict[str, Any] | None:
    """The template of a deployed stack, as it was handed in; None where nothing is deployed."""
    cloudformation = session.client("cloudformation")
    status = stack_status(cloudformation, stack)
    if status is None or status in HOLDS_NOTHING:
        return None
    template = live_template(session, stack)
    return None if template is None else dict(template)


def _take_off(
    session: boto3.Session,
    stack: str,
    template: Mapping[str, Any],
    say: Callable[[str], None],
    sleep: Callable[[float], None],
) -> None:
    """Update a stack to its own template without autoscaling, by a change set that removes nothing else."""
    cloudformation = session.client("cloudformation")
    body = json.dumps(template, separators=(",", ":"))
    if len(body.encode()) > _LONGEST_TEMPLATE:
        fix = "Deploy once without [hosting.scaling] and with the old instance type, then with both."
        raise KickstandError(Problem("The deployed template is too long for the first step.", f"stack {stack}", fix))
    kept = [{"ParameterKey": name, "UsePreviousValue": True} for name in template.get("Parameters", {})]
    made = cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=CHANGE_SET,
        TemplateBody=body,
        Parameters=kept,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    arn = made["Id"]
    while True:
        described = describe_change_set(cloudformation, arn)
        if described is not None and described["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            break
        sleep(POLL_SECONDS)
    changes = [one["ResourceChange"] for one in described.get("Changes", [])]
    others = [one["LogicalResourceId"] for one in changes if not _removes_autoscaling(one)]
    if others or described["Status"] != "CREATE_COMPLETE":
        cloudformation.delete_change_set(ChangeSetName=arn)
        why = f"It would change {', '.join(others)} too." if others else described.get("StatusReason", "")
        message = f"The first step cannot be done by itself. {why} Nothing was changed."
        raise KickstandError(Problem(message, f"stack {stack}"))
    execute_change_set(session, arn, made["StackId"], show=say, sleep=sleep)


def _removes_autoscaling(change: Mapping[str, Any]) -> bool:
    return change["Action"] == "Remove" and change["ResourceType"] in _AUTOSCALING


def _resources(template: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (one for one in template.get("Resources", {}).values() if isinstance(one, Mapping))


def _is(resource: Mapping[str, Any], *kinds: str) -> bool:
    return resource.get("Type") in kinds


def _instance_types(template: Mapping[str, Any]) -> dict[str, str]:
    """By the variant's name."""
    return {
        variant["VariantName"]: str(variant.get("InstanceType"))
        for one in _resources(template)
        if _is(one, _CONFIG)
        for variant in one["Properties"].get("ProductionVariants", ())
    }
