"""A trained model in this process, one booster or an ensemble of several: its width, its answers, its gain.

For the program that runs apart from all else (`run`), in the Python of the image that saved it.

Several models answer as one by the container's rule (`serve_utils.py`): the mean of their predictions, or where a
prediction is a class (`VOTING`), a vote. The serving program of the local cloud combines here too, so that the answers
are the same to the last digit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kickstand.xgboost_container import VOTING
from training.model.inspection.structure import check_model

if TYPE_CHECKING:
    import numpy as np
    import xgboost as xgb
    from numpy.typing import NDArray

    Answers = NDArray[np.float32]

Kind = tuple[str, int]
"""What a model predicts: its objective, and its number of classes."""


class NoEnsembleError(ValueError):
    """Models that predict different things."""


def require_ensemble(names: Sequence[str], kinds: Sequence[Kind]) -> None:
    """Raise NoEnsembleError where models do not go together. names: of their files, one a model."""
    (first, classes), *_ = kinds
    for name, (objective, count) in zip(names, kinds, strict=True):
        if (objective, count) != (first, classes):
            raise NoEnsembleError(
                f"Models {names[0]} ({first}, {classes} classes) and {name} ({objective}, {count} classes) "
                "are no ensemble: they predict different things"
            )


def combined(answers: Sequence[Answers], *, vote: bool) -> Answers:
    """One answer out of each model's, which all have the same shape.

    answers: in the order of the models' file names; float32 is added up in it, and the last digit depends on it.
    vote:    the class that most of them say, the smallest where they tie; else the mean.
    """
    import numpy as np

    stacked: Any = np.stack(answers)
    if not vote:
        mean: Answers = np.mean(stacked, axis=0)
        return mean
    ballots = stacked.astype(np.int64)
    counts = np.stack([(ballots == label).sum(axis=0) for label in range(int(ballots.max(initial=0)) + 1)])
    most: Answers = counts.argmax(axis=0).astype(np.float32)
    return most


def width_of(files: Sequence[Path]) -> int | None:
    """The features that all of some models have, by their own word; None where only xgboost can read one.

    xgboost opens none of them. Raises StructureError where one is no sound model.
    """
    found = [check_model(file) for file in files]
    return min((one.features for one in found if one), default=None) if all(found) else None


class Boosters:
    """files: one model, or all of an ensemble, in the order of their names.

    Raises XGBoostError where a file is no model, ValueError where several do not go together.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        import xgboost as xgb

        self._boosters = [xgb.Booster(model_file=file) for file in files]
        self._linear = []
        kinds: list[Kind] = []
        for booster in self._boosters:
            booster.set_param({"nthread": 1})  # the same rows give the same bits
            learner = json.loads(booster.save_config())["learner"]
            kinds.append((learner["objective"]["name"], int(learner["learner_model_param"].get("num_class") or 0)))
            self._linear.append(learner["gradient_booster"]["name"] == "gblinear")
        require_ensemble([file.name for file in files], kinds)
        self._vote = kinds[0][0] in VOTING
        self.rounds = [int(booster.num_boosted_rounds()) for booster in self._boosters]
        self.features = min(int(booster.num_features()) for booster in self._boosters)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """The answers to (rows, features) float32 with NaN for what is missing: a float32 a row, or one a class."""
        given = [self._predict(booster, rows) for booster in self._boosters]
        return given[0] if len(given) == 1 else combined(given, vote=self._vote)

    def _predict(self, booster: xgb.Booster, rows: np.ndarray) -> np.ndarray:
        import numpy as np
        import xgboost as xgb

        if (lacking := int(booster.num_features()) - rows.shape[1]) > 0:
            rows = np.pad(rows, ((0, 0), (0, lacking)), constant_values=np.nan)
        answers: Any = booster.predict(xgb.DMatrix(rows, missing=float("nan"), nthread=1), validate_features=False)
        return answers.astype("float32", copy=False)  # type: ignore[no-any-return]

    def gain(self) -> dict[str, float]:
        """The gain of each feature, by its number, summed over its splits; of an ensemble, the mean of its models'.

        Features without a split are not there; linear models, which do not split, have none.
        """
        sums: dict[str, float] = {}
        for booster, linear in zip(self._boosters, self._linear, strict=True):
            if linear:
                continue
            booster.feature_names = None  # then they are named f0, f1, …
            for name, value in booster.get_score(importance_type="total_gain").items():
                if isinstance(value, float):
                    sums[name] = sums.get(name, 0.0) + value
        return {name.removeprefix("f"): value / len(self._boosters) for name, value in sums.items()}
