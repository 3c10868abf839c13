"""Step Functions' service integrations: SageMaker's, EventBridge's PutEvents, S3's operations, the SDK's error names.

ministack knows a handful of S3 operations by hand, and getObject is not among them. Here botocore writes the request
and reads the answer, and the request goes to S3 in this process, signed for the state machine's role.
"""

from __future__ import annotations

import functools
import io
import json
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from localcloud.jobs.s3 import core_session
from localcloud.ministack.door.core import emulator, responses
from localcloud.ministack.door.names import correct
from localcloud.ministack.door.services import eventbridge, stepfunctions
from localcloud.ministack.registry import region, request_scope
from localcloud.ministack.stepfunctions.execution import current_execution

PUT_EVENTS = "arn:aws:states:::events:putEvents"


def install_integrations() -> None:
    """Let `aws-sdk:sagemaker:*` reach SageMaker, and `events:putEvents` be a request like any other."""
    services = stepfunctions.AWS_SDK_SERVICE_MAP
    services["sagemaker"] = {"target_prefix": "SageMaker", "protocol": "json"}
    stepfunctions.AWS_SDK_ERROR_PREFIX["sagemaker"] = "SageMaker"
    stepfunctions.SERVICE_DISPATCH[PUT_EVENTS] = _put_events


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


def install_errors() -> None:
    """Name errors as the SDK for Java does."""

    def prefix_sdk_error(original: Callable[..., str], service_name: str, error_code: str) -> str:
        code = error_code.rpartition("#")[2]
        prefix = stepfunctions.AWS_SDK_ERROR_PREFIX.get(service_name)
        names = _modelled(stepfunctions.AWS_SDK_SERVICE_MAP.get(service_name, {}).get("service_key", service_name))
        if prefix is None or not names or code.startswith("States."):
            return original(service_name, code)
        if code.removesuffix("Exception") in names:
            return f"{prefix}.{code.removesuffix('Exception')}Exception"
        return f"{prefix}.{prefix}Exception"

    correct(stepfunctions.prefix_sdk_error, prefix_sdk_error)


@functools.lru_cache(maxsize=64)
def _modelled(service: str) -> frozenset[str]:
    """The errors that the service's model names, without `Exception` at the end; empty for an unknown service."""
    model = responses.service_model(service)
    if model is None:
        return frozenset()
    found = {shape.name for shape in model.error_shapes}
    codes = {shape.metadata.get("error", {}).get("code") or shape.name for shape in model.error_shapes}
    return frozenset(name.removesuffix("Exception").removesuffix("Fault") for name in found | codes)


RESULT_LIMIT = 262_144
"""Bytes that a state may hand on: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


def install() -> None:
    """Send S3 tasks through botocore."""

    def dispatch(
        original: Callable[..., Any], service_info: dict[str, Any], service_name: str, action: str, input_data: Any
    ) -> Any:
        if service_name != "s3":
            return original(service_info, service_name, action, input_data)
        return _call_s3(action[0].upper() + action[1:], input_data or {})

    correct(stepfunctions.dispatch_aws_sdk_rest_xml, dispatch)


def _call_s3(operation: str, given: dict[str, Any]) -> dict[str, Any]:
    import botocore.exceptions
    from botocore import xform_name

    client = _client(region(), threading.get_ident())
    if operation not in client.meta.service_model.operation_names:
        raise stepfunctions.ExecutionError("States.Runtime", f"S3 has no operation {operation}.")
    arguments = {"Tagging" if name == "tagging" else name: value for name, value in given.items()}
    if operation in ("PutObject", "UploadPart") and not isinstance(arguments.get("Body", ""), str):
        import json

        arguments["Body"] = json.dumps(arguments["Body"], separators=(",", ":"))
    try:
        answer = getattr(client, xform_name(operation))(**arguments)
    except botocore.exceptions.ClientError as error:
        raise stepfunctions.ExecutionError(_error_name(client, operation, error), _cause(error)) from error
    except botocore.exceptions.BotoCoreError as error:
        raise stepfunctions.ExecutionError("States.Runtime", str(error)) from error
    answer.pop("ResponseMetadata", None)
    return {name: _plain(value) for name, value in answer.items()}


def _plain(value: Any) -> Any:
    """A value as a state's output has it: times as ISO text, a body as text of at most 256 KiB."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
    if hasattr(value, "read"):
        value = value.read()
        if len(value) > RESULT_LIMIT:
            message = (
                "The state/task returned a result with a size exceeding the maximum number of bytes service limit."
            )
            raise stepfunctions.ExecutionError("States.DataLimitExceeded", message)
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value


def _error_name(client: Any, operation: str, error: Any) -> str:
    """The exception class of the SDK for Java: a modelled one by name, everything else is S3Exception."""
    code = error.response["Error"]["Code"]
    model = client.meta.service_model.operation_model(operation)
    known = {shape.name for shape in model.error_shapes} | {"NoSuchKey", "NoSuchBucket"}
    return f"S3.{code}Exception" if code in known else "S3.S3Exception"


def _cause(error: Any) -> str:
    answer = error.response["ResponseMetadata"]
    message = error.response["Error"].get("Message", "")
    return (
        f"{message} (Service: S3, Status Code: {answer['HTTPStatusCode']}, Request ID: {answer.get('RequestId', '')})"
    )


@functools.lru_cache(maxsize=64)
def _client(region_name: str, thread: int) -> Any:
    """An S3 client that is answered by this process; its signature is put on by the role's own call."""
    from botocore.config import Config

    client = core_session().create_client(
        "s3",
        region_name=region_name,
        endpoint_url=f"https://s3.{region_name}.amazonaws.com",
        aws_access_key_id="role",
        aws_secret_access_key="role",  # noqa: S106  (never sent: the request stays in this process)
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    client.meta.events.register("before-send.s3", _answer)
    return client


def _answer(request: Any, **_: Any) -> Any:
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    parts = urlsplit(request.url)
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }
    body = request.body or b""
    body = body.read() if hasattr(body, "read") else body
    status, sent, content = emulator.call_service_handler_sync(
        emulator.SERVICE_HANDLERS["s3"],
        request.method,
        unquote(parts.path),
        {"host": parts.netloc, **headers},
        body,
        parse_qs(parts.query, keep_blank_values=True),
    )
    answered = HTTPHeaders()
    for name, value in sent.items():
        answered[name] = str(value)
    raw = _Raw(content if isinstance(content, bytes) else (content or "").encode())
    return AWSResponse(request.url, status, answered, raw)


class _Raw(io.BytesIO):
    """An answer's body as urllib3 would hand it to botocore."""

    def stream(self, amount: int = 65536, **_: Any) -> Any:
        while chunk := self.read(amount):
            yield chunk
