"""One input file of a transform job through the model: its records in, its output file out, in the same order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

from localcloud.platform.data_processing import DataProcessing, RecordError, assembled
from localcloud.platform.failure import JobStopped
from localcloud.platform.model_answer import Answer, HostingError
from localcloud.platform.transform_records import Payload, PayloadTooLarge, payloads_of, records_of
from localcloud.platform.transform_settings import TransformSettings

Ask = Callable[[bytes], Answer]
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
    ask: Ask,
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
        answers = _in_order(payloads, lambda payload: _answer(payload, ask, settings, processing, stopped), settings)
        for part in assembled((part for parts in answers for part in parts), settings.assemble_with):
            out.write(part)
    except PayloadTooLarge as error:
        raise BadFile("ClientError", str(error)) from None
    except RecordError as error:
        raise BadFile("ClientError", str(error)) from None


def _answer(
    payload: Payload, ask: Ask, settings: TransformSettings, processing: DataProcessing, stopped: Callable[[], bool]
) -> list[bytes]:
    """What is stored for the records of one payload."""
    sent = [processing.sent(record) for record in payload.records]
    body = _asked(payload.body(sent), ask, settings.retries, stopped)
    answers = processing.answers(body, len(payload.records))
    if not processing.touches_answers:
        return list(answers)
    return [processing.kept(record, answer) for record, answer in zip(payload.records, answers, strict=True)]


def _asked(body: bytes, ask: Ask, retries: int, stopped: Callable[[], bool]) -> bytes:
    """The container's answer to one payload; asked again where it failed by itself."""
    for attempt in range(retries + 1):
        if stopped():
            raise JobStopped
        last = attempt == retries
        try:
            answer = ask(body)
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
