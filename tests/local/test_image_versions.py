"""Older images train and serve with their own xgboost, in an environment made on demand."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import xgboost
from platform_role import LOGS, bucket, reading, role_environment, writing
from training_jobs import Job

from kickstand.errors import KickstandError
from kickstand.programs import image_python
from kickstand.xgboost_container import XGBOOST
from localcloud.cloud import LocalCloud
from localcloud.jobs.hosting.model_process import HostingError
from localcloud.jobs.hosting.model_server import ModelContainer, ModelServer
from training.data.checks.labels import label_problems
from training.data.files import ChannelReport
from training.hyperparameters.check import unsupported
from training.model.inspection.archive import extract_model, require_readable
from training.model.inspection.model_run import run_model

Client = Callable[..., Any]
Place = tuple[str, dict[str, str]]

TABLE = np.random.default_rng(3).normal(size=(300, 5)).round(4)
REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost"
BARE = """
import json, sys
import numpy as np, xgboost
table = np.array(json.load(sys.stdin))
matrix = xgboost.DMatrix(sys.argv[1] + "?format=csv&label_column=0")
booster = xgboost.train({"objective": "reg:squarederror", "max_depth": 3}, matrix, 6)
rows = xgboost.DMatrix(table[:, 1:].astype("float32"))
print(json.dumps([xgboost.__version__, [float(x) for x in booster.predict(rows)]]))
"""
REFUSED: dict[str, dict[str, str]] = {
    "sampling_method": {"tree_method": "hist", "sampling_method": "gradient_based", "subsample": "0.5"},
    "predictor": {"predictor": "gpu_predictor"},
    "max_depth": {"max_depth": "0"},
    "updater": {"updater": "sync"},
}
"""What image 3.2-0 trains and an older one refuses, by the hyperparameter that is refused."""
TRY = """
import json, sys
import numpy as np, xgboost
xgboost.set_config(verbosity=0)
draw = np.random.default_rng(1)
matrix = xgboost.DMatrix(draw.normal(size=(60, 4)).astype("float32"), label=draw.normal(size=60).astype("float32"))
failing = []
for name, values in json.load(sys.stdin).items():
    try:
        xgboost.train({"objective": "reg:squarederror", "nthread": 1, **values}, matrix, 2)
    except Exception:
        failing.append(name)
print(json.dumps(failing))
"""


ALIKE = """
import json, sys
import numpy as np, xgboost
xgboost.set_config(verbosity=0)
rows = np.random.default_rng(1).normal(size=(80, 3)).astype("float32")
failing = []
for objective, label, base_score in json.load(sys.stdin):
    logged = {}
    values = {"objective": objective, "nthread": 1, **({} if base_score is None else {"base_score": base_score})}
    matrix = xgboost.DMatrix(rows, label=np.full(80, label, "float32"))
    try:
        model = xgboost.train(values, matrix, 2, evals=[(matrix, "t")], evals_result=logged, verbose_eval=False)
        figures = [figure for each in logged["t"].values() for figure in each]
        if not np.isfinite([*model.predict(matrix), *figures]).all():
            failing.append([objective, label, base_score])
    except Exception:
        failing.append([objective, label, base_score])
print(json.dumps(failing))
"""
OF_LABELS = [
    (objective, label, base_score)
    for objective in (
        *("binary:logistic", "binary:logitraw", "binary:hinge", "reg:logistic", "reg:squarederror"),
        *("reg:absoluteerror", "count:poisson", "reg:tweedie", "survival:cox", "rank:map"),
    )
    for label in (0, 1)
    for base_score in (None, 0.5)
]


def _csv(table: Any) -> bytes:
    return "".join(",".join(map(repr, row)) + "\n" for row in table.tolist()).encode()


def _packed(model: bytes) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as opened:
        member = tarfile.TarInfo("xgboost-model")
        member.size = len(model)
        opened.addfile(member, io.BytesIO(model))
    return archive.getvalue()


@pytest.fixture(params=[version for version in XGBOOST if version != "3.2-0"])
def version(request: pytest.FixtureRequest) -> str:
    try:
        image_python(request.param)
    except KickstandError as error:
        pytest.skip(f"the package registry cannot be reached for image {request.param}: {error}")
    return str(request.param)


@pytest.fixture(scope="module")
def place(cloud: LocalCloud, client: Client) -> Place:
    name = bucket(client)
    for part in range(2):
        client("s3").put_object(Bucket=name, Key=f"data/train/{part}.csv", Body=_csv(TABLE[part * 150 :][:150]))
    statements = (reading(name, "data/"), reading(name, "training/"), writing(name, "training/"))
    return name, role_environment(cloud, client, *statements, LOGS)


def _request(name: str, version: str, instances: int = 1) -> dict[str, Any]:
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": f"s3://{name}/data/train/",
        "S3DataDistributionType": "ShardedByS3Key",
    }
    return {
        "TrainingJobName": f"old-{uuid4().hex[:8]}",
        "RoleArn": "arn:aws:iam::111122223333:role/execution",
        "AlgorithmSpecification": {"TrainingImage": f"{REGISTRY}:{version}", "TrainingInputMode": "File"},
        "HyperParameters": {"objective": "reg:squarederror", "max_depth": "3", "num_round": "6"},
        "InputDataConfig": [
            {"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{name}/training"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": instances, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }


def _trained(place: Place, version: str, folder: Path, instances: int = 1) -> str:
    job = Job(_request(place[0], version, instances), folder, place[1])
    end = job.end()
    assert (end.outcome, end.failure_reason) == ("Completed", "")
    assert sum("#011train-rmse" in event.message for event in job.events if event.kind == "log") == 6
    return end.artifact


def _model(client: Client, place: Place, artifact: str, folder: Path) -> Path:
    key = artifact.removeprefix(f"s3://{place[0]}/")
    archive = client("s3").get_object(Bucket=place[0], Key=key)["Body"].read()
    (model,) = extract_model(io.BytesIO(archive), folder)
    return model


@pytest.mark.contract("V04")
def test_an_older_image_trains_and_serves_as_its_own_xgboost_does(
    tmp_path: Path, client: Client, place: Place, version: str
) -> None:
    (tmp_path / "train.csv").write_bytes(_csv(TABLE))
    ended = subprocess.run(
        [image_python(version), "-c", BARE, tmp_path / "train.csv"],
        input=json.dumps(TABLE.tolist()),
        capture_output=True,
        text=True,
        check=True,
    )
    xgboost, expected = json.loads(ended.stdout.splitlines()[-1])
    assert xgboost == XGBOOST[version]
    artifact = _trained(place, version, tmp_path / "job")

    model = _model(client, place, artifact, tmp_path / "model")
    require_readable(model, version, where=artifact)
    rows = _csv(TABLE[:, 1:])
    assert list(run_model([model], rows.decode().splitlines(), where=artifact).predictions) == expected

    server = ModelServer(
        ModelContainer(f"{REGISTRY}:{version}", artifact, {}),
        variant="AllTraffic",
        folder=tmp_path / "server",
        environment=place[1],
        log_group=f"/aws/sagemaker/Endpoints/e-{uuid4().hex[:8]}",
        log_stream="AllTraffic/i-0123",
        startup_seconds=60,
    )
    try:
        server.start()
        answer = server.invoke(rows, "text/csv")
    finally:
        server.stop()
    assert (answer.status, [float(line) for line in answer.body.split()]) == (200, expected)


@pytest.mark.contract("V05")
def test_a_model_of_a_newer_xgboost_is_refused_by_its_name(
    tmp_path: Path, client: Client, place: Place, version: str
) -> None:
    matrix = xgboost.DMatrix(TABLE[:, 1:], label=TABLE[:, 0])
    model = bytes(xgboost.train({"objective": "reg:squarederror"}, matrix, 2).save_raw("ubj"))
    key = f"training/newer-{version}/model.tar.gz"
    client("s3").put_object(Bucket=place[0], Key=key, Body=_packed(model))
    server = ModelServer(
        ModelContainer(f"{REGISTRY}:{version}", f"s3://{place[0]}/{key}", {}),
        variant="AllTraffic",
        folder=tmp_path / "server",
        environment=place[1],
        log_group=f"/aws/sagemaker/Endpoints/e-{uuid4().hex[:8]}",
        log_stream="AllTraffic/i-0123",
        startup_seconds=60,
    )
    with pytest.raises(HostingError) as refused:
        server.start()
    server.stop()
    words = (
        f"The model was saved by xgboost 3.2.0; image {version} has xgboost {XGBOOST[version]}, which cannot read it"
    )
    assert words in str(refused.value)


def test_an_older_image_trains_on_several_instances(tmp_path: Path, client: Client, place: Place, version: str) -> None:
    model = _model(client, place, _trained(place, version, tmp_path / "job", 2), tmp_path / "model")
    answers = run_model([model], _csv(TABLE[:, 1:]).decode().splitlines(), where="s3://model")
    assert answers.features == 4
    assert np.corrcoef(answers.predictions, TABLE[:, 0])[0, 1] > 0.5


def test_what_is_refused_for_an_older_image_is_what_its_xgboost_refuses(version: str) -> None:
    def failing(of: str) -> set[str]:
        command: list[str | Path] = [image_python(of), "-W", "ignore", "-c", TRY]
        ended = subprocess.run(command, input=json.dumps(REFUSED), capture_output=True, text=True, check=True)
        return set(json.loads(ended.stdout.splitlines()[-1]))

    refused = {name for name, values in REFUSED.items() if unsupported({"num_round": "2", **values}, version)}
    assert failing(version) == refused
    assert failing("3.2-0") == set()


@pytest.mark.parametrize("version", XGBOOST)
def test_labels_that_are_all_alike_are_refused_where_the_image_s_xgboost_fails_on_them(version: str) -> None:
    try:
        python = image_python(version)
    except KickstandError as error:
        pytest.skip(f"the package registry cannot be reached for image {version}: {error}")
    ended = subprocess.run(
        [python, "-c", ALIKE], input=json.dumps(OF_LABELS), capture_output=True, text=True, check=True, timeout=120
    )
    refused = []
    for objective, label, base_score in OF_LABELS:
        values = {"objective": objective, **({} if base_score is None else {"base_score": str(base_score)})}
        train = ChannelReport("train", (), rows=80, columns=4, delimiter=",", label_min=label, label_max=label)
        if label_problems(values, {"train": train}, version=version):
            refused.append([objective, label, base_score])
    assert json.loads(ended.stdout) == refused
    assert refused
