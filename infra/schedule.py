"""Training by the clock."""

from __future__ import annotations

import json

from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

LATEST_MANIFEST = "latest/manifest.json"


class TrainingSchedule(Construct):
    """Starts the training trigger on the data that was uploaded last.

    expression: EventBridge's `cron(…)`, in UTC, or `rate(…)`.
    role_arn:   the role that EventBridge Scheduler starts the state machine as.
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
                arn=state_machine_arn, role_arn=role_arn, input=json.dumps({"Manifest": LATEST_MANIFEST})
            ),
        )
