"""Every name of an environment's resources, made in one place from project, environment, account and region.

Each begins with PROJECT-ENV, so that projects share an account and a region.
"""

from __future__ import annotations

from dataclasses import dataclass

from kickstand.config.model import Environment


def partition(region: str) -> str:
    """The AWS partition of a region: `aws`, `aws-cn`, `aws-us-gov`, `aws-iso`, …"""
    for prefix, name in _PARTITIONS:
        if region.startswith(prefix):
            return name
    return "aws"


_PARTITIONS = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("us-isof-", "aws-iso-f"),
    ("eu-isoe-", "aws-iso-e"),
    ("eusc-", "aws-eusc"),
)


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one environment."""

    environment: Environment

    @property
    def prefix(self) -> str:
        return f"{self.environment.project}-{self.environment.name}"

    @property
    def training_stack(self) -> str:
        return f"{self.prefix}-training"

    @property
    def hosting_stack(self) -> str:
        return f"{self.prefix}-hosting"

    @property
    def bucket(self) -> str:
        """The artifact bucket: the organisation's own, or `PROJECT-ENV-ACCOUNT-REGION`."""
        existing = self.environment.storage.existing_bucket
        return existing or f"{self.prefix}-{self.environment.account}-{self.environment.region}"

    @property
    def endpoint(self) -> str:
        return self.prefix

    @property
    def model_package_group(self) -> str:
        return self.prefix

    @property
    def state_machine(self) -> str:
        return f"{self.prefix}-training"

    @property
    def state_machine_arn(self) -> str:
        return self.arn("states", f"stateMachine:{self.state_machine}")

    def managed_policy(self, job: str) -> str:
        """The name of the managed policy for `fitter`, `predictor` or `reviewer`."""
        return f"{self.prefix}-{job}-{self.environment.region}"

    def arn(self, service: str, resource: str) -> str:
        environment = self.environment
        return f"arn:{partition(environment.region)}:{service}:{environment.region}:{environment.account}:{resource}"
