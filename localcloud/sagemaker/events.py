"""The events that SageMaker puts on the default bus when something changes its state.

Shapes: https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from localcloud.sagemaker.response import render
from localcloud.sagemaker.scope import Scope
from localcloud.sagemaker.service_model import operation_output
from localcloud.sagemaker.store import Record


class Bus(Protocol):
    """The default event bus of an account and region."""

    def put(self, scope: Scope, detail_type: str, resource: str, detail: Mapping[str, Any]) -> None: ...


class Events:
    """Says on the bus what happened to a resource: its whole description, times in milliseconds."""

    def __init__(self, bus: Bus | None) -> None:
        self._bus = bus

    def training_job(self, scope: Scope, record: Record) -> None:
        self._put(scope, "Training Job", "DescribeTrainingJob", record["TrainingJobArn"], record)

    def transform_job(self, scope: Scope, record: Record) -> None:
        self._put(scope, "Transform Job", "DescribeTransformJob", record["TransformJobArn"], record)

    def endpoint(self, scope: Scope, record: Record) -> None:
        # The event's status is in upper snake case where the API's is not (IN_SERVICE); the page has the list.
        status = {"InService": "IN_SERVICE", "RollingBack": "ROLLING_BACK", "OutOfService": "OUT_OF_SERVICE"}.get(
            record["EndpointStatus"], record["EndpointStatus"].upper()
        )
        shown = {**record, "EndpointStatus": status}
        self._put(scope, "Endpoint", "DescribeEndpoint", record["EndpointArn"], shown)

    def model_package(self, scope: Scope, record: Record) -> None:
        self._put(scope, "Model Package", "DescribeModelPackage", record["ModelPackageArn"], record)

    def _put(self, scope: Scope, noun: str, operation: str, arn: str, record: Record) -> None:
        if self._bus is not None:
            detail = in_milliseconds(operation_output(operation), render(operation_output(operation), record))
            self._bus.put(scope, f"SageMaker {noun} State Change", arn, detail)


def in_milliseconds(shape: Any, value: Any) -> Any:
    """A rendered answer with its timestamps as whole milliseconds, as events and Step Functions show them."""
    kind = shape.type_name
    if kind == "structure":
        return {name: in_milliseconds(shape.members[name], item) for name, item in value.items()}
    if kind == "list":
        return [in_milliseconds(shape.member, item) for item in value]
    if kind == "timestamp":
        return round(value * 1000)
    return value
