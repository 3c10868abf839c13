"""Send a CSV of features through an endpoint: streaming, in batches, several at once, in order.

The pure parts are here: cutting the input into batches and putting answers back into rows. What talks
to AWS is `endpoint_client`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO

from kickstand.errors import InputError, KickstandError, Problem

PAYLOAD_LIMIT = 6 * 1024 * 1024
"""Bytes that InvokeEndpoint takes in one body.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

BATCH_BYTES = 1024 * 1024
"""Bytes of one request: large enough to make its own cost small, small enough to keep several in flight."""

MAX_LINE_BYTES = PAYLOAD_LIMIT


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole lines of the input.

    first_line: the 1-based line number of the first of them. rows: how many there are.
    """

    body: bytes
    first_line: int
    rows: int


@dataclass(frozen=True, slots=True)
class Answers:
    """The endpoint's answers to one batch, one text a row, with all digits as it gave them."""

    batch: Batch
    rows: list[str]


Invoke = Callable[[Batch], list[str]]
"""Sends one batch and returns its answers, one a row; raises KickstandError."""


def batches(source: BinaryIO, name: str, *, size: int = BATCH_BYTES) -> Iterator[Batch]:
    """Cut a CSV stream into batches of whole lines of at most `size` bytes (one long line may be more).

    Raises InputError for no rows at all, a blank line, a line over the payload limit, or a header row.
    """
    line, rest, seen = 1, b"", False
    while block := source.read(size):
        data = rest + block
        cut = data.rfind(b"\n") + 1
        if cut == 0:
            if len(data) > MAX_LINE_BYTES:
                raise InputError(
                    Problem(
                        f"One line is over {PAYLOAD_LIMIT:,} bytes, the most that an endpoint takes.", f"{name}:{line}"
                    )
                )
            rest = data
            continue
        batch = _batch(data[:cut], line, name)
        yield batch
        seen, line, rest = True, line + batch.rows, data[cut:]
    if rest:
        yield _batch(rest + b"\n", line, name)
    elif not seen:
        raise InputError(Problem("Expected rows of features, found an empty file.", name))


def _batch(body: bytes, line: int, name: str) -> Batch:
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n")
    if body.startswith(b"\n") or b"\n\n" in body:
        blank = line + (0 if body.startswith(b"\n") else body[: body.index(b"\n\n") + 1].count(b"\n"))
        raise InputError(
            Problem(
                "Expected a row of features, found a blank line.",
                f"{name}:{blank}",
                "Remove the line, then run it again.",
            )
        )
    if line == 1:
        _refuse_header(body, name)
    return Batch(body, line, body.count(b"\n"))


def _refuse_header(body: bytes, name: str) -> None:
    first = body.split(b"\n", 1)[0].decode("utf-8", "replace")
    for column, cell in enumerate(first.replace(";", ",").replace("\t", ",").split(","), start=1):
        text = cell.strip().strip('"')
        if text and not _is_number(text):
            raise InputError(
                Problem(
                    f"Expected a number, found {text[:40]!r}: the first line looks like a header row.",
                    f"{name}:1:{column}",
                    "The endpoint takes rows of features only: remove the header row.",
                )
            )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def in_order(
    source: Iterable[Batch], invoke: Invoke, *, parallel: int, done: Callable[[int], None] = lambda rows: None
) -> Iterator[Answers]:
    """Invoke for each batch with up to `parallel` requests in flight; yield answers in the input's order.

    No more than twice `parallel` batches are held, whatever the size of the input. On an error, or when
    the caller stops, requests that have not begun are dropped.
    """
    with ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="invoke") as pool:
        waiting: deque[tuple[Batch, Future[list[str]]]] = deque()
        try:
            for batch in source:
                waiting.append((batch, pool.submit(invoke, batch)))
                if len(waiting) >= 2 * parallel:
                    yield _next(waiting, done)
            while waiting:
                yield _next(waiting, done)
        finally:
            for _, future in waiting:
                future.cancel()


def _next(waiting: deque[tuple[Batch, Future[list[str]]]], done: Callable[[int], None]) -> Answers:
    batch, future = waiting.popleft()
    rows = future.result()
    if len(rows) != batch.rows:
        raise KickstandError(
            Problem(
                f"Expected {batch.rows} answers from the endpoint, found {len(rows)}.",
                f"lines {batch.first_line} to {batch.first_line + batch.rows - 1}",
                "The endpoint does not answer a row a line; is it the built-in XGBoost?",
            )
        )
    done(batch.rows)
    return Answers(batch, rows)
