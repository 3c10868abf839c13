"""Prove a deployment: the endpoint serves what the template asked for, and answers the golden rows as released.

SageMaker can roll an update back by itself and say InService, and CloudFormation may then believe in a configuration
that nothing serves. So success of a deployment proves neither the model nor configuration, size, guardrail and alarms.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from deployment.endpoint.alarms import rollback_alarms
from deployment.endpoint.scaling import await_scaling
from deployment.endpoint.superseded import CONFIG
from kickstand.aws.deployed import Served, find_endpoint, is_no_stack, served
from kickstand.config.operation import instance_bounds
from kickstand.errors import KickstandError, Problem
from kickstand.names import Names
from kickstand.release.model import GoldenRows, Release
from kickstand.text import cut, plain
from training.model.golden_rows import read_golden

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_cloudformation.type_defs import StackResourceTypeDef

ALARM = "AWS::CloudWatch::Alarm"
RELATIVE_TOLERANCE = 1e-5
"""Between the golden predictions and the live ones: they are float32, and machines add in their own order."""
_NO_CHANGE = "A deployment without changes leaves it so."
_SHOWN = 120
"""Characters of an answer that a message repeats."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was seen of a live endpoint."""

    endpoint: str
    config: str
    artifact_sha256: str
    golden_rows: int

    def sentence(self) -> str:
        rows = f"; {self.golden_rows} golden rows came back equal" if self.golden_rows else ""
        return f"{self.endpoint} is InService and serves the release's model {self.artifact_sha256[:12]}{rows}."


def verify_endpoint(session: boto3.Session, names: Names, release: Release) -> Proof:
    """Compare the live endpoint with the release, once no instance is added or removed.

    Raises KickstandError with everything that differs: the status, the model that the live configuration
    names, a golden row whose live prediction is another.
    """
    await_scaling(session, names)
    live = served(session.client("sagemaker"), names.endpoint)
    if live is None:
        fix = f"Deploy the environment: kickstand deploy {names.environment.name}"
        raise KickstandError(
            Problem("There is no such endpoint: nothing is served.", f"endpoint {names.endpoint}", fix)
        )
    problems = _state_problems(live)
    problems += [
        Problem(
            f"Expected the model {release.artifact.s3_uri}, found {found}.",
            live.where,
            "SageMaker rolled the update back, or somebody changed the endpoint by hand.",
        )
        for found in live.models
        if found != release.artifact.s3_uri
    ]
    if problems:
        raise KickstandError(*problems)
    golden = read_golden(session.client("s3"), release.golden_rows)
    if golden.rows:
        problems += golden_problems(golden, _live_predictions(session, names.endpoint, golden.rows))
    if problems:
        raise KickstandError(*problems)
    return Proof(names.endpoint, live.config, release.artifact.sha256, len(golden.rows))


def _state_problems(live: Served) -> list[Problem]:
    if live.status != "InService":
        message = f"Expected the endpoint to be InService, found {live.status}. {live.reason}"
        return [Problem(message.strip(), live.where)]
    return []


def golden_problems(golden: GoldenRows, live: Sequence[tuple[float, ...]]) -> list[Problem]:
    """The golden rows whose live prediction is not the released one."""
    if len(live) != len(golden.rows):
        return [Problem(f"Expected {len(golden.rows)} predictions for the golden rows, found {len(live)}.")]
    problems = []
    for number, (expected, found) in enumerate(zip(golden.predictions, live, strict=True), start=1):
        wanted = expected if isinstance(expected, tuple) else (expected,)
        same = len(wanted) == len(found) and all(
            math.isclose(a, b, rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-6) for a, b in zip(wanted, found, strict=True)
        )
        if not same:
            problems.append(
                Problem(
                    f"Expected the prediction {wanted}, found {found}.",
                    f"golden row {number}",
                    "Do not use this endpoint.",
                )
            )
    return problems


def _live_predictions(session: boto3.Session, endpoint: str, rows: Sequence[str]) -> list[tuple[float, ...]]:
    """A tuple a line of the answer. Raises KickstandError for one that holds no numbers."""
    answer = session.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body="\n".join(rows).encode() + b"\n"
    )
    lines = answer["Body"].read().decode("utf-8", "replace").splitlines()
    try:
        return [tuple(float(value) for value in line.split(",")) for line in lines]
    except ValueError as error:
        message = f"An answer to the golden rows is no number: {cut(plain(str(error)), _SHOWN)}."
        raise KickstandError(Problem(message, f"endpoint {endpoint}", "Do not use this endpoint.")) from None


def require_guardrails(session: boto3.Session, names: Names) -> str:
    """What was found, as a sentence.

    Raises KickstandError with everything that differs: the endpoint serves another configuration than its stack has
    made, another number of instances than that one asks for, without a guardrail, without one of its alarms; an alarm
    is in ALARM.
    """
    described = find_endpoint(session.client("sagemaker"), names.endpoint)
    if described is None:
        fix = f"Deploy the environment: kickstand deploy {names.environment.name}"
        raise KickstandError(
            Problem("There is no such endpoint: nothing is served.", f"endpoint {names.endpoint}", fix)
        )
    resources = _stack_resources(session, names)
    problems = [
        *_config_problems(names, described["EndpointConfigName"], resources),
        *_size_problems(session, names, described),
        *(
            [_without_alarms(names)]
            if resources is not None and not _ids(resources, ALARM) & {*names.rollback_alarms}
            else [*_guardrail_problems(names, described), *_alarm_problems(session, names)]
        ),
    ]
    if problems:
        raise KickstandError(*problems)
    alarms, variants = len(names.rollback_alarms), described.get("ProductionVariants", [])
    count = sum(variant.get("CurrentInstanceCount", 0) for variant in variants)
    instances = "1 instance" if count == 1 else f"{count} instances"
    return f"{instances} of {described['EndpointConfigName']}; {alarms} alarms can roll an update back, none in ALARM"


def _stack_resources(session: boto3.Session, names: Names) -> Sequence[StackResourceTypeDef] | None:
    """Those of the hosting stack; None where there is no such stack."""
    try:
        found = session.client("cloudformation").describe_stack_resources(StackName=names.hosting_stack)
    except ClientError as error:
        if not is_no_stack(error):
            raise
        return None
    resources: Sequence[StackResourceTypeDef] = found["StackResources"]
    return resources


def _ids(resources: Sequence[StackResourceTypeDef], kind: str) -> set[str]:
    return {one.get("PhysicalResourceId", "") for one in resources if one["ResourceType"] == kind}


def _without_alarms(names: Names) -> Problem:
    return Problem(
        f"Expected alarms that roll an update back, found a stack {names.hosting_stack} that has none.",
        f"endpoint {names.endpoint}",
        f"A version of Kickstand without them deployed it. Deploy it again: kickstand deploy {names.environment.name}",
    )


def _config_problems(names: Names, serving: str, resources: Sequence[StackResourceTypeDef] | None) -> Iterator[Problem]:
    if resources is None:
        message = f"There is no stack {names.hosting_stack}: the endpoint was not deployed by it."
        yield Problem(message, f"endpoint {names.endpoint}")
        return
    wanted = sorted(name.rpartition("/")[2] for name in _ids(resources, CONFIG) if name)
    # An ARN of SageMaker's has its name in lower case.
    if wanted and serving.lower() not in {name.lower() for name in wanted}:
        made = " or ".join(wanted)
        yield Problem(
            f"Expected the configuration {made}, as the stack {names.hosting_stack} has it, found {serving}.",
            f"endpoint {names.endpoint}",
            "SageMaker rolled an update back and CloudFormation did not notice, or somebody changed the endpoint by "
            f"hand. {_NO_CHANGE} Deploy another release, by which stack and endpoint agree again, as with: kickstand "
            f"rollback {names.environment.name}; or give the endpoint the stack's configuration: aws sagemaker "
            f"update-endpoint --endpoint-name {names.endpoint} --endpoint-config-name {wanted[0]} "
            "--retain-deployment-config",
        )


def _size_problems(session: boto3.Session, names: Names, described: Any) -> Iterator[Problem]:
    """Another number of instances than the configuration has, or, where the endpoint scales, than its bounds allow."""
    config = session.client("sagemaker").describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
    wanted = {one.get("VariantName"): one.get("InitialInstanceCount") for one in config.get("ProductionVariants", ())}
    hosting = names.environment.hosting
    least, most = instance_bounds(hosting.scaling, hosting.instances)
    for variant in described.get("ProductionVariants", ()):
        name, count = variant.get("VariantName"), variant.get("CurrentInstanceCount")
        # Those that start or end now are on their way there.
        count = variant.get("DesiredInstanceCount", count) if hosting.scaled else count
        if hosting.scaled and not least <= count <= most:
            yield Problem(
                f"Expected {least} to {most} instances of {name}, found {count}.",
                f"endpoint {names.endpoint}",
                "Autoscaling brings them there, or somebody changed its bounds by hand: look again in some minutes.",
            )
        elif not hosting.scaled and wanted.get(name) not in (None, count):
            yield Problem(
                f"Expected {wanted[name]} instances of {name}, found {count}.",
                f"endpoint {names.endpoint}",
                "Autoscaling left them, somebody changed their number by hand, or one is being replaced: look again in "
                "some minutes, or run: aws sagemaker update-endpoint-weights-and-capacities --endpoint-name "
                f"{names.endpoint} --desired-weights-and-capacities "
                f"VariantName={name},DesiredInstanceCount={wanted[name]}",
            )


def _guardrail_problems(names: Names, described: Any) -> Iterator[Problem]:
    guardrail = (described.get("LastDeploymentConfig") or {}).get("AutoRollbackConfiguration") or {}
    named = {alarm["AlarmName"] for alarm in guardrail.get("Alarms", ())}
    missing = [name for name in names.rollback_alarms if name not in named]
    if missing:
        yield Problem(
            f"Expected alarms that roll an update back, found none of: {', '.join(missing)}.",
            f"endpoint {names.endpoint}",
            f"The last update of the endpoint was made by hand. {_NO_CHANGE} {_revert(names)}",
        )


def _alarm_problems(session: boto3.Session, names: Names) -> Iterator[Problem]:
    found = {alarm["AlarmName"]: alarm for alarm in rollback_alarms(session, names)}
    for name in names.rollback_alarms:
        alarm = found.get(name)
        if alarm is None:
            fix = f"Somebody deleted it, or it was never deployed. {_NO_CHANGE} {_revert(names)}"
            yield Problem("The alarm does not exist.", f"alarm {name}", fix)
        elif alarm["StateValue"] == "ALARM":
            yield Problem(f"The alarm is in ALARM: {alarm.get('StateReason', '')}", f"alarm {name}")


def _revert(names: Names) -> str:
    return (
        f"Revert the drift by a drift-aware change set: aws cloudformation create-change-set --stack-name "
        f"{names.hosting_stack} --change-set-name revert --deployment-mode REVERT_DRIFT --use-previous-template "
        "--capabilities CAPABILITY_NAMED_IAM; then execute it."
    )
