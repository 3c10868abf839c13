"""What stops an environment's endpoint by itself: a state machine, its schedules, and the alarm of an idle endpoint.

All but the alarm is in the training stack, which outlives the hosting stack that is deleted.
"""

from __future__ import annotations

import json

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from infra.constructs.alarms import Alarm
from infra.constructs.hosting import VARIANT
from infra.constructs.roles import ServiceRole
from infra.constructs.triggers import RETRIES, JobTrigger, trigger_role_and_log
from infra.policies.automation import dead_letter_statement, start_statement, stop_statements
from infra.state_machines.stop_definition import stop_definition
from infra.state_machines.stop_states import Stopped, stop_reasons
from kickstand.config.operation import WARNING_SECONDS, Lifetime
from kickstand.config.values import Window
from kickstand.names import Names, partition

_MINUTES_BEFORE = WARNING_SECONDS // 60


class StopMachine(Construct):
    """The state machine `PROJECT-ENV-stop`, its role, its log and the alarm of its failures."""

    def __init__(self, scope: Construct, construct_id: str, *, names: Names) -> None:
        super().__init__(scope, construct_id)
        self._names, self._lifetime = names, _chosen(names)
        role, log_group = trigger_role_and_log(
            self,
            names,
            machine_arn=names.stop_machine_arn,
            log_group_name=names.stop_machine_log_group,
            description=f"Stops the endpoint {names.endpoint} by itself",
            policy_name=names.stop_machine,
            statements=stop_statements(names),
        )
        machine = JobTrigger(
            self,
            "Machine",
            state_machine_name=names.stop_machine,
            definition=_definition(names, self._lifetime),
            role_arn=role.arn,
            log_group_arn=log_group.arn,
            untraced="Nearly all of its time it waits: the execution's history and its log tell all that a trace "
            "would, and X-Ray needs a role that may write everywhere.",
        )
        role.precede(machine.resource)
        Alarm(
            self,
            "failed-executions-alarm",
            name=names.alarm("stop-failed"),
            description="The endpoint could not be stopped, and is paid for: see the executions of the state machine",
            namespace="AWS/States",
            metric="ExecutionsFailed",
            statistic="Sum",
            dimensions={"StateMachineArn": machine.arn},
            limit=0,
            topic_arn=names.alert_topic_arn,
        )
        self.role_arn: str = role.arn
        self.arn: str = machine.arn

    def schedules(self, *, dead_letters_arn: str) -> None:
        """What starts it: each hour, where an endpoint is watched; half an hour before working hours end.

        `kickstand deploy` starts a watch itself. The hourly one is for deployments by other means, and ends at once
        where one runs or there is no hosting stack.
        """
        environment, names = self._names.environment, self._names
        role = ServiceRole(
            self,
            "ScheduleRole",
            service="scheduler.amazonaws.com",
            # EventBridge Scheduler acts for the group of a schedule, never for the schedule itself.
            source_arn=names.arn("scheduler", "schedule-group/default"),
            account=environment.account,
            description=f"Starts what stops the endpoint {names.endpoint}",
            policy_name=f"{names.stop_machine}-schedules",
            statements=[start_statement(self.arn, sid="StartStop"), dead_letter_statement(dead_letters_arn)],
            permissions_boundary=environment.roles.permissions_boundary,
            existing_role_arn=environment.roles.trigger,
        )
        awake = self._lifetime.awake
        chosen = {
            "watch": ("rate(1 hour)", None) if self._lifetime.watched else None,
            "awake": (notice_expression(awake), awake.timezone) if awake else None,
        }
        for reason, times in chosen.items():
            if times is None:
                continue
            schedule = scheduler.CfnSchedule(
                self,
                f"{reason.capitalize()}Schedule",
                name=names.stop_schedule(reason),
                description=f"Starts what stops the endpoint {names.endpoint}",
                schedule_expression=times[0],
                schedule_expression_timezone=times[1],
                flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
                target=scheduler.CfnSchedule.TargetProperty(
                    arn=self.arn,
                    role_arn=role.arn,
                    input=json.dumps({"Reason": reason}),
                    dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=dead_letters_arn),
                    retry_policy=RETRIES,
                ),
            )
            role.precede(schedule)
        # Neither started nor in the dead-letter queue, as without its role. The metric has no dimension but the group.
        Alarm(
            self,
            "lost-calls-alarm",
            name=names.alarm("stop-lost"),
            description="A schedule of the default group starts nothing and loses its dead letters: kickstand doctor",
            namespace="AWS/Scheduler",
            metric="InvocationsFailedToBeSentToDeadLetterCount",
            statistic="Sum",
            dimensions={"ScheduleGroup": "default"},
            limit=0,
            topic_arn=names.alert_topic_arn,
        )


def notice_expression(window: Window) -> str:
    """EventBridge's `cron(…)` of the notice before a window's end, in the window's own zone."""
    hours, minutes = divmod(window.ends - _MINUTES_BEFORE, 60)
    return f"cron({minutes} {hours} ? * {','.join(day.upper() for day in window.days)} *)"


def _definition(names: Names, lifetime: Lifetime) -> dict[str, object]:
    environment = names.environment
    stopped = Stopped(
        project=environment.project,
        environment=environment.name,
        endpoint=names.endpoint,
        stack=names.hosting_stack,
        machine_arn=names.stop_machine_arn,
        transform_machine_arn=names.transform_machine_arn,
        idle_alarm=names.idle_alarm,
        topic_arn=names.alert_topic_arn,
    )
    return stop_definition(stopped, lifetime, partition=partition(environment.region), reasons=stop_reasons(names))


def _chosen(names: Names) -> Lifetime:
    lifetime = names.environment.lifetime
    if lifetime is None:
        raise ValueError(f"{names.environment.name} never stops by itself.")
    return lifetime


class IdleAlarm(Construct):
    """In ALARM while nothing is asked of the endpoint. It notifies nobody: what stops the endpoint reads it.

    seconds: after which an idle endpoint stops, the half hour between notice and end among them.

    A new endpoint has no data, which is breaching: the reader has to have waited as long itself. Seven days at most,
    a day where a period is shorter than an hour:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    """

    def __init__(self, scope: Construct, construct_id: str, *, names: Names, seconds: int) -> None:
        super().__init__(scope, construct_id)
        window = seconds - WARNING_SECONDS
        period = 300 if window <= _DAY else _HOUR
        periods = -(-window // period)
        cloudwatch.CfnAlarm(
            self,
            "Alarm",
            alarm_name=names.idle_alarm,
            alarm_description=f"Nothing was asked of the endpoint: it stops after {names.environment.idle_after}",
            namespace="AWS/SageMaker",
            metric_name="Invocations",
            statistic="Sum",
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name=key, value=value)
                for key, value in (("EndpointName", names.endpoint), ("VariantName", VARIANT))
            ],
            period=period,
            evaluation_periods=periods,
            datapoints_to_alarm=periods,
            threshold=1,
            comparison_operator="LessThanThreshold",
            treat_missing_data="breaching",
        )


_HOUR, _DAY = 3600, 86_400
