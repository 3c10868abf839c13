"""The role of the model that the endpoint serves and batch transform asks."""

from __future__ import annotations

from collections.abc import Sequence

from infra.execution_statements import (
    image_statements,
    key_statements,
    log_statements,
    metric_statement,
    network_statements,
)
from infra.statement import Statement
from infra.transform_role import transform_statements

MODELS = "models/*"


def hosting_statements(
    *,
    bucket_arn: str,
    repository_arn: str,
    log_group_arn: str,
    transform_log_group_arn: str,
    ec2_arn: str,
    kms_key_arn: str | None,
    subnets: Sequence[str],
    security_group_ids: Sequence[str],
) -> list[Statement]:
    """What a served model may do: read `models/`, pull its image, write its log and its metrics; transform.

    log_group_arn: of the endpoint. transform_log_group_arn: SageMaker's one group for all transform jobs.

    All of `models/` and not the one artifact: an update or a new instance reads the old one while the policy may
    already name the next.
    """
    return [
        Statement("ReadModels", ("s3:GetObject",), (f"{bucket_arn}/{MODELS}",)),
        *image_statements(repository_arn),
        *transform_statements(bucket_arn),
        *log_statements(log_group_arn, shared=transform_log_group_arn),
        metric_statement("/aws/sagemaker/Endpoints", "/aws/sagemaker/TransformJobs"),
        *key_statements(kms_key_arn, writes=True),
        *network_statements(ec2_arn=ec2_arn, subnets=subnets, security_group_ids=security_group_ids),
    ]
