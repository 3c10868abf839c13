"""What a reviewer may read: what was trained and what runs.

Beside it, what `kickstand doctor` checks. What drift detection needs is in drift.py. Nothing here changes anything.
"""

from __future__ import annotations

from infra.policies.statement import Statement
from kickstand.bucket import LATEST, MANIFESTS, METRICS, MODELS
from kickstand.names import Names, partition


def doctor_statements(names: Names) -> list[Statement]:
    """Read the bootstrap version, the region's state, quotas, the bucket's settings, existing roles and keys."""
    environment, given = names.environment, names.environment.roles
    roles = tuple(sorted({arn for arn in (given.training, given.hosting, given.trigger) if arn}))
    # What a role of the organisation's may do with the key, IAM says: its stack does not know the role's policies.
    own = (environment.storage.kms_key_arn, environment.hosting.capture.kms_key_arn if environment.captures else None)
    read = ("iam:GetRole", *(("iam:SimulatePrincipalPolicy",) if any(own) else ()))
    boundary = given.permissions_boundary
    keys = tuple(sorted({arn for arn in (*own, environment.logs.kms_key_arn) if arn}))
    scaling = (names.scaling_role_arn,) if environment.hosting.scaled else ()
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
            (names.bucket_arn,),
        ),
        *([Statement("ReadRoles", read, roles)] if roles else []),
        *([Statement("ReadScalingRole", ("iam:GetRole",), scaling)] if scaling else []),
        *([Statement("ReadBoundary", ("iam:GetPolicy",), (boundary,))] if boundary else []),
        *([Statement("ReadKeys", ("kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants"), keys)] if keys else []),
    ]


def bootstrap_version_arn(names: Names) -> str:
    """The parameter in which the CDK's bootstrap stack keeps its version."""
    return names.arn("ssm", f"parameter/cdk-bootstrap/{names.environment.bootstrap.qualifier}/version")


_READ = (MODELS, METRICS, MANIFESTS, LATEST)


def reviewer_statements(names: Names) -> list[Statement]:
    """Read the stacks, the endpoint and what it runs, jobs, model packages, logs, models and metrics, and what
    `kickstand doctor` asks.

    Of `data/`, `golden/` and `training/` the listing alone: rows may be more confidential than what was made of
    them.
    """
    key = names.environment.storage.kms_key_arn
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
        Statement("ReadAlarms", ("cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms"), (alarm_arns(names),)),
        Statement(
            "ListBucket", ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions"), (names.bucket_arn,)
        ),
        Statement("ReadModels", ("s3:GetObject",), tuple(prefix.arn(names.bucket_arn) for prefix in _READ)),
        *([Statement("UseKey", ("kms:Decrypt",), (key,))] if key else []),
        *doctor_statements(names),
    ]


def alarm_arns(names: Names) -> str:
    """All alarms of an environment, as one pattern."""
    return names.arn("cloudwatch", f"alarm:{names.prefix}-*")
