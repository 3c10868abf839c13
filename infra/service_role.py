"""A role that an AWS service takes on, with one policy."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.acknowledgement import acknowledge_wildcards
from infra.statement import Statement, policy_document


class ServiceRole(Construct):
    """A role for one service in this account, or the one that the organisation has made for it.

    service:        the service principal, `sagemaker.amazonaws.com`.
    source_arn:     on whose behalf the service may act: an ARN, `*` and `?` allowed. With the account it keeps
                    others from using the service as a deputy
                    (https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html).
    account:        the account of those resources.
    policy_name:    the name of the policy inside the role.
    statements:     what the role may do.
    permissions_boundary: ARN of a managed policy, or None.
    existing_role_arn: the organisation's role; nothing is made then, and its owner grants the statements.

    The role itself is not named: CloudFormation's name begins with the stack's, and a change that needs another
    role never collides with the old one.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: str,
        source_arn: str,
        account: str,
        description: str,
        policy_name: str,
        statements: Sequence[Statement],
        permissions_boundary: str | None,
        existing_role_arn: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._policy: iam.CfnPolicy | None = None
        self.arn: str
        if existing_role_arn is not None:
            self.arn = existing_role_arn
            return
        role = iam.CfnRole(
            self,
            "Role",
            assume_role_policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": service},
                        "Action": "sts:AssumeRole",
                        "Condition": {
                            "StringEquals": {"aws:SourceAccount": account},
                            "ArnLike": {"aws:SourceArn": source_arn},
                        },
                    }
                ],
            },
            description=description,
            permissions_boundary=permissions_boundary,
        )
        self._policy = iam.CfnPolicy(
            self, "Policy", policy_name=policy_name, policy_document=policy_document(statements), roles=[role.ref]
        )
        acknowledge_wildcards(self._policy, statements)
        self.arn = role.attr_arn

    def precede(self, resource: cdk.CfnResource) -> None:
        """Make `resource` only once the role has its policy; without, it is made first and refused at random."""
        if self._policy is not None:
            resource.add_resource_dependency(self._policy)
