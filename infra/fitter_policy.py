"""The policy of whoever trains: `kickstand upload`, `fit` and `adopt`."""

from __future__ import annotations

from infra.model_package_group import registration_statements
from infra.statement import Statement
from kickstand.names import Names

_ADDED = ("data", "models", "golden", "metrics", "manifests")
"""What is written once: the key names the content, or the job."""
_LATEST = "latest"
_READ = (*_ADDED, _LATEST, "training")


def fitter_statements(names: Names, *, bucket_arn: str, kms_key_arn: str | None) -> list[Statement]:
    """Upload data, start and stop the trigger, follow jobs, publish the model and register it.

    Not among them: starting a job past the trigger, passing a role, approving a model package, deploying, and writing
    over an object: only where there is none yet (If-None-Match) may it make one. The pointer to the latest data alone
    is written again and again.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
    """
    log_group = names.arn("logs", "log-group:/aws/sagemaker/TrainingJobs")
    signing_key = names.environment.signing.kms_key_arn
    return [
        Statement(
            "ListBucket",
            ("s3:ListBucket",),
            (bucket_arn,),
            conditions={"StringLike": {"s3:prefix": tuple(f"{prefix}/*" for prefix in _READ)}},
        ),
        Statement("FindBucket", ("s3:GetBucketLocation",), (bucket_arn,)),
        Statement(
            "Read", ("s3:GetObject", "s3:GetObjectAttributes"), tuple(f"{bucket_arn}/{prefix}/*" for prefix in _READ)
        ),
        Statement(
            "Add",
            ("s3:PutObject",),
            tuple(f"{bucket_arn}/{prefix}/*" for prefix in _ADDED),
            conditions={"Null": {"s3:if-none-match": "false"}},
        ),
        # Beginning an upload in parts and sending them has no such condition; its completion, which makes the object,
        # is under "Add".
        Statement(
            "SendParts",
            ("s3:PutObject",),
            (f"{bucket_arn}/data/*",),
            conditions={"Bool": {"s3:ObjectCreationOperation": "false"}},
        ),
        Statement("EndParts", ("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"), (f"{bucket_arn}/data/*",)),
        Statement("PointToLatest", ("s3:PutObject",), (f"{bucket_arn}/{_LATEST}/*",)),
        *([Statement("UseKey", ("kms:Decrypt", "kms:GenerateDataKey"), (kms_key_arn,))] if kms_key_arn else []),
        *([Statement("Sign", ("kms:GetPublicKey", "kms:Sign"), (signing_key,))] if signing_key else []),
        Statement(
            "StartTraining",
            ("states:DescribeStateMachine", "states:ListExecutions", "states:StartExecution"),
            (names.state_machine_arn,),
        ),
        Statement(
            "FollowTraining",
            ("states:DescribeExecution", "states:GetExecutionHistory", "states:StopExecution"),
            (names.arn("states", f"execution:{names.state_machine}:*"),),
        ),
        # Any job of the account may be adopted; its owner grants the reading of its artifact.
        Statement("DescribeJobs", ("sagemaker:DescribeTrainingJob",), (names.arn("sagemaker", "training-job/*"),)),
        Statement(
            "StopJobs", ("sagemaker:StopTrainingJob",), (names.arn("sagemaker", f"training-job/{names.prefix}-*"),)
        ),
        Statement(
            "ReadLogs",
            ("logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"),
            (log_group, f"{log_group}:*"),
        ),
        *registration_statements(names),
    ]
