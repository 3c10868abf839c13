"""The model that a server predicts with: one booster, or the several of a k-fold training."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kickstand.errors import KickstandError
from kickstand.xgboost_container import VOTING
from localcloud.container.contract import UserError, image_version
from localcloud.container.hosting.booster import Booster, Scores, XGBoostError
from training.model.inspection.archive import require_readable
from training.model.inspection.boosters import NoEnsembleError, combined, require_ensemble
from training.model.inspection.structure import StructureError, check_model

if TYPE_CHECKING:
    from localcloud.container.csv_numbers import Matrix

_PICKLE = b"\x80"
"""First byte of every pickle since protocol 2."""
_TAIL = 64
"""Bytes at the end of a file in which to look for the last that is not blank."""

_log = logging.getLogger("container")


class TooManyFeaturesError(Exception):
    """A row has more features than the model."""


class ServedModel:
    """One model or an ensemble, asked from many threads at once.

    files:   the model as `save_model` wrote it; several are an ensemble.
    threads: threads for one prediction; the container has 1, whatever OMP_NUM_THREADS says.
    Raises UserError where a file is no such model, or where several do not go together.
    """

    def __init__(self, files: Path | Sequence[Path], *, threads: int) -> None:
        paths = [files] if isinstance(files, Path) else list(files)
        self._boosters = [_load(file, threads) for file in paths]
        first = self._boosters[0]
        try:
            require_ensemble(
                [file.name for file in paths], [(booster.objective, booster.classes) for booster in self._boosters]
            )
        except NoEnsembleError as error:
            raise UserError(str(error)) from None
        self.features = min(booster.features for booster in self._boosters)
        self.objective, self.classes = first.objective, first.classes
        if len(paths) > 1:
            how = "Vote" if self.objective in VOTING else "Average"
            _log.info("%s ensemble prediction of %s with %d models", how, self.objective, len(paths))

    def predict(self, rows: bytes, count: int) -> Scores:
        """Predict `count` rows of `features` float32 each, missing values as NaN."""
        if len(self._boosters) == 1:
            return self._boosters[0].predict(rows, count)
        import numpy as np

        return self.predict_matrix(np.frombuffer(rows, dtype=np.float32).reshape(count, self.features))

    def predict_matrix(self, rows: Matrix) -> Scores:
        """Predict (rows, columns) float32, at most `features` columns; features that are not there are missing."""
        if len(self._boosters) == 1:
            return _predict(self._boosters[0], rows)
        return _combined([_predict(booster, rows) for booster in self._boosters], vote=self.objective in VOTING)

    def check_width(self, width: int) -> None:
        """Raise TooManyFeaturesError, in xgboost's words, for rows of more columns than the model has features."""
        if width > self.features:
            raise TooManyFeaturesError(
                f"Check failed: learner_model_param_.num_feature >= p_fmat->Info().num_col_ ({self.features} vs. "
                f"{width}) : Number of columns does not match number of features in booster."
            )


def find_models(folder: Path, *, ensemble: bool = True) -> list[Path]:
    """The model files of a model folder, sorted: those directly in it whose names do not begin with a dot.

    ensemble: False takes the first alone (SAGEMAKER_INFERENCE_ENSEMBLE=false).
    Raises UserError where there is none.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    for file in [file for file in files if file.name.startswith(".")]:
        _log.warning("Ignoring dotfile '%s' found in model directory - please exclude dotfiles from archives", file)
        files.remove(file)
    if not files:
        raise UserError(f"No model file in {folder}")
    return files if ensemble else files[:1]


def _load(file: Path, threads: int) -> Booster:
    with file.open("rb") as content:
        begin = content.read(1)
        content.seek(-min(file.stat().st_size, _TAIL), os.SEEK_END)
        end = content.read().rstrip()
    if begin == _PICKLE:
        raise UserError(
            f"Model at {file} is a pickle: opening it, as AWS's image does, runs any program that is in it. It is "
            "never opened here: save the model with save_model"
        )
    try:
        require_readable(file, image_version(), where="")
    except KickstandError as error:
        raise UserError(f"Model at {file} cannot be loaded:\n{error}") from None
    # xgboost's reader of UBJ runs beyond the end of a file that is cut off, and as a rule the process ends there.
    if begin == b"{" and not end.endswith(b"}"):
        raise UserError(f"Model at {file} cannot be loaded:\nThe file is cut off: it ends in the middle of an object.")
    _log.info("Loading the model from %s", file)
    try:
        check_model(file)
        return Booster(file, threads)
    except (XGBoostError, StructureError) as error:
        raise UserError(f"Model at {file} cannot be loaded:\n{error}") from None


def _predict(booster: Booster, rows: Matrix) -> Scores:
    import numpy as np

    count, width = rows.shape
    if width < booster.features:
        padded = np.full((count, booster.features), np.nan, dtype=np.float32)
        padded[:, :width] = rows
        rows = padded
    rows = np.ascontiguousarray(rows)
    return booster.predict_at(rows.ctypes.data, count)


def _combined(parts: Sequence[Scores], *, vote: bool) -> Scores:
    """What several models predict as one (`training.model.inspection.boosters`)."""
    import numpy as np

    answers = [np.frombuffer(part.data, dtype=np.float32) for part in parts]
    return Scores(combined(answers, vote=vote).tobytes(), parts[0].columns)
