"""Where a request acts: one account, one region."""

from __future__ import annotations

from dataclasses import dataclass

_PARTITIONS = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-isob-", "aws-iso-b"),
    ("us-isof-", "aws-iso-f"),
    ("us-iso-", "aws-iso"),
    ("eu-isoe-", "aws-iso-e"),
    ("eusc-", "aws-eusc"),
)


@dataclass(frozen=True, slots=True)
class Scope:
    """An account (12 digits) and a region."""

    account: str
    region: str

    @property
    def partition(self) -> str:
        return next((name for prefix, name in _PARTITIONS if self.region.startswith(prefix)), "aws")

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a SageMaker resource, such as `scope.arn("endpoint", "Bikes")`.

        SageMaker lowers the name in its ARNs, and IAM compares them so: a policy that names
        `endpoint/Bikes` never matches (API reference, CreateEndpoint, "EndpointName").
        """
        return f"arn:{self.partition}:sagemaker:{self.region}:{self.account}:{kind}/{name.lower()}"

    def service_arn(self, service: str, resource: str) -> str:
        """The ARN of another service's resource in this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"
