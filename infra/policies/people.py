"""What people may do, one policy a job: train, promote, approve, invoke the endpoint, transform."""

from __future__ import annotations

from infra.constructs.storage import registration_statements
from infra.policies.statement import Statement
from kickstand.bucket import (
    DATA,
    GOLDEN,
    LATEST,
    MANIFESTS,
    METRICS,
    MODELS,
    TRAINING,
    TRANSFORM_INPUT,
    TRANSFORM_OUTPUT,
)
from kickstand.names import Names

_ADDED = (DATA, MODELS, GOLDEN, METRICS, MANIFESTS)
"""What is written once: the key names the content, or the job."""
_FITTER_READS = (*_ADDED, LATEST, TRAINING)


def fitter_statements(names: Names) -> list[Statement]:
    """Upload data, start and stop the trigger, follow jobs, publish the model and register it.

    Not among them: starting a job past the trigger, passing a role, approving a model package, deploying, and writing
    over an object: only where there is none yet (If-None-Match) may it make one. The pointer to the latest data alone
    is written again and again.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
    """
    log_group = names.arn("logs", "log-group:/aws/sagemaker/TrainingJobs")
    bucket_arn, kms_key_arn = names.bucket_arn, names.environment.storage.kms_key_arn
    signing_key = names.environment.signing.kms_key_arn
    return [
        Statement(
            "ListBucket",
            ("s3:ListBucket",),
            (bucket_arn,),
            conditions={"StringLike": {"s3:prefix": tuple(prefix.objects for prefix in _FITTER_READS)}},
        ),
        Statement("FindBucket", ("s3:GetBucketLocation",), (bucket_arn,)),
        Statement(
            "Read",
            ("s3:GetObject", "s3:GetObjectAttributes"),
            tuple(prefix.arn(bucket_arn) for prefix in _FITTER_READS),
        ),
        Statement(
            "Add",
            ("s3:PutObject",),
            tuple(prefix.arn(bucket_arn) for prefix in _ADDED),
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
        Statement("PointToLatest", ("s3:PutObject",), (LATEST.arn(bucket_arn),)),
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


_PROMOTER_READS = (MODELS, METRICS, GOLDEN, DATA.below("*/test"))
"""What gates look at: models, their metrics, golden rows, and the rows that models are compared on."""


def promoter_statements(names: Names, *, takes: bool) -> list[Statement]:
    """Read what the gates look at, invoke the endpoint, and (takes) assume the release role.

    takes: whether models are promoted into the environment, so that it has a release role.

    It writes nothing itself: what is written, the release role writes. Not among it: approving a model package
    (the approver does), deploying, training rows.
    """
    bucket_arn, kms_key_arn = names.bucket_arn, names.environment.storage.kms_key_arn
    signing_key = names.environment.signing.kms_key_arn
    # doctor asks IAM whether the role may use the keys before a promotion does.
    role = Statement("AssumeReleaseRole", ("iam:SimulatePrincipalPolicy", "sts:AssumeRole"), (names.release_role_arn,))
    return [
        *([role] if takes else []),
        Statement(
            "Read",
            ("s3:GetObject", "s3:GetObjectAttributes"),
            tuple(prefix.arn(bucket_arn) for prefix in _PROMOTER_READS),
        ),
        Statement(
            "ListBucket",
            ("s3:ListBucket",),
            (bucket_arn,),
            conditions={"StringLike": {"s3:prefix": tuple(prefix.objects for prefix in _PROMOTER_READS)}},
        ),
        *([Statement("ReadWithKey", ("kms:Decrypt",), (kms_key_arn,))] if kms_key_arn else []),
        *([Statement("Sign", ("kms:GetPublicKey", "kms:Sign"), (signing_key,))] if signing_key else []),
        Statement(
            "InvokeEndpoint",
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


def approver_statements(names: Names) -> list[Statement]:
    """Say yes or no to the versions of one model package group, and nothing of what a promoter may do."""
    packages = names.arn("sagemaker", f"model-package/{names.model_package_group}/*")
    return [
        Statement(
            "Approve",
            ("sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage"),
            (packages,),
        ),
        Statement("ListPackages", ("sagemaker:ListModelPackages",), (packages,)),
    ]


def predictor_statements(endpoint_arn: str) -> list[Statement]:
    """Ask one endpoint for predictions, and nothing else."""
    return [Statement("Predict", ("sagemaker:InvokeEndpoint",), (endpoint_arn,))]


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
            conditions={"StringLike": {"s3:prefix": (TRANSFORM_INPUT.objects, TRANSFORM_OUTPUT.objects)}},
        ),
        Statement(
            "ReadTransforms",
            ("s3:GetObject", "s3:GetObjectAttributes"),
            (TRANSFORM_INPUT.arn(bucket), TRANSFORM_OUTPUT.arn(bucket)),
        ),
        Statement(
            "WriteInput",
            ("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"),
            (TRANSFORM_INPUT.arn(bucket),),
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
