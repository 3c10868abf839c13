"""The policy of whoever reviews: reads what was trained and what runs, changes nothing."""

from __future__ import annotations

from infra.doctor_policy import doctor_statements
from infra.statement import Statement
from kickstand.names import Names

_READ = ("models", "metrics", "manifests", "latest")


def reviewer_statements(names: Names, *, bucket_arn: str, kms_key_arn: str | None) -> list[Statement]:
    """Read the stacks, the endpoint and what it runs, jobs, model packages, logs, models and metrics, and what
    `kickstand doctor` asks.

    Of `data/`, `golden/` and `training/` the listing alone: rows may be more confidential than what was made of
    them.
    """
    return [
        Statement(
            "ReadStacks",
            (
                "cloudformation:DescribeChangeSet",
                "cloudformation:DescribeStackEvents",
                "cloudformation:DescribeStackResource",
                "cloudformation:DescribeStackResources",
                "cloudformation:DescribeStacks",
                "cloudformation:GetTemplate",
                "cloudformation:ListChangeSets",
                "cloudformation:ListStackResources",
            ),
            tuple(
                names.arn("cloudformation", f"stack/{stack}/*")
                for stack in (names.training_stack, names.hosting_stack, names.pipeline_stack)
            ),
        ),
        Statement(
            "ReadSageMaker",
            (
                "sagemaker:DescribeEndpoint",
                "sagemaker:DescribeEndpointConfig",
                "sagemaker:DescribeModel",
                "sagemaker:DescribeModelPackage",
                "sagemaker:DescribeModelPackageGroup",
                "sagemaker:DescribeTrainingJob",
                "sagemaker:DescribeTransformJob",
                "sagemaker:ListModelPackages",
                "sagemaker:ListTags",
            ),
            (
                names.arn("sagemaker", f"endpoint/{names.endpoint}"),
                # CloudFormation names these two.
                names.arn("sagemaker", "endpoint-config/*"),
                names.arn("sagemaker", "model/*"),
                names.arn("sagemaker", f"model-package/{names.model_package_group}/*"),
                names.arn("sagemaker", f"model-package-group/{names.model_package_group}"),
                names.arn("sagemaker", "training-job/*"),
                names.arn("sagemaker", f"transform-job/{names.prefix}-*"),
            ),
        ),
        Statement(
            "ListSageMaker",
            ("sagemaker:ListEndpoints", "sagemaker:ListTrainingJobs", "sagemaker:ListTransformJobs"),
            everywhere="SageMaker checks these lists against no resource.",
        ),
        Statement(
            "ReadExecutions",
            (
                "states:DescribeExecution",
                "states:DescribeStateMachine",
                "states:GetExecutionHistory",
                "states:ListExecutions",
            ),
            tuple(
                arn
                for name in (names.state_machine, names.transform_machine)
                for arn in (names.arn("states", f"stateMachine:{name}"), names.arn("states", f"execution:{name}:*"))
            ),
        ),
        Statement(
            "ReadLogs",
            ("logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"),
            tuple(
                names.arn("logs", f"log-group:{group}{end}")
                for group in ("/aws/sagemaker/TrainingJobs", names.endpoint_log_group, names.state_machine_log_group)
                for end in ("", ":*")
            ),
        ),
        Statement(
            "ReadMetrics",
            ("cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics"),
            everywhere="CloudWatch metrics are no resources.",
        ),
        Statement("ListBucket", ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions"), (bucket_arn,)),
        Statement("ReadModels", ("s3:GetObject",), tuple(f"{bucket_arn}/{prefix}/*" for prefix in _READ)),
        *([Statement("UseKey", ("kms:Decrypt",), (kms_key_arn,))] if kms_key_arn else []),
        *doctor_statements(names, bucket_arn=bucket_arn),
    ]
