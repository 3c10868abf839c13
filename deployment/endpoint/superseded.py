"""Models and endpoint configurations that updates of the hosting stack have replaced, and their deletion.

SageMaker can roll an update of the endpoint back without CloudFormation's knowledge. Then the configuration that serves
is one that the stack has replaced: were it deleted with the update, SageMaker would refuse every later update of the
endpoint ("Could not find endpoint configuration"). So the template retains what it replaces (UpdateReplacePolicy), and
it is deleted when the endpoint is proven to serve what has replaced it.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-updatereplacepolicy.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from kickstand.aws.deployed import find_endpoint, stack_events
from kickstand.aws.errors import AWS_FAILURES, error_message, is_denied

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_cloudformation import CloudFormationClient

    from kickstand.names import Names

CONFIG, MODEL = "AWS::SageMaker::EndpointConfig", "AWS::SageMaker::Model"
_EVENTS = 1000
"""Events of a stack that are read, the newest first: they are some dozens of updates."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """A model or an endpoint configuration that is no part of its stack any more.

    type: of CloudFormation. name: of SageMaker.
    """

    type: str
    name: str


def superseded(session: boto3.Session, names: Names, *, with_serving: bool = False) -> list[Superseded]:
    """What updates of the hosting stack have replaced and retained, the newest first; some may be deleted already.

    Left out are those of the stack, and those that the endpoint serves with, whatever the stack says of them.
    with_serving: have the latter too, where the endpoint is about to be deleted.
    """
    cloudformation = session.client("cloudformation")
    found = list(dict.fromkeys(_retained(cloudformation, names.hosting_stack)))
    if not found:
        return []
    used = {*_of_stack(cloudformation, names.hosting_stack), *([] if with_serving else _serving(session, names))}
    return [one for one in found if (one.type, one.name.lower()) not in used]


def delete_superseded(session: boto3.Session, found: list[Superseded], say: Callable[[str], None]) -> None:
    """Delete configurations, then models; up to the first of each that is gone: those before it were deleted with it.

    say: prints a line, where the caller may not delete them. They cost nothing, and the next deployment tries again.
    """
    sagemaker = session.client("sagemaker")
    for type_ in (CONFIG, MODEL):
        for one in found:
            if one.type != type_:
                continue
            try:
                if type_ == CONFIG:
                    sagemaker.delete_endpoint_config(EndpointConfigName=one.name)
                else:
                    sagemaker.delete_model(ModelName=one.name)
            except AWS_FAILURES as error:
                if "could not find" in error_message(error).lower():
                    break
                what = "may not be deleted" if is_denied(error) else f"was not deleted ({error_message(error)})"
                say(f"{one.name}, which the stack has replaced, {what}; it costs nothing.")
                break


def _retained(cloudformation: CloudFormationClient, stack: str) -> Iterator[Superseded]:
    """The events of CloudFormation that say so: DELETE_SKIPPED, with the physical id."""
    for event in islice(stack_events(cloudformation, stack), _EVENTS):
        if event["ResourceStatus"] == "DELETE_SKIPPED" and event.get("ResourceType") in (CONFIG, MODEL):
            yield Superseded(event["ResourceType"], _name(event["PhysicalResourceId"]))


def _of_stack(cloudformation: CloudFormationClient, stack: str) -> Iterator[tuple[str, str]]:
    for resource in cloudformation.describe_stack_resources(StackName=stack)["StackResources"]:
        if resource["ResourceType"] in (CONFIG, MODEL) and resource.get("PhysicalResourceId"):
            yield resource["ResourceType"], _name(resource["PhysicalResourceId"]).lower()


def _serving(session: boto3.Session, names: Names) -> Iterator[tuple[str, str]]:
    sagemaker = session.client("sagemaker")
    described = find_endpoint(sagemaker, names.endpoint)
    if described is None:
        return
    config = described["EndpointConfigName"]
    yield CONFIG, config.lower()
    for variant in sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]:
        yield MODEL, variant["ModelName"].lower()


def _name(physical_id: str) -> str:
    """A resource's name: CloudFormation's physical id is its ARN, in lower case, which SageMaker takes as well."""
    return physical_id.rpartition("/")[2]
