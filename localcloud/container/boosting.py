"""Boosting round by round: the log line of each, early stopping, and stopping on a signal."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import xgboost

from localcloud.container.errors import AlgorithmError, UserError
from localcloud.container.training_data import TrainingData, xgboost_message

_NOT_FOR_XGBOOST = (
    "num_round",
    "csv_weights",
    "early_stopping_rounds",
    "save_model_on_termination",
    "use_dask_gpu_training",
    "prob_buffer_row",
)
_LARGER_IS_BETTER = ("auc", "aucpr", "map", "ndcg")
_USER_FAULTS = (
    "for logistic regression",  # label must be in (0, 1)
    "label must be in [0, num_class)",
    "feature_names mismatch",
    "Check failed: preds.size() == info.labels_.size()",
    "Check failed: !auc_error AUC: the dataset only contains pos or neg samples",
    "base_score must be in (0,1)",
    "PoissonRegression: label must be nonnegative",
    "TweedieRegression: label must be nonnegative",
    "Parameter reg_lambda should be greater equal to 0",
)
"""Parts of xgboost's messages that the container takes for a user's fault (its `constants/xgb_constants.py`)."""
_LOST_HOST = ("[comm.cc", "[comm.h", "[socket.cc", "[socket.h", "[allreduce.cc", "[allgather.cc", "[broadcast.cc")
"""Files of xgboost's collective, which name themselves in its messages."""


def boost(
    parameters: Mapping[str, Any],
    data: TrainingData,
    *,
    speaks: bool = True,
    agree: Callable[[bool], bool] = bool,
) -> xgboost.Booster:
    """Train and return the model, cut to its best round where early stopping asked for it.

    parameters: the container's hyperparameters, parsed (`training.hyperparameters.check.parse_hyperparameters`).
    speaks:     whether this host writes the line of each round; of several that train together, one does.
    agree:      whether any of the hosts that train together was asked to stop, given whether this one was.
    Raises UserError and AlgorithmError with xgboost's own message.
    """
    watched = [(data.train, "train")]
    if data.validation is not None:
        watched.append((data.validation, "validation"))
    callbacks: list[xgboost.callback.TrainingCallback] = [_RoundLog()] if speaks else []
    if parameters.get("save_model_on_termination") == "true":
        callbacks.append(_StopOnSignal(agree))
    if rounds := parameters.get("early_stopping_rounds"):
        callbacks.append(_early_stopping(rounds, parameters, data))
    try:
        return xgboost.train(
            {name: value for name, value in parameters.items() if name not in _NOT_FOR_XGBOOST},
            data.train,
            num_boost_round=parameters["num_round"],
            evals=watched,
            callbacks=callbacks,
            verbose_eval=False,
        )
    except (xgboost.core.XGBoostError, ValueError, TypeError) as error:
        message = xgboost_message(error)
        if any(fault in message for fault in _USER_FAULTS):
            raise UserError(message) from None
        raise AlgorithmError(f"XGB train call failed with exception:\n {message}") from None


def lost_host(error: Exception) -> bool:
    """Whether training failed because another host of the job is gone: the collective says so, in many words."""
    return any(sign in str(error) for sign in _LOST_HOST)


def save_model(booster: xgboost.Booster, file: Path) -> None:
    """Write the model as xgboost 3 does, UBJ, so that the file is there whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}.unfinished")
    unfinished.write_bytes(booster.save_raw("ubj"))
    unfinished.replace(file)


def _early_stopping(
    rounds: int, parameters: Mapping[str, Any], data: TrainingData
) -> xgboost.callback.TrainingCallback:
    metrics = parameters.get("eval_metric")
    if data.validation is None or not metrics:
        missing = "a validation channel" if data.validation is None else "an eval_metric"
        raise UserError(f"early_stopping_rounds needs {missing}; without it the container ignores it")
    metric = metrics[-1]
    return xgboost.callback.EarlyStopping(
        rounds=rounds,
        data_name="validation",
        metric_name=metric,
        maximize=metric.partition("@")[0] in _LARGER_IS_BETTER,
        save_best=True,
    )


class _RoundLog(xgboost.callback.TrainingCallback):
    """Writes `[0]<TAB>train-rmse:2.88379<TAB>validation-rmse:2.90972`, the line that metric definitions read."""

    def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Mapping[str, Any]]) -> bool:
        values = [
            f"{channel}-{metric}:{scores[-1]:.5f}"
            for channel, log in evals_log.items()
            for metric, scores in log.items()
        ]
        sys.stdout.write("\t".join([f"[{epoch}]", *values]) + "\n")
        sys.stdout.flush()
        return False


class _StopOnSignal(xgboost.callback.TrainingCallback):
    """On SIGTERM, ends training after the round at hand, on all hosts alike, so that the model so far is saved."""

    def __init__(self, agree: Callable[[bool], bool]) -> None:
        self._stop = False
        self._agree = agree
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, number: int, frame: object) -> None:
        self._stop = True

    def after_iteration(self, model: Any, epoch: int, evals_log: object) -> bool:
        return self._agree(self._stop)
