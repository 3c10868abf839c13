"""Subnets, security groups and KMS keys that a request names: they must be there when it is made.

EC2's and KMS's own words, in SageMaker's ValidationException: which of them AWS looks up at the call and which when it
starts a job is not documented, and what is refused later on AWS is refused at the call here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from localcloud.sagemaker.errors import validation_error
from localcloud.sagemaker.scope import Scope

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
