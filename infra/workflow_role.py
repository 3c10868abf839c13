"""A role that a job of a GitHub workflow assumes, with a token instead of a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.acknowledgement import acknowledge_wildcards
from infra.statement import Statement, policy_document

_SECONDS = 3600
"""Of a session: the longest that the workflows ask for."""


class WorkflowRole(Construct):
    """One role for one kind of job.

    role_name:    known: the workflow files name it.
    provider_arn: the OIDC provider.
    conditions:   what the token must say, by condition key: each value whole, no wildcard, no second one.
    policies:     ARNs of managed policies.
    statements:   what it may do besides; none: no policy of its own.
    permissions_boundary: ARN of a managed policy, or None.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        role_name: str,
        description: str,
        provider_arn: str,
        conditions: Mapping[str, str],
        policies: Sequence[str],
        statements: Sequence[Statement],
        permissions_boundary: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        trust = {
            "Effect": "Allow",
            "Principal": {"Federated": provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": dict(conditions)},
        }
        role = iam.CfnRole(
            self,
            "Role",
            role_name=role_name,
            assume_role_policy_document={"Version": "2012-10-17", "Statement": [trust]},
            description=description,
            managed_policy_arns=list(policies),
            max_session_duration=_SECONDS,
            permissions_boundary=permissions_boundary,
        )
        if statements:
            policy = iam.CfnPolicy(
                self,
                "Policy",
                policy_name=role_name,
                policy_document=policy_document(statements),
                roles=[role.ref],
            )
            acknowledge_wildcards(policy, statements)
        self.arn: str = role.attr_arn
