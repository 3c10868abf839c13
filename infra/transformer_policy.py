"""The policy of whoever transforms: `kickstand transform`."""

from __future__ import annotations

from infra.statement import Statement
from kickstand.names import Names


def transformer_statements(names: Names) -> list[Statement]:
    """Upload rows, start and stop the transform trigger, follow jobs, fetch results.

    Not among them: starting a job past the trigger, passing a role, asking the endpoint.
    """
    bucket, key = names.bucket_arn, names.environment.storage.kms_key_arn
    log_group = names.arn("logs", "log-group:/aws/sagemaker/TransformJobs")
    return [
        Statement(
            "ListTransforms",
            ("s3:ListBucket",),
            (bucket,),
            conditions={"StringLike": {"s3:prefix": ("transform/input/*", "transform/output/*")}},
        ),
        Statement(
            "ReadTransforms",
            ("s3:GetObject", "s3:GetObjectAttributes"),
            (f"{bucket}/transform/input/*", f"{bucket}/transform/output/*"),
        ),
        Statement(
            "WriteInput",
            ("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"),
            (f"{bucket}/transform/input/*",),
        ),
        *([Statement("UseKey", ("kms:Decrypt", "kms:GenerateDataKey"), (key,))] if key else []),
        Statement(
            "StartTransform",
            ("states:DescribeStateMachine", "states:StartExecution"),
            (names.transform_machine_arn,),
        ),
        Statement(
            "FollowTransform",
            ("states:DescribeExecution", "states:StopExecution"),
            (names.arn("states", f"execution:{names.transform_machine}:*"),),
        ),
        Statement(
            "FollowJobs",
            ("sagemaker:DescribeTransformJob", "sagemaker:StopTransformJob"),
            (names.arn("sagemaker", f"transform-job/{names.prefix}-*"),),
        ),
        Statement("ReadLogs", ("logs:DescribeLogStreams", "logs:GetLogEvents"), (log_group, f"{log_group}:*")),
    ]
