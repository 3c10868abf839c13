"""CloudWatch alarms of an environment, and the SNS topic that they alert.

Two families watch an endpoint. The rollback alarms decide during an update whether the new instances keep the traffic.
The operational alarms are for people. All are named: the hosting role may read the former by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.constructs.hosting import ABOVE_OWN_TAGS, VARIANT
from infra.policies.drift import ALERT_KEY_TAG
from kickstand.aws.instance_types import processors
from kickstand.config.operation import Alarms
from kickstand.names import Names

_MINUTE = 60
_INVOCATIONS, _INSTANCES = "AWS/SageMaker", "/aws/sagemaker/Endpoints"
_MICROSECONDS = 1000
"""In a millisecond: SageMaker's latencies are in microseconds."""


class Alarm(Construct):
    """One alarm: a statistic of a metric above a limit in `periods_over` of the last `periods` periods.

    name:      of the alarm.
    statistic: `Average`, `Sum`, `Maximum` or a percentile, `p99`.
    topic_arn: notified when it goes into ALARM and when it is OK again; None: no action.

    No data is no fault: SageMaker sends no metrics without requests.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        description: str,
        namespace: str,
        metric: str,
        statistic: str,
        dimensions: Mapping[str, str],
        limit: float,
        topic_arn: str | None,
        period_seconds: int = _MINUTE,
        periods: int = 1,
        periods_over: int = 1,
    ) -> None:
        super().__init__(scope, construct_id)
        percentile = statistic.startswith("p")
        actions = [topic_arn] if topic_arn else None
        alarm = cloudwatch.CfnAlarm(
            self,
            "Alarm",
            alarm_name=name,
            alarm_description=description,
            namespace=namespace,
            metric_name=metric,
            statistic=None if percentile else statistic,
            extended_statistic=statistic if percentile else None,
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name=key, value=value) for key, value in dimensions.items()
            ],
            period=period_seconds,
            evaluation_periods=periods,
            datapoints_to_alarm=periods_over,
            threshold=limit,
            comparison_operator="GreaterThanThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=actions,
            ok_actions=actions,
        )
        self.name: str = alarm.ref


class RollbackAlarms(Construct):
    """What rolls an update back: errors and latency, of the new instances alone and of the whole variant.

    config_name: the endpoint configuration of the new instances. SageMaker publishes what they answer under it too
                 (https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html).
    max_p99_ms:  limit of the model's latency.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, names: Names, config_name: str, max_p99_ms: float
    ) -> None:
        super().__init__(scope, construct_id)
        settings, topic = names.environment.hosting.alarms, names.alert_topic_arn
        variant = {"EndpointName": names.endpoint, "VariantName": VARIANT}
        limits = {
            "5xx-rate": ("Invocation5XXErrors", "Average", settings.max_5xx_rate, "answers with a 5xx status"),
            "model-errors": (
                *("InvocationModelErrors", "Average", settings.max_model_error_rate),
                "does not answer with a 2xx status",
            ),
            "p99-latency": ("ModelLatency", "p99", max_p99_ms * _MICROSECONDS, "answers late"),
        }
        self.names: list[str] = []
        for fleet, dimensions in (
            ("new", {**variant, "EndpointConfigName": config_name}),
            ("all", variant),
        ):
            for what, (metric, statistic, limit, text) in limits.items():
                alarm = Alarm(
                    self,
                    f"{fleet}-{what}",
                    name=names.rollback_alarm(fleet, what),
                    description=f"The model {text}: {_FLEETS[fleet]}",
                    namespace=_INVOCATIONS,
                    metric=metric,
                    statistic=statistic,
                    dimensions=dimensions,
                    limit=limit,
                    topic_arn=topic,
                    period_seconds=settings.period_seconds,
                    periods=settings.periods,
                    periods_over=settings.periods_over,
                )
                self.names.append(alarm.name)


_FLEETS = {"new": "instances of the newest configuration", "all": "all instances"}


def endpoint_alarms(scope: Construct, *, names: Names) -> None:
    """The operational alarms of an endpoint: refused requests, SageMaker's own share, its instances."""
    hosting = names.environment.hosting
    settings: Alarms = hosting.alarms
    variant = {"EndpointName": names.endpoint, "VariantName": VARIANT}
    overhead = settings.max_overhead_ms * _MICROSECONDS
    # CPUUtilization counts each processor with 100 %.
    cpu = settings.max_cpu_percent * processors(hosting.instance_type)
    for what, namespace, metric, limit, text in (
        ("4xx-rate", _INVOCATIONS, "Invocation4XXErrors", settings.max_4xx_rate, "The model refuses requests"),
        ("overhead", _INVOCATIONS, "OverheadLatency", overhead, "SageMaker passes requests on late"),
        ("cpu", _INSTANCES, "CPUUtilization", cpu, "The instances are busy"),
        ("memory", _INSTANCES, "MemoryUtilization", settings.max_memory_percent, "The instances' memory is full"),
        ("disk", _INSTANCES, "DiskUtilization", settings.max_disk_percent, "The instances' disks are full"),
    ):
        Alarm(
            scope,
            f"{what}-alarm",
            name=names.alarm(what),
            description=text,
            namespace=namespace,
            metric=metric,
            statistic="Average",
            dimensions=variant,
            limit=limit,
            topic_arn=names.alert_topic_arn,
            period_seconds=5 * _MINUTE,
            periods=3,
            periods_over=3,
        )


def failed_executions_alarm(scope: Construct, *, names: Names, state_machine_arn: str, what: str) -> None:
    """Alarm of a trigger whose job failed. what: `training` or `transform`."""
    Alarm(
        scope,
        "failed-executions-alarm",
        name=names.alarm(f"{what}-failed"),
        description=f"A {what} job failed: see the executions of the state machine",
        namespace="AWS/States",
        metric="ExecutionsFailed",
        statistic="Sum",
        dimensions={"StateMachineArn": state_machine_arn},
        limit=0,
        topic_arn=names.alert_topic_arn,
    )


def dead_letter_alarm(scope: Construct, *, names: Names) -> None:
    """Alarm of a schedule or a rule that could not start its state machine."""
    started = "its state machine" if names.environment.lifetime else "the training trigger"
    Alarm(
        scope,
        "dead-letters-alarm",
        name=names.alarm("not-started"),
        description=f"A schedule or a rule could not start {started}: see the dead-letter queue",
        namespace="AWS/SQS",
        metric="ApproximateNumberOfMessagesVisible",
        statistic="Maximum",
        dimensions={"QueueName": names.dead_letter_queue},
        limit=0,
        topic_arn=names.alert_topic_arn,
        period_seconds=5 * _MINUTE,
    )


class AlertTopic(Construct):
    """The topic of an environment's alarms, encrypted, with its subscriptions. Each address has to confirm.

    publishers: ARNs of roles that publish to it too: their policies name the topic, its key names them.

    Its key is its own: CloudWatch cannot publish to a topic with the AWS managed key
    (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: Names,
        emails: Sequence[str],
        publishers: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        own = {"StringEquals": {"aws:SourceAccount": names.environment.account}}
        alarms = {"ArnLike": {"aws:SourceArn": names.arn("cloudwatch", f"alarm:{names.prefix}-*")}}
        cloudwatch_service = {"Service": "cloudwatch.amazonaws.com"}
        key = kms.CfnKey(
            self,
            "Key",
            description=f"Alerts of {names.prefix}",
            enable_key_rotation=True,
            key_policy={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "Administer",
                        "Effect": "Allow",
                        "Principal": {"AWS": names.account_root},
                        "Action": list(_ADMINISTRATION),
                        "Resource": "*",  # a key policy's only resource is its key
                    },
                    {
                        "Sid": "EncryptAlerts",
                        "Effect": "Allow",
                        "Principal": cloudwatch_service,
                        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                        "Resource": "*",
                        "Condition": own,
                    },
                    *map(_notices, publishers),
                ],
            },
        )
        # Before a tag of the project's own by the same name: policies know the key by it.
        cdk.Tags.of(key).add(ALERT_KEY_TAG, names.prefix, priority=ABOVE_OWN_TAGS)
        if names.environment.retain:
            key.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        topic = sns.CfnTopic(
            self,
            "Topic",
            topic_name=names.alert_topic,
            display_name=f"{names.prefix} alerts"[:100],
            kms_master_key_id=key.attr_key_id,
        )
        policy = sns.CfnTopicPolicy(
            self,
            "Policy",
            topics=[topic.ref],
            policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "PublishAlarms",
                        "Effect": "Allow",
                        "Principal": cloudwatch_service,
                        "Action": "sns:Publish",
                        "Resource": topic.ref,
                        "Condition": own | alarms,
                    },
                    {
                        "Sid": "RequireTls",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "sns:Publish",
                        "Resource": topic.ref,
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    },
                ],
            },
        )
        for number, address in enumerate(sorted(emails), 1):
            sns.CfnSubscription(
                self, f"Email{number}", protocol="email", endpoint=address, topic_arn=topic.ref
            ).add_resource_dependency(policy)


def _notices(role_arn: str) -> dict[str, object]:
    grant = {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": "*"}
    return {"Sid": "EncryptNotices", "Principal": {"AWS": role_arn}, **grant}


_ADMINISTRATION = (
    *("kms:CancelKeyDeletion", "kms:DescribeKey", "kms:DisableKey", "kms:EnableKey", "kms:EnableKeyRotation"),
    *("kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags", "kms:PutKeyPolicy"),
    *("kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateKeyDescription"),
)
"""What the account's administrators may do with the key; reading alerts is not among it."""
