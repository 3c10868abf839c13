"""Fit and adopt against the local cloud: real jobs, real logs, real models."""

from __future__ import annotations

import hashlib
import io
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import boto3
import numpy as np
import pytest
import xgboost as xgb
from fit_world import FitWorld
from local_client import Client
from sagemaker_world import World, make_world

from deployment.endpoint.verify import verify_endpoint
from kickstand.aws.s3 import parse_location
from kickstand.errors import InputError, KickstandError
from kickstand.release.file import read_release
from localcloud.cloud import LocalCloud
from review.model.section import model_report
from training.evaluation.stores import ModelStore
from training.job.execution import Trigger
from training.model.artifact import require_model
from training.model.inspection.archive import extract_model
from training.model.learning_curve import read_curve
from training.upload.upload import SentData

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Trained:
    """A job that was started and followed to its end, and what was known of its data."""

    job: str
    known: SentData


@pytest.fixture(scope="module")
def deployed(
    cloud: LocalCloud, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[FitWorld, Trained]]:
    """A project with its training stack's resources and one trained job, shared by this module."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environment("111122223333", "us-east-1").items():
            patch.setenv(name, value)
        made = FitWorld(tmp_path_factory.mktemp("project"), f"fit{uuid.uuid4().hex[:8]}", client)
        made.deploy()
        job, known = made.work.start(NOW, "0a1b")
        made.work.follow(job, show_log=False)
        yield made, Trained(job, known)


@pytest.fixture
def world(deployed: tuple[FitWorld, Trained], tmp_path: Path) -> FitWorld:
    """The deployed project, with hyperparameters, data and releases of the test's own."""
    made, _ = deployed
    return FitWorld(tmp_path, made.project, made.client)


@pytest.fixture
def trained(deployed: tuple[FitWorld, Trained]) -> Trained:
    return deployed[1]


def started(world: FitWorld, client: Client, **hyperparameters: str) -> str:
    """A job that was started past the checks."""
    job = f"{world.project}-dev-{uuid.uuid4().hex[:6]}"
    client("s3").put_object(Bucket=world.names.bucket, Key="data/own/train/train.csv", Body=b"1,2,3\n4,5,7\n" * 20)
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{world.names.bucket}/data/own/train/"}
    channel = {"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}
    Trigger(world.work.workspace).start(job, [channel], {"num_round": "5", **hyperparameters})
    return job


def wait_for_job(world: FitWorld, job: str) -> None:
    deadline = time.monotonic() + 30
    while world.work.run.jobs.find(job) is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_job_is_trained_and_released(deployed: tuple[FitWorld, Trained], client: Client) -> None:
    world, trained = deployed
    release = world.release(world.work.run.find(trained.job), trained.known)

    assert read_release(world.release_file, world.environment) == release
    assert [(one.name, one.rows, one.columns) for one in release.channels] == [
        ("train", 200, 3),
        ("validation", 50, 3),
        ("test", 30, 3),
    ]
    kept = client("s3").get_object(Bucket=world.names.bucket, Key=f"models/{release.artifact.sha256}/model.tar.gz")
    assert hashlib.sha256(kept["Body"].read()).hexdigest() == release.artifact.sha256
    assert set(release.metrics) == {"train:rmse", "validation:rmse"}
    assert len(release.golden_rows.predictions) == 3
    package = client("sagemaker").describe_model_package(ModelPackageName=release.model_package_arn)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["CustomerMetadataProperties"]["artifact-sha256"] == release.artifact.sha256
    assert release.learning_curve is not None
    curve = read_curve(client("s3"), parse_location(release.learning_curve.s3_uri), release.learning_curve.sha256)
    assert (curve.rounds, curve.logged_rounds) == ((0, 1, 2, 3, 4), 5)
    assert {name: values[-1] for name, values in curve.metrics.items()} == pytest.approx(dict(release.metrics))
    told = world.told.getvalue()
    assert "learning curve 5 rounds, s3://" in told
    assert "round 5/5  train-rmse " in told
    assert "  Training " in told


def test_the_same_rows_as_libsvm_give_the_same_model_and_golden_rows(
    world: FitWorld, trained: Trained, tmp_path: Path
) -> None:
    as_csv = world.release(world.work.run.find(trained.job), trained.known)
    world.release_file.unlink()
    for name in ("train", "validation", "test"):
        rows = [line.split(",") for line in (tmp_path / f"{name}.csv").read_text().splitlines()]
        (tmp_path / f"{name}.csv").write_text("".join(f"{y} 0:{a} 1:{b}\n" for y, a, b in rows))
    world.content_type = "text/libsvm"
    job, known = world.work.start(datetime.now(UTC), "0b1c")
    release = world.release(world.work.follow(job, show_log=False), known)
    assert [(one.content_type, one.rows, one.columns) for one in release.channels] == [
        ("text/libsvm", 200, 3),
        ("text/libsvm", 50, 3),
        ("text/libsvm", 30, 3),
    ]
    assert release.metrics == as_csv.metrics
    assert release.golden_rows.rows[0].split(",") == [f"{float(x):g}" for x in as_csv.golden_rows.rows[0].split(",")]
    assert release.golden_rows.predictions == as_csv.golden_rows.predictions


def test_a_cross_validation_is_one_release_and_its_endpoint_answers_with_the_mean(
    world: FitWorld, client: Client, tmp_path: Path
) -> None:
    world.hyperparameters |= {"_kfold": "3", "seed": "7"}
    job, known = world.work.start(datetime.now(UTC), "0c1d")
    ended = world.work.follow(job, show_log=False)
    release = world.release(ended, known)
    folder, s3 = tmp_path / "model", client("s3")
    kept = s3.get_object(Bucket=world.names.bucket, Key=f"models/{release.artifact.sha256}/model.tar.gz")
    models = extract_model(io.BytesIO(kept["Body"].read()), folder)
    assert [file.name for file in models] == ["xgboost-model-0", "xgboost-model-1", "xgboost-model-2"]

    # what fit shows and keeps: each fold as it goes, the job's own means, the curve of means that ends on them
    told = world.told.getvalue()
    assert "  fold 3/3  round 5/5  train-rmse " in told
    means = "  ".join(f"{name.replace(':', '-')} {release.metrics[name]:.5f}" for name in sorted(release.metrics))
    assert f"  mean of the folds  {means}" in told
    left_out = ended.artifact_uri.replace("model.tar.gz", "output.tar.gz")
    assert f"predictions.csv in {left_out}" in told
    place = parse_location(left_out)
    packed = io.BytesIO(s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read())
    predictions = extract_model(packed, tmp_path / "output")[0].read_text().splitlines()
    assert len(predictions) == 250
    assert release.learning_curve is not None
    curve = read_curve(s3, parse_location(release.learning_curve.s3_uri), release.learning_curve.sha256)
    assert {name: values[-1] for name, values in curve.metrics.items()} == pytest.approx(
        dict(release.metrics), abs=2e-5
    )

    hosting = World(world.names.bucket, world.role, client)
    endpoint = world.names.endpoint
    config = hosting.config(endpoint, ("AllTraffic", hosting.model(endpoint, release.artifact.s3_uri), 1))
    hosting.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    assert hosting.wait_for_endpoint(endpoint)["EndpointStatus"] == "InService"
    assert verify_endpoint(boto3.Session(region_name="us-east-1"), world.names, release).golden_rows == 3
    require_model(s3, release)
    rows = [line.split(",", 1)[1] for line in (tmp_path / "test.csv").read_text().splitlines()]
    answer = client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, ContentType="text/csv", Body="\n".join(rows).encode()
    )
    asked = xgb.DMatrix(np.array([row.split(",") for row in rows], dtype="float32"))
    each = [xgb.Booster(model_file=bytearray(file.read_bytes())).predict(asked) for file in models]
    assert [float(line) for line in answer["Body"].read().split()] == np.mean(each, axis=0).astype(float).tolist()
    assert len({tuple(one.tolist()) for one in each}) == 3

    report = model_report(
        world.environment, release, None, stores=[ModelStore(s3, world.names.bucket)], signed=lambda: None
    )
    assert (report.missing, len(report.plots)) == ((), 4)


def test_early_stopping_releases_the_figures_of_the_model_that_it_kept(
    world: FitWorld, client: Client, tmp_path: Path
) -> None:
    """And `adopt`, which has nothing but the job's description, its log and its artifact."""
    world.hyperparameters |= {
        "num_round": "60",
        "eta": "0.9",
        "lambda": "0",
        "eval_metric": "mape,rmse",
        "early_stopping_rounds": "4",
    }
    job, known = world.work.start(datetime.now(UTC), "0e1f")
    ended = world.work.follow(job, show_log=False)
    release = world.release(ended, known)
    body = client("s3").get_object(Bucket=world.names.bucket, Key=f"models/{release.artifact.sha256}/model.tar.gz")
    (file,) = extract_model(io.BytesIO(body["Body"].read()), tmp_path / "model")
    model = xgb.Booster(model_file=bytearray(file.read_bytes()))
    assert release.artifact.rounds == (model.num_boosted_rounds(),)
    assert model.num_boosted_rounds() < 60
    for channel in ("train", "validation"):
        rows = np.loadtxt(tmp_path / f"{channel}.csv", delimiter=",", dtype="float32")
        errors = model.predict(xgb.DMatrix(rows[:, 1:])) - rows[:, 0]
        assert release.metrics[f"{channel}:rmse"] == pytest.approx(float(np.sqrt(np.mean(errors**2))), abs=1e-5)
        assert release.metrics[f"{channel}:mape"] == pytest.approx(
            float(np.mean(np.abs(errors / rows[:, 0]))), abs=1e-5
        )
    assert ended.metrics["train:rmse"] < release.metrics["train:rmse"]  # SageMaker has those of the last round
    metadata = client("sagemaker").describe_model_package(ModelPackageName=release.model_package_arn)
    assert float(metadata["CustomerMetadataProperties"]["metric:train:rmse"]) == release.metrics["train:rmse"]
    world.release_file.unlink()
    assert world.release(world.work.run.find(ended.name)) == release


def test_a_review_shows_the_model_from_the_bucket(world: FitWorld, trained: Trained, client: Client) -> None:
    release = world.release(world.work.run.find(trained.job), trained.known)
    stores = [ModelStore(client("s3"), world.names.bucket)]
    report = model_report(world.environment, release, None, stores=stores, signed=lambda: None)
    assert report.missing == ()
    assert [plot.name for plot in report.plots] == ["learning-curve", "predicted-actual", "residuals", "importance"]
    assert " in 5 rounds. Best validation:rmse: " in report.plots[0].alt
    assert "test original:rmse" in [one.name for one in report.metrics]


def test_following_a_job_that_has_ended_gives_the_same_release(world: FitWorld, trained: Trained) -> None:
    first = world.release(world.work.run.find(trained.job), trained.known)
    world.release_file.unlink()
    again = world.work.follow(trained.job, show_log=True)
    assert world.release(again) == first
    assert "algo-1 | [0]#011train-rmse:" in world.told.getvalue()


def test_a_job_of_a_notebook_is_adopted_with_its_data(world: FitWorld, client: Client) -> None:
    notebook = make_world(client, f"notebook{uuid.uuid4().hex[:6]}")
    name = f"mine-{uuid.uuid4().hex[:6]}"
    client("sagemaker").create_training_job(**notebook.training_job(name))
    notebook.wait_for_job(name)

    release = world.release(world.work.run.find(name))

    assert release.training_job.name == name
    train = release.channels[0]
    assert train.s3_uri == f"s3://{world.names.bucket}/data/{train.sha256}/train/"
    kept = client("s3").get_object(Bucket=world.names.bucket, Key=f"data/{train.sha256}/train/train.csv")
    assert hashlib.sha256(kept["Body"].read()).hexdigest() == train.files[0].sha256
    assert world.release(world.work.run.find(name)) == release


def test_a_failed_job_tells_its_reason_and_last_lines_and_is_not_released(world: FitWorld, client: Client) -> None:
    job = started(world, client, max_dept="3")
    with pytest.raises(KickstandError) as told:
        world.work.follow(job, show_log=False)
    (problem,) = told.value.problems
    assert problem.where == job
    assert "Extraneous hyperparameter found: max_dept" in problem.message
    assert any(f"{job}/algo-1-" in line for line in problem.details)
    with pytest.raises(InputError, match="The training job is Failed, not Completed"):
        world.release(world.work.run.find(job))
    assert not world.release_file.exists()


def test_a_stopped_job_ends_and_is_not_tried_again(world: FitWorld, client: Client) -> None:
    job = started(world, client, num_round="1000000")
    wait_for_job(world, job)
    assert world.work.run.stop(job)[-1] == "its execution"
    with pytest.raises(KickstandError, match="The training job was stopped; no release was written"):
        world.work.follow(job, show_log=False)
    assert world.work.run.stop(job) == []
    assert world.work.run.jobs.find(f"{job}-r1") is None


def test_bad_input_is_told_whole_before_anything_is_sent(world: FitWorld, client: Client) -> None:
    world.hyperparameters = {"max_dept": "5", "eta": "3"}
    (world.folder / "validation.csv").write_text("")
    before = client("s3").list_objects_v2(Bucket=world.names.bucket)["KeyCount"]
    with pytest.raises(InputError) as told:
        world.work.start(NOW, "ffff")
    text = str(told.value)
    assert "Did you mean max_depth?" in text
    assert "num_round" in text
    assert "eta" in text
    assert "validation.csv" in text
    assert client("s3").list_objects_v2(Bucket=world.names.bucket)["KeyCount"] == before
    assert world.work.run.jobs.find(world.names.training_job(NOW, "ffff")) is None


def test_an_unknown_job_is_told(world: FitWorld) -> None:
    with pytest.raises(KickstandError, match="There is no training job"):
        world.work.follow("nobody", show_log=False)
    with pytest.raises(InputError, match="There is no training job nobody in account 111122223333, region us-east-1"):
        world.work.run.find("nobody")
