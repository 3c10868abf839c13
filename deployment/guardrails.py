"""What keeps an update of an endpoint safe: configuration, size and guardrail as deployed, and alarms that watch.

SageMaker can roll an update back by itself and say InService, and CloudFormation may then believe in a configuration
that nothing serves. So success of a deployment is no proof of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kickstand.aws.deployed import find_endpoint
from kickstand.errors import KickstandError, Problem

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sagemaker.type_defs import DescribeEndpointOutputTypeDef

    from kickstand.names import Names

CONFIG = "AWS::SageMaker::EndpointConfig"
_POLL_SECONDS = 2.0


def require_guardrails(session: boto3.Session, names: Names) -> str:
    """What was found, as a sentence.

    Raises KickstandError with everything that differs: the endpoint serves another configuration than its stack has
    made, another number of instances than that one asks for, without a guardrail, without one of its alarms; an alarm
    is raised.
    """
    described = find_endpoint(session.client("sagemaker"), names.endpoint)
    if described is None:
        fix = f"Deploy the environment: kickstand deploy {names.environment.name}"
        raise KickstandError(
            Problem("There is no such endpoint: nothing is served.", f"endpoint {names.endpoint}", fix)
        )
    problems = [
        *_config_problems(session, names, described["EndpointConfigName"]),
        *_size_problems(session, names, described),
        *_guardrail_problems(names, described),
        *_alarm_problems(session, names),
    ]
    if problems:
        raise KickstandError(*problems)
    alarms, variants = len(names.rollback_alarms), described.get("ProductionVariants", [])
    count = sum(variant.get("CurrentInstanceCount", 0) for variant in variants)
    instances = "1 instance" if count == 1 else f"{count} instances"
    return f"{instances} of {described['EndpointConfigName']}; {alarms} alarms can take an update back, none is raised"


def require_quiet_alarms(session: boto3.Session, names: Names) -> None:
    """KickstandError: an alarm is raised that would take the next update of the live endpoint back at once."""
    if find_endpoint(session.client("sagemaker"), names.endpoint) is None:
        return
    raised = [
        Problem(
            f"The alarm {alarm['AlarmName']} is raised, and would take the update back: {alarm.get('StateReason', '')}",
            f"endpoint {names.endpoint}",
            "Wait until it is over, or find out why it is not; then deploy again. Nothing was changed.",
        )
        for alarm in _alarms(session, names)
        if alarm["StateValue"] == "ALARM"
    ]
    if raised:
        raise KickstandError(*raised)


def rollback_problem(session: boto3.Session, names: Names, config_before: str) -> Problem | None:
    """Why SageMaker has taken an update back, and what serves; None where it has not.

    config_before: the configuration that served before the update.
    """
    described = find_endpoint(session.client("sagemaker"), names.endpoint)
    if described is None or described["EndpointConfigName"] != config_before:
        return None
    raised = [alarm for alarm in _alarms(session, names) if alarm["StateValue"] == "ALARM"]
    why = described.get("FailureReason", "") or "; ".join(
        f"the alarm {alarm['AlarmName']} was raised: {alarm.get('StateReason', '')}" for alarm in raised
    )
    if not why:
        return None
    message = f"SageMaker has taken the update back: {why} The configuration {config_before} serves all requests."
    return Problem(
        message, f"endpoint {names.endpoint}", "Find out what is wrong with the new model; then deploy again."
    )


def serving_config(session: boto3.Session, names: Names) -> str:
    """The configuration that the endpoint serves; empty where there is no endpoint."""
    described = find_endpoint(session.client("sagemaker"), names.endpoint)
    return described["EndpointConfigName"] if described else ""


@contextmanager
def shown_update(session: boto3.Session, names: Names, say: Callable[[str], None]) -> Iterator[None]:
    """Show each step of an update of the endpoint, while it runs, as a line."""
    ended = threading.Event()

    def watch() -> None:
        sagemaker, shown = session.client("sagemaker"), ""
        while not ended.wait(_POLL_SECONDS):
            try:
                line = update_line(sagemaker.describe_endpoint(EndpointName=names.endpoint))
            except ClientError:
                continue  # there is none yet; or it cannot be read now, and the update does not depend on it
            if line and line != shown:
                say(f"{names.endpoint}: {line}")
                shown = line

    watcher = threading.Thread(target=watch, name="endpoint-update", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def update_line(described: DescribeEndpointOutputTypeDef | dict[str, Any]) -> str:
    """Where an update is; empty where none runs: `1 of 2 new instances answer. Baking for 300 seconds …`"""
    pending = described.get("PendingDeploymentSummary") or {}
    parts = []
    for variant in pending.get("ProductionVariants") or ():
        statuses = variant.get("VariantStatus") or ()
        text = statuses[-1].get("StatusMessage") or statuses[-1]["Status"] if statuses else ""
        wanted, active = variant.get("DesiredInstanceCount", 0), variant.get("CurrentInstanceCount", 0)
        parts.append(f"{active} of {wanted} new instances answer requests. {text}".strip())
    return " ".join(parts)


def _config_problems(session: boto3.Session, names: Names, serving: str) -> Iterator[Problem]:
    try:
        found = session.client("cloudformation").describe_stack_resources(StackName=names.hosting_stack)
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        yield Problem(f"There is no stack {names.hosting_stack}: the endpoint was not deployed by it.", serving)
        return
    wanted = [
        resource["PhysicalResourceId"].rpartition("/")[2]
        for resource in found["StackResources"]
        if resource["ResourceType"] == CONFIG and resource.get("PhysicalResourceId")
    ]
    # An ARN of SageMaker's has its name in lower case.
    if wanted and serving.lower() not in {name.lower() for name in wanted}:
        made = " or ".join(wanted)
        yield Problem(
            f"Expected the configuration {made}, as the stack {names.hosting_stack} has it, found {serving}.",
            f"endpoint {names.endpoint}",
            "SageMaker rolled the update back, or somebody changed the endpoint by hand. Deploy again.",
        )


def _size_problems(session: boto3.Session, names: Names, described: Any) -> Iterator[Problem]:
    config = session.client("sagemaker").describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
    wanted = {one.get("VariantName"): one.get("InitialInstanceCount") for one in config.get("ProductionVariants", ())}
    for variant in described.get("ProductionVariants", ()):
        name, count = variant.get("VariantName"), variant.get("CurrentInstanceCount")
        if wanted.get(name) not in (None, count):
            yield Problem(
                f"Expected {wanted[name]} instances of {name}, found {count}.",
                f"endpoint {names.endpoint}",
                "Somebody changed their number by hand, or one is being replaced: look again in some minutes.",
            )


def _guardrail_problems(names: Names, described: Any) -> Iterator[Problem]:
    guardrail = (described.get("LastDeploymentConfig") or {}).get("AutoRollbackConfiguration") or {}
    named = {alarm["AlarmName"] for alarm in guardrail.get("Alarms", ())}
    missing = [name for name in names.rollback_alarms if name not in named]
    if missing:
        yield Problem(
            f"Expected alarms that take an update back, found none of: {', '.join(missing)}.",
            f"endpoint {names.endpoint}",
            f"Deploy again: kickstand deploy {names.environment.name}",
        )


def _alarm_problems(session: boto3.Session, names: Names) -> Iterator[Problem]:
    found = {alarm["AlarmName"]: alarm for alarm in _alarms(session, names)}
    for name in names.rollback_alarms:
        alarm = found.get(name)
        if alarm is None:
            fix = f"Somebody deleted it. Deploy again: kickstand deploy {names.environment.name}"
            yield Problem("The alarm is not there.", f"alarm {name}", fix)
        elif alarm["StateValue"] == "ALARM":
            yield Problem(f"The alarm is raised: {alarm.get('StateReason', '')}", f"alarm {name}")


def _alarms(session: boto3.Session, names: Names) -> list[dict[str, Any]]:
    """Those of the endpoint's rollback alarms that exist."""
    described = session.client("cloudwatch").describe_alarms(AlarmNames=list(names.rollback_alarms))
    found: list[dict[str, Any]] = described.get("MetricAlarms", [])
    return found
