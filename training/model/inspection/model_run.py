"""Run a trained model without trusting its file: its number of features, its answers to rows, its gain.

A pickle is never opened; xgboost's own formats are opened in a process without credentials (`run`), which
answers to a few rows or to all rows of a channel.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from kickstand.errors import KickstandError, Problem
from kickstand.programs import image_python
from training.model.inspection.archive import reading_image
from training.model.inspection.limits import Limits, bare_environment, memory_for

MODEL_FILE = "xgboost-model"
"""The name under which the container saves the model, and looks for it."""

Prediction = float | tuple[float, ...]

_PICKLE = b"\x80"
_TIMEOUT = 300.0
_LONGEST_ANSWER = 64 << 20
_NO_MEMORY = re.compile(r"MemoryError|bad_alloc|[Cc]annot allocate memory|failed to map")


@dataclass(frozen=True, slots=True)
class ModelAnswers:
    """The number of features a model was trained on, and its answers; none where the rows have another width.

    rounds: boosting rounds of each model, of an ensemble in the order of the folds.
    """

    features: int
    predictions: tuple[Prediction, ...]
    rounds: tuple[int, ...]


def find_models(files: Sequence[Path], count: int | None, *, folder: Path, where: str) -> tuple[Path, ...]:
    """The model among an artifact's files, or the models of an ensemble in the order in which they are served.

    count: how many models the training made (`model_count`): 1 is `xgboost-model`, more are `xgboost-model-0`, ….
    None: that is not known; as many as there are, numbered from 0 without a gap.
    folder: that the artifact was unpacked to. A container looks for models directly in it, and in no folder below.
    where: the artifact, for messages.
    Raises KickstandError where other files are there than exactly these, or one is a pickle.
    """
    names = sorted(file.relative_to(folder).as_posix() for file in files)
    if count is None:
        count = max(1, sum(name.startswith(f"{MODEL_FILE}-") for name in names))
    wanted = sorted(f"{MODEL_FILE}-{number}" for number in range(count)) if count > 1 else [MODEL_FILE]
    if names != wanted:
        raise KickstandError(_other_models(names, wanted, where) if count > 1 else _no_single_model(names, where))
    models = tuple(sorted(files))  # as the serving program sorts them: xgboost-model-10 is before xgboost-model-2
    if pickles := [model.name for model in models if _begins(model) == _PICKLE]:
        raise KickstandError(
            Problem(
                f"{' and '.join(pickles)} is a Python pickle, as images 1.0-1 to 1.2-2 write it; a pickle can run any "
                "program when it is opened, so it is not.",
                where,
                "Train it again with image 3.2-0.",
            )
        )
    return models


def run_model(models: Sequence[Path], rows: Sequence[str], *, where: str) -> ModelAnswers:
    """Load a model and ask it for some rows.

    models: one file, or those of an ensemble. rows: CSV text without the label. where: the artifact, for messages.
    Raises KickstandError where xgboost cannot load it, or dies of it.
    """
    request = {"models": [str(model.resolve()) for model in models], "rows": list(rows)}
    answer = run_isolated("training.model.inspection.run", request, models, where)
    predictions = tuple(tuple(given) if isinstance(given, list) else given for given in answer["predictions"])
    by_fold = sorted(zip(models, answer["rounds"], strict=True), key=lambda one: _fold(one[0]))
    return ModelAnswers(answer["features"], predictions, tuple(rounds for _, rounds in by_fold))


def run_isolated(
    program: str,
    request: Mapping[str, Any],
    models: Sequence[Path],
    where: str,
    *,
    timeout: float = _TIMEOUT,
    written: int = 0,
) -> dict[str, Any]:
    """Ask a program that opens a model, in a process that has little: JSON in, JSON out.

    It runs with the xgboost of the image that saved the model, where that is a supported one; without credentials,
    home folder and network, and with bounds of memory, time and output (`training.model.inspection.limits`).

    program: the module to run. models: what it opens. where: the artifact, for messages. timeout: seconds, of
    processor time too. written: bytes of the largest file that it may write beside its answer.
    Raises KickstandError where the model cannot be loaded, the process dies of it, or takes too much.
    """
    megabytes = memory_for(models)
    limits = Limits(megabytes, int(timeout), max(_LONGEST_ANSWER, written) >> 20)
    # Files, not pipes: what they can hold is bounded as all that the process writes.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as log:
        try:
            ended = subprocess.run(
                limits.command(image_python(reading_image(models[0])), program),
                input=json.dumps(request).encode(),
                stdout=out,
                stderr=log,
                check=False,
                timeout=timeout,
                cwd=Path(__file__).parents[3],
                env={**bare_environment(), "OMP_NUM_THREADS": "1"},
            )
        except subprocess.TimeoutExpired as error:
            raise KickstandError(_unloadable(models, f"it took more than {timeout:.0f} s", where)) from error
        said = _tail(log)
        if ended.returncode != 0:
            reason = _end_of(ended.returncode, said, megabytes, timeout)
            raise KickstandError(_unloadable(models, reason, where))
        try:
            out.seek(0)
            answer: dict[str, Any] = json.loads(out.read())
        except ValueError:
            raise KickstandError(_unloadable(models, "its answer is no JSON", where)) from None
    if "damaged" in answer:
        raise KickstandError(_unloadable(models, answer["damaged"], where, ours=True))
    if "error" in answer:
        memory = _NO_MEMORY.search(answer["error"]) is not None
        raise KickstandError(_unloadable(models, _too_little(megabytes) if memory else answer["error"], where))
    return answer


def _tail(log: IO[bytes]) -> str:
    """The last line that is not blank of the last 64 KiB."""
    log.seek(max(0, log.seek(0, os.SEEK_END) - (1 << 16)))
    lines = log.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:300] if lines else ""


def _end_of(code: int, said: str, megabytes: int, timeout: float) -> str:
    if _NO_MEMORY.search(said):
        return _too_little(megabytes)
    if code == -getattr(signal, "SIGXCPU", 0) or code == -getattr(signal, "SIGKILL", 0):
        return f"it took more than {timeout:.0f} s of processor time"
    return f"it ended with code {code}{f': {said}' if said else ''}"


def _too_little(megabytes: int) -> str:
    return f"it needs more than the {megabytes:,} MB of memory that a model of its size is given"


def _fold(model: Path) -> int:
    number = model.name.removeprefix(f"{MODEL_FILE}-")
    return int(number) if number.isdecimal() else 0


def _begins(model: Path) -> bytes:
    with model.open("rb") as opened:
        return opened.read(1)


def _unloadable(models: Sequence[Path], reason: str, where: str, *, ours: bool = False) -> Problem:
    """ours: xgboost was not asked."""
    what = MODEL_FILE if len(models) == 1 else f"One of the {len(models)} models"
    message = f"{what} cannot be loaded{': ' if ours else '. xgboost says: '}{reason}"
    return Problem(message, where, "Train it again; the file is damaged.")


def _other_models(names: Sequence[str], wanted: Sequence[str], where: str) -> Problem:
    """An ensemble with a member too few or too many."""
    lacks, extra = sorted({*wanted} - {*names}), sorted({*names} - {*wanted})
    report = [f"{what} {_listed(which)}" for what, which in (("lacks", lacks), ("has", extra)) if which]
    found = " and ".join(report)
    return Problem(
        f"Hyperparameter _kfold makes {len(wanted)} models, {MODEL_FILE}-0 to {MODEL_FILE}-{len(wanted) - 1}; "
        f"the artifact {found}: an endpoint takes every file for a model and averages them all.",
        where,
        "Train it again.",
    )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - 5
    return ", ".join(names[:5]) + (f" and {more} more" if more > 0 else "")


def _no_single_model(names: Sequence[str], where: str) -> Problem:
    if any(name.startswith(f"{MODEL_FILE}-") for name in names):
        return Problem(
            f"The artifact holds {_listed(names)}, as hyperparameter _kfold makes them; the training had none.",
            where,
            "Find out who wrote it, or train it again.",
        )
    if MODEL_FILE in names:
        others = [name for name in names if name != MODEL_FILE]
        does = "takes every file for a model and fails"
        if all("/" in name or name.startswith(".") for name in others):
            does = "passes over what lies in a folder or begins with a dot, and a model has nothing beside it"
        return Problem(
            f"Beside {MODEL_FILE} the artifact holds {_listed(others)}: an endpoint {does}.",
            where,
            f"Train so that only {MODEL_FILE} is left in the model folder.",
        )
    message = f"The artifact holds no file {MODEL_FILE} but {_listed(names) or 'nothing'}."
    if any(name.endswith(f"/{MODEL_FILE}") for name in names):
        message += " An endpoint looks for its model directly in the archive, and in no folder."
    return Problem(message, where, "Was it trained by XGBoost?")


_SCORING_SECONDS = 1800.0
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
        report = run_isolated(
            "training.model.inspection.run", request, models, where, timeout=_SCORING_SECONDS, written=_LARGEST
        )
        if report["features"] != columns - label_columns:
            message = f"The model has {report['features']} features, the rows have {columns - label_columns}."
            raise KickstandError(Problem(message, where))
        given = np.fromfile(answers, dtype=np.float64)
    shape = (report["rows"],) if report["width"] == 1 else (report["rows"], report["width"])
    return Scores(
        report["features"], given.reshape(shape), {int(number): value for number, value in report["gain"].items()}
    )
