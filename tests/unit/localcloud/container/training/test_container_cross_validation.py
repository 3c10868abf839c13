"""k-fold cross-validation: `_kfold`, `_num_cv_round`, the models, predictions.csv and the log."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import xgboost
from training_folder import numbers, text, training_folder

from localcloud.container.contract import ContainerError, Layout
from localcloud.container.train import run
from localcloud.container.training.cross_validation import folds

SQUARED = {"num_round": "3", "objective": "reg:squarederror", "max_depth": "2"}


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    with mock.patch.dict(os.environ):
        yield


def _job(base: Path, hyperparameters: Mapping[str, str], *, classes: int = 0) -> tuple[Layout, Any]:
    table = numbers(60, classes=classes)
    files = {"train/a.csv": text(table[:40]), "validation/a.csv": text(table[40:])}
    return training_folder(base, hyperparameters, files), table


def _predictions(layout: Layout) -> Any:
    return np.loadtxt(layout.output_data / "predictions.csv", delimiter=",")


@pytest.mark.contract("T50", "T57", "T59")
def test_kfold_merges_train_and_validation_and_writes_a_model_for_each_fold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout, table = _job(tmp_path, {**SQUARED, "_kfold": "3", "seed": "4"})
    run(layout)

    assert sorted(path.name for path in layout.model.iterdir()) == [f"xgboost-model-{fold}" for fold in range(3)]
    expected = np.empty(60)
    lines = []
    last: dict[str, list[float]] = {"train": [], "validation": []}
    # the container's `evals=watchlist`: the channels as they came, whatever rows a fold leaves out
    channels = [xgboost.DMatrix(part[:, 1:], label=part[:, 0]) for part in (table[:40], table[40:])]
    watched = list(zip(channels, last, strict=True))
    for fold, (kept, left_out) in enumerate(folds(60, 3, 1, seed=4, labels=None)):
        train, validation = (xgboost.DMatrix(table[part, 1:], label=table[part, 0]) for part in (kept, left_out))
        scores: Any = {}
        parameters = {"objective": "reg:squarederror", "max_depth": 2, "seed": 4}
        bare = xgboost.train(parameters, train, 3, evals=watched, evals_result=scores, verbose_eval=False)
        assert (layout.model / f"xgboost-model-{fold}").read_bytes() == bytes(bare.save_raw("ubj"))
        expected[left_out] = bare.predict(validation)
        for number in range(3):
            figures = [f"{channel}-rmse:{scores[channel]['rmse'][number]:.5f}" for channel in scores]
            lines.append("\t".join([f"[{number}]", *figures]))
        for channel in last:
            last[channel].append(scores[channel]["rmse"][-1])
    lines.append("\t".join(["[3]", *(f"{channel}-rmse:{np.mean(found):.5f}" for channel, found in last.items())]))
    told = capsys.readouterr()
    assert told.out.splitlines() == lines
    for words in ("Train matrix has 40 rows and 4 columns", "Validation matrix has 20 rows"):
        assert words in told.err
    assert "Run 1-round of 3-fold cross validation with 60 rows" in told.err
    found = _predictions(layout)
    np.testing.assert_allclose(found, np.column_stack([table[:, 0], expected]), atol=5.1e-7)


@pytest.mark.contract("T57")
def test_repetitions_make_more_models_and_a_line_of_their_means(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout, _ = _job(tmp_path, {**SQUARED, "_kfold": "2", "_num_cv_round": "2"})
    run(layout)
    assert sorted(path.name for path in layout.model.iterdir()) == [f"xgboost-model-{fold}" for fold in range(4)]
    told = capsys.readouterr()
    means = [float(line.rsplit(":", 1)[1]) for line in told.out.splitlines() if line.startswith("[3]\t")]
    assert len(means) == 3
    assert means[2] == pytest.approx((means[0] + means[1]) / 2, abs=1.1e-5)
    assert "The overall metrics of 2-round cross validation" in told.err


@pytest.mark.contract("T57")
def test_without_a_validation_channel_the_log_has_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = training_folder(tmp_path, {**SQUARED, "_kfold": "2"}, {"train/a.csv": text(numbers(40))})
    run(layout)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7
    assert all(re.fullmatch(r"\[[0-3]\]\ttrain-rmse:\d\.\d{5}", line) for line in lines)


@pytest.mark.contract("T58", "T59")
@pytest.mark.parametrize(
    ("hyperparameters", "classes"),
    [
        ({"objective": "binary:logistic"}, 2),
        ({"objective": "multi:softprob", "num_class": "3"}, 3),
        ({"objective": "multi:softmax", "num_class": "3"}, 3),
    ],
)
def test_folds_are_stratified_for_classes_and_predictions_say_the_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hyperparameters: dict[str, str], classes: int
) -> None:
    monkeypatch.setenv("KICKSTAND_KNOWN_FAULTS", '{"fold-classes": "To see them right."}')
    layout, table = _job(tmp_path, {"num_round": "5", "_kfold": "4", **hyperparameters}, classes=classes)
    run(layout)
    found = _predictions(layout)
    assert found.shape == (60, 3)
    np.testing.assert_array_equal(found[:, 0], table[:, 0])
    assert set(found[:, 2]) <= set(range(classes))
    if hyperparameters["objective"] == "binary:logistic":
        np.testing.assert_array_equal(found[:, 2], found[:, 1] > 0.5)
    assert np.mean(found[:, 2] == found[:, 0]) > 0.6


def test_the_same_job_makes_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for name in ("a", "b"):
        layout, _ = _job(tmp_path / name, {**SQUARED, "_kfold": "2"})
        run(layout)
        made.append([path.read_bytes() for path in sorted(layout.model.iterdir())])
        made[-1].append((layout.output_data / "predictions.csv").read_bytes())
    assert made[0] == made[1]


def test_more_folds_than_rows_fail_in_scikit_learns_words(tmp_path: Path) -> None:
    layout, _ = _job(tmp_path, {**SQUARED, "_kfold": "61"})
    with pytest.raises(ContainerError, match=re.escape("n_splits=61 greater than the number of samples: n_samples=60")):
        run(layout)


def test_asked_to_stop_it_keeps_the_models_so_far(tmp_path: Path) -> None:
    layout, _ = _job(tmp_path, {**SQUARED, "_kfold": "3", "save_model_on_termination": "true"})
    before = signal.getsignal(signal.SIGTERM)
    made = 0

    def after_first_fold(booster: Any, file: Path) -> None:
        nonlocal made
        made += 1
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(booster.save_raw("ubj")))
        if made == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        with mock.patch("localcloud.container.training.cross_validation.save_model", after_first_fold):
            run(layout)
    finally:
        signal.signal(signal.SIGTERM, before)
    names = sorted(path.name for path in layout.model.iterdir())
    assert names[0] == "xgboost-model-0"
    assert len(names) < 3
    assert not (layout.output_data / "predictions.csv").exists()
