"""What a reviewer may read: what was trained and what runs.

Beside it, what `kickstand doctor` checks and what drift detection needs: CloudFormation reads each resource with the
permissions of whoever detects drift. Nothing here changes anything.
"""

from __future__ import annotations

from infra.policies.scaling import scaling_statements
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
        Statement("ReadAlarms", ("cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms"), (_alarms(names),)),
        Statement(
            "ListBucket", ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions"), (names.bucket_arn,)
        ),
        Statement("ReadModels", ("s3:GetObject",), tuple(prefix.arn(names.bucket_arn) for prefix in _READ)),
        *([Statement("UseKey", ("kms:Decrypt",), (key,))] if key else []),
        *doctor_statements(names),
    ]


_BUCKET = (
    "s3:GetAccelerateConfiguration",
    "s3:GetAnalyticsConfiguration",
    "s3:GetBucketAbac",
    "s3:GetBucketAcl",
    "s3:GetBucketCORS",
    "s3:GetBucketLogging",
    "s3:GetBucketMetadataTableConfiguration",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketTagging",
    "s3:GetBucketWebsite",
    "s3:GetIntelligentTieringConfiguration",
    "s3:GetInventoryConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetMetricsConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:ListTagsForResource",
)
"""Beside what a doctor's examination reads of it."""

_DASHBOARD = ("cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource")
_ROLE_NAME_BEGINS = 24
"""Characters of a stack's name that are sure to be in the name that CloudFormation gives a role: of 64, it keeps
as many for the logical id, and a suffix."""


def drift_statements(names: Names) -> list[Statement]:
    """Detect drift of an environment's stacks, and read each type of resource that they have."""
    environment = names.environment
    iam = f"arn:{partition(environment.region)}:iam::{environment.account}"
    stacks = tuple(names.arn("cloudformation", f"stack/{s}/*") for s in (names.training_stack, names.hosting_stack))
    groups = (names.endpoint_log_group, names.state_machine_log_group, names.transform_machine_log_group)
    own_bucket = environment.storage.existing_bucket is None
    return [
        Statement(
            "DetectDrift",
            (
                "cloudformation:DescribeStackResourceDrifts",
                "cloudformation:DetectStackDrift",
                "cloudformation:DetectStackResourceDrift",
            ),
            stacks,
        ),
        Statement(
            "FollowDetection",
            ("cloudformation:DescribeStackDriftDetectionStatus",),
            everywhere="It is asked with the id of a detection, which is no resource.",
        ),
        *([Statement("ReadBucket", _BUCKET, (names.bucket_arn,))] if own_bucket else []),
        Statement(
            "ReadOwnRoles",
            ("iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"),
            (f"{iam}:role/{f'{names.prefix}-'[:_ROLE_NAME_BEGINS]}*",),
        ),
        Statement(
            "ReadOwnPolicies",
            ("iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListEntitiesForPolicy", "iam:ListPolicyVersions"),
            (f"{iam}:policy/{names.prefix}-*",),
        ),
        Statement(
            "ReadLogGroups",
            ("logs:GetDataProtectionPolicy", "logs:ListTagsForResource"),
            tuple(names.arn("logs", f"log-group:{group}{end}") for group in groups for end in ("", ":*")),
        ),
        Statement(
            "FindLogGroups",
            ("logs:DescribeIndexPolicies", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies"),
            everywhere="CloudWatch Logs checks these lists against no resource.",
        ),
        Statement(
            "ReadTriggers",
            ("states:ListTagsForResource",),
            (names.state_machine_arn, names.transform_machine_arn),
        ),
        Statement(
            "ReadPackageGroup",
            ("sagemaker:GetModelPackageGroupPolicy",),
            (names.arn("sagemaker", f"model-package-group/{names.model_package_group}"),),
        ),
        Statement("ReadAlarmTags", ("cloudwatch:ListTagsForResource",), (_alarms(names),)),
        *([Statement("ReadDashboard", _DASHBOARD, (names.dashboard_arn,))] if environment.has_dashboard else []),
        *_alert_statements(names),
        *scaling_statements(names),
        *_starter_statements(names),
    ]


def _alarms(names: Names) -> str:
    return names.arn("cloudwatch", f"alarm:{names.prefix}-*")


ALERT_KEY_TAG = "kickstand:alerts"
"""Tag of the key of an environment's topic, with the environment's prefix: KMS makes the key's id, so no policy can
name it before it is there. https://docs.aws.amazon.com/kms/latest/developerguide/tag-authorization.html"""


def _alert_statements(names: Names) -> list[Statement]:
    """The topic of alarms, its subscriptions and its key, where the stack has one."""
    if not names.environment.alerts.emails:
        return []
    topic = names.arn("sns", names.alert_topic)
    return [
        Statement(
            "ReadAlertTopic",
            (
                "sns:GetDataProtectionPolicy",
                "sns:GetTopicAttributes",
                "sns:ListSubscriptionsByTopic",
                "sns:ListTagsForResource",
            ),
            (topic,),
        ),
        Statement(
            "ReadSubscriptions",
            ("sns:GetSubscriptionAttributes",),
            everywhere="SNS checks a subscription's attributes against no resource.",
        ),
        Statement(
            "ReadAlertKey",
            ("kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"),
            (names.arn("kms", "key/*"),),
            conditions={"StringEquals": {f"aws:ResourceTag/{ALERT_KEY_TAG}": names.prefix}},
        ),
    ]


def _starter_statements(names: Names) -> list[Statement]:
    """What starts the trigger by itself, where the project file asks for it."""
    training = names.environment.training
    queue = Statement(
        "ReadDeadLetterQueue",
        ("sqs:GetQueueAttributes", "sqs:ListQueueTags"),
        (names.arn("sqs", names.dead_letter_queue),),
    )
    schedule = Statement(
        "ReadSchedule", ("scheduler:GetSchedule",), (names.arn("scheduler", f"schedule/default/{names.schedule}"),)
    )
    rule = Statement(
        "ReadRule",
        ("events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule"),
        (names.arn("events", f"rule/{names.new_data_rule}"),),
    )
    starters = [*([schedule] if training.schedule else []), *([rule] if training.on_new_data else [])]
    return [*starters, *([queue] if starters else [])]
