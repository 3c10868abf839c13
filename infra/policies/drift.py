"""What drift detection needs: CloudFormation reads each resource with the permissions of whoever detects drift.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/detect-drift-stack.html
"""

from __future__ import annotations

from infra.policies.reviewer import alarm_arns
from infra.policies.statement import Statement
from kickstand.names import Names, partition

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
    stops = environment.lifetime is not None
    groups = (
        *(names.endpoint_log_group, names.state_machine_log_group, names.transform_machine_log_group),
        *((names.stop_machine_log_group,) * stops),
    )
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
            (names.state_machine_arn, names.transform_machine_arn, *((names.stop_machine_arn,) * stops)),
        ),
        Statement(
            "ReadPackageGroup",
            ("sagemaker:GetModelPackageGroupPolicy",),
            (names.arn("sagemaker", f"model-package-group/{names.model_package_group}"),),
        ),
        Statement("ReadAlarmTags", ("cloudwatch:ListTagsForResource",), (alarm_arns(names),)),
        *([Statement("ReadDashboard", _DASHBOARD, (names.dashboard_arn,))] if environment.has_dashboard else []),
        *_alert_statements(names),
        *_scaling_statements(names),
        *_starter_statements(names),
        *_stop_statements(names),
    ]


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
    training, lifetime = names.environment.training, names.environment.lifetime
    chosen = {
        names.schedule: training.schedule is not None,
        names.stop_schedule("watch"): lifetime is not None and lifetime.watched,
        names.stop_schedule("awake"): lifetime is not None and lifetime.awake is not None,
    }
    schedules = tuple(names.arn("scheduler", f"schedule/default/{name}") for name, there in chosen.items() if there)
    queue = Statement(
        "ReadDeadLetterQueue",
        ("sqs:GetQueueAttributes", "sqs:ListQueueTags"),
        (names.arn("sqs", names.dead_letter_queue),),
    )
    schedule = [Statement("ReadSchedule", ("scheduler:GetSchedule",), schedules)] if schedules else []
    rule = Statement(
        "ReadRule",
        ("events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule"),
        (names.arn("events", f"rule/{names.new_data_rule}"),),
    )
    starters = [*schedule, *([rule] if training.on_new_data else [])]
    return [*starters, *([queue] if starters else [])]


def _scaling_statements(names: Names) -> list[Statement]:
    """The endpoint's scalable target and what scales it, where something does."""
    if not names.environment.hosting.scaled:
        return []
    return [
        Statement(
            "ReadScaling",
            (
                "application-autoscaling:DescribeScalableTargets",
                "application-autoscaling:DescribeScalingPolicies",
                "application-autoscaling:DescribeScheduledActions",
            ),
            everywhere="Application Auto Scaling checks its lists against no resource.",
        ),
        Statement(
            "ReadScalingTags",
            ("application-autoscaling:ListTagsForResource",),
            # Application Auto Scaling makes the target's id.
            (names.arn("application-autoscaling", "scalable-target/*"),),
        ),
    ]


def _stop_statements(names: Names) -> list[Statement]:
    """What watches the endpoint where it stops by itself, for `kickstand status`: `reviewer` has no room for it."""
    if names.environment.lifetime is None:
        return []
    executions = names.arn("states", f"execution:{names.stop_machine}:*")
    return [
        Statement(
            "ReadStopMachine", ("states:DescribeStateMachine", "states:ListExecutions"), (names.stop_machine_arn,)
        ),
        Statement("ReadWatch", ("states:DescribeExecution",), (executions,)),
    ]
