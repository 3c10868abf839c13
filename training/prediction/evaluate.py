"""Send the test channel through a live endpoint and say how good the answers are."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kickstand.config.model import TargetTransform
from kickstand.errors import KickstandError, Problem
from training.data.csv_delimiter import delimiter_of
from training.data.row_text import csv_lines, first_content
from training.prediction.batches import Expected, Invoke, batches, in_order
from training.prediction.metrics import Vector, evaluation, require_figure


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of one evaluation: metrics by name, labels, answers as text, predictions as numbers."""

    metrics: Mapping[str, float]
    actual: Vector
    answers: list[str]
    predicted: Vector


def split_label(
    files: Sequence[Path], label_columns: int = 1, *, kind: str = "csv", width: int = 0
) -> tuple[Vector, bytes]:
    """The labels (first column) and the features of the rows as CSV bytes, for the endpoint.

    files: checked data (`data_check`). label_columns: columns before the features; 2 where the second is a weight.
    kind: of the files. width: columns with the label, of rows that do not name all of them.
    Raises KickstandError for a file that changed since.
    """
    labels: list[float] = []
    first, features = b"", io.BytesIO()
    for file in files:
        try:
            first = first or first_content(kind, files)
            lines = csv_lines(kind, file.name, file.read_bytes(), width, first=first)
        except OSError as error:
            raise KickstandError(Problem(f"The file cannot be read: {error.strerror}.", str(file))) from error
        except (ValueError, IndexError) as error:
            message = f"The file changed after it was checked: {error}"
            raise KickstandError(Problem(message, str(file), "Run the same command again.")) from error
        delimiter = delimiter_of(lines[0] if lines else b"").encode()
        for number, line in enumerate(lines, start=1):
            cells = line.split(delimiter, label_columns)
            try:
                labels.append(float(cells[0]))
                features.write(cells[label_columns].replace(delimiter, b",") + b"\n")
            except (ValueError, IndexError):
                message = "The line has no numeric label and features: the file changed after it was checked."
                raise KickstandError(Problem(message, f"{file}:{number}", "Run the same command again.")) from None
    return np.array(labels, dtype=np.float64), features.getvalue()


def evaluate(
    files: Sequence[Path],
    invoke: Invoke,
    *,
    objective: str,
    transform: TargetTransform,
    label_columns: int = 1,
    kind: str = "csv",
    width: int = 0,
    expected: Expected | None = None,
    parallel: int,
    done: Callable[[int], None] = lambda rows: None,
) -> Evaluation:
    """Ask the endpoint for every test row and compare with the labels.

    files: checked data, of this kind. width: columns with the label, of rows that do not name all of them.
    expected: the features of the model, where they are known.
    Raises InputError for an objective without a figure, KickstandError where the endpoint fails.
    """
    require_figure(objective)
    actual, features = split_label(files, label_columns, kind=kind, width=width)
    cut = batches(io.BytesIO(features), "test channel", expected=expected)
    answers = [row for part in in_order(cut, invoke, parallel=parallel, done=done) for row in part.rows]
    metrics, predicted = evaluation(objective, actual, answers, transform)
    return Evaluation(metrics, actual, answers, predicted)
