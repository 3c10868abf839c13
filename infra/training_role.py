"""The role of training jobs."""

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

DATA = "data/*"
OUTPUT = "training/*"


def training_statements(
    *,
    bucket_arn: str,
    repository_arn: str,
    log_group_arn: str,
    ec2_arn: str,
    kms_key_arn: str | None,
    subnets: Sequence[str],
    security_group_ids: Sequence[str],
) -> list[Statement]:
    """What a training job may do: read `data/`, write `training/`, pull its image, write its log and its metrics.

    It cannot read `models/` or its own outputs, and it cannot change data.
    """
    return [
        Statement("ReadData", ("s3:GetObject",), (f"{bucket_arn}/{DATA}",)),
        Statement("ListData", ("s3:ListBucket",), (bucket_arn,), conditions={"StringLike": {"s3:prefix": (DATA,)}}),
        Statement("WriteOutput", ("s3:AbortMultipartUpload", "s3:PutObject"), (f"{bucket_arn}/{OUTPUT}",)),
        *image_statements(repository_arn),
        *log_statements(shared=log_group_arn),
        metric_statement("/aws/sagemaker/TrainingJobs"),
        *key_statements(kms_key_arn, writes=True),
        *network_statements(ec2_arn=ec2_arn, subnets=subnets, security_group_ids=security_group_ids),
    ]
