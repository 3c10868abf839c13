"""Step Functions' optimized integrations: those that services register, EventBridge's PutEvents and SNS's Publish."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.ministack.door.services import eventbridge, stepfunctions
from localcloud.ministack.registry import request_scope
from localcloud.ministack.stepfunctions import sdk
from localcloud.ministack.stepfunctions.execution import current_execution

PUT_EVENTS = "arn:aws:states:::events:putEvents"
PUBLISH = "arn:aws:states:::sns:publish"


def install_integrations() -> None:
    """Let `events:putEvents` and `sns:publish` be requests like any other."""
    stepfunctions.SERVICE_DISPATCH[PUT_EVENTS] = _put_events
    stepfunctions.SERVICE_DISPATCH[PUBLISH] = _publish


def _publish(resource: str, data: dict[str, Any]) -> Any:
    """Publish as the optimized integration makes it: the message may be an object, which is sent as its text.

    Its errors are of the SDK for Java 1: `SNS.NotFoundException`, and `SNS.AmazonSNSException` for all that has no
    class. https://docs.aws.amazon.com/step-functions/latest/dg/connect-sns.html
    """
    message = data.get("Message", "")
    try:
        return sdk.call(
            "sns", "publish", {**data, "Message": message if isinstance(message, str) else json.dumps(message)}
        )
    except stepfunctions.ExecutionError as error:
        name = error.error.replace("Sns.SnsException", "SNS.AmazonSNSException").replace("Sns.", "SNS.")
        raise stepfunctions.ExecutionError(name, error.cause) from error


def _put_events(resource: str, data: dict[str, Any]) -> Any:
    """PutEvents as the optimized integration makes it: details may be objects, and the execution is a resource."""
    execution = current_execution()
    own = [execution.arn, execution.machine] if execution else []
    entries = []
    for entry in data.get("Entries", []):
        detail = entry.get("Detail", {})
        entries.append(
            {
                **entry,
                "Detail": detail if isinstance(detail, str) else json.dumps(detail),
                "Resources": [*entry.get("Resources", []), *own],
            }
        )
    result = stepfunctions.dispatch_aws_sdk_json(
        stepfunctions.AWS_SDK_SERVICE_MAP["eventbridge"], "eventbridge", "putEvents", {**data, "Entries": entries}
    )
    if result.get("FailedEntryCount"):
        raise stepfunctions.ExecutionError("EventBridge.FailedEntry", json.dumps(result))
    return result


Integration = Callable[[str, Any], Any]
"""The task's resource ARN (with its `.sync`) and its arguments -> its result."""


def register_integration(resource: str, integration: Integration) -> None:
    """Serve `arn:aws:states:::SERVICE:ACTION`, with and without `.sync`.

    It runs on a thread of the execution, under the role of the state machine.
    """
    stepfunctions.SERVICE_DISPATCH[resource] = integration


def task_error(name: str, cause: str) -> Exception:
    """The error of a task, as Retry and Catch see it: `SageMaker.AmazonSageMakerException`, and its cause."""
    error: Exception = stepfunctions.ExecutionError(name, cause)
    return error


def put_service_event(
    account: str, region: str, *, source: str, detail_type: str, resource: str, detail: Mapping[str, Any]
) -> None:
    """Put one event on the default bus of an account and region, from whatever thread.

    source: `aws.sagemaker`; detail_type: `SageMaker Training Job State Change`; resource: the ARN it is about.
    """
    entry = {"Source": source, "DetailType": detail_type, "Resources": [resource], "Detail": json.dumps(detail)}
    with request_scope(account, region):
        eventbridge.put_events.original()({"Entries": [entry]}, allow_aws_source=True)
