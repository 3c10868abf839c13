"""k-fold cross-validation (`_kfold`, `_num_cv_round`): a model for each fold, and predictions for the rows left out."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from localcloud.container.contract import UserError
from localcloud.container.training.boosting import Scores, boost, save_model, stop_on_signal, training_error
from localcloud.container.training.channel_rows import ChannelRows
from localcloud.container.training.evaluation import classes_of
from localcloud.container.training.training_data import TrainingData

Places = npt.NDArray[np.int64]


def folds(
    rows: int, count: int, repetitions: int, *, seed: int, labels: npt.NDArray[np.float32] | None
) -> Iterator[tuple[Places, Places]]:
    """The places (train, left out) of each fold, all folds of one repetition after another.

    labels: the rows' classes, to have each in every fold; None to split by chance alone.
    Raises ValueError, in scikit-learn's words, where there are fewer rows, or rows of every class, than folds.
    """
    if count > rows:
        raise ValueError(
            f"Cannot have number of splits n_splits={count} greater than the number of samples: n_samples={rows}."
        )
    chance = np.random.default_rng(seed % 2**32)
    for _ in range(repetitions):
        fold_of = _by_chance(rows, count, chance) if labels is None else _by_class(labels, count, chance)
        for fold in range(count):
            yield np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)


def _by_chance(rows: int, count: int, chance: np.random.Generator) -> Places:
    fold_of: Places = np.empty(rows, dtype=np.int64)
    for fold, places in enumerate(np.array_split(chance.permutation(rows), count)):
        fold_of[places] = fold
    return fold_of


def _by_class(labels: npt.NDArray[np.float32], count: int, chance: np.random.Generator) -> Places:
    classes, members = np.unique(labels, return_inverse=True)
    sizes = np.bincount(members)
    if sizes.max() < count:
        raise ValueError(f"n_splits={count} cannot be greater than the number of members in each class.")
    # Dealt out like cards, class after class: the folds differ by one row at most, in each class and on the whole.
    dealt = np.sort(members, kind="stable")
    shares = np.array([np.bincount(dealt[fold::count], minlength=len(classes)) for fold in range(count)])
    fold_of: Places = np.empty(len(labels), dtype=np.int64)
    for member in range(len(classes)):
        hands = np.repeat(np.arange(count), shares[:, member])
        fold_of[members == member] = chance.permutation(hands)
    return fold_of


PREDICTIONS_FILE = "predictions.csv"
_log = logging.getLogger("container")


def cross_validate(
    parameters: Mapping[str, Any],
    rows: ChannelRows,
    channels: TrainingData,
    *,
    model: Path,
    predictions: Path,
    logs_rounds: bool = True,
    saves: bool = True,
    agree: Callable[[bool], bool] = bool,
) -> int:
    """Train on every fold; return how many models were made.

    rows:        those of train and validation together. channels: the two as they came, on which metrics are measured.
    model:       the models become `<model>-0`, `<model>-1`, …, each written as soon as its fold is done.
    predictions: the CSV file of label, (probability and class, or) prediction of each row, from the models that did
                 not see it.
    Asked to stop (save_model_on_termination), the models so far are kept and no predictions are written.
    Raises UserError and AlgorithmError as `boost` does.
    """
    count, repetitions = parameters["_kfold"], parameters.get("_num_cv_round", 1)
    classes = _are_classes(parameters)
    assert rows.label is not None
    if rows.query is not None:
        raise UserError("_kfold cannot split rows that belong to queries (qid)")
    _log.info("Run %d-round of %d-fold cross validation with %d rows", repetitions, count, rows.count)
    record = _LeftOut(rows.label.astype(np.float64), str(parameters.get("objective", "")) if classes else None)
    threads = parameters.get("nthread")
    stop = stop_on_signal(parameters, agree)
    results: list[Scores] = []
    try:
        parts = list(
            folds(
                rows.count,
                count,
                repetitions,
                seed=int(parameters.get("seed", 0)),
                labels=rows.label if classes else None,
            )
        )
    except ValueError as error:
        raise training_error(error) from None
    for number, (kept, left_out) in enumerate(parts):
        _log.info("Train cross validation fold %d", number % count + 1)
        data = TrainingData(rows.take(kept).matrix(threads), None)
        scores: Scores = {}
        booster = boost(
            parameters, data, logs_rounds=logs_rounds, stop=stop, agree=agree, scores=scores, measured=channels
        )
        if saves:
            save_model(booster, model.with_name(f"{model.name}-{number}"))
        if stop is not None and stop.agreed:
            return number + 1
        results.append(scores)
        record.take(left_out, booster.predict(rows.take(left_out).matrix(threads)))
        if logs_rounds and (number + 1) % count == 0:
            _log.info("The metrics of round %d cross validation", (number + 1) // count)
            _write_means(parameters["num_round"], results[-count:])
    if logs_rounds and repetitions > 1:
        _log.info("The overall metrics of %d-round cross validation", repetitions)
        _write_means(parameters["num_round"], results)
    _log.info("Storing predictions on validation set(s) in %s", predictions)
    predictions.parent.mkdir(parents=True, exist_ok=True)
    predictions.write_text(record.text(), encoding="utf-8")
    return len(parts)


def _are_classes(parameters: Mapping[str, Any]) -> bool:
    return bool(parameters.get("num_class")) or str(parameters.get("objective", "")).startswith("binary:")


def _write_means(rounds: int, results: Sequence[Scores]) -> None:
    """`[num_round]<TAB>train-rmse:MEAN<TAB>validation-rmse:MEAN`, of each fold's last round."""
    means = [
        f"{channel}-{metric}:{np.mean([scores[channel][metric][-1] for scores in results]):.5f}"
        for metric in results[0]["train"]
        for channel in results[0]
    ]
    sys.stdout.write("\t".join([f"[{rounds}]", *means]) + "\n")
    sys.stdout.flush()


class _LeftOut:
    """The predictions for each row, one of every repetition."""

    def __init__(self, labels: npt.NDArray[np.float64], objective: str | None) -> None:
        """objective: of a classification, else None."""
        self._labels, self._objective = labels, objective
        self._values: list[list[float]] = [[] for _ in labels]
        self._predicted: list[list[float]] = [[] for _ in labels]

    def take(self, places: npt.NDArray[np.int64], predictions: npt.NDArray[Any]) -> None:
        values = predictions.max(axis=1) if predictions.ndim > 1 else predictions
        predicted = values if self._objective is None else classes_of(predictions, self._objective)
        for place, value, one in zip(places.tolist(), values.tolist(), predicted.tolist(), strict=True):
            self._values[place].append(value)
            self._predicted[place].append(one)

    def text(self) -> str:
        """One line a row, six decimals: label, then mean probability and most frequent class, or mean prediction."""
        lines = []
        for label, values, predicted in zip(self._labels.tolist(), self._values, self._predicted, strict=True):
            cells = [label, sum(values) / len(values)]
            if self._objective is not None:
                cells.append(max(sorted(set(predicted)), key=predicted.count))
            lines.append(",".join(f"{cell:f}" for cell in cells))
        return "\n".join(lines) + "\n"
