"""Service Quotas in the local cloud: SageMaker's instance quotas, as an account sees them that has enough.

Read only. Names, members and errors are AWS's; the codes are this cloud's own (AWS's are random, and clients find a
quota by its name). https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from localcloud.ministack import registry as emulator
from localcloud.ministack.registry import Request, Response, register_service
from localcloud.sagemaker.api.call import NOT_SUPPORTED, Scope, ServiceError
from localcloud.sagemaker.api.service_model import check_request, render, service_model
from localcloud.sagemaker.hosting.deployment_policy import DEFAULT_QUOTA
from localcloud.server.running import ServerContext

INSTANCES = float(DEFAULT_QUOTA)
"""Of each type and use: more than a laptop can run."""

_PAGE = 100
"""Both the default and the most that a page holds on AWS."""

_CONTENT_TYPE = "application/x-amz-json-1.1"
_USES = {
    "training job usage": "TrainingInstanceType",
    "spot training job usage": "TrainingInstanceType",
    "endpoint usage": "ProductionVariantInstanceType",
    "transform job usage": "TransformInstanceType",
}

_TOTALS = tuple(
    f"Number of instances across {what}"
    for what in ("active endpoints", "all spot training jobs", "all training jobs", "all transform jobs")
)
"""Quotas of an account's instances of all types."""


def install(context: ServerContext) -> None:
    """Register the service. Once, before the emulator starts."""

    async def handle(request: Request) -> Response:
        return answer(request, Scope(emulator.account_id(), emulator.region()))

    # IAM is asked about "*": only the operations that change a quota know its ARN.
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_servicequotas.html
    register_service("servicequotas", target_prefix="ServiceQuotasV20190624.", handler=handle, stores={})


def resume(context: ServerContext) -> None:
    """Nothing was running."""


def shutdown() -> None:
    """Nothing runs."""


def answer(request: Request, scope: Scope) -> Response:
    """The answer to one request of an account in a region."""
    try:
        body = json.dumps(_perform(request.operation, request.body, scope)).encode()
    except ServiceError as error:
        # What is wrong with a request has a name of its own in this service.
        code = "IllegalArgumentException" if error.code == "ValidationException" else error.code
        body = json.dumps({"__type": code, "message": error.message}).encode()
        return Response(error.status, body, {"Content-Type": _CONTENT_TYPE, "x-amzn-ErrorType": code})
    return Response(200, body, {"Content-Type": _CONTENT_TYPE})


def _perform(operation: str, body: bytes, scope: Scope) -> dict[str, Any]:
    listing = operation in ("ListServiceQuotas", "ListAWSDefaultServiceQuotas")
    if not listing and operation not in ("GetServiceQuota", "GetAWSDefaultServiceQuota"):
        raise ServiceError("UnknownOperationException", f"The operation {operation} is {NOT_SUPPORTED}.")
    try:
        members = json.loads(body or b"{}")
    except ValueError:
        raise ServiceError("SerializationException", "The request body is not JSON.") from None
    model = service_model("service-quotas").operation_model(operation)
    check_request(model.input_shape, members)
    if members["ServiceCode"] != "sagemaker":
        raise ServiceError("NoSuchResourceException", f"The service {members['ServiceCode']} is {NOT_SUPPORTED}.")
    found = [_quota(name, scope) for name in _names()]
    if "QuotaCode" in members:
        found = [quota for quota in found if quota["QuotaCode"] == members["QuotaCode"]]
    result = _page(found, members) if listing else _only(found)
    return render(model.output_shape, result)


def _only(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if not found:
        raise ServiceError("NoSuchResourceException", "The request failed because the specified quota does not exist.")
    return {"Quota": found[0]}


def _page(found: Sequence[Mapping[str, Any]], members: Mapping[str, Any]) -> dict[str, Any]:
    start, size = _offset(members.get("NextToken")), members.get("MaxResults", _PAGE)
    end = start + size
    token = base64.b64encode(str(end).encode()).decode() if end < len(found) else None
    return {"Quotas": found[start:end], "NextToken": token}


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.b64decode(token, validate=True))
    except ValueError:
        raise ServiceError("InvalidPaginationTokenException", "The pagination token is invalid.") from None


@cache
def _names() -> tuple[str, ...]:
    """`ml.m5.xlarge for training job usage`, …: each type of botocore's own lists, with each use of it; the totals."""
    sagemaker = service_model("sagemaker")
    by_type = (f"{kind} for {use}" for use, shape in _USES.items() for kind in sagemaker.shape_for(shape).enum)
    return tuple(sorted([*by_type, *_TOTALS]))


def _quota(name: str, scope: Scope) -> dict[str, Any]:
    code = f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"
    return {
        "ServiceCode": "sagemaker",
        "ServiceName": "Amazon SageMaker",
        "QuotaArn": scope.service_arn("servicequotas", f"sagemaker/{code}"),
        "QuotaCode": code,
        "QuotaName": name,
        "Value": INSTANCES,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
        "QuotaAppliedAtLevel": "ACCOUNT",
    }
