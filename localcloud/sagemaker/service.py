"""SageMaker in the local cloud's server: put into the emulator, brought back after a restart, ended."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from localcloud.emulator import context as emulator
from localcloud.emulator import sagemaker_denial
from localcloud.emulator.cloudformation_operation import initiated
from localcloud.emulator.registry import Request, Response, register_service
from localcloud.emulator.sagemaker_cloudformation import register_resource_types
from localcloud.emulator.sagemaker_stepfunctions import register_integration
from localcloud.emulator.stepfunctions_execution import cancelled
from localcloud.sagemaker.access import action_of, endpoint_of, resource_of
from localcloud.sagemaker.control import Control
from localcloud.sagemaker.identity import ActingCaller, EmulatorBus, EmulatorResources, EmulatorRoles
from localcloud.sagemaker.image import Images
from localcloud.sagemaker.invocation_queue import InvocationQueue
from localcloud.sagemaker.processes import Processes
from localcloud.sagemaker.programs import Programs
from localcloud.sagemaker.resource_types import resource_types
from localcloud.sagemaker.runtime import Runtime, refusal
from localcloud.sagemaker.scope import Scope
from localcloud.sagemaker.stepfunctions import CREATE_TRAINING_JOB, CREATE_TRANSFORM_JOB, TRAINING, TRANSFORM, JobTask
from localcloud.sagemaker.store import TABLES, Record, Stores
from localcloud.sagemaker.wire import answer_control
from localcloud.server_context import ServerContext

IMAGE_TABLE = Path(__file__).resolve().parents[2] / "infra" / "xgboost_images.json"
_CONTROL_THREADS = 16

_control: Control | None = None


def install(context: ServerContext, processes: Processes | None = None) -> None:
    """Register the service, its resource types and its integration. Once, before the emulator starts.

    processes: what trains and hosts; the platform's programs unless a test gives others.
    """
    global _control
    stores = {name: emulator.RegionalStore[Record]() for name in TABLES}
    caller = ActingCaller()
    control = Control(
        Stores({name: store.scoped for name, store in stores.items()}),
        processes or Programs(),
        EmulatorRoles(context),
        Images.read(IMAGE_TABLE),
        folder=context.state.work / "sagemaker",
        resources=EmulatorResources(),
        bus=EmulatorBus(),
    )
    runtime = Runtime(control.stores, control.hosting)
    control_pool = ThreadPoolExecutor(_CONTROL_THREADS, thread_name_prefix="sagemaker")
    queue = InvocationQueue()

    async def handle(request: Request) -> Response:
        scope = current_scope()
        if endpoint_of(request.path) is not None or not request.operation:
            return await queue.answer(lambda: runtime.answer(request, scope), refusal)
        return await answer_control(control, request, scope, caller, control_pool)

    register_service(
        "sagemaker",
        target_prefix="SageMaker.",
        handler=handle,
        stores=stores,
        action=action_of,
        resource=lambda request: resource_of(request, current_scope()),
    )
    sagemaker_denial.install()
    register_resource_types(resource_types(control, caller, scope=current_scope, initiated=initiated))
    for resource, kind, runs in (
        (CREATE_TRAINING_JOB, TRAINING, control.runs),
        (CREATE_TRANSFORM_JOB, TRANSFORM, control.transforms),
    ):
        task = JobTask(control, caller, kind, runs, scope=current_scope, cancelled=cancelled)
        register_integration(resource, task)
    _control = control


def resume(context: ServerContext) -> None:
    """Close interrupted jobs and host endpoints again, in the background. Once the state is loaded."""
    if _control is not None:
        _control.resume()


def shutdown() -> None:
    """End every process of jobs and endpoints."""
    if _control is not None:
        _control.shutdown()


def current_scope() -> Scope:
    """Account and region of the request or the work at hand."""
    return Scope(emulator.account_id(), emulator.region())
