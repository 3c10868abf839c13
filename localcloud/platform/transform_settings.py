"""How a transform job asks its container: what the request says, else the container, else SageMaker's defaults.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.platform.transform_records import MEGABYTE, BatchStrategy

_STRATEGIES: Mapping[str, BatchStrategy] = {"MULTI_RECORD": "MultiRecord", "SINGLE_RECORD": "SingleRecord"}
_UPPER = {strategy: name for name, strategy in _STRATEGIES.items()}


@dataclass(frozen=True, slots=True)
class TransformSettings:
    """concurrent: requests in flight. payload_mb: the most of one request. timeout: seconds of one request.
    retries: further attempts after a request that failed."""

    concurrent: int
    payload_mb: int
    strategy: BatchStrategy
    split: str
    assemble_with: str
    timeout: float
    retries: int

    @property
    def payload_bytes(self) -> int:
        return self.payload_mb * MEGABYTE

    def line(self) -> str:
        """The first line of the data log."""
        return (
            f"MaxConcurrentTransforms={self.concurrent}, MaxPayloadInMB={self.payload_mb}, "
            f"BatchStrategy={_UPPER[self.strategy]}"
        )


def transform_settings(request: Mapping[str, Any], container: Mapping[str, Any]) -> TransformSettings:
    """The settings of a job.

    request:   CreateTransformJob's. container: what its /execution-parameters answered; empty where it has none.
    """
    client = request.get("ModelClientConfig") or {}
    return TransformSettings(
        # 0 stands for: ask the container (API reference, MaxConcurrentTransforms).
        concurrent=request.get("MaxConcurrentTransforms") or _positive(container.get("MaxConcurrentTransforms"), 1),
        payload_mb=request.get("MaxPayloadInMB") or _positive(container.get("MaxPayloadInMB"), 6),
        strategy=request.get("BatchStrategy") or _STRATEGIES.get(str(container.get("BatchStrategy")), "MultiRecord"),
        split=request["TransformInput"].get("SplitType", "None"),
        assemble_with=request["TransformOutput"].get("AssembleWith", "None"),
        timeout=float(client.get("InvocationsTimeoutInSeconds", 600)),
        retries=int(client.get("InvocationsMaxRetries", 3)),
    )


def execution_parameters(status: int, body: bytes) -> Mapping[str, Any]:
    """What a container answered to GET /execution-parameters; empty for anything but a JSON object with 200."""
    if status != 200:
        return {}
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def container_variables(model: Mapping[str, str], request: Mapping[str, Any]) -> dict[str, str]:
    """The container's environment: the model's, the job's over it, and what tells it that this is batch transform."""
    told = {"SAGEMAKER_BATCH": "true"}
    if request.get("BatchStrategy"):
        told["SAGEMAKER_BATCH_STRATEGY"] = _UPPER[request["BatchStrategy"]]
    for member, variable in (
        ("MaxPayloadInMB", "SAGEMAKER_MAX_PAYLOAD_IN_MB"),
        ("MaxConcurrentTransforms", "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"),
    ):
        if request.get(member):
            told[variable] = str(request[member])
    return {**model, **told, **(request.get("Environment") or {})}


def _positive(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default
