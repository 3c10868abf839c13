"""Step Functions' integrations `sagemaker:createTrainingJob` and `createTransformJob`, with and without `.sync`.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from typing import Any

from localcloud.ministack.stepfunctions.integrations import task_error
from localcloud.sagemaker.api.call import Caller, Scope, ServiceError
from localcloud.sagemaker.api.service_model import operation_output, render
from localcloud.sagemaker.control import Control
from localcloud.sagemaker.jobs.kind import JobKind
from localcloud.sagemaker.jobs.runs import JobRuns
from localcloud.sagemaker.store import Record, in_milliseconds
from localcloud.state import STOPPED_JOB, stands_at

_MARK = {"Key": "MANAGED_BY_AWS", "Value": "STARTED_BY_STEP_FUNCTIONS"}
"""The tag that Step Functions puts on jobs whose end it awaits: why its role needs sagemaker:AddTags."""

_POLL_SECONDS = 0.5
"""How often a stop of the execution is looked for; the end of the job is seen at once."""

# The integration speaks through AWS's SDK for Java 1, whose exception classes are these; all else is the base class.
_MODELLED = ("ResourceInUse", "ResourceLimitExceeded", "ResourceNotFound")


class JobTask:
    """The task: create the job in the name of the state machine's role; with `.sync`, wait for its end.

    kind and runs: of the job.
    scope and cancelled: the account and region of the running task, and the event that is set when it is to end.
    """

    def __init__(
        self,
        control: Control,
        caller: Caller,
        kind: JobKind,
        runs: JobRuns,
        *,
        scope: Callable[[], Scope],
        cancelled: Callable[[], threading.Event],
    ) -> None:
        self._control, self._caller, self._scope, self._cancelled = control, caller, scope, cancelled
        self._kind, self._runs = kind, runs

    def __call__(self, resource: str, arguments: Any) -> dict[str, Any]:
        scope = self._scope()
        name = str(arguments.get(self._kind.name, ""))
        awaited = resource.endswith(".sync")
        request = {**arguments, "Tags": [*(arguments.get("Tags") or ()), _MARK]} if awaited else arguments
        try:
            for verb in ("Create", "Describe")[: 2 if awaited else 1]:
                self._require(verb, scope, name)
            answer = self._control.perform(f"Create{self._kind.noun}", scope, request, self._caller)
        except ServiceError as error:
            raise task_error(error_name(error), error_cause(error)) from error
        return self._end(scope, name) if awaited else answer

    def _end(self, scope: Scope, name: str) -> dict[str, Any]:
        cancelled = self._cancelled()
        while True:
            record = self._runs.wait(scope, name, _POLL_SECONDS)
            status = "Completed" if record is None else record[self._kind.status]
            if status == "Completed" or (status == "Stopped" and stands_at(STOPPED_JOB) == "completes"):
                return described(self._kind, record or {})
            if record is not None and status in ("Failed", "Stopped"):
                raise task_error("States.TaskFailed", json.dumps(described(self._kind, record)))
            if cancelled.is_set():
                self._stop(scope, name)
                return {}

    def _stop(self, scope: Scope, name: str) -> None:
        try:
            self._require("Stop", scope, name)
        except ServiceError:
            return  # as on AWS: the execution ends, the job goes on
        self._runs.stop(scope, name)

    def _require(self, verb: str, scope: Scope, name: str) -> None:
        self._caller.require(f"sagemaker:{verb}{self._kind.noun}", scope.arn(self._kind.resource, name))


def described(kind: JobKind, record: Record) -> dict[str, Any]:
    """What describing the job answers, as the integration gives it: times in milliseconds."""
    shape = operation_output(f"Describe{kind.noun}")
    shown: dict[str, Any] = in_milliseconds(shape, render(shape, record))
    return shown


def error_name(error: ServiceError) -> str:
    """`SageMaker.ResourceInUseException` and the like; for all that has no class of its own, the base class."""
    if error.code in _MODELLED:
        return f"SageMaker.{error.code}Exception"
    return "SageMaker.AmazonSageMakerException"


def error_cause(error: ServiceError) -> str:
    return (
        f"{error.message} (Service: AmazonSageMaker; Status Code: {error.status}; Error Code: {error.code}; "
        f"Request ID: {uuid.uuid4()}; Proxy: null)"
    )
