"""State machines: AWS::StepFunctions::StateMachine, and the delivery of their executions' events to a log group."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from localcloud.ministack.door.cloudformation import correct_handler, provisioners
from localcloud.ministack.door.core import responses
from localcloud.ministack.door.names import correct
from localcloud.ministack.door.services import logs, stepfunctions
from localcloud.ministack.iam import acting
from localcloud.ministack.iam.sts import AccessDenied, RoleNotAssumable
from localcloud.ministack.stepfunctions.execution_role import SERVICE, check_trust, machine_arn
from localcloud.state import MACHINE_ROLE, taken

DELIVERY_ACTIONS = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)
"""What the role of a state machine that logs must be allowed, as the page above lists it."""

_NOT_AUTHORIZED = "The state machine IAM Role is not authorized to access the Log Destination"
_ERRORS = ("ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut", "FailStateEntered", "TaskFailed", "TaskTimedOut")
_FATAL = ("ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut")
_DATA = ("input", "output")


def install_logging() -> None:
    """Write the history of executions to their log groups, and refuse a role that may not deliver logs."""
    correct(stepfunctions.add_event, _logged)
    correct(stepfunctions.create_state_machine, _with_checked_logging)
    correct(stepfunctions.update_state_machine, _with_checked_logging)


def log_group(configuration: dict[str, Any] | None) -> str:
    """The name of the log group of a logging configuration; empty where nothing is to be logged."""
    given = configuration or {}
    if given.get("level", "OFF") == "OFF" or not given.get("destinations"):
        return ""
    arn = given["destinations"][0].get("cloudWatchLogsLogGroup", {}).get("logGroupArn", "")
    return str(arn.split(":log-group:")[-1].removesuffix(":*"))


def delivery_refusal(role_arn: str, machine: str, configuration: dict[str, Any] | None) -> str | None:
    """Why the role of the state machine (its ARN) cannot log, as Step Functions says it, or None."""
    if not log_group(configuration):
        return None
    if taken(MACHINE_ROLE):
        return _NOT_AUTHORIZED
    try:
        with acting.acting_as(role_arn, SERVICE, "logging", machine):
            for action in DELIVERY_ACTIONS:
                acting.require(action, "*")
    except (AccessDenied, RoleNotAssumable):
        return _NOT_AUTHORIZED
    return None


def _with_checked_logging(original: Callable[..., Any], data: dict[str, Any]) -> Any:
    known = stepfunctions.state_machines.get(data.get("stateMachineArn", "")) or {}
    role = data.get("roleArn") or known.get("roleArn", "")
    machine = data.get("stateMachineArn") or machine_arn(data.get("name", ""))
    refusal = delivery_refusal(role, machine, data.get("loggingConfiguration") or known.get("loggingConfiguration"))
    return responses.error_response_json("AccessDeniedException", refusal, 400) if refusal else original(data)


def _logged(
    original: Callable[..., Any], execution: dict[str, Any], event_type: str, details: dict[str, Any] | None = None
) -> Any:
    before = len(execution["events"])
    event = original(execution, event_type, details)
    machine = stepfunctions.state_machines.get(execution["stateMachineArn"]) or {}
    configuration = machine.get("loggingConfiguration") or {}
    group = log_group(configuration)
    if group:
        new = execution["events"][before:]
        first = execution["events"][:1] if before == 1 else []  # ExecutionStarted, which nobody added
        for each in (*first, *new):
            if _wanted(configuration["level"], each["type"]):
                _write(group, machine["name"], execution, each, bool(configuration.get("includeExecutionData")))
    return event


def _wanted(level: str, event_type: str) -> bool:
    return level == "ALL" or event_type in {"ERROR": _ERRORS, "FATAL": _FATAL}.get(level, ())


def _write(group: str, machine: str, execution: dict[str, Any], event: dict[str, Any], with_data: bool) -> None:
    """One log event, in the stream of the execution. A log group that is gone loses it, as on AWS."""
    started = datetime.fromisoformat(execution["startDate"].replace("Z", "+00:00")).astimezone(UTC)
    stream = f"states/{machine}/{started:%Y-%m-%d-%H-%M}/{execution['name'][:64].replace(':', '-').replace('*', '-')}"
    moment = datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00"))
    milliseconds = int(moment.timestamp() * 1000)
    details: dict[str, Any] = next((value for name, value in event.items() if name.endswith("EventDetails")), {})
    shown = {name: value for name, value in details.items() if with_data or name not in _DATA}
    record = {
        "id": str(event["id"]),
        "type": event["type"],
        "details": shown,
        "previous_event_id": str(max(0, event["id"] - 1)),
        "event_timestamp": str(milliseconds),
        "execution_arn": execution["executionArn"],
        "redrive_count": "0",
    }
    logs.create_log_stream.original()({"logGroupName": group, "logStreamName": stream})
    logs.put_log_events.original()(
        {
            "logGroupName": group,
            "logStreamName": stream,
            "logEvents": [{"timestamp": milliseconds, "message": json.dumps(record)}],
        }
    )


TYPE = "AWS::StepFunctions::StateMachine"

Properties = dict[str, Any]


def install_resources() -> None:
    """Complete the handlers of the type."""
    correct_handler(TYPE, "create", _created)
    correct_handler(TYPE, "update", _updated)


def _created(original: Callable[..., Any], logical_id: str, props: Properties, stack_name: str) -> Any:
    name = props.get("StateMachineName") or provisioners.physical_name.original()(stack_name, logical_id, max_len=80)
    return original(logical_id, _checked(props, machine_arn(name)), stack_name)


def _updated(
    original: Callable[..., Any], physical_id: str, old_props: Properties, new_props: Properties, *more: Any
) -> Any:
    return original(physical_id, _lower(old_props), _checked(new_props, physical_id), *more)


def _checked(props: Properties, machine: str) -> Properties:
    made = _lower(props)
    role = str(made.get("RoleArn", ""))
    problem = stepfunctions.validate_definition_jsonata.original()(provisioners.sfn_definition.original()(made))
    try:
        check_trust(role, machine)
    except AccessDenied as error:
        problem = problem or str(error)
    problem = problem or delivery_refusal(role, machine, made.get("LoggingConfiguration"))
    if problem:
        raise ValueError(f"Resource handler returned message: {problem} (Service: Sfn, Status Code: 400)")
    return made


def _lower(props: Properties) -> Properties:
    """The properties with the logging configuration in the API's spelling."""
    given = props.get("LoggingConfiguration")
    if not isinstance(given, dict) or "level" in given:
        return props
    made: dict[str, Any] = {
        "level": given.get("Level", "OFF"),
        "includeExecutionData": str(given.get("IncludeExecutionData", False)).lower() == "true",
    }
    groups = [each.get("CloudWatchLogsLogGroup", {}).get("LogGroupArn") for each in given.get("Destinations") or []]
    if groups:
        made["destinations"] = [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}} for arn in groups if arn]
    return {**props, "LoggingConfiguration": made}
