"""Step Functions' SDK integrations, `arn:aws:states:::aws-sdk:SERVICE:ACTION`: any operation of a service that is here.

botocore writes the request and reads the answer by the service's model, and the request is answered in this process,
under the role of the state machine. ministack has a table of services and names by hand, without CloudFormation's.
"""

from __future__ import annotations

import functools
import io
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from localcloud.jobs.s3 import core_session
from localcloud.ministack.door.core import emulator, responses
from localcloud.ministack.door.names import correct
from localcloud.ministack.door.services import stepfunctions
from localcloud.ministack.registry import region
from localcloud.ministack.stepfunctions.sdk_names import (
    UnknownFieldError,
    exception_name,
    java_name,
    modelled_errors,
    to_request,
    to_result,
)

RESULT_LIMIT = 262_144
"""Bytes that a state may hand on: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""

_lock = threading.Lock()


def install() -> None:
    """Take the place of ministack's integrations."""
    correct(stepfunctions.invoke_aws_sdk_integration, _invoke)


def _invoke(_: Callable[..., Any], resource: str, arguments: Any) -> Any:
    package, action = f"{resource.partition(':aws-sdk:')[2]}:".split(":")[:2]
    return call(package, action.partition(".")[0], arguments or {})


class UnknownIntegrationError(ValueError):
    """There is no such service here, or it has no such operation."""


def answer(package: str, action: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The result of an operation: `answer("cloudformation", "describeStacks", {"StackName": "a"})`.

    Must run on a worker thread, with a role that acts. Raises UnknownIntegrationError, UnknownFieldError, and what
    botocore raises: ClientError for an error of the service.
    """
    from botocore import xform_name

    service = _services().get(package.lower())
    operation = action[:1].upper() + action[1:]
    client: Any = _client(service.name, service.endpoint, region()) if service else None
    if client is None or operation not in client.meta.service_model.operation_names:
        raise UnknownIntegrationError(f"There is no integration aws-sdk:{package}:{action} here.")
    model = client.meta.service_model.operation_model(operation)
    request = to_request(arguments, model.input_shape) if model.input_shape else {}
    found = getattr(client, xform_name(operation))(**_with_text_body(operation, request))
    return to_result(_read(found), model.output_shape) if model.output_shape else {}


def call(package: str, action: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The result of a task that calls an operation, see `answer`.

    Raises the error of a task: that of the SDK for Java, or States.Runtime for what Step Functions refuses by itself.
    """
    import botocore.exceptions

    try:
        return _limited(answer(package, action, arguments))
    except UnknownFieldError as error:
        message = f"The field '{error}' is not supported by Step Functions for aws-sdk:{package}:{action}."
        raise stepfunctions.ExecutionError("States.Runtime", message) from error
    except botocore.exceptions.ClientError as error:
        raise _task_error(_services()[package.lower()], error) from error
    except (UnknownIntegrationError, botocore.exceptions.BotoCoreError) as error:
        raise stepfunctions.ExecutionError("States.Runtime", str(error)) from error


def _task_error(service: _Service, error: Any) -> Exception:
    model = _client(service.name, service.endpoint, region()).meta.service_model
    errors = modelled_errors(model, model.operation_model(error.operation_name))
    name = exception_name(service.java, error.response["Error"]["Code"], errors)
    made: Exception = stepfunctions.ExecutionError(name, _cause(service.java, error))
    return made


def _with_text_body(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """S3's Body may be any JSON, which is written as text."""
    if operation not in ("PutObject", "UploadPart") or isinstance(request.get("Body", ""), str):
        return request
    return {**request, "Body": json.dumps(request["Body"], separators=(",", ":"))}


def _read(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value.read() if hasattr(value, "read") else value for name, value in answer.items()}


def _limited(result: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(result)) > RESULT_LIMIT:
        message = "The state/task returned a result with a size exceeding the maximum number of bytes service limit."
        raise stepfunctions.ExecutionError("States.DataLimitExceeded", message)
    return result


def _cause(service: str, error: Any) -> str:
    answer = error.response["ResponseMetadata"]
    message = error.response["Error"].get("Message", "")
    status, request = answer["HTTPStatusCode"], answer.get("RequestId", "")
    return f"{message} (Service: {service}, Status Code: {status}, Request ID: {request})"


@dataclass(frozen=True, slots=True)
class _Service:
    name: str
    """ministack's name, which requests are signed for."""
    endpoint: str
    """The first part of its host."""
    java: str


@functools.cache
def _services() -> dict[str, _Service]:
    """The services that are here, by the package of the SDK for Java."""
    found = {}
    for name in emulator.SERVICE_HANDLERS:
        if (model := responses.service_model(name)) is not None and "serviceId" in model.metadata:
            java = java_name(model.metadata["serviceId"])
            found[java.lower()] = _Service(name, model.metadata["endpointPrefix"], java)
    return found


@functools.lru_cache(maxsize=64)
def _client(name: str, endpoint: str, region_name: str) -> Any:
    """A client that is answered by this process; its signature is put on by the role's own call."""
    from botocore.config import Config

    with _lock:  # a session is not safe with threads, its clients are
        client = core_session().create_client(
            responses.BOTOCORE_NAME.get(name, name),
            region_name=region_name,
            endpoint_url=f"https://{endpoint}.{region_name}.amazonaws.com",
            aws_access_key_id="role",
            aws_secret_access_key="role",  # noqa: S106  (never sent: the request stays in this process)
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, inject_host_prefix=False),
        )
    client.meta.events.register("before-send", functools.partial(_answer, name))
    return client


def _answer(name: str, request: Any, **_: Any) -> Any:
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
        emulator.SERVICE_HANDLERS[name],
        request.method,
        unquote(parts.path),
        {"host": parts.netloc, **headers},
        body,
        parse_qs(parts.query, keep_blank_values=True),
    )
    answered = HTTPHeaders()
    for key, value in sent.items():
        answered[key] = str(value)
    raw = _Raw(content if isinstance(content, bytes) else (content or "").encode())
    return AWSResponse(request.url, status, answered, raw)


class _Raw(io.BytesIO):
    """An answer's body as urllib3 would hand it to botocore."""

    def stream(self, amount: int = 65536, **_: Any) -> Any:
        while chunk := self.read(amount):
            yield chunk
