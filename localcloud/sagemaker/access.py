"""What IAM is asked about a SageMaker request: the action and the resource's ARN.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from localcloud.sagemaker.model_package_name import group_name, package_key
from localcloud.sagemaker.scope import Scope

if TYPE_CHECKING:
    from localcloud.emulator.registry import Request

# The member of the request that names the resource, and the kind in its ARN.
_NAMES = {
    "TrainingJob": ("TrainingJobName", "training-job"),
    "TransformJob": ("TransformJobName", "transform-job"),
    "Model": ("ModelName", "model"),
    "EndpointConfig": ("EndpointConfigName", "endpoint-config"),
    "Endpoint": ("EndpointName", "endpoint"),
    "EndpointWeightsAndCapacities": ("EndpointName", "endpoint"),
    "ModelPackageGroup": ("ModelPackageGroupName", "model-package-group"),
}
_VERBS = ("Create", "Describe", "Update", "Delete", "Stop")
_INVOCATIONS = ("/invocations", "/async-invocations", "/invocations-response-stream")


def action_of(request: Request) -> str | None:
    """`sagemaker:InvokeEndpoint` for a runtime request; None leaves it to the X-Amz-Target header."""
    if endpoint_of(request.path) is None:
        return None
    suffix = request.path.rpartition("/")[2]
    return {
        "invocations": "sagemaker:InvokeEndpoint",
        "async-invocations": "sagemaker:InvokeEndpointAsync",
        "invocations-response-stream": "sagemaker:InvokeEndpointWithResponseStream",
    }[suffix]


def endpoint_of(path: str) -> str | None:
    """The endpoint's name of `/endpoints/NAME/invocations`; None for other paths."""
    if not path.startswith("/endpoints/") or not path.endswith(_INVOCATIONS):
        return None
    parts = path.split("/")
    return unquote(parts[2]) if len(parts) == 4 and parts[2] else None


def resource_of(request: Request, scope: Scope) -> str:
    """The ARN that policies are asked about; `*` for operations that act on no one resource."""
    endpoint = endpoint_of(request.path)
    if endpoint is not None:
        return scope.arn("endpoint", endpoint)
    try:
        members = json.loads(request.body or b"{}")
    except ValueError:
        return "*"
    return resource_of_operation(request.operation, members, scope) if isinstance(members, dict) else "*"


def resource_of_operation(operation: str, members: Mapping[str, Any], scope: Scope) -> str:
    """The ARN of the resource that a control plane operation acts on."""
    if operation in ("AddTags", "DeleteTags", "ListTags"):
        return str(members.get("ResourceArn") or "*")
    if operation == "ListModelPackages":
        return _packages_of_group(members, scope)
    verb = next((verb for verb in _VERBS if operation.startswith(verb)), "")
    noun = operation.removeprefix(verb) if verb else ""
    if noun == "ModelPackage":
        return _model_package(operation, members, scope)
    member, kind = _NAMES.get(noun, ("", ""))
    name = members.get(member)
    if not isinstance(name, str) or not name:
        return "*"
    return scope.arn(kind, group_name(name) if kind == "model-package-group" else name)


def _model_package(operation: str, members: Mapping[str, Any], scope: Scope) -> str:
    """A package's ARN; for one that is yet to be made, that of any version of its group."""
    if operation == "CreateModelPackage":
        return _packages_of_group(members, scope)
    name = members.get("ModelPackageArn") or members.get("ModelPackageName")
    return scope.arn("model-package", package_key(name)) if isinstance(name, str) else "*"


def _packages_of_group(members: Mapping[str, Any], scope: Scope) -> str:
    group = members.get("ModelPackageGroupName")
    return scope.arn("model-package", f"{group_name(group)}/*") if isinstance(group, str) else "*"
