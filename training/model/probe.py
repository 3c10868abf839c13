"""Asking a trained model for its number of features and a few answers, without trusting its file.

A pickle is never opened; xgboost's own formats are opened in a process without credentials (`model_answers`).
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kickstand.errors import KickstandError, Problem
from training.image.environment import image_python
from training.model.saved_version import reading_image

MODEL_FILE = "xgboost-model"
"""The name under which the container saves the model, and looks for it."""

Prediction = float | tuple[float, ...]

_PICKLE = b"\x80"
_ROOT = Path(__file__).resolve().parents[2]
_TIMEOUT = 300.0
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class ModelAnswers:
    """The number of features a model was trained on, and its answers; none where the rows have another width."""

    features: int
    predictions: tuple[Prediction, ...]


def find_model(files: Sequence[Path], *, where: str) -> Path:
    """The model among an artifact's files.

    where: the artifact, for messages.
    Raises KickstandError where there is none, or it is a pickle.
    """
    names = sorted(file.name for file in files)
    if names != [MODEL_FILE]:
        raise KickstandError(_no_single_model(names, where))
    model = files[0]
    with model.open("rb") as opened:
        head = opened.read(1)
    if head == _PICKLE:
        raise KickstandError(
            Problem(
                f"{MODEL_FILE} is a Python pickle, as images 1.0-1 to 1.2-2 write it; a pickle can run any program "
                "when it is opened, so it is not.",
                where,
                "Train it again with image 3.2-0.",
            )
        )
    return model


def ask_model(model: Path, rows: Sequence[str], *, where: str) -> ModelAnswers:
    """Load a model and ask it for some rows.

    rows: CSV text without the label. where: the artifact, for messages.
    Raises KickstandError where xgboost cannot load it, or dies of it.
    """
    answer = run_isolated("training.model.answers", {"model": str(model.resolve()), "rows": list(rows)}, model, where)
    predictions = tuple(tuple(given) if isinstance(given, list) else given for given in answer["predictions"])
    return ModelAnswers(answer["features"], predictions)


def run_isolated(
    program: str, request: Mapping[str, Any], model: Path, where: str, *, timeout: float = _TIMEOUT
) -> dict[str, Any]:
    """Ask a program that opens a model, in a process without credentials: JSON in, JSON out.

    It runs with the xgboost of the image that saved the model, where that is a supported one.

    program: the module to run. where: the artifact, for messages. timeout: seconds.
    Raises KickstandError where the model cannot be loaded, the process dies of it, or takes too long.
    """
    try:
        ended = subprocess.run(
            [image_python(reading_image(model)), "-m", program],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            cwd=Path(__file__).parents[1],
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ}
            | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(_ROOT)},
        )
    except subprocess.TimeoutExpired as error:
        raise KickstandError(_unloadable(model, f"it took more than {timeout:.0f} s", where)) from error
    if ended.returncode != 0:
        said = ended.stderr.strip().splitlines()
        reason = f"it ended with code {ended.returncode}{f': {said[-1]}' if said else ''}"
        raise KickstandError(_unloadable(model, reason, where))
    answer: dict[str, Any] = json.loads(ended.stdout)
    if "error" in answer:
        raise KickstandError(_unloadable(model, answer["error"], where))
    return answer


def _unloadable(model: Path, reason: str, where: str) -> Problem:
    message = f"{MODEL_FILE} cannot be loaded. xgboost says: {reason}"
    return Problem(message, where, "Train it again; the file is damaged.")


def _no_single_model(names: Sequence[str], where: str) -> Problem:
    if any(name.startswith(f"{MODEL_FILE}-") for name in names):
        return Problem(
            "The artifact holds one model a fold (hyperparameter _kfold), which is not supported yet.",
            where,
            "Train without _kfold.",
        )
    if MODEL_FILE in names:
        others = ", ".join(name for name in names if name != MODEL_FILE)
        return Problem(
            f"Beside {MODEL_FILE} the artifact holds {others}: an endpoint takes every file for a model and fails.",
            where,
            f"Train so that only {MODEL_FILE} is left in the model folder.",
        )
    found = ", ".join(names) or "nothing"
    return Problem(f"The artifact holds no file {MODEL_FILE} but {found}.", where, "Was it trained by XGBoost?")
