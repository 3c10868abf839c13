"""A log group with a retention."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from constructs import Construct


class LogGroup(Construct):
    """A log group whose events expire.

    retention_days: how long events are kept.
    kms_key_arn:    key for the events; None for CloudWatch's own.
    retain:         whether it outlives its stack.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        log_group_name: str,
        retention_days: int,
        kms_key_arn: str | None,
        retain: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        group = logs.CfnLogGroup(
            self,
            "Group",
            log_group_name=log_group_name,
            retention_in_days=retention_days,
            kms_key_id=kms_key_arn,
        )
        group.apply_removal_policy(cdk.RemovalPolicy.RETAIN if retain else cdk.RemovalPolicy.DESTROY)
        self._group = group
        self.arn: str = group.attr_arn
        """Its ARN, which ends in `:*`."""

    def precede(self, resource: cdk.CfnResource) -> None:
        """Make `resource` once the group is there, so that it does not make one that keeps its events for ever."""
        resource.add_resource_dependency(self._group)
