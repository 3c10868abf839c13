"""botocore's own description of the SageMaker API: the source of every rule about requests and answers."""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.session


@cache
def service_model(name: str = "sagemaker") -> Any:
    """botocore's model of a service, read once (50 ms)."""
    return botocore.session.get_session().get_service_model(name)


def has_operation(name: str) -> bool:
    """Whether AWS's SageMaker has this operation, whether or not the local cloud does."""
    return name in service_model().operation_names


@cache
def operation_input(name: str) -> Any:
    return service_model().operation_model(name).input_shape


@cache
def operation_output(name: str) -> Any | None:
    return service_model().operation_model(name).output_shape
