"""What a SageMaker request names: the action and the ARN that IAM is asked about; subnets, security groups and keys.

A model package is named `group/version`, or by its full ARN. EC2's and KMS's own words stand in SageMaker's
ValidationException: which of them AWS looks up at the call and which when it starts a job is not documented, and what
is refused later on AWS is refused at the call here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from localcloud.sagemaker.api.call import Scope, validation_error

if TYPE_CHECKING:
    from localcloud.ministack.registry import Request


def model_package_key(record: Mapping[str, Any]) -> str:
    """`bikes/3`: what a version is kept by, and what Search calls it."""
    return f"{record['ModelPackageGroupName']}/{record['ModelPackageVersion']}"


def package_key(name_or_arn: str) -> str:
    """`bikes/3` of `arn:aws:sagemaker:us-east-1:123456789012:model-package/bikes/3` or of itself."""
    return last_part(name_or_arn, "model-package")


def group_name(name_or_arn: str) -> str:
    """`bikes` of `arn:…:model-package-group/bikes` or of itself."""
    return last_part(name_or_arn, "model-package-group")


def last_part(name_or_arn: str, kind: str) -> str:
    if not name_or_arn.startswith("arn:"):
        return name_or_arn
    return name_or_arn.split(":", 5)[5].removeprefix(f"{kind}/")


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


_KEYS = {
    "CreateEndpointConfig": ("KmsKeyId",),
    "CreateTrainingJob": ("OutputDataConfig.KmsKeyId", "ResourceConfig.VolumeKmsKeyId"),
    "CreateTransformJob": ("TransformOutput.KmsKeyId", "TransformResources.VolumeKmsKeyId"),
}
"""By operation, the members that name a key."""
_OUTPUT, _VOLUMES = ("kms:Encrypt", "kms:GenerateDataKey"), ("kms:CreateGrant",)
_USES = {
    "CreateTrainingJob": (("OutputDataConfig.KmsKeyId", _OUTPUT), ("ResourceConfig.VolumeKmsKeyId", _VOLUMES)),
    "CreateTransformJob": (("TransformOutput.KmsKeyId", _OUTPUT), ("TransformResources.VolumeKmsKeyId", _VOLUMES)),
}
"""By operation and member, what the execution role must be allowed with the key, by its policies and the key's.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html,
https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html (kms:CreateGrant)
"""


class Resources(Protocol):
    """What other services have, in the account and region of a request."""

    def vpc_of(self, scope: Scope, kind: str, name: str) -> str | None:
        """The VPC of a `subnet` or a `security group`; None where there is no such thing."""

    def key_problem(self, scope: Scope, key: str) -> str:
        """Why a key (its id, ARN or alias) cannot encrypt, in KMS's words; empty where it can."""

    def key_denial(self, scope: Scope, key: str, actions: tuple[str, ...], role_arn: str) -> str:
        """IAM's message where a role may not do an action with a key; empty where it may all.

        kms:CreateGrant may be the caller's instead of the role's. role_arn: empty for the caller alone.
        """


def check_references(operation: str, request: Mapping[str, Any], scope: Scope, resources: Resources) -> None:
    """Refuse a request that names what is not there, with everything that is missing. Raises ServiceError."""
    network = request.get("VpcConfig") or {}
    problems = [*_network_problems(network, scope, resources), *_key_problems(operation, request, scope, resources)]
    if problems:
        raise validation_error("; ".join(problems))


def check_key_uses(
    operation: str, request: Mapping[str, Any], scope: Scope, resources: Resources, role_arn: str
) -> None:
    """Refuse a job whose role may not use the keys that it names. Raises ServiceError."""
    problems = [
        f"Invalid {member}: {denial}"
        for member, actions in _USES.get(operation, ())
        if (key := _value(request, member)) and (denial := resources.key_denial(scope, key, actions, role_arn))
    ]
    if problems:
        raise validation_error("; ".join(problems))


def check_endpoint_key(config: Mapping[str, Any], scope: Scope, resources: Resources) -> None:
    """Refuse an endpoint whose caller may not let SageMaker use its configuration's key. Raises ServiceError."""
    key = config.get("KmsKeyId")
    if key and (denial := resources.key_denial(scope, key, _VOLUMES, "")):
        raise validation_error(f"Invalid KmsKeyId of {config['EndpointConfigName']}: {denial}")


def _value(request: Mapping[str, Any], member: str) -> Any:
    value: Any = request
    for step in member.split("."):
        value = (value or {}).get(step)
    return value


def _network_problems(network: Mapping[str, Any], scope: Scope, resources: Resources) -> Iterator[str]:
    vpcs = set()
    for kind, member, text in (
        ("subnet", "Subnets", "The subnet ID '{}' does not exist"),
        ("security group", "SecurityGroupIds", "The security group '{}' does not exist"),
    ):
        for name in network.get(member) or ():
            vpc = resources.vpc_of(scope, kind, name)
            if vpc is None:
                yield text.format(name)
            else:
                vpcs.add(vpc)
    if len(vpcs) > 1:
        yield f"The subnets and security groups of VpcConfig must be of one VPC; found {', '.join(sorted(vpcs))}"


def _key_problems(operation: str, request: Mapping[str, Any], scope: Scope, resources: Resources) -> Iterator[str]:
    for member in _KEYS.get(operation, ()):
        value = _value(request, member)
        if value and (problem := resources.key_problem(scope, value)):
            yield f"Invalid {member}: {problem}"
