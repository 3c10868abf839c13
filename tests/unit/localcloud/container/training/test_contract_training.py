"""The contract of AWS's container, sentence by sentence: training.

Each test is named after its sentence. What needs more than a few lines stands elsewhere and is named here.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from training_folder import CSV, numbers, text, training_folder

from localcloud.container.contract import AlgorithmError, ContainerError, Layout, PlatformError, UserError
from localcloud.container.train import main, run
from localcloud.jobs.training.request import MetricReader
from training.hyperparameters.check import check_hyperparameters, container_error, parse_hyperparameters
from training.hyperparameters.table import ALIASES, MAXIMIZED_METRICS, MINIMIZED_METRICS, TABLE

ROUND = {"num_round": "1"}


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    with mock.patch.dict(os.environ):
        yield


def error_of(**values: str) -> str | None:
    return container_error({**ROUND, **values})


def failure(base: Path, hyperparameters: Mapping[str, str], files: Mapping[str, str], **more: Any) -> str:
    with pytest.raises(ContainerError) as error:
        run(training_folder(base, hyperparameters, files, **more))
    return str(error.value)


DATA = {"train/a.csv": text(numbers())}


# Hyperparameters


@pytest.mark.contract("T10")
def test_string_values_parsed_as_int_and_float() -> None:
    found = parse_hyperparameters({"num_round": " 5 ", "eta": "1e-1", "subsample": ".5"})
    assert found == {"num_round": 5, "eta": 0.1, "subsample": 0.5}
    assert error_of(max_depth="5.0") == "Hyperparameter max_depth: could not parse value (caused by ValueError)"
    assert error_of(eta="quick") == "Hyperparameter eta: could not parse value (caused by ValueError)"


@pytest.mark.contract("T11")
def test_unknown_names_fail() -> None:
    assert error_of(max_dept="5") == "Extraneous hyperparameter found: max_dept"


@pytest.mark.contract("T12")
@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_aliases(alias: str, name: str) -> None:
    pairs = [("learning_rate", "eta"), ("min_split_loss", "gamma"), ("reg_lambda", "lambda"), ("reg_alpha", "alpha")]
    assert (alias, name) in pairs
    assert parse_hyperparameters({alias: "0.5"}) == {name: 0.5}


@pytest.mark.contract("T13")
def test_only_num_round_is_required() -> None:
    assert container_error({}) == "Missing required hyperparameter: num_round"
    assert container_error(ROUND) is None


@pytest.mark.contract("T13")
def test_no_container_defaults_xgboosts_own_apply(tmp_path: Path) -> None:
    table = numbers()
    layout = training_folder(tmp_path, {"num_round": "2"}, DATA)
    run(layout)
    bare = xgboost.train({}, xgboost.DMatrix(table[:, 1:], label=table[:, 0]), 2)
    assert (layout.model / "xgboost-model").read_bytes() == bytes(bare.save_raw("ubj"))


INTEGERS: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(
        ("num_round", "early_stopping_rounds", "nthread", "_num_cv_round", "num_parallel_tree"), (1, math.inf)
    ),
    **dict.fromkeys(("csv_weights", "refresh_leaf", "one_drop"), (0, 1)),
    **dict.fromkeys(("max_depth", "max_leaves", "max_bin"), (0, math.inf)),
    **dict.fromkeys(("num_class", "_kfold", "prob_buffer_row"), (2, math.inf)),
    "verbosity": (0, 3),
    "seed": (-(2**31) + 1, 2**31 - 2),
}


@pytest.mark.contract("T14")
@settings(deadline=None)
@given(st.sampled_from(sorted(INTEGERS)), st.integers(-(2**33), 2**33) | st.integers(-3, 4))
def test_int_hyperparameters_and_their_ranges(name: str, value: int) -> None:
    low, high = INTEGERS[name]
    found = container_error({**ROUND, name: str(value)})
    if low <= value <= high:
        assert found is None
    else:
        assert found is not None and re.match(rf"Hyperparameter {name}: {value} is not in [\[(]", found)


@pytest.mark.contract("T14")
@pytest.mark.parametrize("name", INTEGERS)
def test_int_ranges_end_where_the_contract_says(name: str) -> None:
    low, high = INTEGERS[name]
    for value in [low, high]:
        if math.isfinite(value):
            assert container_error({**ROUND, name: str(int(value))}) is None
            outside = value - 1 if value == low else value + 1
            assert container_error({**ROUND, name: str(int(outside))}) is not None


CLOSED_UNIT = (0.0, 1.0, True, True)
FLOATS: Mapping[str, tuple[float, float, bool, bool]] = {
    **dict.fromkeys(("eta", "rate_drop", "skip_drop", "lambda_bias"), CLOSED_UNIT),
    **dict.fromkeys(
        ("gamma", "min_child_weight", "max_delta_step", "lambda", "alpha", "base_score", "aft_loss_distribution_scale"),
        (0.0, math.inf, True, True),
    ),
    **dict.fromkeys(
        ("subsample", "colsample_bytree", "colsample_bylevel", "colsample_bynode"), (0.0, 1.0, False, True)
    ),
    "sketch_eps": (0.0, 1.0, False, False),
    "scale_pos_weight": (0.0, math.inf, False, True),
    "tweedie_variance_power": (1.0, 2.0, False, False),
}
"""Low, high, and whether each belongs to the range."""


@pytest.mark.contract("T15")
@settings(deadline=None)
@given(
    st.sampled_from(sorted(FLOATS)),
    st.floats(-2, 3, allow_nan=False) | st.sampled_from([0.0, 1.0, 2.0, -1e-12, 1 + 1e-12, 2 - 1e-12, 1e300]),
)
def test_float_hyperparameters_and_their_ranges(name: str, value: float) -> None:
    low, high, with_low, with_high = FLOATS[name]
    inside = (value >= low if with_low else value > low) and (value <= high if with_high else value < high)
    assert (container_error({**ROUND, name: repr(value)}) is None) == inside


ENUMS: Mapping[str, str] = {
    "booster": "gbtree gblinear dart",
    "tree_method": "auto exact approx hist gpu_hist",
    "dsplit": "row col",
    "process_type": "default update",
    "grow_policy": "depthwise lossguide",
    "predictor": "auto cpu_predictor gpu_predictor",
    "sample_type": "uniform weighted",
    "normalize_type": "tree forest",
    "sampling_method": "uniform gradient_based",
    "aft_loss_distribution": "normal logistic extreme",
    "save_model_on_termination": "true false",
    "deterministic_histogram": "true false",
    "use_dask_gpu_training": "true false",
    "objective": "binary:logistic binary:logitraw binary:hinge count:poisson multi:softmax multi:softprob "
    "rank:pairwise rank:ndcg rank:map reg:linear reg:squarederror reg:logistic reg:gamma reg:pseudohubererror "
    "reg:squaredlogerror reg:absoluteerror reg:tweedie survival:aft survival:cox aft_loss_distribution",
}


@pytest.mark.contract("T16", "T17")
@pytest.mark.parametrize("name", ENUMS)
def test_enum_hyperparameters(name: str) -> None:
    more = {"num_class": "3"} if name == "objective" else {}
    for option in ENUMS[name].split():
        assert container_error({**ROUND, **more, name: option}) is None
    assert str(error_of(**{name: "None"})).startswith(f"Hyperparameter {name}: None is not in [")


@pytest.mark.contract("T11")
def test_every_hyperparameter_of_the_contract_is_known_and_no_other() -> None:
    structured = {
        "monotone_constraints",
        "interaction_constraints",
        "updater",
        "eval_metric",
        "_tuning_objective_metric",
    }
    assert set(TABLE) == {*INTEGERS, *FLOATS, *ENUMS, *structured}


@pytest.mark.contract("T27")
def test_gpu_hist_passes_the_check_then_xgboost_3_refuses_it(tmp_path: Path) -> None:
    assert error_of(tree_method="gpu_hist") is None
    assert "tree_method gpu_hist passes the container's check" in failure(
        tmp_path, {**ROUND, "tree_method": "gpu_hist"}, DATA
    )


@pytest.mark.contract("T29")
@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*TABLE, *ALIASES, "max_dept"]), st.text(max_size=12), max_size=6))
def test_no_text_ends_in_anything_but_a_value_or_a_refusal(values: dict[str, str]) -> None:
    problems = check_hyperparameters(values)
    if container_error(values) is not None:
        assert problems
    if not problems:
        assert set(parse_hyperparameters(values)) == {ALIASES.get(name, name) for name in values}


# Metrics


@pytest.mark.contract("T21", "T22")
def test_metrics_larger_and_smaller_is_better() -> None:
    assert " ".join(MAXIMIZED_METRICS) == (
        "accuracy auc aucpr balanced_accuracy f1 f1_binary f1_macro map ndcg precision r2 recall "
        "precision_macro precision_micro recall_macro recall_micro"
    )
    assert " ".join(MINIMIZED_METRICS) == (
        "aft-nloglik cox-nloglik error gamma-deviance gamma-nloglik interval-regression-accuracy logloss mae mape "
        "merror mlogloss mphe mse poisson-nloglik rmse rmsle tweedie-nloglik"
    )


@pytest.mark.contract("T19", "T20")
def test_the_words_for_an_unknown_metric_list_all_in_the_containers_order() -> None:
    names = [
        *("accuracy", "auc", "aucpr", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "map", "ndcg", "precision"),
        *("r2", "recall", "precision_macro", "precision_micro", "recall_macro", "recall_micro", "aft-nloglik"),
        *("cox-nloglik", "error", "gamma-deviance", "gamma-nloglik", "interval-regression-accuracy", "logloss", "mae"),
        *("mape", "merror", "mlogloss", "mphe", "mse", "poisson-nloglik", "rmse", "rmsle", "tweedie-nloglik"),
    ]
    assert error_of(objective="reg:squarederror", eval_metric="mae,rsme") == (
        f"Hyperparameter eval_metric: value ['mae', 'rsme'] not in range {names}"
    )
    assert error_of(_tuning_objective_metric="rmse") == (
        f"Hyperparameter _tuning_objective_metric: rmse is not in {[f'validation:{name}' for name in names]}"
    )


@pytest.mark.contract("T23")
def test_at_t_only_on_error_ndcg_map() -> None:
    for metric in ("error@0.3", "ndcg@5", "map@3"):
        assert error_of(objective="rank:ndcg", eval_metric=metric) is None
    assert str(error_of(objective="reg:squarederror", eval_metric="rmse@2")).startswith("Metric 'rmse@2' is not supp")
    words = "Threshold value 't' in 'error@t' expects float input."
    assert error_of(objective="binary:logistic", eval_metric="error@half") == words


@pytest.mark.contract("T20")
def test_tuning_objective_metric_validation_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert str(error_of(_tuning_objective_metric="train:rmse")).startswith("Hyperparameter _tuning_objective_metric: ")
    files = {**DATA, "validation/a.csv": text(numbers(20))}
    tuned = {
        **ROUND,
        "objective": "reg:squarederror",
        "_tuning_objective_metric": "validation:mape",
        "eval_metric": "rmsle,mape,mphe",
    }
    run(training_folder(tmp_path, tuned, files))
    names = re.findall(r"\t([a-z-]+):", capsys.readouterr().out)
    assert names == [
        f"{channel}-{metric}" for channel in ("train", "validation") for metric in ("mape", "mphe", "rmsle")
    ]


@pytest.mark.contract("T24", "T53")
@pytest.mark.parametrize("metrics", ["accuracy", "accuracy,f1_macro", "mlogloss,recall_micro,balanced_accuracy"])
def test_container_computed_metrics_are_logged_and_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], metrics: str
) -> None:
    table = numbers(classes=3)
    given_parameters = {"num_round": "3", "objective": "multi:softprob", "num_class": "3", "eval_metric": metrics}
    layout = training_folder(tmp_path, given_parameters, {"train/a.csv": text(table)})
    run(layout)
    model = xgboost.Booster(model_file=bytearray((layout.model / "xgboost-model").read_bytes()))
    said = model.predict(xgboost.DMatrix(table[:, 1:])).argmax(axis=1)
    accuracy = round(float(np.mean(said == table[:, 0])), 5)
    line = capsys.readouterr().out.splitlines()[-1].replace("\t", "#011")
    read = dict(MetricReader().read(line))
    assert {f"train:{metric}" for metric in metrics.split(",")} <= set(read)
    assert read.get("train:accuracy", read.get("train:recall_micro")) == accuracy


# Dependencies


@pytest.mark.contract("T25")
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"objective": "multi:softmax"}, "Require input for parameter 'num_class' for multi-classification"),
        (
            {"objective": "reg:squarederror", "eval_metric": "auc"},
            "Metric 'auc' can only be applied for classification and ranking problems.",
        ),
        (
            {"objective": "reg:squarederror", "eval_metric": "aft-nloglik"},
            "Metric 'aft-nloglik' can only be applied for 'survival:aft' objective.",
        ),
        ({"eval_metric": "rmse"}, "'objective'"),
        (
            {"monotone_constraints": "(1,0)", "tree_method": "approx"},
            "monotone_constraints can be used only when the tree_method parameter is set to either 'exact' or 'hist'.",
        ),
        (
            {"interaction_constraints": "[[1,2]]"},
            "interaction_constraints can be used only when the tree_method parameter is set to either 'exact', 'hist' "
            "or 'approx'.",
        ),
        (
            {"booster": "gblinear", "updater": "grow_colmaker"},
            "Linear updater should be one of these options: 'shotgun', 'coord_descent'.",
        ),
        (
            {"process_type": "update", "updater": "grow_colmaker"},
            "process_type 'update' can only be used with updater 'refresh' and 'prune'",
        ),
        (
            {"updater": "grow_colmaker,grow_histmaker"},
            "Only one tree grow plugin can be selected. Choose one from the following: 'grow_colmaker', 'distcol', "
            "'grow_histmaker'",
        ),
    ],
)
def test_dependencies(values: dict[str, str], words: str) -> None:
    assert error_of(**values) == words


# Channels and data


@pytest.mark.contract("T30")
def test_train_required_and_any_other_name_fails_as_extraneous(tmp_path: Path) -> None:
    assert (
        failure(tmp_path / "a", ROUND, DATA, channels={"validation": CSV})
        == "UserError: Missing required channel: train"
    )
    channels = {"train": CSV, "code": CSV}
    assert failure(tmp_path / "b", ROUND, DATA, channels=channels) == "UserError: Extraneous channel found: code"


@pytest.mark.contract("T31")
def test_validation_must_hold_data_if_declared(tmp_path: Path) -> None:
    found = failure(tmp_path, ROUND, DATA, channels={"train": CSV, "validation": CSV})
    assert found == f"UserError: No data in validation channel path {tmp_path}/input/data/validation"


@pytest.mark.contract("T33", "T34", "T35")
@pytest.mark.parametrize(
    "settings",
    [
        {"ContentType": "text/csv;label_size=1"},
        {"ContentType": "application/json"},
        {"TrainingInputMode": "Pipe"},
        {"TrainingInputMode": "FastFile"},
        {"S3DistributionType": "Halved"},
    ],
)
def test_content_type_parameters_pipe_and_fastfile_fail(tmp_path: Path, settings: dict[str, str]) -> None:
    described = {**CSV, **settings}
    found = failure(tmp_path, ROUND, DATA, channels={"train": described})
    assert found == f"UserError: Channel configuration for 'train' channel is not supported: {described}"


@pytest.mark.contract("T32", "T34")
def test_a_default_content_type_is_shown_last_as_the_container_adds_it(tmp_path: Path) -> None:
    given = {"TrainingInputMode": "Pipe", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    assert failure(tmp_path, ROUND, DATA, channels={"train": given}) == (
        "UserError: Channel configuration for 'train' channel is not supported: {'TrainingInputMode': 'Pipe', "
        "'S3DistributionType': 'FullyReplicated', 'RecordWrapperType': 'None', 'ContentType': 'text/libsvm'}"
    )


@pytest.mark.contract("T37")
def test_all_files_of_a_channel_folders_nested_up_to_3_deep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = numbers()
    parts = {"a.csv": table[:20], "x/b.csv": table[20:40], "x/y/c.csv": table[40:]}
    run(training_folder(tmp_path / "a", ROUND, {f"train/{path}": text(part) for path, part in parts.items()}))
    assert "Train matrix has 60 rows and 4 columns" in capsys.readouterr().err
    deep = failure(tmp_path / "b", ROUND, {**DATA, "train/x/y/z/a.csv": "1,2\n"})
    assert deep == "UserError: Folder depth exceed the limit: 3. Found x/y/z."


@pytest.mark.contract("T38")
def test_a_file_whose_name_begins_with_a_dot_is_a_user_error(tmp_path: Path) -> None:
    found = failure(tmp_path, ROUND, {**DATA, "train/.part": "1,2\n"})
    assert found == "UserError: Hidden file found in the data path! Remove that before training. (.part)"


@pytest.mark.contract("T39")
@pytest.mark.parametrize("delimiter", [",", "\t", ";", " ", ":"])
def test_csv_label_first_delimiter_sniffed_from_the_first_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], delimiter: str
) -> None:
    table = np.nan_to_num(numbers()) if delimiter.isspace() else numbers()
    layout = training_folder(tmp_path, {"num_round": "2"}, {"train/a.csv": text(table, delimiter)})
    run(layout)
    assert f"Determined delimiter of CSV input is '{delimiter}'" in capsys.readouterr().err
    bare = xgboost.train({}, xgboost.DMatrix(table[:, 1:], label=table[:, 0]), 2)
    assert (layout.model / "xgboost-model").read_bytes() == bytes(bare.save_raw("ubj"))


@pytest.mark.contract("T40")
def test_csv_weights_1_makes_column_2_the_weight(tmp_path: Path) -> None:
    table = np.column_stack([numbers()[:, :1], np.arange(60) + 0.5, numbers()[:, 1:]])
    layout = training_folder(tmp_path, {"num_round": "2", "csv_weights": "1"}, {"train/a.csv": text(table)})
    run(layout)
    bare = xgboost.train({}, xgboost.DMatrix(table[:, 2:], label=table[:, 0], weight=table[:, 1]), 2)
    assert (layout.model / "xgboost-model").read_bytes() == bytes(bare.save_raw("ubj"))


@pytest.mark.contract("T41")
def test_a_header_row_is_refused(tmp_path: Path) -> None:
    assert "Failed to load csv data with exception:\na.csv: " in failure(
        tmp_path, ROUND, {"train/a.csv": "label,feature\n1,2\n"}
    )


@pytest.mark.contract("T42")
def test_libsvm_indices_are_taken_as_written_in_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    channels = {"train": {**CSV, "ContentType": "text/libsvm"}}
    run(training_folder(tmp_path, ROUND, {"train/a": "1 1:0.5 2:1\n0 2:3\n"}, channels=channels))
    assert "Train matrix has 2 rows and 3 columns" in capsys.readouterr().err


# Early stopping, model, exit


@pytest.mark.contract("T54")
def test_early_stopping_needs_a_validation_channel_and_a_metric(tmp_path: Path) -> None:
    stopping = {**ROUND, "objective": "reg:squarederror", "early_stopping_rounds": "2"}
    found = failure(tmp_path, stopping, DATA)
    assert "needs a validation channel" in found
    assert "needs a metric to watch" in found


@pytest.mark.contract("T55")
def test_early_stopping_takes_more_for_better_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KICKSTAND_KNOWN_FAULTS", '{"stopping-direction": "To see the best round kept."}')
    table = numbers(90, classes=3)
    files = {"train/a.csv": text(table[:45]), "validation/a.csv": text(table[45:])}
    stopping = {"num_round": "30", "objective": "rank:ndcg", "eval_metric": "ndcg@3", "early_stopping_rounds": "2"}
    softprob = {"num_round": "30", "objective": "multi:softprob", "num_class": "3", "early_stopping_rounds": "4"}
    for number, parameters in enumerate((stopping, {**softprob, "eval_metric": "accuracy"})):
        layout = training_folder(tmp_path / str(number), parameters, files)
        with mock.patch("sys.stdout.write") as write:
            run(layout)
        lines = [call.args[0] for call in write.call_args_list]
        metric = parameters["eval_metric"]
        values = [float(re.search(rf"validation-{metric}:([\d.]+)", line)[1]) for line in lines]  # type: ignore[index]
        model = xgboost.Booster(model_file=bytearray((layout.model / "xgboost-model").read_bytes()))
        # logged to five decimals: the best round is one of those that look best
        assert values[model.num_boosted_rounds() - 1] == max(values)


@pytest.mark.contract("T60")
def test_model_written_by_save_model_as_ubj(tmp_path: Path) -> None:
    layout = training_folder(tmp_path, ROUND, DATA)
    run(layout)
    assert [path.name for path in layout.model.iterdir()] == ["xgboost-model"]
    assert (layout.model / "xgboost-model").read_bytes()[:2] == b"{L"


@pytest.mark.contract("T63")
def test_failure_rc_1_and_output_failure_with_the_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = training_folder(tmp_path, {**ROUND, "eta": "2"}, DATA)
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    assert main() == 1
    assert layout.failure.read_text() == "framework error: \nUserError: Hyperparameter eta: 2.0 is not in [0, 1]"


@pytest.mark.contract("T62")
def test_success_rc_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = training_folder(tmp_path, ROUND, DATA)
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    assert main() == 0
    assert not layout.failure.exists()


@pytest.mark.contract("T65")
def test_errors_are_named_by_whose_fault_they_are(tmp_path: Path) -> None:
    assert str(UserError("x")) == "UserError: x"
    assert str(AlgorithmError("x")) == "AlgorithmError: x"
    layout = training_folder(tmp_path, ROUND, DATA)
    (layout.config / "hyperparameters.json").write_text("[]")
    with pytest.raises(PlatformError, match="must hold a JSON object"):
        run(layout)


@pytest.mark.contract("T05", "T06")
def test_sm_environment_written_at_start(tmp_path: Path) -> None:
    layout = training_folder(tmp_path, {**ROUND, "eta": "0.5"}, {**DATA, "validation/a.csv": text(numbers())})
    run(layout)
    expected = {
        "SM_HOSTS": '["algo-1"]',
        "SM_CURRENT_HOST": "algo-1",
        "SM_CHANNELS": '["train","validation"]',
        "SM_CHANNEL_TRAIN": f"{tmp_path}/input/data/train",
        "SM_CHANNEL_VALIDATION": f"{tmp_path}/input/data/validation",
        "SM_HPS": '{"eta":0.5,"num_round":1}',
        "SM_HP_ETA": "0.5",
        "SM_HP_NUM_ROUND": "1",
        "SM_NUM_CPUS": str(os.cpu_count()),
        "SM_NUM_GPUS": "0",
        "SM_MODEL_DIR": f"{tmp_path}/model",
        "SM_OUTPUT_DATA_DIR": f"{tmp_path}/output/data",
        "SM_INPUT_DIR": f"{tmp_path}/input",
        "SM_INPUT_DATA_CONFIG": json.dumps({"train": CSV, "validation": CSV}, separators=(",", ":"), sort_keys=True),
        "SM_LOG_LEVEL": "20",
    }
    assert {name: os.environ[name] for name in expected} == expected
    assert json.loads(os.environ["SM_RESOURCE_CONFIG"])["current_host"] == "algo-1"


@pytest.mark.contract("T02")
def test_the_same_layout_below_another_base(tmp_path: Path) -> None:
    assert Layout.from_environment({}).base == Path("/opt/ml")
    assert (
        Layout.from_environment({"SAGEMAKER_BASE_DIR": str(tmp_path)}).channel("train") == tmp_path / "input/data/train"
    )
