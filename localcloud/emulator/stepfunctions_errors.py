"""Error names of `aws-sdk` tasks: the SDK has an exception of its own only for errors that a service's model names.

ministack makes `SageMaker.ValidationException` of any code; AWS gives `SageMaker.SageMakerException`, so a Retry
or Catch that works here would not match there.
https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from localcloud.emulator.seam import Seam, wrap
from localcloud.emulator.stepfunctions_execution import SFN

PREFIX = Seam(SFN, "_prefix_sdk_error", ("service_name", "error_code"))


def install() -> None:
    """Name errors as the SDK for Java does."""

    def make(original: Callable[..., str]) -> Callable[..., Any]:
        def prefix_sdk_error(service_name: str, error_code: str) -> str:
            from ministack.services import stepfunctions as sfn

            code = error_code.rpartition("#")[2]
            prefix = sfn._AWS_SDK_ERROR_PREFIX.get(service_name)
            names = _modelled(sfn._AWS_SDK_SERVICE_MAP.get(service_name, {}).get("service_key", service_name))
            if prefix is None or not names or code.startswith("States."):
                return original(service_name, code)
            if code.removesuffix("Exception") in names:
                return f"{prefix}.{code.removesuffix('Exception')}Exception"
            return f"{prefix}.{prefix}Exception"

        return prefix_sdk_error

    wrap(PREFIX, make)


@functools.lru_cache(maxsize=64)
def _modelled(service: str) -> frozenset[str]:
    """The errors that the service's model names, without `Exception` at the end; empty for an unknown service."""
    from ministack.core.responses import _service_model

    model = _service_model(service)
    if model is None:
        return frozenset()
    found = {shape.name for shape in model.error_shapes}
    codes = {shape.metadata.get("error", {}).get("code") or shape.name for shape in model.error_shapes}
    return frozenset(name.removesuffix("Exception").removesuffix("Fault") for name in found | codes)
