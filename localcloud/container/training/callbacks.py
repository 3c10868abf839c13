"""What happens after each round: the line in the log, the look at early stopping, the end on a signal."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import xgboost

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

    agree: whether any of the hosts that train together was asked to stop, given whether this one was.
    """

    def __init__(self, agree: Callable[[bool], bool]) -> None:
        self.asked = False
        self._agree = agree
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, number: int, frame: object) -> None:
        self.asked = True

    def after_iteration(self, model: Any, epoch: int, evals_log: object) -> bool:
        self.asked = self._agree(self.asked)
        return self.asked


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
