"""SageMaker over HTTP: AWS JSON 1.1 for the control plane, as boto3, the `aws` command and CloudFormation send it."""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from localcloud.emulator.registry import Request, Response
from localcloud.sagemaker.call import Caller
from localcloud.sagemaker.control import Control
from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.scope import Scope

CONTENT_TYPE = "application/x-amz-json-1.1"
Result = TypeVar("Result")


async def answer_control(control: Control, request: Request, scope: Scope, caller: Caller, pool: Executor) -> Response:
    """The answer to a control plane request."""
    try:
        body = await off_loop(pool, lambda: _perform(control, request, scope, caller))
    except ServiceError as error:
        return _error(error)
    return Response(200, body, {"Content-Type": CONTENT_TYPE})


async def off_loop(pool: Executor, work: Callable[[], Result]) -> Result:
    """Do what blocks on a thread, in the account, the region and the name of the request."""
    return await asyncio.get_running_loop().run_in_executor(pool, contextvars.copy_context().run, work)


def _perform(control: Control, request: Request, scope: Scope, caller: Caller) -> bytes:
    try:
        members = json.loads(request.body or b"{}")
    except ValueError:
        raise ServiceError("SerializationException", "The request body is not JSON.") from None
    answer = control.perform(request.operation, scope, members, caller)
    # An operation without an output answers an empty body, not {}.
    return json.dumps(answer).encode() if answer or not request.operation.startswith(("Delete", "Stop")) else b""


def _error(error: ServiceError) -> Response:
    # AWS's own answers have the member `message`, and the code in the header as well, for the SDKs that read that.
    body = json.dumps({"__type": error.code, "message": error.message}).encode()
    return Response(error.status, body, {"Content-Type": CONTENT_TYPE, "x-amzn-ErrorType": error.code})
