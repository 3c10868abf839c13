"""Triggers: state machines around one training or transform job, and what starts them (new data, a schedule)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from infra.checks.policy_checks import acknowledge
from infra.constructs.roles import ServiceRole
from infra.constructs.storage import LogGroup
from infra.policies.automation import transform_trigger_statements
from infra.policies.statement import Statement
from infra.state_machines.transform_definition import transform_definition
from kickstand.aws.instance_types import takes_volume_key
from kickstand.bucket import LATEST_MANIFEST, MANIFESTS, TRANSFORM_OUTPUT
from kickstand.names import Names, partition


class JobTrigger(Construct):
    """A state machine that logs each execution, its data included: they hold names and numbers, no rows.

    definition:    Amazon States Language; may hold tokens (the ARN of a role).
    role_arn:      the role it runs as.
    log_group_arn: ARN of its log group, `:*` at the end.
    untraced:      why X-Ray has no trace of it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        state_machine_name: str,
        definition: Mapping[str, Any],
        role_arn: str,
        log_group_arn: str,
        untraced: str = "One task that awaits one job: the execution's history and its log tell "
        "all that a trace would, and X-Ray needs a role that may write everywhere.",
    ) -> None:
        super().__init__(scope, construct_id)
        destination = stepfunctions.CfnStateMachine.LogDestinationProperty(
            cloud_watch_logs_log_group=stepfunctions.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                log_group_arn=log_group_arn
            )
        )
        state_machine = stepfunctions.CfnStateMachine(
            self,
            "StateMachine",
            state_machine_name=state_machine_name,
            state_machine_type="STANDARD",
            definition_string=cdk.Stack.of(self).to_json_string(definition),
            role_arn=role_arn,
            logging_configuration=stepfunctions.CfnStateMachine.LoggingConfigurationProperty(
                level="ALL", include_execution_data=True, destinations=[destination]
            ),
        )
        acknowledge(state_machine, {"AwsSolutions-SF2": untraced})
        self.resource: cdk.CfnResource = state_machine
        self.arn: str = state_machine.attr_arn


def trigger_role_and_log(
    scope: Construct,
    names: Names,
    *,
    machine_arn: str,
    log_group_name: str,
    description: str,
    policy_name: str,
    statements: Sequence[Statement],
    prefix: str = "",
) -> tuple[ServiceRole, LogGroup]:
    """What the state machine of a JobTrigger runs as, and where it logs. prefix: of the ids of both in `scope`."""
    environment = names.environment
    role = ServiceRole(
        scope,
        f"{prefix}Role",
        service="states.amazonaws.com",
        source_arn=machine_arn,
        account=environment.account,
        description=description,
        policy_name=policy_name,
        statements=statements,
        permissions_boundary=environment.roles.permissions_boundary,
        existing_role_arn=environment.roles.trigger,
    )
    return role, LogGroup(
        scope,
        f"{prefix}Log",
        log_group_name=log_group_name,
        retention_days=environment.logs.retention_days,
        kms_key_arn=environment.logs.kms_key_arn,
        retain=environment.retain,
    )


class DeadLetterQueue(Construct):
    """Where EventBridge puts an event or a schedule's call that could not start its state machine, for 14 days.

    rule_arn: the rule that may send to it; a schedule sends as its own role.
    """

    def __init__(self, scope: Construct, construct_id: str, *, names: Names, rule_arn: str) -> None:
        super().__init__(scope, construct_id)
        queue = sqs.CfnQueue(
            self,
            "Queue",
            queue_name=names.dead_letter_queue,
            message_retention_period=_FOURTEEN_DAYS,
            sqs_managed_sse_enabled=True,
        )
        acknowledge(
            queue,
            {
                "AwsSolutions-SQS3": "It is a dead-letter queue itself, of EventBridge and its Scheduler.",
                "AwsSolutions-SQS4": "Its policy refuses to send, read and delete messages without TLS, each by name.",
            },
        )
        sqs.CfnQueuePolicy(
            self,
            "Policy",
            queues=[queue.ref],
            policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "SendFailedEvents",
                        "Effect": "Allow",
                        "Principal": {"Service": "events.amazonaws.com"},
                        "Action": "sqs:SendMessage",
                        "Resource": queue.attr_arn,
                        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
                    },
                    {
                        "Sid": "RequireTls",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": list(_MESSAGES),
                        "Resource": queue.attr_arn,
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    },
                ],
            },
        )
        self.arn: str = queue.attr_arn


_MESSAGES = ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage", "sqs:SendMessage")
_FOURTEEN_DAYS = 14 * 24 * 3600


class NewDataRule(Construct):
    """Starts the training trigger when an upload is whole.

    An upload writes its manifest last, and no manifest twice: so it is one event for one set of data, however many
    files it has.

    bucket_name: the artifact bucket, which must send its events to EventBridge.
    role_arn:    the role that EventBridge starts the state machine as.
    dead_letters_arn: the queue of what could not start it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        rule_name: str,
        bucket_name: str,
        state_machine_arn: str,
        role_arn: str,
        dead_letters_arn: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self.resource = events.CfnRule(
            self,
            "Rule",
            name=rule_name,
            description="Trains when kickstand upload has published new data",
            event_pattern={
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {"bucket": {"name": [bucket_name]}, "object": {"key": [{"prefix": MANIFESTS.key}]}},
            },
            state="ENABLED",
            targets=[
                events.CfnRule.TargetProperty(
                    id="Training",
                    arn=state_machine_arn,
                    role_arn=role_arn,
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=dead_letters_arn),
                    input_transformer=events.CfnRule.InputTransformerProperty(
                        input_paths_map={"key": "$.detail.object.key"}, input_template='{"Manifest": <key>}'
                    ),
                )
            ],
        )


RETRIES = scheduler.CfnSchedule.RetryPolicyProperty(maximum_retry_attempts=5, maximum_event_age_in_seconds=3600)
"""Of a schedule's call. EventBridge Scheduler's own, 185, take a day, before which no dead letter raises an alarm."""


class TrainingSchedule(Construct):
    """Starts the training trigger on the data that was uploaded last.

    A `rate(…)` is due when the schedule is made, for the first time: it has no StartDate, which a synthesis without a
    clock cannot know (https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#rate-based).

    expression: EventBridge's `cron(…)`, in UTC, or `rate(…)`.
    role_arn:   the role that EventBridge Scheduler starts the state machine as.
    dead_letters_arn: the queue of what could not start it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        schedule_name: str,
        expression: str,
        state_machine_arn: str,
        role_arn: str,
        dead_letters_arn: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self.resource = scheduler.CfnSchedule(
            self,
            "Schedule",
            name=schedule_name,
            description="Trains again on the data that was uploaded last",
            schedule_expression=expression,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=state_machine_arn,
                role_arn=role_arn,
                input=json.dumps({"Manifest": LATEST_MANIFEST}),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=dead_letters_arn),
                retry_policy=RETRIES,
            ),
        )


class TransformTrigger(Construct):
    """What `kickstand transform` starts.

    model_name:       the model that the endpoint serves.
    hosting_role_arn: the role that the model works in.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, names: Names, model_name: str, hosting_role_arn: str
    ) -> None:
        super().__init__(scope, construct_id)
        environment = names.environment
        role, log_group = trigger_role_and_log(
            self,
            names,
            machine_arn=names.transform_machine_arn,
            log_group_name=names.transform_machine_log_group,
            description=f"The transform trigger of {names.prefix}",
            policy_name=f"{names.prefix}-transform",
            statements=transform_trigger_statements(names, hosting_role_arn=hosting_role_arn),
        )
        trigger = JobTrigger(
            self,
            "Trigger",
            state_machine_name=names.transform_machine,
            definition=transform_definition(
                partition=partition(environment.region),
                project=environment.project,
                environment=environment.name,
                job_prefix=names.prefix,
                job={"ModelName": model_name, "TransformResources": _resources(names)},
                output_uri=f"s3://{names.bucket}/{TRANSFORM_OUTPUT.name}",
                kms_key_arn=environment.storage.kms_key_arn,
                tags=environment.tags,
            ),
            role_arn=role.arn,
            log_group_arn=log_group.arn,
        )
        role.precede(trigger.resource)
        self.arn: str = trigger.arn


def _resources(names: Names) -> dict[str, Any]:
    """TransformResources of CreateTransformJob."""
    settings, key = names.environment.transform, names.environment.storage.kms_key_arn
    resources: dict[str, Any] = {"InstanceType": settings.instance_type, "InstanceCount": settings.instance_count}
    if key is not None and takes_volume_key(settings.instance_type):
        resources["VolumeKmsKeyId"] = key
    return resources
