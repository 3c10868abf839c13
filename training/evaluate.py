"""Send the test channel through a live endpoint and say how good the answers are."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kickstand.config.model import TargetTransform
from kickstand.errors import InputError, Problem
from training.metrics import Vector, evaluation
from training.predict import Invoke, batches, in_order


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of one evaluation: metrics by name, labels, answers as text, predictions as numbers."""

    metrics: Mapping[str, float]
    actual: Vector
    answers: list[str]
    predicted: Vector


def sniff_delimiter(line: bytes) -> bytes:
    """The delimiter of a CSV by its first line, as the container tells it: comma, tab or semicolon."""
    return max((b",", b"\t", b";"), key=line.count)


def split_label(files: Iterable[Path]) -> tuple[Vector, bytes]:
    """The labels (first column) and the rest of the rows as CSV bytes, for the endpoint.

    Raises InputError for a row without a numeric label, with its file and line.
    """
    labels: list[float] = []
    features = io.BytesIO()
    for file in files:
        try:
            lines = file.read_bytes().splitlines()
        except OSError as error:
            raise InputError(Problem(f"The test channel cannot be read: {error.strerror}.", str(file))) from error
        delimiter = sniff_delimiter(lines[0]) if lines else b","
        for number, line in enumerate(lines, start=1):
            label, _, rest = line.partition(delimiter)
            try:
                labels.append(float(label))
            except ValueError:
                found = label.decode("utf-8", "replace")[:40]
                raise InputError(
                    Problem(f"Expected a numeric label in the first column, found {found!r}.", f"{file}:{number}:1")
                ) from None
            features.write(rest + b"\n")
    return np.array(labels, dtype=np.float64), features.getvalue()


def evaluate(
    files: Iterable[Path],
    invoke: Invoke,
    *,
    objective: str,
    transform: TargetTransform,
    parallel: int,
    done: Callable[[int], None] = lambda rows: None,
) -> Evaluation:
    """Ask the endpoint for every test row and compare with the labels.

    Raises InputError for an empty or unreadable test channel, KickstandError where the endpoint fails.
    """
    actual, features = split_label(files)
    cut = batches(io.BytesIO(features), "test channel")
    answers = [row for part in in_order(cut, invoke, parallel=parallel, done=done) for row in part.rows]
    metrics, predicted = evaluation(objective, actual, answers, transform)
    return Evaluation(metrics, actual, answers, predicted)
