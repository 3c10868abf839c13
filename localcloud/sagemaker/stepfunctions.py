"""Step Functions' optimized integration `sagemaker:createTrainingJob`, with and without `.sync`.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from typing import Any

from localcloud.emulator.sagemaker_stepfunctions import task_error
from localcloud.sagemaker.call import Caller
from localcloud.sagemaker.control import Control
from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.events import in_milliseconds
from localcloud.sagemaker.response import render
from localcloud.sagemaker.scope import Scope
from localcloud.sagemaker.service_model import operation_output
from localcloud.sagemaker.store import Record

CREATE_TRAINING_JOB = "arn:aws:states:::sagemaker:createTrainingJob"
_MARK = {"Key": "MANAGED_BY_AWS", "Value": "STARTED_BY_STEP_FUNCTIONS"}
"""The tag that Step Functions puts on jobs whose end it awaits: why its role needs sagemaker:AddTags."""

_POLL_SECONDS = 0.5
"""How often a stop of the execution is looked for; the end of the job is seen at once."""

# The integration speaks through AWS's SDK for Java 1, whose exception classes are these; all else is the base class.
_MODELLED = ("ResourceInUse", "ResourceLimitExceeded", "ResourceNotFound")


class TrainingJobTask:
    """The task: create the job in the name of the state machine's role; with `.sync`, wait for its end.

    scope and cancelled: the account and region of the running task, and the event that is set when it is to end.
    """

    def __init__(
        self,
        control: Control,
        caller: Caller,
        *,
        scope: Callable[[], Scope],
        cancelled: Callable[[], threading.Event],
    ) -> None:
        self._control, self._caller, self._scope, self._cancelled = control, caller, scope, cancelled

    def __call__(self, resource: str, arguments: Any) -> dict[str, Any]:
        scope = self._scope()
        name = str(arguments.get("TrainingJobName", ""))
        awaited = resource.endswith(".sync")
        request = {**arguments, "Tags": [*(arguments.get("Tags") or ()), _MARK]} if awaited else arguments
        try:
            for action in ("CreateTrainingJob", "DescribeTrainingJob")[: 2 if awaited else 1]:
                self._caller.require(f"sagemaker:{action}", scope.arn("training-job", name))
            answer = self._control.perform("CreateTrainingJob", scope, request, self._caller)
        except ServiceError as error:
            raise task_error(error_name(error), error_cause(error)) from error
        return self._end(scope, name) if awaited else answer

    def _end(self, scope: Scope, name: str) -> dict[str, Any]:
        cancelled = self._cancelled()
        while True:
            record = self._control.runs.wait(scope, name, _POLL_SECONDS)
            if record is None or record["TrainingJobStatus"] == "Completed":
                return described(record or {})
            if record["TrainingJobStatus"] in ("Failed", "Stopped"):
                raise task_error("States.TaskFailed", json.dumps(described(record)))
            if cancelled.is_set():
                self._stop(scope, name)
                return {}

    def _stop(self, scope: Scope, name: str) -> None:
        try:
            self._caller.require("sagemaker:StopTrainingJob", scope.arn("training-job", name))
        except ServiceError:
            return  # as on AWS: the execution ends, the job goes on
        self._control.runs.stop(scope, name)


def described(record: Record) -> dict[str, Any]:
    """DescribeTrainingJob's answer as the integration gives it: times in milliseconds."""
    shape = operation_output("DescribeTrainingJob")
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
