"""The role of an execution: that of its state machine, and that of the rule that starts it."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable
from typing import Any

from localcloud.ministack.door.core import emulator, responses
from localcloud.ministack.door.names import correct
from localcloud.ministack.door.services import eventbridge, stepfunctions, sts
from localcloud.ministack.iam import acting
from localcloud.ministack.iam.acting import check_pass_role
from localcloud.ministack.iam.sts import AccessDenied, RoleNotAssumable, issue_role_credentials
from localcloud.ministack.registry import account_id, region
from localcloud.ministack.stepfunctions.execution import current_execution

SERVICE = "states.amazonaws.com"


def install_execution_roles() -> None:
    """Run tasks with the state machine's role, and check that role when it is given."""
    correct(emulator.call_service_handler_sync, _call_under_role)
    correct(stepfunctions.invoke_resource, _invoke_under_role)
    correct(stepfunctions.create_state_machine, _with_checked_role)
    correct(stepfunctions.update_state_machine, _with_checked_role)


def _call_under_role(
    original: Callable[..., Any],
    handler: Any,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes | str,
    query_params: dict[str, Any],
    timeout: float | None = None,
) -> Any:
    role = acting.acting_role()
    if role is None:
        return original(handler, method, path, headers, body, query_params, timeout)

    signed = dict(headers)
    signed["authorization"] = re.sub(
        r"Credential=[^/]+/", f"Credential={role.access_key_id}/", headers.get("authorization", "")
    )
    signed["x-amz-security-token"] = role.session_token

    async def dispatch(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Any:
        return await emulator.dispatch_service_request(method, path, headers, body, query_params, str(uuid.uuid4()))

    listed = {name: value if isinstance(value, list) else [value] for name, value in query_params.items()}
    sent = body.encode() if isinstance(body, str) else body
    return original(dispatch, method, path, signed, sent, listed, timeout)


def _invoke_under_role(original: Callable[..., Any], resource: str, input_data: Any) -> Any:
    execution = current_execution()
    if execution is None:
        return original(resource, input_data)

    try:
        with acting.acting_as(execution.role_arn, SERVICE, execution.name, execution.machine):
            for action, target in _direct_actions(resource, input_data):
                acting.require(action, target)
            return original(resource, input_data)
    except RoleNotAssumable as error:
        raise stepfunctions.ExecutionError("States.Permissions", str(error)) from error
    except AccessDenied as error:
        raise stepfunctions.ExecutionError(_denied_name(resource), str(error)) from error


def _direct_actions(resource: str, data: Any) -> list[tuple[str, str]]:
    """IAM questions for the integrations that ministack answers by calling a service's function: (action, ARN)."""
    found = re.match(r"arn:aws[a-z-]*:states:::(lambda|sqs|dynamodb|ecs|states):(\w+)", resource)
    given = data if isinstance(data, dict) else {}
    place = f"{region()}:{account_id()}"
    if not found:
        function = re.fullmatch(r"arn:aws[a-z-]*:lambda:.*", resource)
        return [("lambda:InvokeFunction", resource)] if function else []
    service, name = found.groups()
    if service == "lambda":
        function_name = str(given.get("FunctionName", ""))
        if not function_name.startswith("arn:"):
            function_name = f"arn:aws:lambda:{place}:function:{function_name}"
        return [("lambda:InvokeFunction", function_name)]
    if service == "sqs":
        return [("sqs:SendMessage", f"arn:aws:sqs:{place}:{str(given.get('QueueUrl', '')).rpartition('/')[2]}")]
    if service == "states":
        return [("states:StartExecution", str(given.get("StateMachineArn", "*")))]
    if service == "ecs":
        return [("ecs:RunTask", str(given.get("TaskDefinition", "*")))]
    return [(f"dynamodb:{name[0].upper()}{name[1:]}", f"arn:aws:dynamodb:{place}:table/{given.get('TableName', '')}")]


def _denied_name(resource: str) -> str:
    """The error name of a refused task: `SQS.AmazonSQSException`, `SageMaker.AmazonSageMakerException`, …"""
    names = {"lambda": "Lambda.AWSLambdaException", "sqs": "SQS.AmazonSQSException"}
    names |= {"dynamodb": "DynamoDB.AmazonDynamoDBException", "ecs": "ECS.AmazonECSException"}
    names |= {"states": "StepFunctions.AWSStepFunctionsException", "sagemaker": "SageMaker.AmazonSageMakerException"}
    service = resource.split(":")[5] if resource.count(":") >= 6 else ""
    return names.get(service, "States.Permissions")


def _with_checked_role(original: Callable[..., Any], data: dict[str, Any]) -> Any:
    role = data.get("roleArn")
    if role:
        try:
            check_pass_role(role, SERVICE)
            check_trust(role, _machine_arn(data))
        except AccessDenied as error:
            return responses.error_response_json("AccessDeniedException", str(error), 400)
    return original(data)


def _machine_arn(data: dict[str, Any]) -> str:
    return str(data.get("stateMachineArn") or machine_arn(str(data.get("name", ""))))


def machine_arn(name: str) -> str:
    """The ARN that a state machine has, or is to have, in the current account and region."""
    return f"arn:aws:states:{region()}:{account_id()}:stateMachine:{name}"


def check_trust(role_arn: str, machine: str) -> None:
    """Raise AccessDenied, in Step Functions' words, where it may not assume the role for that state machine."""
    try:
        credentials = issue_role_credentials(role_arn, "check", 60, service=SERVICE, source_arn=machine)
    except RoleNotAssumable as error:
        raise AccessDenied(
            "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to "
            "assume the provided role."
        ) from error
    sts.sessions.pop(credentials.access_key_id, None)


logger = logging.getLogger("events")


def install_event_roles() -> None:
    """Ask IAM before a target is started."""

    def invoke_target(
        original: Callable[..., Any],
        target: dict[str, Any],
        event: dict[str, Any],
        rule: dict[str, Any],
        view: Any = None,
    ) -> Any:
        if ":states:" in target.get("Arn", ""):
            refusal = _refusal(target, event, rule)
            if refusal:
                logger.warning("%s was not started: %s", target["Arn"], refusal)
                return None
        with acting.acting_as_the_service():
            return original(target, event, rule, view)

    correct(eventbridge.invoke_target, invoke_target)


def _refusal(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any]) -> str | None:
    role = target.get("RoleArn", "")
    if not role:
        return "its target names no role."
    try:
        with acting.acting_as(
            role, "events.amazonaws.com", str(event.get("EventId") or "events"), str(rule.get("Arn", ""))
        ):
            acting.require("states:StartExecution", target["Arn"])
    except (RoleNotAssumable, AccessDenied) as error:
        return str(error)
    return None
