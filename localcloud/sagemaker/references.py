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


class Resources(Protocol):
    """What other services have, in the account and region of a request."""

    def vpc_of(self, scope: Scope, kind: str, name: str) -> str | None:
        """The VPC of a `subnet` or a `security group`; None where there is no such thing."""

    def key_problem(self, scope: Scope, key: str) -> str:
        """Why a key (its id, ARN or alias) cannot encrypt, in KMS's words; empty where it can."""


def check_references(operation: str, request: Mapping[str, Any], scope: Scope, resources: Resources) -> None:
    """Refuse a request that names what is not there, with everything that is missing. Raises ServiceError."""
    network = request.get("VpcConfig") or {}
    problems = [*_network_problems(network, scope, resources), *_key_problems(operation, request, scope, resources)]
    if problems:
        raise validation_error("; ".join(problems))


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
        value: Any = request
        for step in member.split("."):
            value = (value or {}).get(step)
        if value and (problem := resources.key_problem(scope, value)):
            yield f"Invalid {member}: {problem}"
