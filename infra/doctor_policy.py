"""What `kickstand doctor` asks beyond what a review reads: settings of the account and of what the stacks stand on."""

from __future__ import annotations

from infra.statement import Statement
from kickstand.names import Names, partition


def doctor_statements(names: Names, *, bucket_arn: str) -> list[Statement]:
    """Read the bootstrap version, the region's state, quotas, the bucket's settings, existing roles and keys."""
    environment = names.environment
    given = environment.roles
    roles = tuple(sorted({arn for arn in (given.training, given.hosting, given.trigger) if arn}))
    # What a role of the organisation's may do with the key, IAM says: its stack does not know the role's policies.
    read = ("iam:GetRole", *(("iam:SimulatePrincipalPolicy",) if environment.storage.kms_key_arn else ()))
    boundary = given.permissions_boundary
    keys = tuple(sorted({arn for arn in (environment.storage.kms_key_arn, environment.logs.kms_key_arn) if arn}))
    return [
        Statement(
            "ReadBootstrapVersion",
            ("ssm:GetParameter",),
            (bootstrap_version_arn(names),),
        ),
        Statement(
            "ReadRegionState",
            ("account:GetRegionOptStatus",),
            (f"arn:{partition(environment.region)}:account::{environment.account}:account",),
        ),
        Statement(
            "ReadQuotas",
            ("servicequotas:ListAWSDefaultServiceQuotas", "servicequotas:ListServiceQuotas"),
            everywhere="Service Quotas checks its lists against no resource.",
        ),
        Statement(
            "ReadBucketSettings",
            ("s3:GetBucketNotification", "s3:GetBucketVersioning", "s3:GetEncryptionConfiguration"),
            (bucket_arn,),
        ),
        *([Statement("ReadRoles", read, roles)] if roles else []),
        *([Statement("ReadBoundary", ("iam:GetPolicy",), (boundary,))] if boundary else []),
        *([Statement("ReadKeys", ("kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants"), keys)] if keys else []),
    ]


def bootstrap_version_arn(names: Names) -> str:
    """The parameter in which the CDK's bootstrap stack keeps its version."""
    return names.arn("ssm", f"parameter/cdk-bootstrap/{names.environment.bootstrap.qualifier}/version")
