"""CloudFormation's own rollback triggers for an update of the hosting stack: its alarms on the whole variant.

SageMaker's guardrail rolls back an update of the endpoint alone, and watches it no longer than the update lasts. A
policy that refuses the callers, or a changed alarm, is no such update: CloudFormation rolls all of the stack's update
back when a trigger goes into ALARM while it runs or in the monitoring time after it.
A trigger must exist before the update, so the first deployment has none.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackConfiguration.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployment.endpoint.alarms import rollback_alarms
from kickstand.aws.deployed import is_deployed, stack_events
from kickstand.errors import Problem

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef

    from kickstand.names import Names

_STACK = "AWS::CloudFormation::Stack"


@dataclass(frozen=True, slots=True)
class Triggers:
    """The rollback triggers of one update of the hosting stack.

    alarms: names and ARNs. minutes: the monitoring time after the update.
    """

    alarms: Mapping[str, str]
    minutes: int

    @property
    def words(self) -> tuple[str, ...]:
        """For `cdk deploy`. The list is never left out: the stack would use the triggers of its last update."""
        arns = tuple(self.alarms.values()) or ("none",)
        listed = (word for arn in arns for word in ("--rollback-trigger-alarm-arns", arn))
        return (*listed, "--monitoring-time-minutes", str(self.minutes if self.alarms else 0))

    @property
    def sentence(self) -> str:
        """What CloudFormation watches, and how long."""
        if not self.alarms:
            return "CloudFormation watches no alarm."
        plural = "" if self.minutes == 1 else "s"
        after = f" and for {self.minutes} minute{plural} after it" if self.minutes else ""
        return f"CloudFormation watches {', '.join(self.alarms)} during the update{after}."


def find_triggers(session: boto3.Session, names: Names) -> Triggers | None:
    """Those that an update of the hosting stack can have now; None where the stack is yet to be made.

    An alarm that is in ALARM already is none: an update that is to end that (--despite-alarms) would be rolled back.
    """
    if not is_deployed(session.client("cloudformation"), names.hosting_stack):
        return None
    found = {
        alarm["AlarmName"]: alarm["AlarmArn"]
        for alarm in rollback_alarms(session, names)
        if alarm["AlarmName"] in names.variant_alarms and alarm["StateValue"] != "ALARM"
    }
    return Triggers(found, names.environment.traffic_shift.monitoring_minutes)


def last_event(cloudformation: CloudFormationClient, stack: str) -> str:
    """The id of the newest event of a stack that is there."""
    return next((event["EventId"] for event in stack_events(cloudformation, stack)), "")


def rollback_by_triggers(cloudformation: CloudFormationClient, stack: str, since: str) -> Problem | None:
    """CloudFormation's reason for a rollback that began although no resource had failed; None where there was none.

    since: `last_event` before the operation.
    """
    new: list[StackEventTypeDef] = []
    for event in stack_events(cloudformation, stack):
        if event["EventId"] == since:
            break
        new.append(event)
    for event in reversed(new):
        status, reason = event["ResourceStatus"], event.get("ResourceStatusReason", "")
        if event["ResourceType"] == _STACK and status == "UPDATE_ROLLBACK_IN_PROGRESS":
            return Problem(reason or "No reason is given.", f"stack {stack}")
        if status.endswith("_FAILED") and "cancelled" not in reason:
            return None
    return None
