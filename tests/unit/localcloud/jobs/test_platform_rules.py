"""The platform's pure parts: locations, metrics, archives, configuration, reasons."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from pathlib import Path

import pytest

from localcloud.jobs.events import JobEvent, program_failure, shortened
from localcloud.jobs.logs import cloudwatch_line
from localcloud.jobs.s3 import S3Location
from localcloud.jobs.training.artifacts import has_files, pack
from localcloud.jobs.training.request import (
    MetricReader,
    built_in_metric_definitions,
    container_configuration,
    program_variables,
    write_layout,
)
from training.model.inspection.archive import extract_model


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket/a/b",
        "https://s3.eu-west-1.amazonaws.com/bucket/a/b",
        "https://s3-us-west-2.amazonaws.com/bucket/a/b",
        "https://s3.cn-north-1.amazonaws.com.cn/bucket/a/b",
    ],
)
def test_an_s3_location_is_read_from_either_form(text: str) -> None:
    assert S3Location.parse(text) == S3Location("bucket", "a/b")


@pytest.mark.parametrize("text", ["", "bucket/key", "s3:///key", "https://example.com/bucket/key", "file:///etc"])
def test_what_is_no_s3_location_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an S3 URL"):
        S3Location.parse(text)


@pytest.mark.parametrize("path", ["s3://bucket", "s3://bucket/"])
def test_below_puts_one_slash_between_parts(path: str) -> None:
    assert S3Location.parse(path).below("job", "output").uri == "s3://bucket/job/output"
    assert S3Location.parse("s3://bucket/training/").below("job").uri == "s3://bucket/training/job"


LINE = "[7]#011train-rmse:0.28379#011validation-rmse:2.5e-05#011validation-error@0.7:0.5"


@pytest.mark.contract("T52")
def test_the_built_in_definitions_have_amazons_form() -> None:
    definitions = {definition["Name"]: definition["Regex"] for definition in built_in_metric_definitions()}
    number = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"
    assert definitions["train:rmse"] == rf".*\[[0-9]+\].*#011train-rmse:{number}.*"
    for name, regex in definitions.items():
        match = re.search(regex, f"[3]#011{name.replace(':', '-', 1)}:1.5")
        assert match is not None
        assert match[1] == "1.5"


@pytest.mark.contract("T53")
def test_metrics_are_read_from_a_round_line() -> None:
    assert MetricReader().read(LINE) == [("train:rmse", 0.28379), ("validation:rmse", 2.5e-05)]
    assert MetricReader().read(LINE.removeprefix("[7]")) == []
    assert MetricReader().read("[1]#011train-rmse:nan") == []


def test_the_jobs_own_definitions_come_besides_and_win() -> None:
    reader = MetricReader(
        [{"Name": "rows", "Regex": r"has (\d+) rows"}, {"Name": "train:rmse", "Regex": r"train-rmse:(\d)"}]
    )
    assert reader.read("Train matrix has 60 rows") == [("rows", 60.0)]
    assert reader.read(LINE) == [("validation:rmse", 2.5e-05), ("train:rmse", 0.0)]
    with pytest.raises(ValueError, match="broken Regex"):
        MetricReader([{"Name": "x", "Regex": "("}])


@pytest.mark.contract("T51")
def test_control_characters_are_shown_as_cloudwatch_shows_them() -> None:
    assert cloudwatch_line("[0]\ttrain-rmse:1\x1b") == "[0]#011train-rmse:1#033"


def test_the_same_content_makes_the_same_archive(tmp_path: Path) -> None:
    digests: list[str] = []
    for name in ("a", "b"):
        folder = tmp_path / name
        (folder / "deep").mkdir(parents=True)
        for file in ("z", "deep/y") if name == "a" else ("deep/y", "z"):
            (folder / file).write_bytes(file.encode() * 100)
        os.utime(folder / "z", (1, len(digests)))
        (folder / "z").chmod(0o600 if digests else 0o755)
        (folder / "link").symlink_to("/etc/hostname")
        pack(folder, tmp_path / f"{name}.tar.gz")
        digests.append(hashlib.sha256((tmp_path / f"{name}.tar.gz").read_bytes()).hexdigest())
    assert digests[0] == digests[1]
    files = extract_model(tmp_path / "a.tar.gz", tmp_path / "out")
    assert [file.relative_to(tmp_path / "out").as_posix() for file in files] == ["deep/y", "z"]
    assert gzip.decompress((tmp_path / "a.tar.gz").read_bytes())[:6] == b"deep/y"


def test_has_files_looks_below_and_takes_an_absent_folder(tmp_path: Path) -> None:
    assert not has_files(tmp_path / "absent")
    (tmp_path / "a/b").mkdir(parents=True)
    assert not has_files(tmp_path)
    (tmp_path / "a/b/c").touch()
    assert has_files(tmp_path)


REQUEST = {
    "TrainingJobName": "job",
    "AlgorithmSpecification": {"TrainingInputMode": "File"},
    "HyperParameters": {"num_round": "5"},
    "Environment": {"COLOUR": "blue"},
    "InputDataConfig": [
        {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/k"}}, "ContentType": "text/csv"},
        {"ChannelName": "validation", "InputMode": "Pipe"},
    ],
    "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2},
    "CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/checkpoints"},
}


@pytest.mark.contract("T03")
def test_the_container_is_told_what_sagemaker_tells_it(tmp_path: Path) -> None:
    files = container_configuration(REQUEST)
    assert files["hyperparameters"] == {"num_round": "5"}
    common = {"S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    assert files["inputdataconfig"] == {
        "train": {"TrainingInputMode": "File", "ContentType": "text/csv", **common},
        "validation": {"TrainingInputMode": "Pipe", **common},
    }
    assert files["resourceconfig"]["hosts"] == ["algo-1", "algo-2"]
    assert files["resourceconfig"]["current_host"] == "algo-1"
    assert files["checkpointconfig"]["LocalPath"] == "/opt/ml/checkpoints"
    write_layout(tmp_path, files)
    assert sorted(path.name for path in (tmp_path / "input/config").iterdir()) == [
        "checkpointconfig.json",
        "hyperparameters.json",
        "inputdataconfig.json",
        "resourceconfig.json",
    ]
    variables = program_variables(REQUEST, "eu-west-1")
    assert variables == {"COLOUR": "blue", "TRAINING_JOB_NAME": "job", "AWS_REGION": "eu-west-1"}


@pytest.mark.contract("T64")
def test_a_failure_reason_keeps_its_exit_code_within_1024_characters() -> None:
    assert program_failure("framework error: \nUserError: x", 1) == (
        "AlgorithmError: framework error: \nUserError: x, exit code: 1"
    )
    assert program_failure("", -9) == "AlgorithmError: Exit Code: 137"
    long = program_failure("x" * 5000, 1)
    assert len(long) == 1024
    assert long.endswith("x..., exit code: 1")
    assert len(shortened("y" * 2000)) == 1024


@pytest.mark.parametrize(
    "event",
    [
        JobEvent(1.5, "status", "Training", "in progress"),
        JobEvent(2.0, "metric", metric=("train:rmse", 0.0)),
        JobEvent(3.0, "finished", outcome="Failed", failure_reason="ClientError: ä\n", training_seconds=3),
    ],
)
def test_an_event_crosses_the_process_border_whole(event: JobEvent) -> None:
    line = event.to_line()
    assert line.count("\n") == 1
    assert JobEvent.from_line(line) == event


@pytest.mark.parametrize("line", ["", "hello", "[]", '{"time": 1}'])
def test_a_line_that_is_no_event_is_a_value_error(line: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        JobEvent.from_line(line)
