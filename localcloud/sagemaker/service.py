"""SageMaker in the local cloud's server: put into the emulator, served over HTTP, brought back after a restart, ended.

AWS JSON 1.1 for the control plane; how many invocations are at work at once.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from kickstand.images import image_table
from localcloud.cloudwatch import service as cloudwatch
from localcloud.cloudwatch.invocation_metrics import Served
from localcloud.cloudwatch.utilisation import Instance
from localcloud.ministack import registry as emulator
from localcloud.ministack.cloudformation.operation import initiated
from localcloud.ministack.cloudformation.template import register_resource_types
from localcloud.ministack.registry import Request, Response, register_service
from localcloud.ministack.stepfunctions.execution import cancelled
from localcloud.ministack.stepfunctions.integrations import register_integration
from localcloud.sagemaker.api.access import action_of, endpoint_of, resource_of
from localcloud.sagemaker.api.call import Caller, Scope, ServiceError
from localcloud.sagemaker.cloudformation.resource_types import resource_types
from localcloud.sagemaker.control import Control
from localcloud.sagemaker.hosting.runtime import Runtime, refusal
from localcloud.sagemaker.identity import ActingCaller, EmulatorBus, EmulatorResources, EmulatorRoles
from localcloud.sagemaker.image import Images
from localcloud.sagemaker.jobs.stepfunctions import JobTask
from localcloud.sagemaker.processes import Processes, Programs
from localcloud.sagemaker.store import TABLES, Record, Stores
from localcloud.server.running import ServerContext

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


AT_WORK = 64
"""Each waits on a thread for its model."""
WAITING = 448
"""Each holds its body, 6 MB at most."""


class InvocationQueue:
    """Does what asks models on threads of its own. Use it from one event loop."""

    def __init__(self, at_work: int = AT_WORK, waiting: int = WAITING) -> None:
        self._pool = ThreadPoolExecutor(at_work, thread_name_prefix="sagemaker-runtime")
        self._most = at_work + waiting
        self._count = 0
        self._closed = False

    async def answer(self, invoke: Callable[[], Response], refuse: Callable[[ServiceError], Response]) -> Response:
        """The answer of `invoke`, or, where too many are waiting, what `refuse` makes of a ThrottlingException."""
        if self._closed:
            return refuse(ServiceError("ServiceUnavailable", "The local cloud is being stopped.", 503))
        if self._count >= self._most:
            return refuse(ServiceError("ThrottlingException", "Rate exceeded"))
        self._count += 1
        try:
            return await off_loop(self._pool, invoke)
        finally:
            self._count -= 1

    async def close(self, seconds: float) -> None:
        """Take no further request, and give those at work some time to be answered."""
        self._closed = True
        deadline = asyncio.get_running_loop().time() + seconds
        while self._count and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)


_CONTROL_THREADS = 16

_control: Control | None = None
_queue: InvocationQueue | None = None


def install(context: ServerContext, processes: Processes | None = None) -> None:
    """Register the service, its resource types and its integration. Once, before the emulator starts.

    processes: what trains and hosts; the platform's programs unless a test gives others.
    """
    global _control, _queue
    stores = {name: emulator.RegionalStore[Record]() for name in TABLES}
    caller, watched = ActingCaller(), cloudwatch.installed()
    control = Control(
        Stores({name: store.scoped for name, store in stores.items()}),
        processes or Programs(context.state.faults_accepted_for),
        EmulatorRoles(context),
        Images.of(image_table()),
        folder=context.state.work / "sagemaker",
        resources=EmulatorResources(),
        bus=EmulatorBus(),
        durations=context.clock,
        alarms=watched.alarms,
    )
    watched.watch(lambda: running(control, context.state.work), lambda: in_service(control), lambda: peaks(control))
    runtime = Runtime(control.stores, control.hosting, watched.invocations)
    control_pool = ThreadPoolExecutor(_CONTROL_THREADS, thread_name_prefix="sagemaker")
    queue = InvocationQueue()

    async def handle(request: Request) -> Response:
        scope = current_scope()
        if endpoint_of(request.path) is not None or not request.operation:
            received = time.perf_counter()
            return await queue.answer(lambda: runtime.answer(request, scope, received), refusal)
        return await answer_control(control, request, scope, caller, control_pool)

    register_service(
        "sagemaker",
        target_prefix="SageMaker.",
        handler=handle,
        stores=stores,
        action=action_of,
        resource=lambda request: resource_of(request, current_scope()),
    )
    register_resource_types(resource_types(control, caller, scope=current_scope, initiated=initiated))
    for kind, runs in control.runs.items():
        task = JobTask(control, caller, kind, runs, scope=current_scope, cancelled=cancelled)
        register_integration(f"arn:aws:states:::sagemaker:create{kind.noun}", task)
    _control, _queue = control, queue


def resume(context: ServerContext) -> None:
    """Close interrupted jobs and host endpoints again, in the background. Once the state is loaded."""
    if _control is not None:
        _control.resume()


async def end_invocations(seconds: float) -> None:
    """Invoke nothing any more, and write what was captured, while S3 still takes it. Before the server stops.

    seconds: for requests that are being answered.
    """
    if _control is not None and _queue is not None:
        await _queue.close(seconds)
        await asyncio.to_thread(_control.hosting.captures.flush_all)


def shutdown() -> None:
    """End every process of jobs and endpoints."""
    if _control is not None:
        _control.shutdown()


def installed() -> Control:
    """That of this process's server. RuntimeError before it is installed."""
    if _control is None:
        raise RuntimeError("SageMaker is not installed yet")
    return _control


def running(control: Control, folder: Path) -> Iterator[Instance]:
    """The processes that serve models now, all of them on the disk of one folder."""
    for (scope, name), fleets in control.hosting.fleets().items():
        for fleet in fleets:
            for variant in fleet.sizes():
                for server in fleet.servers(variant):
                    if (pid := server.pid) is not None:
                        yield Instance(scope, name, variant, pid, folder)


def peaks(control: Control) -> Iterator[tuple[Served, int]]:
    """Most requests at one time, of each instance with traffic, since the last call."""
    for (scope, name), fleets in control.hosting.fleets().items():
        for fleet in fleets:
            for variant in fleet.sizes():
                for peak in fleet.peaks(variant):
                    yield Served(scope, name, variant, fleet.config), peak


def in_service(control: Control) -> Iterator[Served]:
    """The variants that serve now."""
    for scope, record in control.stores.endpoints.everywhere():
        if record["EndpointStatus"] == "InService":
            for shown in record.get("ProductionVariants") or ():
                yield Served(scope, record["EndpointName"], shown["VariantName"], record["EndpointConfigName"])


def current_scope() -> Scope:
    """Account and region of the request or the work at hand."""
    return Scope(emulator.account_id(), emulator.region())
