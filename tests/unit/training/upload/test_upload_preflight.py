"""All that is wrong with an environment's input, in one error, before anything is uploaded."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from memory_s3 import MemoryS3, refusal
from samples import environment
from workspaces import workspace

from kickstand.config.model import Algorithm, Data, Training
from kickstand.console import make_console
from kickstand.errors import InputError, KickstandError
from training.data.files import ChannelReport
from training.upload.channels import manifest
from training.upload.upload import check_inputs, data_size, send_data


class Session:
    def __init__(self, s3: MemoryS3) -> None:
        self.s3 = s3

    def client(self, service: str, **more: Any) -> MemoryS3:
        assert service == "s3"
        return self.s3


def data(folder: Path, train: str = "1,2\n", validation: str = "3,4\n") -> Data:
    (folder / "train.csv").write_text(train)
    (folder / "validation.csv").write_text(validation)
    return Data(train=folder / "train.csv", validation=folder / "validation.csv")


def test_hyperparameters_version_and_data_are_refused_together(tmp_path: Path) -> None:
    wrong = environment(
        data=data(tmp_path, "1,x\n", ""),
        algorithm=Algorithm(version="1.5-1"),
        hyperparameters={"num_round": "5", "eta": "3"},
        lines={"": "k.toml", "hyperparameters.eta": "k.toml:9", "algorithm.version": "k.toml:4"},
    )
    with pytest.raises(InputError) as caught:
        check_inputs(wrong, here=tmp_path)
    assert [(problem.where, problem.message) for problem in caught.value.problems] == [
        ("k.toml:9", "eta is 3; it must be a number in [0, 1]."),
        ("k.toml:4", "image version 1.5-1 of SageMaker's XGBoost is not supported yet."),
        ("train.csv:1:2", "Column 2 holds 'x'; every cell must be a number."),
        ("validation.csv", "The file is empty."),
    ]


def test_what_one_instance_alone_trains_is_refused_with_several(tmp_path: Path) -> None:
    values = {"num_round": "5", "tree_method": "exact"}
    alone = environment(data=data(tmp_path), hyperparameters=values)
    assert check_inputs(alone).channels
    several = environment(data=alone.data, hyperparameters=values, training=Training(instance_count=2))
    with pytest.raises(InputError, match="xgboost refuses it on several instances"):
        check_inputs(several)


def test_early_stopping_asks_for_the_validation_channel_not_for_the_test(tmp_path: Path) -> None:
    channels = data(tmp_path).model_copy(update={"validation": None, "test": tmp_path / "validation.csv"})
    values = {"num_round": "5", "objective": "reg:squarederror", "eval_metric": "rmse", "early_stopping_rounds": "2"}
    with pytest.raises(InputError, match="early_stopping_rounds needs a validation channel"):
        check_inputs(environment(data=channels, hyperparameters=values))


def test_the_size_is_of_all_channels_missing_ones_as_nothing(tmp_path: Path) -> None:
    channels = data(tmp_path).model_copy(update={"test": tmp_path / "nowhere.csv"})
    assert data_size(environment(data=channels)) == 8


def test_nothing_is_sent_of_data_that_is_wrong(tmp_path: Path) -> None:
    s3 = MemoryS3()
    with pytest.raises(InputError):
        send_data(workspace(Session(s3), of=environment(data=data(tmp_path, "1,x\n"))), make_console(io.StringIO()))
    assert s3.requests == []


def test_a_line_a_channel_says_what_was_sent(tmp_path: Path) -> None:
    s3, printed = MemoryS3(), io.StringIO()
    console = make_console(printed)
    given = environment(data=data(tmp_path))
    channels = send_data(workspace(Session(s3), of=given), console).channels
    assert send_data(workspace(Session(s3), of=given), console).channels == channels
    lines = [" ".join(line.split()) for line in printed.getvalue().splitlines()]
    assert lines == [
        f"train 1 rows x 2 columns 4 bytes uploaded {channels[0].s3_uri}",
        f"validation 1 rows x 2 columns 4 bytes uploaded {channels[1].s3_uri}",
        f"train 1 rows x 2 columns already there {channels[0].s3_uri}",
        f"validation 1 rows x 2 columns already there {channels[1].s3_uri}",
    ]


def test_libsvm_that_deploy_would_refuse_is_told_before_the_job(tmp_path: Path) -> None:
    rows = data(tmp_path, "1 0:2\n", "3 0:4\n").model_copy(update={"content_type": "text/libsvm"})
    lines = {"data.content_type": "k.toml:7"}

    def told(**changes: Any) -> list[str]:
        printed = io.StringIO()
        given = environment(data=rows, lines=lines, **changes)
        send_data(workspace(Session(MemoryS3()), of=given), make_console(printed))
        return printed.getvalue().splitlines()[2:]

    assert told() == [
        "Warning: deploy will refuse the model. libsvm requests are read wrongly by image 3.2-0: training takes "
        "indices as they are written, serving takes 1 off where a request has no index 0, so that its predictions are "
        "of other features. (k.toml:7) "
        'Train on CSV, or accept it with its reason: [known_faults] libsvm-serving = "…".',
    ]
    assert told(known_faults={"libsvm-serving": "Callers send CSV."}) == []
    assert told(algorithm=Algorithm(version="1.7-1")) == []


@pytest.mark.contract("T57")
def test_the_figures_of_a_cross_validation_are_warned_of_before_the_job(tmp_path: Path) -> None:
    printed = io.StringIO()
    parameters = {"num_round": "2", "objective": "reg:squarederror", "_kfold": "2"}
    lines = {"hyperparameters._kfold": "k.toml:9"}
    given = environment(data=data(tmp_path), hyperparameters=parameters, lines=lines)
    send_data(workspace(Session(MemoryS3()), of=given), make_console(printed))
    assert printed.getvalue().splitlines()[2:] == [
        "Warning: _kfold divides the rows of train and validation anew, and the container goes on to measure on both "
        "as they were: the job's validation figures are of rows that its models were trained on. (k.toml:9) "
        "predictions.csv in its output.tar.gz has each row's prediction from the models that did not see it.",
    ]


def test_what_was_sent_is_what_the_schedule_trains_on_and_starts_nothing(tmp_path: Path) -> None:
    s3 = MemoryS3()
    given = environment(data=data(tmp_path))
    channels = send_data(workspace(Session(s3), of=given), make_console(io.StringIO())).channels
    assert s3.bodies()["latest/manifest.json"] == manifest(channels, given)
    assert s3.bodies("manifests/") == {}


def test_paths_are_told_from_where_the_user_stands(tmp_path: Path) -> None:
    channels = data(tmp_path).model_copy(update={"test": tmp_path / "test.csv"})
    (tmp_path / "prepare.py").write_text("")
    with pytest.raises(InputError) as caught:
        check_inputs(environment(data=channels), here=tmp_path)
    (problem,) = caught.value.problems
    assert (problem.where, problem.fix) == ("test.csv", "Make it with: python prepare.py")


def test_the_bucket_that_is_missing_is_made_by_the_command_as_typed(tmp_path: Path) -> None:
    s3 = MemoryS3(refuse={"list_objects_v2": [refusal("NoSuchBucket", "ListObjectsV2", 404)]})
    console = make_console(io.StringIO())
    with pytest.raises(KickstandError, match="kickstand --local deploy dev"):
        send_data(workspace(Session(s3), of=environment(data=data(tmp_path)), options=("--local",)), console)


def test_a_cross_validation_needs_a_row_a_fold(tmp_path: Path) -> None:
    def told(**values: str) -> list[tuple[str, str]]:
        lines = {"hyperparameters._kfold": "k.toml:9", "hyperparameters._num_cv_round": "k.toml:10"}
        wanted = environment(
            data=channels, hyperparameters={"num_round": "5", "objective": "reg:squarederror", **values}, lines=lines
        )
        try:
            check_inputs(wanted)
        except InputError as error:
            return [(problem.where, problem.message) for problem in error.problems]
        return []

    channels = data(tmp_path, "1,2\n0,3\n", "1,3\n").model_copy(update={"test": tmp_path / "validation.csv"})
    assert told(_kfold="3", _num_cv_round="2") == []
    assert told(_kfold="4") == [
        ("k.toml:9", "_kfold is 4; train and validation have 3 rows together, fewer than one a fold.")
    ]
    assert told(_num_cv_round="2") == [
        ("k.toml:10", "_num_cv_round says how often a cross-validation is repeated; without _kfold there is none.")
    ]
    assert told(_kfold="2", _num_cv_round="9" * 9)[0][1].startswith("_kfold and _num_cv_round make 10,000 models or")


def test_known_faults_are_refused_before_a_job_is_paid_for(tmp_path: Path) -> None:
    given = {"num_round": "5", "objective": "binary:logistic", "eval_metric": "f1"}
    rows = data(tmp_path, "1,2\n0,3\n", "1,3\n0,1\n")
    with pytest.raises(InputError) as caught:
        check_inputs(environment(data=rows, hyperparameters=given))
    (problem,) = caught.value.problems
    assert problem.message.startswith("metric f1 is computed wrongly for objective binary:logistic by image 3.x")
    accepted = environment(data=rows, hyperparameters=given, known_faults={"class-metrics": "A dashboard reads it."})
    assert check_inputs(accepted).channels["train"].rows == 2


def test_channels_that_no_volume_of_the_job_holds_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if each channel had 6 GiB; the test channel is no channel of the job."""
    monkeypatch.setattr(ChannelReport, "size", 6 * 2**30)
    channels = data(tmp_path).model_copy(update={"test": tmp_path / "test.csv"})
    (tmp_path / "test.csv").write_text("5,6\n")

    def told(**training: Any) -> list[tuple[str, str]]:
        given = environment(data=channels, training=Training(**training), lines={"training.volume_size_gb": "k.toml:5"})
        try:
            check_inputs(given)
        except InputError as error:
            return [(problem.where, problem.message) for problem in error.problems]
        return []

    message = "The channels of the job have 12.0 GiB an instance; its volume has 10 GiB."
    assert told() == [("k.toml:5", message)]
    assert told(volume_size_gb=12) == []
    assert told(instance_count=2) == []
    assert told(instance_type="ml.m5d.xlarge") == []
