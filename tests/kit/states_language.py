"""A small interpreter of Amazon States Language with JSONata: enough to run the training trigger without a cloud.

Strict where the specification is (https://states-language.net): an expression without a result is an error, and all
expressions of one Assign see the variables as they were before it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jsonata  # type: ignore[import-untyped]

Task = Callable[[str, Any], Any]
"""Called with a resource and its arguments; raises TaskError to fail."""


class TaskError(Exception):
    """A task that failed. error and cause as Step Functions reports them."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(error, cause)
        self.error, self.cause = error, cause


@dataclass
class Run:
    """One execution. waits: seconds waited, by retries and Wait states; visited: states in order."""

    definition: Mapping[str, Any]
    task: Task
    name: str = "an-execution"
    started: str = "2026-11-23T13:30:54.123Z"
    variables: dict[str, Any] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    visited: list[str] = field(default_factory=list)

    def start(self, given: Any) -> Any:
        """The output; TaskError where the execution fails."""
        state_name, data = self.definition["StartAt"], given
        while True:
            self.visited.append(state_name)
            state = self.definition["States"][state_name]
            if state["Type"] == "Succeed":
                return data
            if state["Type"] == "Fail":
                raise TaskError(self._value(state["Error"], data), self._value(state["Cause"], data))
            state_name, data = getattr(self, f"_{state['Type'].lower()}")(state, data)

    def _pass(self, state: Mapping[str, Any], data: Any) -> tuple[str, Any]:
        return self._leave(state, data, default=data)

    def _wait(self, state: Mapping[str, Any], data: Any) -> tuple[str, Any]:
        self.waits.append(self._value(state["Seconds"], data))
        return self._leave(state, data, default=data)

    def _choice(self, state: Mapping[str, Any], data: Any) -> tuple[str, Any]:
        for rule in state["Choices"]:
            verdict = self._value(rule["Condition"], data)
            assert isinstance(verdict, bool), f"{rule['Condition']} gave {verdict!r}"
            if verdict:
                return self._leave(rule, data, default=data)
        return str(state["Default"]), data

    def _task(self, state: Mapping[str, Any], data: Any) -> tuple[str, Any]:
        tries = [0] * len(state.get("Retry", ()))
        while True:
            try:
                result = self.task(state["Resource"], self._value(state["Arguments"], data))
                return self._leave(state, data, default=result, result=result)
            except TaskError as error:
                found = [i for i, retry in enumerate(state.get("Retry", ())) if _matches(retry, error)]
                if found and tries[found[0]] < state["Retry"][found[0]]["MaxAttempts"]:
                    retry = state["Retry"][found[0]]
                    self.waits.append(retry["IntervalSeconds"] * retry["BackoffRate"] ** tries[found[0]])
                    tries[found[0]] += 1
                    continue
                for catch in state.get("Catch", ()):
                    if _matches(catch, error):
                        failed = {"Error": error.error, "Cause": error.cause}
                        return self._leave(catch, data, default=failed, errorOutput=failed)
                raise

    def _leave(self, state: Mapping[str, Any], data: Any, *, default: Any, **states: Any) -> tuple[str, Any]:
        assigned = {name: self._value(value, data, **states) for name, value in state.get("Assign", {}).items()}
        output = self._value(state["Output"], data, **states) if "Output" in state else default
        self.variables.update(assigned)
        return str(state["Next"]), output

    def _value(self, template: Any, data: Any, **states: Any) -> Any:
        if isinstance(template, Mapping):
            return {key: self._value(value, data, **states) for key, value in template.items()}
        if isinstance(template, list):
            return [self._value(value, data, **states) for value in template]
        if not (isinstance(template, str) and template.startswith("{%")):
            return template
        execution = f"arn:aws:states:us-east-1:111122223333:execution:m:{self.name}"
        context = {"Execution": {"Id": execution, "Name": self.name, "StartTime": self.started}}
        expression = _expression(template[2:-2].strip())
        jsonata.Jsonata.CURRENT.jsonata = expression  # as a parse does: $now and $map read the time and variables of it
        try:
            value = expression.evaluate(
                None, {**self.variables, "states": {"input": data, "context": context, **states}}
            )
        except Exception as error:
            raise TaskError("States.QueryEvaluationError", str(error)) from error
        if value is None:
            raise TaskError("States.QueryEvaluationError", f"no result: {template}")
        return value


@cache
def _expression(text: str) -> Any:
    """Parsed once: an execution of days evaluates the same few expressions thousands of times."""
    expression = jsonata.Jsonata.jsonata(text)
    expression.register_lambda("parse", json.loads)
    expression.register_lambda("hash", lambda text, algorithm: _hash(text, algorithm))
    return expression


def _hash(text: str, algorithm: str) -> str:
    assert algorithm == "SHA-256"
    return hashlib.sha256(text.encode()).hexdigest()


def _matches(rule: Mapping[str, Any], error: TaskError) -> bool:
    wildcard = {"States.ALL"} if error.error == "States.Timeout" else {"States.ALL", "States.TaskFailed"}
    return bool({error.error, *wildcard} & set(rule["ErrorEquals"]))
