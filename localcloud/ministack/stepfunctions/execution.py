"""An execution that runs: how it is started and stopped, the task that it is at, and the events of its history."""

from __future__ import annotations

import contextvars
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from localcloud.ministack.door.core import responses
from localcloud.ministack.door.names import correct
from localcloud.ministack.door.services import stepfunctions


@dataclass(eq=False)
class Execution:
    """An execution that is running."""

    arn: str
    role_arn: str
    name: str
    machine: str
    """The ARN of its state machine."""
    stopped: threading.Event = field(default_factory=threading.Event)
    tasks: set[threading.Event] = field(default_factory=set)

    def stop(self) -> None:
        """Tell every task to end."""
        self.stopped.set()
        for event in tuple(self.tasks):
            event.set()


class ExecutionStopped(Exception):  # noqa: N818  (no error of the state machine: nothing catches or retries it)
    """The execution was stopped or ran out of time while its task was at work."""


_executions: dict[str, Execution] = {}
_current: contextvars.ContextVar[Execution | None] = contextvars.ContextVar("kickstand_execution", default=None)
_cancelled: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar("kickstand_task", default=None)


def current_execution() -> Execution | None:
    """The execution that this thread runs a task of; None outside any."""
    return _current.get()


def cancelled() -> threading.Event:
    """Set when the task that this thread runs is to end: StopExecution, or its or the state machine's timeout.

    A `.sync` integration waits on it between looks at its job, stops the job when it is set, and returns.
    """
    return _cancelled.get() or threading.Event()


def install() -> None:
    """Let executions be stopped, timed out, and started twice as on AWS."""
    correct(stepfunctions.start_execution, _start)
    correct(stepfunctions.stop_execution, _stop)
    correct(stepfunctions.fail_execution, _fail)
    correct(stepfunctions.add_event, _add_event)
    correct(stepfunctions.invoke_resource, _invoke)
    correct(stepfunctions.invoke_resource_with_timeout, _invoke_with_timeout)


@contextmanager
def running(record: dict[str, Any]) -> Iterator[Execution]:
    """Let this thread, and those that it starts, run the execution of a record.

    Its role is the one that the state machine had when it started.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateStateMachine.html
    """
    started = record["events"][0].get("executionStartedEventDetails", {})
    machine = stepfunctions.state_machines.get(record["stateMachineArn"]) or {}
    role = started.get("roleArn") or machine.get("roleArn", "")
    execution = Execution(record["executionArn"], role, record["name"], record["stateMachineArn"])
    _executions[execution.arn] = execution
    token = _current.set(execution)
    try:
        yield execution
    finally:
        _current.reset(token)
        _executions.pop(execution.arn, None)


def _start(original: Callable[..., Any], data: dict[str, Any]) -> Any:
    name = data.get("name")
    if name is not None and not re.fullmatch(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}", name):
        return responses.error_response_json("InvalidName", f"Invalid Name: '{name}'", 400)
    given = data.get("input") or "{}"
    try:
        json.loads(given)
    except ValueError as error:
        return responses.error_response_json(
            "InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'", 400
        )
    machine = stepfunctions.state_machines.get(
        stepfunctions.resolve_state_machine_arn(data.get("stateMachineArn", "")) or ""
    )
    if name and machine:
        # Starting a running execution again with the same input is no error: the answer of a retried request.
        place = f"{responses.get_region()}:{responses.get_account_id()}"
        arn = f"arn:aws:states:{place}:execution:{machine['name']}:{name}"
        running = stepfunctions.executions.get(arn)
        if running and running["status"] == "RUNNING" and running["input"] == given:
            return responses.json_response({"executionArn": arn, "startDate": running["startDate"]})
    return original({**data, "input": given})


def _stop(original: Callable[..., Any], data: dict[str, Any]) -> Any:
    answer = original(data)
    execution = _executions.get(data.get("executionArn", ""))
    if answer[0] == 200 and execution is not None:
        execution.stop()
    return answer


def _fail(original: Callable[..., Any], execution: dict[str, Any], error: str, cause: str) -> None:
    if execution["status"] == "RUNNING":
        original(execution, error, cause)


_LAST_EVENTS = ("ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut", "ExecutionSucceeded")


def _add_event(
    original: Callable[..., Any], execution: dict[str, Any], event_type: str, details: dict[str, Any] | None = None
) -> Any:
    if execution["status"] == "RUNNING" or event_type in _LAST_EVENTS:
        return original(execution, event_type, details and {key: _task(value) for key, value in details.items()})
    return None


_INTEGRATION = re.compile(r"arn:aws[a-z-]*:states:[^:]*:[^:]*:(?P<service>(?:aws-sdk:)?[^:]+):(?P<action>.+)")


def _task(details: Any) -> Any:
    """The details of a task's event: of `…:states:::sagemaker:createTrainingJob.sync` the service and the action.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_TaskFailedEventDetails.html, resource and
    resourceType
    """
    named = _INTEGRATION.fullmatch(str(details.get("resource", ""))) if isinstance(details, dict) else None
    return {**details, "resourceType": named["service"], "resource": named["action"]} if named else details


def _invoke(original: Callable[..., Any], resource: str, input_data: Any) -> Any:
    execution = _current.get()
    if execution is None:
        return original(resource, input_data)
    event = _cancelled.get() or threading.Event()
    token = _cancelled.set(event)
    execution.tasks.add(event)
    try:
        if execution.stopped.is_set():
            raise ExecutionStopped(execution.arn)
        # The integrations' ARNs carry the partition; ministack knows the one of the standard partition.
        result = original(re.sub(r"^arn:aws[a-z-]*:states:", "arn:aws:states:", resource), input_data)
    except Exception as error:
        if execution.stopped.is_set() and not isinstance(error, ExecutionStopped):
            raise ExecutionStopped(execution.arn) from error
        raise
    finally:
        execution.tasks.discard(event)
        _cancelled.reset(token)
    if execution.stopped.is_set():
        raise ExecutionStopped(execution.arn)
    return result


def _invoke_with_timeout(original: Callable[..., Any], resource: str, input_data: Any, timeout: float) -> Any:
    event = threading.Event()
    token = _cancelled.set(event)
    try:
        return original(resource, input_data, timeout)
    except stepfunctions.ExecutionError as error:
        if error.error == "States.Timeout":
            event.set()
        raise
    finally:
        _cancelled.reset(token)
