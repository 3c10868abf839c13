"""From a completed job to a release, with a real model and an S3 in memory."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
import xgboost as xgb
from botocore.stub import Stubber
from job_shapes import IMAGE, channel, described
from memory_s3 import MemoryS3, refusal
from samples import BUCKET, environment

from kickstand.aws.s3 import ArtifactBucket
from kickstand.config.model import Data, Environment
from kickstand.errors import KickstandError
from kickstand.release.file import read_release
from kickstand.release.model import Channel, LearningCurve, Release
from training.job.jobs import ChannelSource, JobDescription, parse_job
from training.job.log import Round
from training.model.adopt import Adoption
from training.model.channel_evidence import channel_evidence
from training.model.figures import UnreleasableJobError
from training.model.golden_rows import CheckedData, golden_digest

JOB = "bikes-dev-20260101-000000-0a1b"
ARTIFACT = f"s3://{BUCKET}/training/{JOB}/output/model.tar.gz"
TRAIN = "s3://notebook/train/"
PACKAGE = "arn:aws:sagemaker:us-east-1:111122223333:model-package/bikes-dev/1"
TEST = b"0.5,1,2,3\n0.25,,2,1e3\n0.125,7,8,9\n"


def model_bytes(features: int = 3, seed: int = 0) -> bytes:
    random = np.random.default_rng(seed)
    rows = random.random((64, features), dtype="float32")
    booster = xgb.train({"max_depth": 2, "nthread": 1}, xgb.DMatrix(rows, label=rows.sum(axis=1)), 2)
    return bytes(booster.save_raw("ubj"))


def archive(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, body in files.items():
            member = tarfile.TarInfo(name.replace("_", "-"))
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return packed.getvalue()


@dataclass
class Desk:
    """Where a job is adopted: an S3 in memory, a stubbed SageMaker, a folder for the release."""

    folder: Path
    s3: MemoryS3 = field(default_factory=MemoryS3)
    environment: Environment = field(default_factory=lambda: environment(data=Data(train=Path("t"), golden_rows=2)))
    told: dict[str, str] = field(default_factory=dict)
    registered: str = ""
    """The status of the model package that is there already."""
    fails: str = ""
    warnings: tuple[str, ...] = ()
    """What was accepted with a warning before the job."""
    rounds: tuple[Round, ...] | Exception = (Round(0, {"train-rmse": 2.5}), Round(1, {"train-rmse": 0.25}))
    """What the job's log has, or why it cannot be read."""

    def __post_init__(self) -> None:
        self.s3.put(f"{TRAIN}train.csv", b"1,2,3,4\n5,6,7,8\n")
        self.s3.put(ARTIFACT, archive(xgboost_model=model_bytes()))
        (self.folder / "test.csv").write_bytes(TEST)

    @property
    def release_file(self) -> Path:
        return self.folder / "releases" / "dev.json"

    def test_channel(self) -> Channel:
        memory = MemoryS3()
        memory.put("s3://x/test/test.csv", TEST)
        source = ChannelSource("test", "s3://x/test/", "text/csv", "S3Prefix", "None")
        return channel_evidence(memory, source, bucket=ArtifactBucket(BUCKET), started=described()["CreationTime"])

    def adopt(self, **changes: Any) -> Release:
        job = parse_job(
            described(
                JOB,
                **{
                    "HyperParameters": {"num_round": "2", "objective": "reg:squarederror"},
                    "InputDataConfig": [channel("train", TRAIN)],
                    "ModelArtifacts": {"S3ModelArtifacts": ARTIFACT},
                    "FinalMetricDataList": [
                        {"MetricName": "train:rmse", "Value": 0.25, "Timestamp": described()["CreationTime"]},
                        {"MetricName": "train:mape", "Value": float("inf"), "Timestamp": described()["CreationTime"]},
                    ],
                    **changes,
                },
            )
        )
        data = CheckedData([self.test_channel()], [self.folder / "test.csv"], "test", self.warnings)
        return self.with_sagemaker(
            lambda sagemaker: Adoption(
                environment=self.environment,
                s3=self.s3,
                sagemaker=sagemaker,
                rounds=self.read_rounds,
                report=self.told.__setitem__,
                deploy_command="kickstand deploy dev",
            ).adopt(job, data, release_file=self.release_file, source_commit="c0ffee"),
            job,
        )

    def read_rounds(self, job: JobDescription) -> tuple[tuple[Round, ...], ...]:
        if isinstance(self.rounds, Exception):
            raise self.rounds
        return (self.rounds,) * job.models if self.rounds else ()

    def with_sagemaker(self, act: Callable[[Any], Release], job: JobDescription) -> Release:
        sagemaker = boto3.client(
            "sagemaker", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
        )
        digest = hashlib.sha256(self.s3.body(ARTIFACT)).hexdigest()
        with Stubber(sagemaker) as stub:
            summary = {
                "ModelPackageArn": PACKAGE,
                "ModelPackageDescription": f"Training job {JOB}, artifact sha256 {digest}",
                "CreationTime": job.created,
                "ModelPackageStatus": self.registered or "Completed",
            }
            listing = {
                "ModelPackageGroupName": "bikes-dev",
                "SortBy": "CreationTime",
                "SortOrder": "Descending",
                "MaxResults": 100,
            }
            stub.add_response(
                "list_model_packages", {"ModelPackageSummaryList": [summary] if self.registered else []}, listing
            )
            if self.fails:
                stub.add_client_error("create_model_package", self.fails, "no")
            elif self.registered != "Completed":
                stub.add_response("create_model_package", {"ModelPackageArn": PACKAGE}, self.package_request(digest))
            release = act(sagemaker)
            stub.assert_no_pending_responses()
            return release

    def package_request(self, digest: str) -> dict[str, Any]:
        quality = '{\n  "regression_metrics": {\n    "rmse": {\n      "standard_deviation": "NaN",\n      "value": 0.25\n    }\n  }\n}\n'  # noqa: E501
        metrics = f"s3://{BUCKET}/metrics/{hashlib.sha256(quality.encode()).hexdigest()}.json"
        return {
            "ModelPackageGroupName": "bikes-dev",
            "ModelPackageDescription": f"Training job {JOB}, artifact sha256 {digest}",
            "ModelApprovalStatus": "PendingManualApproval",
            "InferenceSpecification": {
                "Containers": [{"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/models/{digest}/model.tar.gz"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv", "application/json"],
            },
            "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": metrics}}},
            "CustomerMetadataProperties": {
                "artifact-sha256": digest,
                "training-job": JOB,
                "metric:train:rmse": "0.25",
            },
        }


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_completed_job_becomes_a_release(desk: Desk) -> None:
    release = desk.adopt()
    digest = hashlib.sha256(desk.s3.body(ARTIFACT)).hexdigest()
    assert read_release(desk.release_file, desk.environment) == release
    assert desk.s3.body(f"s3://{BUCKET}/models/{digest}/model.tar.gz") == desk.s3.body(ARTIFACT)
    assert release.artifact.sha256 == digest
    assert [(one.name, one.rows, one.columns) for one in release.channels] == [("train", 2, 4), ("test", 3, 4)]
    assert (release.algorithm.version, release.algorithm.image_uri) == ("3.2-0", IMAGE)
    assert release.metrics == {"train:rmse": 0.25}
    assert release.artifact.rounds == (2,)
    assert release.warnings == ("train:mape is inf in round 2, the last of the model: it is left out.",)
    assert release.model_package_arn == PACKAGE
    assert release.source_commit == "c0ffee"
    assert release.training_job.started == "2026-01-02T03:04:15Z"
    assert release.training_job.billable_seconds == 50


def test_the_golden_rows_are_the_model_s_own_answers(desk: Desk) -> None:
    golden = desk.adopt().golden_rows
    booster = xgb.Booster(model_file=bytearray(model_bytes()))
    rows = np.array([[1, 2, 3], [np.nan, 2, 1e3]], "float32")
    assert golden.rows == ("1,2,3", ",2,1e3")
    assert golden.predictions == tuple(float(value) for value in booster.predict(xgb.DMatrix(rows)))
    assert golden.sha256 == golden_digest(golden.rows, golden.predictions)


def test_the_models_of_a_cross_validation_are_one_release(desk: Desk) -> None:
    folds = [model_bytes(seed=seed) for seed in range(4)]
    desk.s3.put(ARTIFACT, archive(**{f"xgboost_model_{number}": body for number, body in enumerate(folds)}))
    release = desk.adopt(HyperParameters={"num_round": "2", "_kfold": "2", "_num_cv_round": "2"})
    rows = xgb.DMatrix(np.array([[1, 2, 3], [np.nan, 2, 1e3]], "float32"))
    answers = [xgb.Booster(model_file=bytearray(body)).predict(rows) for body in folds]
    assert release.golden_rows.predictions == tuple(np.mean(answers, axis=0).astype(float).tolist())
    assert release.artifact.sha256 == hashlib.sha256(desk.s3.body(ARTIFACT)).hexdigest()
    assert desk.told["left-out rows"] == f"predictions.csv in s3://{BUCKET}/training/{JOB}/output/output.tar.gz"


def test_a_cross_validation_that_lacks_a_model_is_not_released(desk: Desk) -> None:
    desk.s3.put(ARTIFACT, archive(xgboost_model_0=model_bytes(), xgboost_model_1=model_bytes()))
    with pytest.raises(KickstandError, match="the artifact lacks xgboost-model-2"):
        desk.adopt(HyperParameters={"num_round": "2", "_kfold": "3"})
    assert not desk.release_file.exists()


def test_confidential_golden_rows_stay_out_of_the_release(desk: Desk) -> None:
    desk.environment = environment(data=Data(train=Path("t"), golden_rows=2, golden_rows_in_git=False))
    golden = desk.adopt().golden_rows
    assert (golden.rows, golden.predictions) == ((), ())
    assert golden.s3_uri == f"s3://{BUCKET}/golden/{golden.sha256}.json"
    kept = desk.s3.body(golden.s3_uri)
    assert hashlib.sha256(kept).hexdigest() == golden.sha256
    assert json.loads(kept)["rows"] == ["1,2,3", ",2,1e3"]
    assert ",2,1e3" not in desk.release_file.read_text()


CURVE = b"""{
  "logged_rounds": 2,
  "metrics": {
    "train:rmse": [
      2.5,
      0.25
    ]
  },
  "rounds": [
    0,
    1
  ]
}
"""


def test_the_learning_curve_is_kept_beside_the_artifact(desk: Desk) -> None:
    release = desk.adopt()
    place = f"s3://{BUCKET}/models/{release.artifact.sha256}/learning_curve.json"
    assert desk.s3.body(place) == CURVE
    assert release.learning_curve == LearningCurve(s3_uri=place, sha256=hashlib.sha256(CURVE).hexdigest())
    assert desk.told["learning curve"] == f"2 rounds, {place}"


@pytest.mark.parametrize(
    ("rounds", "told"),
    [
        ((), "none: the job's log has no rounds"),
        (refusal("AccessDeniedException", "GetLogEvents", 400, "no"), "none: the job's log cannot be read: no"),
    ],
)
def test_without_a_log_the_release_is_made_and_says_so(
    desk: Desk, rounds: tuple[Round, ...] | Exception, told: str
) -> None:
    desk.rounds = rounds
    assert desk.adopt().learning_curve is None
    assert desk.told["learning curve"] == told


def test_a_release_of_early_stopping_has_the_figures_of_the_round_that_it_kept(desk: Desk) -> None:
    """The model has 2 rounds; the job went on to 4, and SageMaker has the values of the fourth."""
    values = (2.5, 0.25, 0.125, 0.0625)
    desk.rounds = tuple(Round(number, {"train-rmse": value}) for number, value in enumerate(values))
    stopping = {"num_round": "9", "objective": "reg:squarederror", "eval_metric": "rmse", "early_stopping_rounds": "2"}
    last = [{"MetricName": "train:rmse", "Value": 0.0625, "Timestamp": described()["CreationTime"]}]
    release = desk.adopt(HyperParameters=stopping, FinalMetricDataList=last)
    assert (release.metrics, release.artifact.rounds, release.warnings) == ({"train:rmse": 0.25}, (2,), ())
    desk.rounds, desk.registered = (), "Completed"  # the log is gone; what was kept of it has the round
    assert desk.adopt(HyperParameters=stopping, FinalMetricDataList=last) == release


def test_warnings_of_the_data_are_on_record_before_those_of_the_figures(desk: Desk) -> None:
    desk.warnings = ("train.csv: 3 labels are above 16777216.",)
    assert desk.adopt().warnings == (
        "train.csv: 3 labels are above 16777216.",
        "train:mape is inf in round 2, the last of the model: it is left out.",
    )
    assert desk.told["warning"] == "train:mape is inf in round 2, the last of the model: it is left out."


def test_a_job_whose_channels_hold_one_another_says_so_in_its_release(desk: Desk) -> None:
    desk.s3.put(f"{TRAIN}validation/v.csv", b"9,2,3,4\n8,6,7,8\n7,6,5,4\n")
    nested = [channel("train", TRAIN), channel("validation", f"{TRAIN}validation/")]
    assert desk.adopt(InputDataConfig=nested).warnings[0] == (
        "3 of 3 rows of validation are in files of train too (v.csv): the model was trained on them, and figures of "
        "validation are too good."
    )


def test_early_stopping_on_what_is_no_number_is_not_released(desk: Desk) -> None:
    desk.rounds = tuple(Round(number, {"validation-auc": float("nan")}) for number in range(4))
    stopping = {
        "num_round": "9",
        "objective": "binary:logistic",
        "eval_metric": "logloss,auc",
        "early_stopping_rounds": "2",
    }
    with pytest.raises(UnreleasableJobError) as caught:
        desk.adopt(HyperParameters=stopping)
    assert str(caught.value) == (
        f"{JOB}: Early stopping watched validation:auc, which is nan in 4 of 4 rounds: nothing could be compared, and "
        "the model is cut to round 2. Train by a metric that the validation channel can give, or without "
        "early_stopping_rounds."
    )
    assert not desk.release_file.exists()
    assert not any(key.startswith("models/") for _, key in desk.s3.objects)


def test_a_log_that_is_gone_leaves_the_curve_that_was_kept(desk: Desk) -> None:
    first = desk.adopt()
    desk.rounds, desk.registered = (), "Completed"
    assert desk.adopt() == first
    assert desk.told["learning curve"].startswith("kept earlier (the job's log has no rounds), s3://")


def test_what_lies_at_the_curve_s_place_is_no_curve(desk: Desk) -> None:
    digest = hashlib.sha256(desk.s3.body(ARTIFACT)).hexdigest()
    desk.s3.put(f"s3://{BUCKET}/models/{digest}/learning_curve.json", b"{}")
    assert desk.adopt().learning_curve is None
    assert "This is not a learning curve" in desk.told["learning curve"]


def test_adopting_again_changes_nothing(desk: Desk) -> None:
    first = desk.adopt()
    before = (desk.release_file.read_bytes(), dict(desk.s3.objects))
    desk.registered = "Completed"
    assert desk.adopt() == first
    assert (desk.release_file.read_bytes(), dict(desk.s3.objects)) == before


def test_a_registration_that_failed_is_made_anew(desk: Desk) -> None:
    desk.registered = "Failed"
    assert desk.adopt().model_package_arn == PACKAGE


def test_a_break_before_the_end_leaves_no_release_and_can_be_taken_up(desk: Desk) -> None:
    desk.fails = "AccessDeniedException"
    with pytest.raises(KickstandError, match="registering the model package"):
        desk.adopt()
    assert not desk.release_file.exists()
    desk.fails = ""
    assert desk.adopt().model_package_arn == PACKAGE


@pytest.mark.contract("T61")
@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "holds no file xgboost-model but nothing"),
        ({"model.json": b"{}"}, "holds no file xgboost-model but model.json"),
        ({"xgboost_model": b""}, "cannot be loaded"),
        ({"xgboost_model": b"{L not a model"}, "cannot be loaded"),
        ({"xgboost_model": b"binf" + b"\0" * 64}, "binary format of xgboost before 3"),
        ({"xgboost_model": b"\x80\x04K\x01."}, "a pickle can run any program"),
        (
            {"xgboost_model_0": b"", "xgboost_model_1": b""},
            "as hyperparameter _kfold makes them",
        ),
        ({"xgboost_model": b"{}", "notes.txt": b""}, "takes every file for a model"),
    ],
)
def test_an_artifact_without_a_model_to_load_is_not_released(desk: Desk, files: dict[str, bytes], words: str) -> None:
    desk.s3.put(ARTIFACT, archive(**files))
    with pytest.raises(KickstandError, match=words) as told:
        desk.adopt()
    assert told.value.problems[0].where == ARTIFACT
    assert not desk.release_file.exists()
    assert not any(key.startswith("models/") for _, key in desk.s3.objects)


def test_an_artifact_that_is_no_archive_is_told_by_its_place_in_s3(desk: Desk) -> None:
    desk.s3.put(ARTIFACT, b"not an archive")
    with pytest.raises(KickstandError) as told:
        desk.adopt()
    assert told.value.problems[0].where == ARTIFACT


def test_a_model_of_another_width_is_refused(desk: Desk) -> None:
    desk.s3.put(ARTIFACT, archive(xgboost_model=model_bytes(features=5)))
    with pytest.raises(KickstandError, match="The model has 5 features; the data have 3"):
        desk.adopt()


def test_column_names_of_another_number_are_refused(desk: Desk) -> None:
    desk.environment = environment(data=Data(train=Path("t"), columns=("count", "a", "b")))
    with pytest.raises(KickstandError) as told:
        desk.adopt()
    assert [problem.message for problem in told.value.problems] == [
        "Channel train has 4 columns; [data] columns (kickstand.toml) has 3.",
        "Channel test has 4 columns; [data] columns (kickstand.toml) has 3.",
    ]


def test_a_weight_column_is_no_feature(desk: Desk) -> None:
    desk.s3.put(ARTIFACT, archive(xgboost_model=model_bytes(features=2)))
    golden = desk.adopt(HyperParameters={"num_round": "10", "csv_weights": "1"}).golden_rows
    assert golden.rows == ("2,3", "2,1e3")


def test_a_job_on_libsvm_is_asked_for_its_golden_rows_as_csv(tmp_path: Path) -> None:
    data = Data(train=Path("t"), content_type="text/libsvm", golden_rows=2)
    desk = Desk(tmp_path, environment=environment(data=data))
    desk.s3.put(f"{TRAIN}train.csv", b"1 0:2 1:3 2:4\n5 1:6\n")
    (tmp_path / "test.csv").write_bytes(b"0.5 0:1 1:2\n0.25 2:1e3\n0.125 0:7\n")
    release = desk.adopt(InputDataConfig=[channel("train", TRAIN, ContentType="text/libsvm")])
    (train, _) = release.channels
    assert (train.content_type, train.rows, train.columns) == ("text/libsvm", 2, 4)
    assert release.golden_rows.rows == ("1,2,", ",,1000")
    model = xgb.Booster(model_file=bytearray(model_bytes()))
    asked = np.array([[1, 2, np.nan], [np.nan, np.nan, 1000]], dtype="float32")
    assert list(release.golden_rows.predictions) == model.predict(xgb.DMatrix(asked)).tolist()
