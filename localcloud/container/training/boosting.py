"""Boosting round by round: the metrics of the job, the line in the log, early stopping, the end on a signal."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import xgboost

from localcloud.container.contract import AlgorithmError, ContainerError, UserError
from localcloud.container.training.evaluation import container_metrics, xgboost_metrics
from localcloud.container.training.training_data import TrainingData, xgboost_message
from training.hyperparameters.table import MAXIMIZED_METRICS

CHECKPOINT = "xgboost-checkpoint"


class RoundLog(xgboost.callback.TrainingCallback):
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


class StopOnSignal(xgboost.callback.TrainingCallback):
    """On SIGTERM, ends training after the round at hand, on all hosts alike, so that the model so far is saved.

    agree: whether any of the hosts that train together was asked to stop, given whether this one was. A signal that
           comes while they agree counts in the next round.
    """

    def __init__(self, agree: Callable[[bool], bool]) -> None:
        self.agreed = False
        """Whether training was ended; the same on all hosts."""
        self._requested = False
        self._agree = agree
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, number: int, frame: object) -> None:
        self._requested = True

    def after_iteration(self, model: Any, epoch: int, evals_log: object) -> bool:
        self.agreed = self._agree(self._requested)
        return self.agreed


def early_stopping(rounds: int, metric: str, *, save: bool = True) -> xgboost.callback.TrainingCallback:
    """Stops when the validation channel's `metric` was not bettered for `rounds` rounds; cuts the model to the best.

    The container takes `map@3` and `ndcg@3` for metrics of which less is better; here they are what they are.
    """
    return xgboost.callback.EarlyStopping(
        rounds=rounds,
        data_name="validation",
        metric_name=metric,
        maximize=metric.partition("@")[0] in MAXIMIZED_METRICS,
        save_best=save,
    )


def checkpoint(folder: Path) -> xgboost.callback.TrainingCallback:
    """Writes what the image writes: one `xgboost-checkpoint_0.ubj`, after the first round, and no other."""
    folder.mkdir(parents=True, exist_ok=True)
    return xgboost.callback.TrainingCheckPoint(directory=folder, name=CHECKPOINT, interval=0)


_NOT_FOR_XGBOOST = (
    "num_round",
    "csv_weights",
    "early_stopping_rounds",
    "save_model_on_termination",
    "use_dask_gpu_training",
    "prob_buffer_row",
    "eval_metric",
    "_tuning_objective_metric",
    "_kfold",
    "_num_cv_round",
)
_USER_FAULTS = (
    "for logistic regression",  # label must be in (0, 1)
    "label must be in [0, num_class)",
    "Target is multiclass but average='binary'",
    "feature_names mismatch",
    "Check failed: preds.size() == info.labels_.size()",
    "Check failed: !auc_error AUC: the dataset only contains pos or neg samples",
    "base_score must be in (0,1)",
    "PoissonRegression: label must be nonnegative",
    "TweedieRegression: label must be nonnegative",
    "Parameter reg_lambda should be greater equal to 0",
)
"""Parts of xgboost's messages that the container takes for a user's fault (its `constants/xgb_constants.py`)."""
_FORMAT = "deprecated" if xgboost.__version__.startswith("1.") else "ubj"
_LOST_HOST = ("[comm.cc", "[comm.h", "[socket.cc", "[socket.h", "[allreduce.cc", "[allgather.cc", "[broadcast.cc")
"""Files of xgboost's collective, which name themselves in its messages."""

Scores = dict[str, dict[str, list[float]]]


def boost(
    parameters: Mapping[str, Any],
    data: TrainingData,
    *,
    logs_rounds: bool = True,
    stop: StopOnSignal | None = None,
    agree: Callable[[bool], bool] = bool,
    checkpoints: Path | None = None,
    scores: Scores | None = None,
    measured: TrainingData | None = None,
) -> xgboost.Booster:
    """Train and return the model, cut to its best round where early stopping asked for it.

    parameters:  the container's hyperparameters, parsed (`training.hyperparameters.check.parse_hyperparameters`).
    logs_rounds: whether this host writes the line of each round; of several that train together, one does.
    stop, agree: what ends training on SIGTERM; by default one is made where save_model_on_termination asks for it,
                 with `agree`: whether any of the hosts that train together was asked, given whether this one was.
    checkpoints: the folder for checkpoints.
    scores:      takes each channel's metrics of every round.
    measured:    what metrics and early stopping look at; the data itself unless given.
    Raises UserError and AlgorithmError with xgboost's own message.
    """
    measured = measured or data
    watched = [(measured.train, "train")]
    if measured.validation is not None:
        watched.append((measured.validation, "validation"))
    metrics = watched_metrics(parameters)
    callbacks: list[xgboost.callback.TrainingCallback] = [RoundLog()] if logs_rounds else []
    if checkpoints is not None and logs_rounds:
        callbacks.append(checkpoint(checkpoints))
    if stop := stop or stop_on_signal(parameters, agree):
        callbacks.append(stop)
    if rounds := parameters.get("early_stopping_rounds"):
        callbacks.append(early_stopping(rounds, _stopping_metric(parameters, measured)))
    try:
        return xgboost.train(
            for_xgboost(parameters, metrics),
            data.train,
            num_boost_round=parameters["num_round"],
            evals=watched,
            evals_result=scores,
            custom_metric=container_metrics(metrics, str(parameters.get("objective", ""))),
            callbacks=callbacks,
            verbose_eval=False,
        )
    except (xgboost.core.XGBoostError, ValueError, TypeError) as error:
        raise training_error(error) from None


def training_error(error: Exception) -> ContainerError:
    """A failure of xgboost's as the container reports it."""
    message = xgboost_message(error)
    if any(fault in message for fault in _USER_FAULTS):
        return UserError(message)
    return AlgorithmError(f"XGB train call failed with exception:\n {message}")


def stop_on_signal(parameters: Mapping[str, Any], agree: Callable[[bool], bool] = bool) -> StopOnSignal | None:
    """What keeps the model so far on SIGTERM, where save_model_on_termination asks for it."""
    return StopOnSignal(agree) if parameters.get("save_model_on_termination") == "true" else None


def watched_metrics(parameters: Mapping[str, Any]) -> list[str]:
    """eval_metric and what a tuning job watches; sorted where both are given, as in the container."""
    requested = list(parameters.get("eval_metric") or [])
    tuned = _tuned(parameters)
    return sorted({*requested, tuned}) if requested and tuned else [tuned] if tuned else requested


def for_xgboost(parameters: Mapping[str, Any], metrics: Sequence[str]) -> dict[str, Any]:
    """What of the hyperparameters is xgboost's own business."""
    own = xgboost_metrics(metrics)
    kept = {name: value for name, value in parameters.items() if name not in _NOT_FOR_XGBOOST}
    return {**kept, "eval_metric": own} if own else kept


def lost_host(error: Exception) -> bool:
    """Whether training failed because another host of the job is gone: the collective says so, in many words."""
    return any(sign in str(error) for sign in _LOST_HOST)


def save_model(booster: xgboost.Booster, file: Path) -> None:
    """Write the model in the format that its xgboost prefers, so that the file is there whole or not at all.

    UBJ since xgboost 2.1; the binary format of old in image 1.7-1, which xgboost reads up to 3.0.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}.unfinished")
    unfinished.write_bytes(booster.save_raw(_FORMAT))
    unfinished.replace(file)


def _tuned(parameters: Mapping[str, Any]) -> str:
    return str(parameters.get("_tuning_objective_metric") or "").partition(":")[2]


def _stopping_metric(parameters: Mapping[str, Any], data: TrainingData) -> str:
    """The tuning job's metric, else the last of eval_metric."""
    metric = _tuned(parameters) or (parameters.get("eval_metric") or [""])[-1]
    if data.validation is None or not metric:
        missing = "a validation channel" if data.validation is None else "an eval_metric"
        raise UserError(f"early_stopping_rounds needs {missing}; without it the container ignores it")
    return str(metric)
