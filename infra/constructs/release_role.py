"""The role that takes a promoted model into an environment: the one way into its `models/` from another account."""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.checks.policy_checks import acknowledge_wildcards
from infra.constructs.storage import registration_statements
from infra.policies.statement import READ_MODEL, Statement, policy_document
from kickstand.bucket import GOLDEN, LOCKS, METRICS, MODELS
from kickstand.names import Names, partition

_SECONDS = 3600
"""Of a session: a promotion takes minutes."""

_WRITTEN = (MODELS, GOLDEN, METRICS)


class ReleaseRole(Construct):
    """An environment's release role, assumed by whoever promotes into it.

    target:              the environment that the role belongs to.
    source:              the environment that it takes models from.
    permissions_boundary: ARN of a managed policy, or None.

    It has a name, unlike the other roles: the source's bucket policy knows it by that, from another account.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, target: Names, source: Names, permissions_boundary: str | None
    ) -> None:
        super().__init__(scope, construct_id)
        role = iam.CfnRole(
            self,
            "Role",
            role_name=target.release_role,
            assume_role_policy_document=_trust(target),
            description=f"Takes models of {source.prefix} into {target.prefix}",
            max_session_duration=_SECONDS,
            permissions_boundary=permissions_boundary,
        )
        statements = release_statements(target, source)
        policy = iam.CfnPolicy(
            self,
            "Policy",
            policy_name=target.release_role,
            policy_document=policy_document(statements),
            roles=[role.ref],
        )
        acknowledge_wildcards(policy, statements)
        self.arn: str = role.attr_arn


def _trust(target: Names) -> dict[str, Any]:
    """Who may assume the role: a caller of the environment's own account whose own policy allows it (promoter).

    The account as a principal delegates to its IAM policies, and names nobody of another account; a condition on
    aws:PrincipalAccount would say the same again. Narrower than that, the stack knows a caller only where the
    project file has a role_arn: every command that acts in the environment then does so in that role.
    """
    environment = target.environment
    account = f"arn:{partition(environment.region)}:iam::{environment.account}:root"
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    if environment.role_arn is not None:
        statement["Condition"] = {"ArnEquals": {"aws:PrincipalArn": environment.role_arn}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def release_statements(target: Names, source: Names) -> list[Statement]:
    """Read `models/` of the source and its own, add to its own bucket, register models in its own group.

    What it adds it cannot write over: IAM lets it write under `models/`, `golden/` and `metrics/` only on the
    condition that there is nothing yet (If-None-Match), and delete nothing but locks.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
    """
    buckets = tuple(dict.fromkeys((source.bucket_arn, target.bucket_arn)))
    own = target.bucket_arn
    locks = LOCKS.arn(own)
    return [
        Statement("ReadModels", READ_MODEL, tuple(MODELS.arn(bucket) for bucket in buckets)),
        Statement(
            "ListModels",
            ("s3:ListBucket",),
            (source.bucket_arn,),
            conditions={"StringLike": {"s3:prefix": (MODELS.objects,)}},
        ),
        # Whole: to those who may list some prefixes only, S3 says 403 of a missing object, and a lock that is gone
        # must be told from one that may not be read.
        Statement("ListOwn", ("s3:ListBucket",), (own,)),
        Statement(
            "AddModels",
            ("s3:PutObject",),
            tuple(prefix.arn(own) for prefix in _WRITTEN),
            conditions={"Null": {"s3:if-none-match": "false"}},
        ),
        Statement("Lock", ("s3:DeleteObject", "s3:GetObject", "s3:PutObject"), (locks,)),
        *_key_statements(target, source),
        *registration_statements(target),
    ]


def _key_statements(target: Names, source: Names) -> list[Statement]:
    """The keys of both environments, where they have their own: read with either, write with the target's."""
    own, theirs = target.environment.storage.kms_key_arn, source.environment.storage.kms_key_arn
    keys = tuple(dict.fromkeys(key for key in (theirs, own) if key is not None))
    return [
        *([Statement("ReadWithKeys", ("kms:Decrypt",), keys)] if keys else []),
        *([Statement("WriteWithKey", ("kms:GenerateDataKey",), (own,))] if own else []),
    ]
