"""What there is at this moment: a stack by its name and its state, what an endpoint serves since when, an execution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kickstand.aws.errors import error_code, error_message
from kickstand.errors import KickstandError, Problem
from kickstand.json_text import parse_json

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef, StackTypeDef
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DescribeEndpointOutputTypeDef
    from mypy_boto3_stepfunctions import SFNClient

HOLDS_NOTHING = frozenset({"DELETE_COMPLETE", "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"})
"""Status of a stack that never made its resources, or has them no more."""
SERVING = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack"})
"""The states in which an endpoint answers. https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html"""

UNKNOWN = "an unknown artifact"
"""In the place of a served artifact that SageMaker does not tell."""


def find_stack(cloudformation: CloudFormationClient, name: str) -> StackTypeDef | None:
    """DescribeStacks' record of a stack; None where there is none. name: its name, or its ARN."""
    try:
        return cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if is_no_stack(error):
            return None
        raise


def live_template(session: boto3.Session, stack: str) -> Mapping[str, Any] | None:
    """The template of a deployed stack, as it was handed in; None where there is no such stack.

    A template in YAML was sent by `cdk import`, which takes in only what the stack keeps: it counts as empty.
    """
    try:
        body: Any = session.client("cloudformation").get_template(StackName=stack, TemplateStage="Original")[
            "TemplateBody"
        ]
    except ClientError as error:
        if is_no_stack(error):
            return None
        raise
    if isinstance(body, str):
        try:
            body = parse_json(body)
        except ValueError:
            body = {}
    found: Mapping[str, Any] = body
    return found


def stack_status(cloudformation: CloudFormationClient, name: str) -> str | None:
    """CloudFormation's status of a stack; None where there is none."""
    found = find_stack(cloudformation, name)
    return None if found is None else found["StackStatus"]


def is_deployed(cloudformation: CloudFormationClient, name: str) -> bool:
    """Whether a stack has resources: a change set that was never executed makes a stack without."""
    status = stack_status(cloudformation, name)
    return status is not None and status not in HOLDS_NOTHING


def stack_events(cloudformation: CloudFormationClient, name: str) -> Iterator[StackEventTypeDef]:
    """Events of a stack, the newest first, read page by page; none of a stack that is not there.

    name: its name, or its ARN, by which a deleted one still has them.
    """
    try:
        for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=name):
            yield from page["StackEvents"]
    except ClientError as error:
        if not is_no_stack(error):
            raise


def is_no_stack(error: Exception) -> bool:
    """Whether CloudFormation refused a request because there is no such stack: it has no error code for that alone.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
    """
    return error_code(error) == "ValidationError" and "does not exist" in error_message(error)


@dataclass(frozen=True, slots=True)
class Served:
    """One endpoint, as SageMaker describes it.

    config: its configuration's name. models: the artifact of each variant, UNKNOWN where its model has none or was
    deleted. since: when the configuration that serves them took effect at the earliest.
    """

    endpoint: str
    status: str
    reason: str
    config: str
    models: tuple[str, ...]
    since: datetime

    @property
    def where(self) -> str:
        return f"endpoint {self.endpoint}"

    def require_serving(self) -> None:
        """KickstandError: the endpoint does not answer, or answers for several models."""
        if self.status not in SERVING:
            message = f"The endpoint is {self.status}. {self.reason}".strip()
            raise KickstandError(Problem(message, self.where, "Wait for its end, or bring it back into service."))
        if len(set(self.models)) > 1:
            message = f"The endpoint serves {len(self.models)} models: {', '.join(self.models)}."
            raise KickstandError(Problem(message, self.where, "Deploy it again, so that one model is served."))

    def require_artifact(self, uri: str) -> None:
        """KickstandError: another model than the artifact at `uri` is served."""
        if self.models != (uri,):
            message = f"The endpoint serves another model than the release's: {', '.join(self.models)}."
            raise KickstandError(Problem(message, self.where, "Deploy the release there first."))


def stop_execution(states: SFNClient, arn: str, **why: str) -> bool:
    """Stop a state machine's execution; False where it has ended before. why: StopExecution's `error` and `cause`."""
    try:
        states.stop_execution(executionArn=arn, **why)
    except ClientError as error:
        if (
            error_code(error) != "ValidationException"
            or states.describe_execution(executionArn=arn)["status"] == "RUNNING"
        ):
            raise
        return False
    return True


def find_endpoint(sagemaker: SageMakerClient, endpoint: str) -> DescribeEndpointOutputTypeDef | None:
    """DescribeEndpoint's record of an endpoint; None where there is no such endpoint."""
    try:
        return sagemaker.describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        if _is_absent(error):
            return None
        raise


def served(sagemaker: SageMakerClient, endpoint: str) -> Served | None:
    """What an endpoint serves; None where there is no such endpoint."""
    described = find_endpoint(sagemaker, endpoint)
    if described is None:
        return None
    since, models = described["CreationTime"], [UNKNOWN]
    try:
        config = sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
        # A configuration may be older than the endpoint that was made of it.
        since = max(config["CreationTime"], since)
        models = [_artifact(sagemaker, variant["ModelName"]) for variant in config["ProductionVariants"]]
    except ClientError as error:
        if not _is_absent(error):
            raise
    return Served(
        endpoint=endpoint,
        status=described["EndpointStatus"],
        reason=described.get("FailureReason", ""),
        config=described["EndpointConfigName"],
        models=tuple(models),
        since=since,
    )


def _artifact(sagemaker: SageMakerClient, model: str) -> str:
    container = sagemaker.describe_model(ModelName=model).get("PrimaryContainer", {})
    return container.get("ModelDataUrl", UNKNOWN)


def _is_absent(error: ClientError) -> bool:
    """SageMaker has no error code of its own for an endpoint, a configuration or a model that is not there."""
    return error_code(error) == "ValidationException" and "could not find" in error_message(error).lower()
