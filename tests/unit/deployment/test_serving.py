"""Before anything is deployed: an image that serves the model wrongly, or cannot read it, is refused by name."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from gate_context import Account, gate_context
from memory_s3 import MemoryS3
from reviewed_models import archive_of, packed
from samples import BUCKET, environment, release
from workspaces import workspace

from deployment.cdk import Cdk
from deployment.deploy import deploy_environment
from kickstand.errors import InputError, KickstandError
from kickstand.release.model import AlgorithmUsed, Artifact, Release
from kickstand.release.rules import require_serving, serving_problems
from promotion.gates import release_checks
from promotion.gates.context import Evidence
from promotion.gates.run import evaluate_gate
from training.model.artifact import require_model

ACCEPTED = {"libsvm-serving": "Every caller sends CSV."}
REFUSED = (
    "release of dev: channel train is text/libsvm: libsvm requests are read wrongly by image 3.2-0: training takes "
    "indices as they are written, serving takes 1 off where a request has no index 0, so that its predictions are of "
    'other features. Train on CSV, or accept it with its reason: [known_faults] libsvm-serving = "…".'
)


def trained_on(content_type: str, **changes: Any) -> Release:
    made = release(**changes)
    channels = tuple(each.model_copy(update={"content_type": content_type}) for each in made.channels)
    return made.model_copy(update={"channels": channels})


@pytest.mark.contract("F4")
@pytest.mark.parametrize("content_type", ["libsvm", "text/libsvm", "text/x-libsvm"])
def test_a_libsvm_model_is_refused_by_name(content_type: str) -> None:
    with pytest.raises(InputError) as refused:
        require_serving(trained_on(content_type), {})
    assert str(refused.value) == REFUSED.replace("text/libsvm", content_type)


@pytest.mark.contract("F4")
def test_not_where_the_fault_is_accepted_and_not_for_other_models_and_images() -> None:
    assert serving_problems(trained_on("text/libsvm"), ACCEPTED) == []
    (fault,) = serving_problems(trained_on("text/libsvm"), {"class-metrics": "Known, and another one."})
    assert fault.message.startswith("libsvm requests")
    for content_type in ("text/csv", "application/x-parquet", "application/x-recordio-protobuf"):
        assert serving_problems(trained_on(content_type), {}) == []
    for version in ("1.7-1", "3.0-5"):
        older = AlgorithmUsed(name="xgboost", version=version, image_uri="x")
        assert serving_problems(trained_on("text/libsvm", algorithm=older), {}) == []


def cdk(s3: MemoryS3 | None = None, **changes: Any) -> Cdk:
    """A CDK command line that must not run, and a session that has S3 where it is given, and nothing else."""

    def client(service: str) -> Any:
        assert (service, s3 is None) == ("s3", False), f"{service} was asked"
        return s3

    return Cdk(workspace(SimpleNamespace(client=client), Path("/none"), of=environment(**changes)))


@pytest.mark.contract("F4")
def test_deploy_refuses_it_before_aws_is_asked_for_anything() -> None:
    with pytest.raises(InputError) as refused:
        deploy_environment(cdk(), trained_on("text/libsvm"), print)
    assert str(refused.value) == REFUSED


@pytest.mark.contract("F4")
def test_the_targets_artifact_scan_refuses_it_and_takes_what_the_target_accepts(tmp_path: Path) -> None:
    body = model()
    judged = trained_on("text/libsvm", artifact=artifact(body))
    account = Account(model=judged.artifact.s3_uri)
    account.put(judged.artifact.s3_uri, body)
    made = gate_context(tmp_path, source=account, released=judged)
    outcome = evaluate_gate(release_checks.ARTIFACT_SCAN_GATE, made, Evidence(made, tmp_path))
    assert (outcome.passed, outcome.figure) == (False, REFUSED.split(": ", 2)[2].split(" Train on")[0])

    object.__setattr__(made.target, "environment", environment(name="staging", known_faults=ACCEPTED))
    assert evaluate_gate(release_checks.ARTIFACT_SCAN_GATE, made, Evidence(made, tmp_path)).passed


def model() -> bytes:
    rows = np.random.default_rng(0).random((20, 2), dtype="float32")
    return packed(xgb.train({"nthread": 1, "max_depth": 2}, xgb.DMatrix(rows, label=rows[:, 0]), 2))


def artifact(body: bytes) -> Artifact:
    digest = hashlib.sha256(body).hexdigest()
    return Artifact(s3_uri=f"s3://{BUCKET}/models/{digest}/model.tar.gz", sha256=digest, size=len(body))


def stored(version: str) -> tuple[MemoryS3, Release]:
    s3, body = MemoryS3(), model()
    algorithm = AlgorithmUsed(name="xgboost", version=version, image_uri="x")
    made = release(algorithm=algorithm, artifact=artifact(body))
    s3.put(made.artifact.s3_uri, body)
    return s3, made


def test_an_image_that_cannot_read_the_model_is_refused_by_name() -> None:
    s3, made = stored("1.7-1")
    with pytest.raises(KickstandError) as refused:
        require_model(s3, made)
    (problem,) = refused.value.problems
    assert (problem.where, problem.message) == (
        made.artifact.s3_uri,
        "The model was saved by xgboost 3.2.0; image 1.7-1 has xgboost 1.7.4, which cannot read it: it opens the file "
        "and predicts from wrong numbers.",
    )
    require_model(*stored("3.2-0"))


def test_every_model_of_an_ensemble_is_looked_at() -> None:
    own, newer = (f'{{"learner": {{}}, "version": {version}}}'.encode() for version in ([3, 2, 0], [9, 9, 9]))
    s3, body = MemoryS3(), archive_of({"xgboost-model-0": own, "xgboost-model-1": newer})
    made = release(artifact=artifact(body), hyperparameters={"_kfold": "2"})
    s3.put(made.artifact.s3_uri, body)
    with pytest.raises(KickstandError, match=r"saved by xgboost 9\.9\.9; image 3\.2-0 has"):
        require_model(s3, made)
    with pytest.raises(KickstandError, match="as hyperparameter _kfold makes them; the training had none"):
        require_model(s3, made.model_copy(update={"hyperparameters": {}}))


def test_deploy_looks_at_the_model_before_anything_is_touched() -> None:
    s3, made = stored("1.7-1")
    with pytest.raises(KickstandError, match=r"The model was saved by xgboost 3\.2\.0; image 1\.7-1"):
        deploy_environment(cdk(s3), made, print)
    assert not {"copy_object", "put_object"} & set(s3.operations())
