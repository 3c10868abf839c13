"""The policy of whoever promotes: `kickstand gate`, `promote` and `rollback`, out of an environment or into it."""

from __future__ import annotations

from infra.statement import Statement
from kickstand.names import Names

_READ = ("models", "metrics", "golden", "data/*/test")
"""What gates look at: models, their metrics, golden rows, and the rows that models are compared on."""


def promoter_statements(names: Names, *, bucket_arn: str, kms_key_arn: str | None, takes: bool) -> list[Statement]:
    """Read what the gates ask about, ask the endpoint, and (takes) assume the release role.

    takes: whether models are promoted into the environment, so that it has a release role.

    It writes nothing itself: what is written, the release role writes. Not among it: approving a model package
    (the approver does), deploying, training rows.
    """
    signing_key = names.environment.signing.kms_key_arn
    # doctor asks IAM whether the role may use the keys before a promotion does.
    role = Statement("TakeModels", ("iam:SimulatePrincipalPolicy", "sts:AssumeRole"), (names.release_role_arn,))
    return [
        *([role] if takes else []),
        Statement("Read", ("s3:GetObject", "s3:GetObjectAttributes"), tuple(f"{bucket_arn}/{p}/*" for p in _READ)),
        Statement(
            "ListBucket",
            ("s3:ListBucket",),
            (bucket_arn,),
            conditions={"StringLike": {"s3:prefix": tuple(f"{prefix}/*" for prefix in _READ)}},
        ),
        *([Statement("ReadWithKey", ("kms:Decrypt",), (kms_key_arn,))] if kms_key_arn else []),
        *([Statement("Sign", ("kms:GetPublicKey", "kms:Sign"), (signing_key,))] if signing_key else []),
        Statement(
            "AskEndpoint",
            ("sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint"),
            (names.arn("sagemaker", f"endpoint/{names.endpoint}"),),
        ),
        Statement(
            "DescribeServed",
            ("sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel"),
            # CloudFormation names these two.
            (names.arn("sagemaker", "endpoint-config/*"), names.arn("sagemaker", "model/*")),
        ),
        Statement(
            "ReadPackages",
            (
                "sagemaker:DescribeModelPackage",
                "sagemaker:DescribeModelPackageGroup",
                "sagemaker:ListModelPackages",
            ),
            (
                names.arn("sagemaker", f"model-package/{names.model_package_group}/*"),
                names.arn("sagemaker", f"model-package-group/{names.model_package_group}"),
            ),
        ),
        Statement(
            "ReadStacks",
            (
                "cloudformation:DescribeStackResources",
                "cloudformation:DescribeStacks",
                "cloudformation:GetTemplate",
                "cloudformation:ListStackResources",
            ),
            tuple(names.arn("cloudformation", f"stack/{s}/*") for s in (names.training_stack, names.hosting_stack)),
        ),
    ]
