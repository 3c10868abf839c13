"""A trigger: a state machine around one training or transform job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from infra.acknowledgement import acknowledge


class JobTrigger(Construct):
    """A state machine that logs each execution, its data included: they hold names and numbers, no rows.

    definition:    Amazon States Language; may hold tokens (the ARN of a role).
    role_arn:      the role it runs as.
    log_group_arn: ARN of its log group, `:*` at the end.
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
        acknowledge(
            state_machine,
            {
                "AwsSolutions-SF2": "One task that awaits one job: the execution's history and its log tell "
                "all that a trace would, and X-Ray needs a role that may write everywhere."
            },
        )
        self.resource: cdk.CfnResource = state_machine
        self.arn: str = state_machine.attr_arn
