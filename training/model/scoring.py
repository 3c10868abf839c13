"""Asking a trained model for all rows of a channel, without trusting its file: the answers as numbers, and its gain."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kickstand.errors import KickstandError, Problem
from training.model.probe import run_isolated

_TIMEOUT = 1800.0
_LARGEST = 4 << 30
"""Bytes of answers."""


@dataclass(frozen=True, slots=True)
class Scores:
    """answers: shape (rows,), or (rows, classes) for `multi:softprob`.

    gain: summed over a feature's splits, by the feature's number, from 0; of an ensemble the mean of its models'.
    Features without a split are not there.
    """

    features: int
    answers: NDArray[np.float64]
    gain: Mapping[int, float]


def score_rows(
    models: Sequence[Path], files: Sequence[Path], label_columns: int, *, columns: int, where: str
) -> Scores:
    """Ask a model for every row of checked CSV files.

    models: one file, or those of an ensemble. label_columns: columns before the features.
    columns: of the files, all of them. where: the artifact, for messages.
    Raises KickstandError where the model cannot be loaded, or has another number of features than the rows.
    """
    with tempfile.TemporaryDirectory(prefix="kickstand-") as folder:
        answers = Path(folder, "answers")
        request = {
            "models": [str(model.resolve()) for model in models],
            "files": [str(file.resolve()) for file in files],
            "label_columns": label_columns,
            "columns": columns,
            "answers": str(answers),
        }
        told = run_isolated("training.model.scores", request, models, where, timeout=_TIMEOUT, written=_LARGEST)
        if told["features"] != columns - label_columns:
            message = f"The model has {told['features']} features, the rows have {columns - label_columns}."
            raise KickstandError(Problem(message, where))
        given = np.fromfile(answers, dtype=np.float64)
    shape = (told["rows"],) if told["width"] == 1 else (told["rows"], told["width"])
    return Scores(
        told["features"], given.reshape(shape), {int(number): value for number, value in told["gain"].items()}
    )
