"""Application Auto Scaling in the local cloud's server: API, resource types, and what SageMaker asks of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kickstand.aws.instance_types import family
from localcloud.autoscaling.operations import Operations
from localcloud.autoscaling.records import TABLES, Capacity, Records, TargetId
from localcloud.autoscaling.resource_types import resource_types
from localcloud.autoscaling.scaler import Scaler
from localcloud.cloudwatch import service as cloudwatch
from localcloud.ministack import registry as emulator
from localcloud.ministack.cloudformation.template import register_resource_types
from localcloud.ministack.cloudwatch.notification import take_actions
from localcloud.ministack.iam.linked_roles import LinkedRoles
from localcloud.ministack.registry import Request, Response, register_service
from localcloud.sagemaker import service as sagemaker
from localcloud.sagemaker.api.call import Scope, ServiceError
from localcloud.sagemaker.control import Control
from localcloud.sagemaker.identity import ActingCaller
from localcloud.sagemaker.service import CONTENT_TYPE, current_scope, off_loop
from localcloud.sagemaker.store import Record
from localcloud.server.running import ServerContext

_SETTLING_SECONDS = 3600.0
_THREADS = 4


class OwnName:
    """Application Auto Scaling itself, by its service-linked role, whose policy AWS keeps."""

    def require(self, action: str, resource: str, context: Mapping[str, str] | None = None) -> None:
        return

    def identity(self) -> Mapping[str, str]:
        return {}


class HostedVariants:
    """The variants of SageMaker's endpoints."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def capacity(self, scope: Scope, target: TargetId) -> Capacity | None:
        return _capacity(self._control.stores.endpoints.get(scope, target.endpoint), target)

    def burstable(self, scope: Scope, target: TargetId) -> bool:
        record = self._control.stores.endpoints.get(scope, target.endpoint) or {}
        hosted = record.get("_hosted") or record.get("_pending") or {}
        types = {one["VariantName"]: one["InstanceType"] for one in hosted.get("variants", ())}
        return family(types.get(target.variant, "")).startswith("t")

    def change(self, scope: Scope, target: TargetId, count: int) -> None:
        wanted = [{"VariantName": target.variant, "DesiredInstanceCount": count}]
        request = {"EndpointName": target.endpoint, "DesiredWeightsAndCapacities": wanted}
        self._control.perform("UpdateEndpointWeightsAndCapacities", scope, request, OwnName())

    def settled(self, scope: Scope, target: TargetId) -> Capacity | None:
        return _capacity(self._control.hosting.wait(scope, target.endpoint, _SETTLING_SECONDS), target)


def _capacity(record: Record | None, target: TargetId) -> Capacity | None:
    pending = (record or {}).get("PendingDeploymentSummary") or {}
    for shown in (record or {}).get("ProductionVariants") or pending.get("ProductionVariants") or ():
        if record is not None and shown["VariantName"] == target.variant:
            settled = record["EndpointStatus"] == "InService"
            return Capacity(shown["DesiredInstanceCount"], shown["CurrentInstanceCount"], settled)
    return None


_scaler: Scaler | None = None


def install(context: ServerContext) -> None:
    """Once, before the emulator starts, behind CloudWatch and SageMaker."""
    global _scaler
    control, watched, caller = sagemaker.installed(), cloudwatch.installed(), ActingCaller()
    stores = {name: emulator.RegionalStore[Record]() for name in TABLES}
    records, variants = Records({name: store.scoped for name, store in stores.items()}), HostedVariants(control)
    _scaler = scaler = Scaler(records, variants, watched.alarms, context.clock)
    operations = Operations(records, variants, watched.alarms, scaler, LinkedRoles(), context.clock)
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="autoscaling")

    async def handle(request: Request) -> Response:
        scope = current_scope()
        return await off_loop(pool, lambda: _answer(operations, request, scope, caller))

    register_service(
        "application-autoscaling",
        target_prefix="AnyScaleFrontendService.",
        handler=handle,
        stores=stores,
        resource=lambda request: _resource(operations, request, current_scope()),
    )
    register_resource_types(resource_types(operations, caller, scope=current_scope))
    control.endpoints.scaled = operations
    take_actions("autoscaling", scaler.triggered)
    watched.follow(scaler.minute)


def resume(context: ServerContext) -> None:
    """Close the activities that the last run's end cut short."""
    if _scaler is not None:
        _scaler.resume()


def shutdown() -> None:
    """Nothing runs but what SageMaker and CloudWatch end."""


def _answer(operations: Operations, request: Request, scope: Scope, caller: ActingCaller) -> Response:
    try:
        body = json.dumps(operations.perform(request.operation, scope, _members(request), caller)).encode()
    except ServiceError as error:
        body = json.dumps({"__type": error.code, "message": error.message}).encode()
        return Response(error.status, body, {"Content-Type": CONTENT_TYPE, "x-amzn-ErrorType": error.code})
    return Response(200, body, {"Content-Type": CONTENT_TYPE})


def _members(request: Request) -> dict[str, Any]:
    try:
        members = json.loads(request.body or b"{}")
    except ValueError:
        raise ServiceError("SerializationException", "The request body is not JSON.") from None
    return members if isinstance(members, dict) else {}


def _resource(operations: Operations, request: Request, scope: Scope) -> str:
    """The target's ARN, any where it is not registered yet; `*` for lists.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsapplicationautoscaling.html
    """
    if request.operation.startswith("Describe"):
        return "*"
    try:
        members = _members(request)
        if "ResourceARN" in members:
            return str(members["ResourceARN"])
        found = operations.find(scope, TargetId.of(members))
    except (ServiceError, KeyError):
        found = None
    return (
        str(found["ScalableTargetARN"]) if found else scope.service_arn("application-autoscaling", "scalable-target/*")
    )
