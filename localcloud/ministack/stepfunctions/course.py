"""The course of an execution: from state to state, its Wait states and time limit, and the next start of the server.

ministack's loop knows no stop and no wait that ends early. A Wait state of the state machine itself outlives the local
cloud: the execution goes on after it, or at once where the wait is over. Whatever else the end of the process cut short
is failed when the server starts again: a task may have done its work, and is not done twice.
"""

from __future__ import annotations

import contextvars
import json
import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from localcloud.clock import Clock
from localcloud.ministack.door.core import responses
from localcloud.ministack.door.names import correct, entries
from localcloud.ministack.door.services import stepfunctions
from localcloud.ministack.registry import request_scope
from localcloud.ministack.stepfunctions.execution import Execution, ExecutionStopped, current_execution, running

WAITING = "kickstandWaiting"
"""In the record of an execution that is in a Wait state: all that is needed to go on."""
CAUSE = "The local cloud ended while this execution was running."
_LOOK_SECONDS = 30.0
"""How often the time of day is looked at: a machine that slept has a later one than its timers."""
_LOG = logging.getLogger("states")

Record = dict[str, Any]


def install(clock: Clock) -> None:
    """Take the place of ministack's loop. The time factor makes Wait states of so many seconds shorter."""
    correct(stepfunctions.run_execution, _run)
    correct(stepfunctions.find_matching_retrier, _matching_retrier)
    correct(stepfunctions.scaled_sleep, partial(_wait_seconds, clock))
    correct(stepfunctions.sleep_until, _wait_moment)


def _run(_: Callable[..., Any], arn: str) -> None:
    record = stepfunctions.executions.get(arn)
    if record is None:
        return
    with running(record) as execution:
        limit = _time_limit(record)
        timer = (
            None
            if limit is None
            else threading.Timer(limit, contextvars.copy_context().run, (_time_out, record, execution))
        )
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            _follow(record)
        except ExecutionStopped:
            pass
        except stepfunctions.ExecutionError as error:
            stepfunctions.fail_execution(record, error.error, error.cause)
        except Exception as error:
            _LOG.exception("Unexpected error in execution %s", arn)
            stepfunctions.fail_execution(record, "States.Runtime", str(error))
        finally:
            if timer is not None:
                timer.cancel()


def _definition(record: Record) -> Record:
    """The definition that the execution started with. Raises the error of an execution where there is none."""
    machine = stepfunctions.state_machines.get(record["stateMachineArn"])
    text = record[WAITING]["definition"] if WAITING in record else machine and machine["definition"]
    if not text:
        raise stepfunctions.ExecutionError("StateMachineDeleted", "State machine no longer exists")
    try:
        definition: Record = json.loads(text)
    except ValueError:
        raise stepfunctions.ExecutionError("InvalidDefinition", "Could not parse state machine definition") from None
    return definition


def _time_limit(record: Record) -> float | None:
    """The real seconds that are left until TimeoutSeconds have passed since the start; None without a limit."""
    try:
        seconds = _definition(record).get("TimeoutSeconds")
    except stepfunctions.ExecutionError:
        return None
    if not isinstance(seconds, int | float) or seconds <= 0:
        return None
    started = datetime.fromisoformat(record["startDate"]).timestamp()
    return float(max(0.0, started + seconds - time.time()))


def _time_out(record: Record, execution: Execution) -> None:
    if record.get("status") != "RUNNING":
        return
    record.update(status="TIMED_OUT", stopDate=responses.now_iso(), error="States.Timeout")
    stepfunctions.add_event(record, "ExecutionTimedOut", {"executionTimedOutEventDetails": {"error": "States.Timeout"}})
    stepfunctions.emit_execution_status_event(record)
    execution.stop()


def _follow(record: Record) -> None:
    """Go from state to state, to the end. Raises the error that the execution ends with."""
    kept, definition = record.get(WAITING), _definition(record)
    given = json.loads(record["input"])
    context: Record = {
        "QueryLanguage": definition.get("QueryLanguage", "JSONPath"),
        "Execution": {
            "Id": record["executionArn"],
            "Input": given,
            "Name": record["name"],
            "StartTime": record["startDate"],
        },
        "StateMachine": {"Id": record["stateMachineArn"], "Name": record["stateMachineArn"].rpartition(":")[2]},
        "variables": kept["variables"] if kept else {},
    }
    name, value = (kept["state"], kept["input"]) if kept else (definition.get("StartAt", ""), given)
    while name is not None and record["status"] == "RUNNING":
        state = definition.get("States", {}).get(name)
        if state is None:
            raise stepfunctions.ExecutionError("States.Runtime", f"State '{name}' not found in definition")
        kind, entered = state.get("Type"), kept["entered"] if kept else responses.now_iso()
        context["State"] = {"Name": name, "EnteredTime": entered, "RetryCount": 0}
        if kept is None:
            _add(record, f"{kind}StateEntered", "stateEnteredEventDetails", name=name, input=json.dumps(value))
        if kind == "Wait":
            record[WAITING] = kept or {
                "definition": json.dumps(definition),
                "state": name,
                "input": value,
                "variables": context["variables"],
                "entered": entered,
                "until": None,
            }
        kept = None
        try:
            value, following = _at(kind, state, value, record, context)
        finally:
            record.pop(WAITING, None)
        _add(record, f"{kind}StateExited", "stateExitedEventDetails", name=name, output=json.dumps(value))
        name = following
    if record["status"] == "RUNNING":
        output = json.dumps(value)
        record.update(status="SUCCEEDED", output=output, stopDate=responses.now_iso())
        _add(record, "ExecutionSucceeded", "executionSucceededEventDetails", output=output)
        stepfunctions.emit_execution_status_event(record)


def _add(record: Record, kind: str, details: str, **values: Any) -> None:
    stepfunctions.add_event(record, kind, {details: values})


def _at(kind: str, state: Record, value: Any, record: Record, context: Record) -> tuple[Any, str | None]:
    """The output of one state, and the name of the next one; None at the end."""
    alone = {
        "Pass": stepfunctions.execute_pass,
        "Choice": stepfunctions.execute_choice,
        "Wait": stepfunctions.execute_wait,
    }
    at_work = {
        "Task": stepfunctions.execute_task,
        "Parallel": stepfunctions.execute_parallel,
        "Map": stepfunctions.execute_map,
    }
    if kind == "Fail":
        raise stepfunctions.ExecutionError(*stepfunctions.fail_state_error(state, value, context))
    if kind == "Succeed":
        # A Pass state without a next one: the same fields, in both query languages.
        return stepfunctions.execute_pass({**state, "End": True}, value, context)[0], None
    if kind in alone:
        output, following = alone[kind](state, value, context)
    elif kind in at_work:
        output, following = at_work[kind](state, value, record, context)
    else:
        raise stepfunctions.ExecutionError("States.Runtime", f"Unknown state type: {kind}")
    return output, following


_retry_seconds: contextvars.ContextVar[float | None] = contextvars.ContextVar("kickstand_retry", default=None)


def _matching_retrier(
    original: Callable[..., Any], retriers: list[Record], error: str, counts: dict[int, int]
) -> tuple[Record | None, int]:
    """The retrier, and how long is waited before the next try, which ministack shortens to a minute.

    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    found, index = original(retriers, error, counts)
    if found is not None:
        seconds = found.get("IntervalSeconds", 1) * found.get("BackoffRate", 2.0) ** counts.get(index, 0)
        seconds = min(seconds, found.get("MaxDelaySeconds", seconds))
        full = found.get("JitterStrategy") == "FULL"
        _retry_seconds.set(random.uniform(0, seconds) if full else seconds)  # noqa: S311  (no secret)
    return found, index


def _wait_seconds(clock: Clock, original: Callable[..., Any], seconds: float) -> None:
    if current_execution() is None:
        return original(seconds)  # type: ignore[no-any-return]
    retry = _retry_seconds.get()
    _retry_seconds.set(None)
    return _wait(time.time() + clock.real(seconds if retry is None else retry))


def _wait_moment(original: Callable[..., Any], text: str) -> None:
    try:
        moment = datetime.fromisoformat(text).timestamp()
    except (ValueError, TypeError):
        return original(text)  # type: ignore[no-any-return]
    return _wait(moment)


def _wait(until: float) -> None:
    """Wait until a moment, or to the end of the execution. Raises ExecutionStopped.

    A Wait state that goes on after a restart keeps the moment that it had.
    """
    execution = current_execution()
    if execution is None:
        return
    kept = (stepfunctions.executions.get(execution.arn) or {}).get(WAITING)
    if kept is not None:
        until = kept["until"] = kept["until"] or until
    while (left := until - time.time()) > 0:
        if execution.stopped.wait(min(left, _LOOK_SECONDS)):
            raise ExecutionStopped(execution.arn)


def settle() -> None:
    """Let executions that a restart found in a Wait state go on, and give every other one its end.

    ministack marks all that ran as failed and says no more.
    """
    for (account, region, arn), record in list(entries(stepfunctions.executions).items()):
        interrupted = record["status"] == "RUNNING" or record.get("error") == "States.ServiceRestart"
        last = record["events"][-1]["type"] if record.get("events") else ""
        if not interrupted or last == "ExecutionFailed":
            continue
        with request_scope(account, region):
            record["status"] = "RUNNING"
            if last == "WaitStateEntered" and WAITING in record and not record.get("sync"):
                record.update(stopDate=None, error=None, cause=None)
                run = contextvars.copy_context().run
                threading.Thread(target=run, args=(stepfunctions.run_execution, arn), daemon=True).start()
            else:
                record.pop(WAITING, None)
                stepfunctions.fail_execution(record, "States.ServiceRestart", CAUSE)
