"""The training program against bare xgboost, and its refusals."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import pytest
import xgboost
from training_folder import CSV, numbers, text, training_folder

from localcloud.container.contract import ContainerError, Layout, UserError
from localcloud.container.train import main, run
from localcloud.container.training.boosting import StopOnSignal
from localcloud.jobs.training.request import MetricReader


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    with mock.patch.dict(os.environ):
        yield


_SQUARED = {"num_round": "9", "objective": "reg:squarederror"}


def _bare(parameters: Mapping[str, Any], train: npt.NDArray[np.float64], rounds: int) -> xgboost.Booster:
    matrix = xgboost.DMatrix(train[:, 1:], label=train[:, 0])
    return xgboost.train(dict(parameters), matrix, rounds, evals=[(matrix, "train")], verbose_eval=False)


def _refusal(layout: Layout) -> str:
    with pytest.raises(ContainerError) as error:
        run(layout)
    return str(error.value)


@pytest.mark.contract("T17", "T49")
@pytest.mark.parametrize(
    ("objective", "classes"),
    [
        ("reg:squarederror", 0),
        ("reg:linear", 0),
        ("reg:squaredlogerror", 0),
        ("reg:absoluteerror", 0),
        ("reg:logistic", 0),
        ("reg:gamma", 0),
        ("reg:tweedie", 0),
        ("reg:pseudohubererror", 0),
        ("count:poisson", 0),
        ("binary:logistic", 2),
        ("binary:logitraw", 2),
        ("binary:hinge", 2),
        ("multi:softmax", 3),
        ("multi:softprob", 3),
        ("rank:pairwise", 3),
    ],
)
@pytest.mark.filterwarnings("ignore:.*deprecated:UserWarning")
def test_model_and_logged_metric_equal_bare_xgboost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], objective: str, classes: int
) -> None:
    table = numbers(classes=classes)
    extra = {"num_class": "3"} if objective.startswith("multi:") else {}
    given = {"objective": objective, "max_depth": "3", "eta": "0.3", "subsample": "0.8", "seed": "5", **extra}
    layout = training_folder(tmp_path, {"num_round": "4", **given}, {"train/a.csv": text(table)})

    run(layout)

    bare = _bare(given, table, 4)
    assert (layout.model / "xgboost-model").read_bytes() == bytes(bare.save_raw("ubj"))
    last = capsys.readouterr().out.splitlines()[-1]
    values = re.findall(r":([-0-9.]+)", bare.eval(xgboost.DMatrix(table[:, 1:], label=table[:, 0]), "train"))
    assert re.fullmatch(r"\[3\]\ttrain-[^:]+:-?\d+\.\d{5}", last)
    if objective != "rank:pairwise":  # its metric without groups is not that of one matrix
        assert float(last.rsplit(":", 1)[1]) == pytest.approx(float(values[-1]), abs=5e-6)


@pytest.mark.parametrize("parameters", [{"booster": "gblinear"}, {"booster": "dart", "rate_drop": "0.3"}])
def test_other_boosters_equal_bare_xgboost(tmp_path: Path, parameters: dict[str, str]) -> None:
    table = numbers()
    # shotgun, the default, races by design
    extra = {"updater": "coord_descent"} if parameters["booster"] == "gblinear" else {}
    layout = training_folder(tmp_path, {"num_round": "5", **parameters, **extra}, {"train/a.csv": text(table)})
    run(layout)
    expected = _bare({**parameters, **extra}, table, 5)
    assert (layout.model / "xgboost-model").read_bytes() == bytes(expected.save_raw("ubj"))


LINES = {
    ("reg:squarederror", "mae,r2", ""): (
        "[0] train-rmse:0.17569 train-mae:0.14176 train-r2:0.28695 "
        "validation-rmse:0.23172 validation-mae:0.16946 validation-r2:0.02202",
        "[1] train-rmse:0.14980 train-mae:0.12345 train-r2:0.46629 "
        "validation-rmse:0.22199 validation-mae:0.15276 validation-r2:0.10795",
    ),
    ("reg:squarederror", "mae", ""): (
        "[0] train-rmse:0.17569 train-mae:0.14176 validation-rmse:0.23172 validation-mae:0.16946",
        "[1] train-rmse:0.14980 train-mae:0.12345 validation-rmse:0.22199 validation-mae:0.15276",
    ),
    ("reg:squarederror", "rmse", ""): (
        "[0] train-rmse:0.18021 validation-rmse:0.22937",
        "[1] train-rmse:0.15591 validation-rmse:0.21907",
    ),
    ("reg:squarederror", "mae,rmse", ""): (
        "[0] train-rmse:0.18021 train-mae:0.14176 validation-rmse:0.22937 validation-mae:0.16946",
        "[1] train-rmse:0.15591 train-mae:0.12345 validation-rmse:0.21907 validation-mae:0.15276",
    ),
    ("reg:squarederror", "rmse", "validation:mae"): (
        "[0] train-rmse:0.18021 train-mae:0.14176 validation-rmse:0.22937 validation-mae:0.16946",
        "[1] train-rmse:0.15591 train-mae:0.12345 validation-rmse:0.21907 validation-mae:0.15276",
    ),
    ("count:poisson", "rmse", ""): (
        "[0] train-poisson-nloglik:0.86552 train-rmse:0.58456 "
        "validation-poisson-nloglik:1.02693 validation-rmse:0.70416",
        "[1] train-poisson-nloglik:0.82207 train-rmse:0.54343 "
        "validation-poisson-nloglik:1.00556 validation-rmse:0.68839",
    ),
    ("multi:softmax", "rmse", ""): (
        "[0] train-mlogloss:0.67635 train-rmse:0.65192 validation-mlogloss:0.93538 validation-rmse:0.50000",
        "[1] train-mlogloss:0.53017 train-rmse:0.65192 validation-mlogloss:0.87801 validation-rmse:0.50000",
    ),
}
"""Objective, eval_metric, _tuning_objective_metric: the lines of AWS's own code with xgboost 3.2.0 and these rows.

Rows have weights, which count for xgboost's metrics and for none of the container's: `rmse` is 0.17569 as the default
of the objective and 0.18021 as the container's.
"""


@pytest.mark.contract("T20", "T24", "T50", "T51", "T53")
@pytest.mark.parametrize(("objective", "metrics", "tuned"), LINES, ids=str)
def test_every_line_of_the_log_is_that_of_the_container(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], objective: str, metrics: str, tuned: str
) -> None:
    table = numbers(classes=0 if objective.startswith("reg:") else 3, short=False)
    weighted = np.column_stack([table[:, 0], np.arange(1, 61) / 10, table[:, 1:]])
    hyperparameters = {"num_round": "2", "objective": objective, "eval_metric": metrics, "max_depth": "2"}
    hyperparameters |= {"csv_weights": "1", **({"num_class": "3"} if objective.startswith("multi:") else {})}
    hyperparameters |= {"_tuning_objective_metric": tuned} if tuned else {}
    files = {"train/a.csv": text(weighted[:40]), "validation/a.csv": text(weighted[40:])}
    run(training_folder(tmp_path, hyperparameters, files))
    log = capsys.readouterr()
    expected = LINES[objective, metrics, tuned]
    assert log.out.splitlines() == [line.replace(" ", "\t") for line in expected]
    last = MetricReader().read(log.out.splitlines()[-1].replace("\t", "#011"))
    pairs = [pair.split(":") for pair in expected[-1].split()[1:]]
    assert last == [(name.replace("-", ":", 1), float(value)) for name, value in pairs]
    stamp = r"\[\d{4}-\d\d-\d\d:\d\d:\d\d:\d\d:INFO\] "
    assert re.search(f"{stamp}Train matrix has 40 rows and 4 columns\n", log.err)
    assert re.search(f"{stamp}Validation matrix has 20 rows\n", log.err)


def test_all_files_of_a_channel_are_read_in_order_whatever_the_delimiter(tmp_path: Path) -> None:
    table = numbers()
    files = {"train/part-1.csv": text(table[:30], ";"), "train/sub/part-2.csv": text(table[30:], ";").rstrip("\n")}
    layout = training_folder(tmp_path, {"num_round": "3"}, files)
    run(layout)
    assert (layout.model / "xgboost-model").read_bytes() == bytes(_bare({}, table, 3).save_raw("ubj"))


def test_csv_weights_makes_the_second_column_the_weight(tmp_path: Path) -> None:
    table = numbers()
    weights = np.arange(1, 61) / 10
    with_weights = np.column_stack([table[:, 0], weights, table[:, 1:]])
    layout = training_folder(tmp_path, {"num_round": "3", "csv_weights": "1"}, {"train/a.csv": text(with_weights)})
    run(layout)
    matrix = xgboost.DMatrix(table[:, 1:], label=table[:, 0], weight=weights)
    expected = xgboost.train({}, matrix, 3)
    assert (layout.model / "xgboost-model").read_bytes() == bytes(expected.save_raw("ubj"))


@pytest.mark.contract("T55", "T56")
def test_early_stopping_uses_the_last_metric_and_cuts_the_model(tmp_path: Path) -> None:
    table = numbers(80)
    hyperparameters = {
        "num_round": "50",
        "eta": "0.9",
        "objective": "reg:squarederror",
        "eval_metric": "mae,rmse",
        "early_stopping_rounds": "3",
    }
    layout = training_folder(
        tmp_path, hyperparameters, {"train/a.csv": text(table[:40]), "validation/a.csv": text(table[40:])}
    )
    run(layout)
    train, validation = (xgboost.DMatrix(part[:, 1:], label=part[:, 0]) for part in (table[:40], table[40:]))
    stop = xgboost.callback.EarlyStopping(rounds=3, metric_name="rmse", data_name="validation", save_best=True)
    parameters = {"eta": 0.9, "eval_metric": ["mae", "rmse"]}
    watched = [(train, "train"), (validation, "validation")]
    bare = xgboost.train(parameters, train, 50, evals=watched, callbacks=[stop], verbose_eval=False)
    assert bare.num_boosted_rounds() < 50
    model = xgboost.Booster(model_file=bytearray((layout.model / "xgboost-model").read_bytes()))
    assert model.num_boosted_rounds() == bare.num_boosted_rounds()
    np.testing.assert_array_equal(model.predict(validation), bare.predict(validation))


def test_the_environment_of_the_toolkit_is_set(tmp_path: Path) -> None:
    layout = training_folder(
        tmp_path, {"num_round": "1", "objective": "reg:squarederror"}, {"train/a.csv": text(numbers())}
    )
    run(layout)
    assert os.environ["SM_HOSTS"] == '["algo-1"]'
    assert os.environ["SM_CHANNEL_TRAIN"] == str(tmp_path / "input/data/train")
    assert os.environ["SM_HPS"] == '{"num_round":1,"objective":"reg:squarederror"}'
    assert os.environ["SM_HP_NUM_ROUND"] == "1"


@pytest.mark.parametrize(
    ("hyperparameters", "message"),
    [
        ({}, "UserError: Missing required hyperparameter: num_round"),
        ({"num_round": "1", "max_dept": "5"}, "UserError: Extraneous hyperparameter found: max_dept"),
        ({"num_round": "1", "use_dask_gpu_training": "true"}, "training on several GPUs) is not supported yet"),
        ({"num_round": "1", "objective": "multi:softmax", "num_class": "3", "eval_metric": "accuracy"}, "accuracy"),
        ({**_SQUARED, "_tuning_objective_metric": "validation:f1"}, "f1 compares classes"),
        ({**_SQUARED, "early_stopping_rounds": "2", "eval_metric": "rmse"}, "needs a validation channel"),
        ({"num_round": "1", "sagemaker_program": "train.py"}, "UserError: Script mode"),
    ],
)
def test_what_cannot_be_trained_is_refused_by_name(
    tmp_path: Path, hyperparameters: dict[str, str], message: str
) -> None:
    assert message in _refusal(training_folder(tmp_path, hyperparameters, {"train/a.csv": text(numbers())}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1,a,3\n", "Failed to load csv data with exception:\na.csv: "),
        ("1,2,3\n1,2\n", "Failed to load csv data with exception:\na.csv: "),
        ("1,inf,3\n", "Input data contains `inf` or a value too large"),
        ("1,1e400,3\n", "Input data contains `inf` or a value too large"),
        (",2,3\n", "Label contains NaN, infinity or a value too large"),
        ("1\n2\n", "Delimiter '1' is not found in the line. Expected '1' as the delimiter to separate fields."),
        ("", "UserError: No data in training channel path"),
    ],
)
def test_data_that_cannot_be_trained_on_is_a_user_error(tmp_path: Path, content: str, message: str) -> None:
    assert message in _refusal(training_folder(tmp_path, {"num_round": "1"}, {"train/a.csv": content}))


def test_a_declared_validation_channel_must_hold_data(tmp_path: Path) -> None:
    files = {"train/a.csv": text(numbers()), "validation/a.csv": ""}
    message = _refusal(training_folder(tmp_path, {"num_round": "1"}, files))
    assert message == f"UserError: No data in validation channel path {tmp_path}/input/data/validation"


def test_a_hidden_file_is_a_user_error(tmp_path: Path) -> None:
    files = {"train/a.csv": text(numbers()), "train/.DS_Store": "x"}
    assert "Hidden file found in the data path" in _refusal(training_folder(tmp_path, {"num_round": "1"}, files))


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ({"test": CSV}, "UserError: Missing required channel: train"),
        ({"train": CSV, "test": CSV}, "UserError: Extraneous channel found: test"),
        (
            {"train": {**CSV, "TrainingInputMode": "FastFile"}},
            "Channel configuration for 'train' channel is not supported",
        ),
        ({"train": {**CSV, "ContentType": "text/csv;label_size=1"}}, "Channel configuration for 'train' channel"),
        ({"train": {**CSV, "TrainingInputMode": "Pipe"}}, "Channel configuration for 'train' channel is not supported"),
        ({"train": {**CSV, "ContentType": "text/plain"}}, "Channel configuration for 'train' channel is not supported"),
    ],
)
def test_channels_are_checked(tmp_path: Path, channels: dict[str, Any], message: str) -> None:
    files = {"train/a.csv": text(numbers())}
    assert message in _refusal(training_folder(tmp_path, {"num_round": "1"}, files, channels=channels))


@pytest.mark.contract("F2")
def test_checkpoints_are_refused(tmp_path: Path) -> None:
    files = {"train/a.csv": text(numbers())}
    layout = training_folder(tmp_path, {"num_round": "1"}, files)
    (layout.config / "checkpointconfig.json").write_text('{"LocalPath": "/opt/ml/checkpoints"}')
    assert "checkpoints do not work in image 3.2-0" in _refusal(layout)


def test_xgboosts_own_refusal_of_a_label_is_a_user_error(tmp_path: Path) -> None:
    table = numbers(classes=3)
    hyperparameters = {"num_round": "1", "objective": "binary:logistic", "base_score": "0.5"}
    layout = training_folder(tmp_path, hyperparameters, {"train/a.csv": text(table)})
    with pytest.raises(UserError, match=r"label must be in \(0, 1\) for logistic regression"):
        run(layout)


@pytest.mark.contract("T63")
def test_a_failure_is_written_to_the_failure_file_with_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = training_folder(tmp_path, {}, {"train/a.csv": text(numbers())})
    with mock.patch.dict(os.environ, {"SAGEMAKER_BASE_DIR": str(tmp_path)}):
        assert main() == 1
    expected = "framework error: \nUserError: Missing required hyperparameter: num_round"
    assert layout.failure.read_text() == expected
    assert "Missing required hyperparameter: num_round" in capsys.readouterr().err


def test_a_signal_that_comes_while_the_hosts_agree_ends_the_next_round(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: list[Any] = []
    monkeypatch.setattr(signal, "signal", lambda number, handler: handlers.append((number, handler)))
    asked: list[bool] = []

    def agree(this_host: bool) -> bool:
        if not asked:
            handlers[0][1](signal.SIGTERM, None)
        asked.append(this_host)
        return this_host

    stop = StopOnSignal(agree)
    assert [number for number, _ in handlers] == [signal.SIGTERM]
    ended = [stop.after_iteration(None, epoch, {}) for epoch in range(2)]
    assert (asked, ended, stop.agreed) == ([False, True], [False, True], True)
