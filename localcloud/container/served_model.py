"""The model that a server predicts with."""

from __future__ import annotations

import json
import threading
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xgboost

from localcloud.container.csv_numbers import Matrix
from localcloud.container.errors import UserError

_PICKLE = b"\x80"
"""First byte of every pickle since protocol 2."""


class TooManyFeaturesError(Exception):
    """A row has more features than the model."""


class ServedModel:
    """One booster, asked from many threads at once.

    file:    the model as `save_model` wrote it.
    threads: threads for one prediction; the container takes OMP_NUM_THREADS, default 1.
    Raises UserError where the file is no such model.
    """

    def __init__(self, file: Path, *, threads: int) -> None:
        with file.open("rb") as content:
            pickled = content.read(1) == _PICKLE
        if pickled:
            raise UserError(
                f"Model at {file} is a pickle, which image 3.2-0 does not load and which is never opened here"
            )
        try:
            # By its path: given the bytes, xgboost 3.2.0 aborts the whole process on an empty model.
            with warnings.catch_warnings(action="ignore"):  # that a name without suffix leaves the format to a guess
                self._booster = xgboost.Booster({"nthread": threads}, model_file=file)
        except Exception as error:
            message = str(error).split("\nStack trace:", 1)[0]
            raise UserError(f"Model at {file} cannot be loaded:\n{message}") from None
        self._features = self._booster.num_features()
        # Predicting in place gives what predicting a matrix gives for plain trees only: dart differs in the last digit.
        booster = json.loads(self._booster.save_config())["learner"]["gradient_booster"]["name"]
        self._in_place = booster == "gbtree"
        self._threads = threads
        self._lock = threading.Lock()

    def predict(self, rows: Matrix) -> npt.NDArray[np.float32]:
        """Predictions for (rows, features) float32; a 1-d array, or (rows, classes) for multi:softprob.

        Missing trailing features count as missing values; too many raise TooManyFeaturesError in xgboost's words.
        """
        width = rows.shape[1]
        if width > self._features:
            raise TooManyFeaturesError(
                f"Check failed: learner_model_param_.num_feature >= p_fmat->Info().num_col_ ({self._features} vs. "
                f"{width}) : Number of columns does not match number of features in booster."
            )
        if not self._in_place:
            with self._lock:
                return self._booster.predict(xgboost.DMatrix(rows, nthread=self._threads), validate_features=False)
        if width < self._features:
            missing = np.full((rows.shape[0], self._features - width), np.nan, dtype=np.float32)
            rows = np.hstack([rows, missing])
        return self._booster.inplace_predict(rows, validate_features=False)


def find_model(folder: Path) -> Path:
    """The one model file of a model folder. Raises UserError for none and for several."""
    files = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    if not files:
        raise UserError(f"No model file in {folder}")
    if len(files) > 1:
        names = ", ".join(path.name for path in files)
        raise UserError(f"Ensembles of several model files ({names}) are not supported by the local cloud")
    return files[0]
