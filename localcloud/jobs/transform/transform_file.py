"""One input file of a transform job through the model, with the settings of the request, the container or SageMaker.

Its records go in, its output file comes out, in the same order.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, BinaryIO

from localcloud.jobs.events import JobStopped
from localcloud.jobs.hosting.model_process import Answer, HostingError
from localcloud.jobs.transform.records import (
    MEGABYTE,
    BatchStrategy,
    DataProcessing,
    Payload,
    PayloadTooLarge,
    RecordError,
    assembled,
    payloads_of,
    records_of,
)

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
    settings = {"SAGEMAKER_BATCH": "true"}
    if request.get("BatchStrategy"):
        settings["SAGEMAKER_BATCH_STRATEGY"] = _UPPER[request["BatchStrategy"]]
    for member, variable in (
        ("MaxPayloadInMB", "SAGEMAKER_MAX_PAYLOAD_IN_MB"),
        ("MaxConcurrentTransforms", "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"),
    ):
        if request.get(member):
            settings[variable] = str(request[member])
    return {**model, **settings, **(request.get("Environment") or {})}


def _positive(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default


Invoke = Callable[[bytes], Answer]
"""Sends one payload to /invocations; raises HostingError where no answer comes."""


class BadFile(Exception):  # noqa: N818  what becomes of an input file, not an error of this program
    """An input file that could not be transformed.

    lines: for the data log. side: whose fault it is: `ClientError` or `AlgorithmError`.
    """

    def __init__(self, side: str, *lines: str) -> None:
        self.side, self.lines = side, lines
        super().__init__(": ".join(lines))


def transform_file(
    content: BinaryIO,
    out: BinaryIO,
    invoke: Invoke,
    settings: TransformSettings,
    processing: DataProcessing,
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Write the output file of an input file. Raises BadFile; JobStopped as soon as `stopped` says so."""
    try:
        payloads = payloads_of(
            records_of(content, settings.split, settings.payload_bytes), settings.strategy, settings.payload_bytes
        )
        answers = _in_order(payloads, lambda payload: _answer(payload, invoke, settings, processing, stopped), settings)
        for part in assembled((part for parts in answers for part in parts), settings.assemble_with):
            out.write(part)
    except PayloadTooLarge as error:
        raise BadFile("ClientError", str(error)) from None
    except RecordError as error:
        raise BadFile("ClientError", str(error)) from None


def _answer(
    payload: Payload,
    invoke: Invoke,
    settings: TransformSettings,
    processing: DataProcessing,
    stopped: Callable[[], bool],
) -> list[bytes]:
    """What is stored for the records of one payload."""
    sent = [processing.sent(record) for record in payload.records]
    body = _invoked(payload.body(sent), invoke, settings.retries, stopped)
    answers = processing.answers(body, len(payload.records))
    if not processing.touches_answers:
        return list(answers)
    return [processing.kept(record, answer) for record, answer in zip(payload.records, answers, strict=True)]


def _invoked(body: bytes, invoke: Invoke, retries: int, stopped: Callable[[], bool]) -> bytes:
    """The container's answer to one payload; asked again where it failed by itself."""
    for attempt in range(retries + 1):
        if stopped():
            raise JobStopped
        last = attempt == retries
        try:
            answer = invoke(body)
        except HostingError:
            if last:
                raise BadFile("AlgorithmError", "Unable to get response from algorithm") from None
            continue
        if 200 <= answer.status < 300:
            return answer.body
        side = "ClientError" if answer.status < 500 else "AlgorithmError"
        if last or side == "ClientError":
            text = answer.body.decode("utf-8", "replace").splitlines() or [""]
            raise BadFile(side, f"{side}: {answer.status}", "", "Message:", *text)
    raise AssertionError("the last attempt returns or raises")


def _in_order(
    payloads: Iterable[Payload], answer: Callable[[Payload], list[bytes]], settings: TransformSettings
) -> Iterator[list[bytes]]:
    """The answers in the order of the payloads, with up to `concurrent` requests in flight and as many waiting."""
    pool = ThreadPoolExecutor(settings.concurrent, "transform")
    waiting: deque[Future[list[bytes]]] = deque()
    try:
        for payload in payloads:
            waiting.append(pool.submit(answer, payload))
            if len(waiting) >= 2 * settings.concurrent:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
