"""A managed policy for people and pipelines: one job, attached by whoever owns their roles."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.acknowledgement import acknowledge_wildcards
from infra.statement import Statement, policy_document


class ManagedPolicy(Construct):
    """A customer-managed policy under a known name, attached to nobody."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        policy_name: str,
        description: str,
        statements: Sequence[Statement],
    ) -> None:
        super().__init__(scope, construct_id)
        policy = iam.CfnManagedPolicy(
            self,
            "Policy",
            managed_policy_name=policy_name,
            # A change of this text would replace the policy, and with it every attachment.
            description=description,
            policy_document=policy_document(statements),
        )
        acknowledge_wildcards(policy, statements)
        self.arn: str = policy.ref
