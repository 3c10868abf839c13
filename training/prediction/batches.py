"""A CSV of features through an endpoint: streaming, in batches, several at once, in order.

The pure parts are here: cutting the input into batches, naming the rows that are wrong, putting answers back into rows.
What invokes the endpoint is `endpoint_client`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from kickstand.errors import InputError, KickstandError, Problem
from training.data.csv.cells import Layout, scan_cells
from training.data.csv.columns import all_finite
from training.data.csv.float_text import delimiter_of
from training.data.csv.head import read_head
from training.data.findings import Findings, first_of
from training.data.formats.other_files import foreign

if TYPE_CHECKING:
    from rich.console import Console


_READER = "the endpoint"


def row_problems(body: bytes, first_line: int, name: str, *, delimiter: bytes, width: int) -> list[Problem]:
    """What the container would refuse in whole lines of a CSV without labels: each cause once, at its first place.

    first_line: the number of the first line, from 1. name: the input's. width: features that a row must have.
    """
    findings = Findings(name, labels=0)
    scan_cells(body, first_line, Layout(delimiter.decode(), width, (), 0), findings)
    return first_of(findings.problems())


def first_problems(body: bytes, name: str, *, width: int | None = None) -> list[Problem]:
    """The same of whole lines with which an input begins, where the first ones may be a header row.

    width: features that a row must have; None: as many as the lines have.
    """
    findings = Findings(name, labels=0)
    blank = len(body) - len(body.lstrip())
    start = body.rfind(b"\n", 0, blank) + 1
    head = read_head(body[start:], 1 + body.count(b"\n", 0, start), findings, reader=_READER, labels=0)
    if head is None:
        return findings.problems()
    for _ in range(head.skipped):
        start = body.find(b"\n", start) + 1 or len(body)
    rest, line = body[start:], 1 + body.count(b"\n", 0, start)
    scan_cells(rest, line, Layout(head.delimiter, head.width, (), 0), findings)
    problems = findings.problems()
    if width is not None and head.width != width:
        message = f"Expected {width:,} features, found {head.width:,} cells in each line."
        problems.append(Problem(message, f"{name}:{line}", "Give every row the features of training, in their order."))
    return first_of(problems)


def all_numbers(body: bytes, *, delimiter: bytes, width: int) -> bool:
    """Whether whole lines are surely rows of finite numbers and missing values: fast, and False where in doubt."""
    return all_finite(body, Layout(delimiter.decode(), width, (), 0))


@contextmanager
def rows_progress(console: Console | None, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Yield a function that counts rows; draws nothing without a console that is a terminal."""
    if console is None or not console.is_terminal:
        yield lambda rows: None
        return
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class RowsPerSecond(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed or 0:,.0f} rows/s", style="dim")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} rows"),
        RowsPerSecond(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("predicting", total=total)
        yield lambda rows: progress.advance(task, rows)


PAYLOAD_LIMIT = 6 * 1024 * 1024
"""Bytes of one body that both InvokeEndpoint and the XGBoost image take.

The API's model says so of BodyBlob; SageMaker's hosting FAQ names 25 MB for real-time endpoints, but the image's own
limit is 6 MiB unless MAX_CONTENT_LENGTH is set.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

BATCH_BYTES = 1024 * 1024
"""Bytes of one request: large enough to make its own cost small, small enough to keep several in flight."""

MAX_LINE_BYTES = PAYLOAD_LIMIT

_SNIFFED_FIRST = b",\t; :"
"""Delimiters that an endpoint finds in any line that has them."""

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole lines of the input.

    first_line: the 1-based line number of the first of them. rows: how many there are.
    """

    body: bytes
    first_line: int
    rows: int


@dataclass(frozen=True, slots=True)
class Expected:
    """How many features a row must have, and who says so (`the model of releases/dev.json`)."""

    features: int
    source: str


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a file's rows look like."""

    delimiter: bytes
    width: int


@dataclass(frozen=True, slots=True)
class Answers:
    """The endpoint's answers to one batch, one text a row, with all digits as it gave them."""

    batch: Batch
    rows: list[str]


Invoke = Callable[[Batch], list[str]]
"""Sends one batch and returns its answers, one a row; raises KickstandError."""


def batches(
    source: BinaryIO,
    name: str,
    *,
    size: int = BATCH_BYTES,
    expected: Expected | None = None,
    every_cell: bool = False,
) -> Iterator[Batch]:
    """Cut a CSV stream into batches of whole lines of at most `size` bytes (one long line may be more).

    expected:   the features that a row must have, where they are known; else as many as the first line.
    every_cell: whether to look at every cell, too, where no answer will come soon that tells a wrong one.
    Raises InputError for no rows at all, a header row, what is no text, blank lines, lines of another width, a line
    over the payload limit, and a cell that is no number.
    """
    line, rest, shape = 1, b"", None
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
        shape = shape or _shape(data[:cut], name, expected)
        batch = _batch(data[:cut], line, name, shape, every_cell)
        yield batch
        line, rest = line + batch.rows, data[cut:]
    if rest:
        yield _batch(rest + b"\n", line, name, shape or _shape(rest, name, expected), every_cell)
    elif shape is None:
        raise InputError(Problem("Expected rows of features, found an empty file.", name))


def _batch(body: bytes, line: int, name: str, shape: _Shape, every_cell: bool) -> Batch:
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n")
    rows = body.count(b"\n")
    # Counting is fast, and shows all but lines whose faults cancel out: those the container refuses. A blank line lacks
    # delimiters, unless rows have none: then it has to be looked for.
    blank = shape.width == 1 and (body.startswith(b"\n") or b"\n\n" in body)
    if blank or body.count(shape.delimiter) != rows * (shape.width - 1):
        raise InputError(*row_problems(body, line, name, delimiter=shape.delimiter, width=shape.width))
    if every_cell and not all_numbers(body, delimiter=shape.delimiter, width=shape.width):
        problems = row_problems(body, line, name, delimiter=shape.delimiter, width=shape.width)
        if problems:
            raise InputError(*problems)
    if shape.delimiter not in _SNIFFED_FIRST:  # the endpoint looks at the first line of each batch alone
        body = body.replace(shape.delimiter, b",")
    return Batch(body, line, rows)


def _shape(body: bytes, name: str, expected: Expected | None) -> _Shape:
    """Delimiter and width, by the first line; InputError where it is no row of numbers, or has an odd width."""
    if body.startswith(_BOM):
        message = "The file begins with a byte order mark, which the endpoint reads as data."
        raise InputError(Problem(message, f"{name}:1:1", "Save it as UTF-8 without BOM."))
    if problem := foreign(body, "CSV"):
        raise InputError(Problem(problem[0], name, problem[1]))
    first = body.lstrip(b"\r\n").partition(b"\n")[0].rstrip(b"\r")
    delimiter = delimiter_of(first).encode()
    cells = first.split(delimiter)
    if not all(cell == b"" or _is_number(cell) for cell in cells):
        width = None if expected is None else expected.features
        if problems := first_problems(body, name, width=width):
            raise InputError(*problems)
    if expected is not None and first and len(cells) != expected.features:
        raise InputError(_other_width(cells, name, expected))
    return _Shape(delimiter, len(cells))


def _other_width(cells: Sequence[bytes], name: str, expected: Expected) -> Problem:
    fix, found = "Give every row the features of training, in their order, without the label.", len(cells)
    if found == expected.features + 1 and not cells[-1].strip():
        fix = f"A delimiter at the end of a line makes one more feature, which is empty. {fix}"
    elif found == expected.features + 1:
        fix = f"Is the label still there? {fix}"
    return Problem(f"Expected {expected.features} features ({expected.source}), found {found}.", f"{name}:1", fix)


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return b"_" not in text


def in_order(
    source: Iterable[Batch], invoke: Invoke, *, parallel: int, done: Callable[[int], None] = lambda rows: None
) -> Iterator[Answers]:
    """Invoke for each batch with up to `parallel` requests in flight; yield answers in the input's order.

    No more than twice `parallel` batches are held, whatever the size of the input. On an error, or when
    the caller stops, requests that have not begun are dropped.
    """
    pool = ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="invoke")
    try:
        waiting: deque[tuple[Batch, Future[list[str]]]] = deque()
        for batch in source:
            waiting.append((batch, pool.submit(invoke, batch)))
            if len(waiting) >= 2 * parallel:
                yield _next(waiting, done)
        while waiting:
            yield _next(waiting, done)
    finally:
        # Not waited for: a request in flight may take a minute, and its answer is wanted no more.
        pool.shutdown(wait=False, cancel_futures=True)


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
