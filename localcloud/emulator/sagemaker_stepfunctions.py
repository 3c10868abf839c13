"""Optimized integrations of ours in Step Functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.emulator.seam import attribute
from localcloud.emulator.stepfunctions_execution import SFN

Integration = Callable[[str, Any], Any]
"""The task's resource ARN (with its `.sync`) and its arguments -> its result."""


def register_integration(resource: str, integration: Integration) -> None:
    """Serve `arn:aws:states:::SERVICE:ACTION`, with and without `.sync`.

    It runs on a thread of the execution, under the role of the state machine.
    """
    attribute(SFN, "_SERVICE_DISPATCH", dict)[resource] = integration


def task_error(name: str, cause: str) -> Exception:
    """The error of a task, as Retry and Catch see it: `SageMaker.AmazonSageMakerException`, and its cause."""
    from ministack.services import stepfunctions

    return stepfunctions._ExecutionError(name, cause)  # type: ignore[no-any-return]
