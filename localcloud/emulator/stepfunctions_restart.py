"""Executions that the end of the process cut short: failed, with a cause and a last event, as a history ends."""

from __future__ import annotations

from localcloud.emulator.context import request_scope

CAUSE = "The local cloud ended while this execution was running."


def settle() -> None:
    """Give every execution that a restart found running its end. ministack marks it failed and says no more."""
    from ministack.services import stepfunctions as sfn

    for (account, region, _), execution in list(sfn._executions._data.items()):
        interrupted = execution["status"] == "RUNNING" or execution.get("error") == "States.ServiceRestart"
        last = execution["events"][-1]["type"] if execution.get("events") else ""
        if not interrupted or last == "ExecutionFailed":
            continue
        with request_scope(account, region):
            execution["status"] = "RUNNING"
            sfn._fail_execution(execution, "States.ServiceRestart", CAUSE)
