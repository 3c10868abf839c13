"""AWS::StepFunctions::StateMachine made as CreateStateMachine makes it: role, definition and logging checked.

ministack writes the record itself, so a stack would take a role that the API refuses, and keeps the logging
configuration in the template's spelling, which DescribeStateMachine then does not show.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.emulator.credentials import AccessDenied
from localcloud.emulator.seam import Seam, SeamMovedError, attribute, entry
from localcloud.emulator.stepfunctions_execution import SFN
from localcloud.emulator.stepfunctions_logging import delivery_refusal
from localcloud.emulator.stepfunctions_role import check_trust, machine_arn

PROVISIONERS = "ministack.services.cloudformation.provisioners"
TYPE = "AWS::StepFunctions::StateMachine"
DEFINITION = Seam(PROVISIONERS, "_sfn_definition", ("props",))
PHYSICAL_NAME = Seam(PROVISIONERS, "_physical_name", ("stack_name", "logical_id", "lowercase", "max_len", "seeded"))
VALIDATE = Seam(SFN, "_validate_definition_jsonata", ("definition_str",))

Properties = dict[str, Any]


def install() -> None:
    """Complete the handlers of the type."""
    DEFINITION.original()
    PHYSICAL_NAME.original()
    VALIDATE.original()
    handlers = attribute(PROVISIONERS, "_RESOURCE_HANDLERS", dict).get(TYPE)
    if handlers is None:
        raise SeamMovedError(f"_RESOURCE_HANDLERS has no {TYPE}")
    entry(handlers, "create", _created, f"_RESOURCE_HANDLERS[{TYPE}]")
    entry(handlers, "update", _updated, f"_RESOURCE_HANDLERS[{TYPE}]")


def _created(original: Callable[..., Any]) -> Callable[..., Any]:
    def create(logical_id: str, props: Properties, stack_name: str) -> Any:
        name = props.get("StateMachineName") or PHYSICAL_NAME.original()(stack_name, logical_id, max_len=80)
        return original(logical_id, _checked(props, machine_arn(name)), stack_name)

    return create


def _updated(original: Callable[..., Any]) -> Callable[..., Any]:
    def update(physical_id: str, old_props: Properties, new_props: Properties, *more: Any) -> Any:
        return original(physical_id, _lower(old_props), _checked(new_props, physical_id), *more)

    return update


def _checked(props: Properties, machine: str) -> Properties:
    made = _lower(props)
    role = str(made.get("RoleArn", ""))
    problem = VALIDATE.original()(DEFINITION.original()(made))
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
