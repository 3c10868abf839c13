"""The answers of one model to rows, as checked numbers: an endpoint's, or those of an artifact that was run here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kickstand.config.model import TargetTransform
from kickstand.errors import Problem
from training.evaluation.metrics import Answers, UnsoundModelError
from training.evaluation.rows import Rows
from training.prediction.batches import Expected, Invoke, batches, in_order
from training.prediction.endpoint_client import EndpointClient, runtime_client

if TYPE_CHECKING:
    import boto3

_LONGEST_SHOWN = 60


def endpoint_answers(
    session: boto3.Session,
    endpoint: str,
    rows: Rows,
    *,
    objective: str,
    transform: TargetTransform,
    expected: Expected | None = None,
    parallel: int = 4,
    done: Callable[[int], None] = lambda rows: None,
) -> Answers:
    """An endpoint's answers to rows.

    objective, transform: of the model that it serves. expected: its features, where they are known. parallel: requests
    in flight. done: is given the number of rows that each request answered.
    Raises KickstandError where the endpoint fails, or refuses the rows: a model of other columns does.
    """
    client = runtime_client(session, parallel=parallel)
    invoke = EndpointClient(client, endpoint=endpoint, accept="csv", source=rows.source)
    texts = invoked(invoke, rows, expected=expected, parallel=parallel, done=done)
    where = f"endpoint {endpoint}"
    return parse_answers(texts, objective=objective, transform=transform, where=where, place=rows.place)


def invoked(
    invoke: Invoke,
    rows: Rows,
    *,
    expected: Expected | None = None,
    parallel: int,
    done: Callable[[int], None] = lambda rows: None,
) -> tuple[str, ...]:
    """The answers to rows, in their order, with the digits that the endpoint gave."""
    with rows.features() as features:
        cut = batches(features, rows.source, expected=expected)
        return tuple(row for part in in_order(cut, invoke, parallel=parallel, done=done) for row in part.rows)


def _number(row: int) -> str:
    return f"{row + 1:,}"


def parse_answers(
    texts: Sequence[str],
    *,
    objective: str,
    transform: TargetTransform,
    where: str,
    place: Callable[[int], str] = _number,
) -> Answers:
    """An endpoint's csv rows as numbers. place: of a row in messages, by its index from 0.

    Raises UnsoundModelError for an answer that is no finite number, or of another count of numbers than the first.
    """
    several = objective == "multi:softprob"
    cells = [text.split(",") for text in texts]
    width = len(cells[0]) if several and cells else 1
    table = np.empty((len(cells), width))
    for number, row in enumerate(cells):
        try:
            table[number] = [float(cell) for cell in row] if len(row) == width else math.nan
        except ValueError:
            table[number] = math.nan
    values = table if several else table[:, 0]
    _require_finite(values, lambda row: texts[row], where, place)
    return Answers(objective, transform, values, where, tuple(texts))


def model_answers(
    values: NDArray[np.float64],
    *,
    objective: str,
    transform: TargetTransform,
    where: str,
    place: Callable[[int], str] = _number,
) -> Answers:
    """The answers of a model that was run here: shape (rows,), or (rows, classes). Raises as `parse_answers`."""
    _require_finite(values, lambda row: ",".join(f"{value:g}" for value in np.atleast_1d(values[row])), where, place)
    return Answers(objective, transform, values, where)


def _require_finite(
    values: NDArray[np.float64], text: Callable[[int], str], where: str, place: Callable[[int], str]
) -> None:
    finite = np.isfinite(values)
    odd = np.flatnonzero(~(finite if finite.ndim == 1 else finite.all(axis=1)))
    if not len(odd):
        return
    wanted = f"{values.shape[1]} finite numbers" if values.ndim == 2 and values.shape[1] > 1 else "a finite number"
    first = text(int(odd[0]))
    shown = first if len(first) <= _LONGEST_SHOWN else f"{first[:_LONGEST_SHOWN]}…"
    message = (
        f"{len(odd):,} of {len(values):,} answers are not {wanted}: the first is {shown!r}, of row "
        f"{place(int(odd[0]))}."
    )
    raise UnsoundModelError(Problem(message, where, "The model has not learned; do not serve it."))
