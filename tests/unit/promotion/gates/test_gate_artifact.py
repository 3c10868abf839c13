"""The gates that look at the model itself: the scan of its artifact, and the golden rows."""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb
from gate_context import Account, gate_context
from samples import BUCKET, release

from kickstand.release.model import Artifact, GoldenRows, Release
from promotion.gates import endpoint, release_checks
from promotion.gates.context import Evidence, GateContext
from promotion.gates.gate import Outcome
from promotion.gates.run import evaluate_gate
from training.model.golden_rows import golden_digest

ROWS = ("0.25,1", "0.75,0")


@pytest.fixture(scope="module")
def model() -> bytes:
    """A trained model in UBJSON, as the image writes it."""
    inputs = np.array([[0.0, 0], [0.3, 1], [0.6, 0], [1.0, 1]], dtype=np.float32)
    data = xgb.DMatrix(inputs, label=np.array([0.0, 1.0, 2.0, 3.0]))
    return bytes(xgb.train({"max_depth": 2, "nthread": 1, "verbosity": 0}, data, 3).save_raw("ubj"))


def packed(**files: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("__", "/").replace("_", "-"))
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def released(archive: bytes, golden: GoldenRows | None = None) -> Release:
    digest = hashlib.sha256(archive).hexdigest()
    artifact = Artifact(s3_uri=f"s3://{BUCKET}/models/{digest}/model.tar.gz", sha256=digest, size=len(archive))
    made = release(artifact=artifact)
    return made if golden is None else made.model_copy(update={"golden_rows": golden})


def of(tmp_path: Path, archive: bytes, *, stored: bytes | None = None, golden: GoldenRows | None = None) -> GateContext:
    judged = released(archive, golden)
    account = Account(model=judged.artifact.s3_uri)
    account.put(judged.artifact.s3_uri, stored or archive)
    return gate_context(tmp_path, source=account, released=judged)


def scan(tmp_path: Path, archive: bytes, **more: bytes) -> Outcome:
    made = of(tmp_path, archive, **more)  # type: ignore[arg-type]
    return evaluate_gate(release_checks.ARTIFACT_SCAN_GATE, made, Evidence(made, tmp_path))


def test_a_model_and_nothing_else(tmp_path: Path, model: bytes) -> None:
    archive = packed(xgboost_model=model)
    outcome = scan(tmp_path, archive)
    digest = hashlib.sha256(archive).hexdigest()
    assert (outcome.passed, outcome.figure) == (True, f"SHA-256 {digest[:12]} as released; one model, no code")
    assert outcome.details == (
        f"s3://{BUCKET}/models/{digest}/model.tar.gz: {len(archive):,} bytes of SHA-256 {digest}.",
        f"It holds xgboost-model alone, {len(model):,} bytes of UBJSON, which XGBoost loads: 2 features.",
    )


def test_an_ensemble_and_nothing_else(tmp_path: Path, model: bytes) -> None:
    archive = packed(xgboost_model_0=model, xgboost_model_1=model)
    judged = released(archive).model_copy(update={"hyperparameters": {"_kfold": "2"}})
    account = Account(model=judged.artifact.s3_uri)
    account.put(judged.artifact.s3_uri, archive)
    made = gate_context(tmp_path, source=account, released=judged)
    outcome = evaluate_gate(release_checks.ARTIFACT_SCAN_GATE, made, Evidence(made, tmp_path))
    digest = hashlib.sha256(archive).hexdigest()
    figure = f"SHA-256 {digest[:12]} as released; 2 models, one a fold, no code"
    assert (outcome.passed, outcome.figure) == (True, figure)
    assert outcome.limit == "the released bytes, 2 models, one a fold, no pickle, no code"
    held = f"{len(model):,} bytes of UBJSON"
    assert outcome.details[1:] == (
        f"It holds xgboost-model-0, {held}; xgboost-model-1, {held}.",
        "XGBoost loads them as one ensemble: 2 features.",
    )
    assert not scan(tmp_path, archive).passed  # of a training without _kfold


def test_one_flipped_byte_is_refused_by_name(tmp_path: Path, model: bytes) -> None:
    archive = packed(xgboost_model=model)
    flipped = bytearray(archive)
    flipped[len(flipped) // 2] ^= 1
    outcome = scan(tmp_path, archive, stored=bytes(flipped))
    wanted, found = (hashlib.sha256(each).hexdigest() for each in (archive, flipped))
    assert not outcome.passed
    assert outcome.figure == (
        f"The model artifact was changed: expected {len(archive):,} bytes of SHA-256 {wanted}, "
        f"found {len(archive):,} bytes of {found}."
    )
    assert outcome.details == (f"s3://{BUCKET}/models/{wanted}/model.tar.gz: Find out who wrote it; do not use it.",)


@pytest.mark.parametrize(
    ("archive", "told"),
    [
        (packed(xgboost_model=pickle.dumps([1])), "is a Python pickle"),
        # Protocol 0 has no mark of its own at its beginning.
        (packed(xgboost_model=pickle.dumps([1], protocol=0)), "neither UBJSON nor JSON, XGBoost's own formats"),
        (
            packed(xgboost_model=b"binf" + bytes(9)),
            "binary format of xgboost before 3.1, which image 3.2-0 cannot read",
        ),
        (packed(xgboost_model=b"{L\x00"), "cannot be loaded"),
        (
            packed(xgboost_model=b"{}", inference_py=b"import os"),
            "Beside xgboost-model the artifact holds inference-py",
        ),
        (packed(code__inference_py=b"import os"), "The artifact holds no file xgboost-model but code/inference-py"),
        (packed(**{"..__xgboost_model": b"{}"}), "climbs out of its folder"),
        (packed(xgboost_model=bytes(10_000_000)), "The archive unpacks to more than"),
        (b"no archive", "not a whole gzipped tar archive"),
    ],
)
def test_what_is_not_a_model_is_refused(tmp_path: Path, archive: bytes, told: str) -> None:
    outcome = scan(tmp_path, archive)
    assert not outcome.passed
    assert any(told in line for line in (outcome.figure, *outcome.details)), outcome


def test_an_artifact_that_is_gone_is_a_failed_gate(tmp_path: Path) -> None:
    from botocore.exceptions import ClientError

    made = of(tmp_path, b"x")

    def gone(**_: str) -> None:
        words = {"Code": "NoSuchKey", "Message": "The specified key does not exist."}
        raise ClientError({"Error": words}, "GetObject")  # type: ignore[typeddict-item]

    made.source.session.get_object = gone  # type: ignore[attr-defined]
    outcome = evaluate_gate(release_checks.ARTIFACT_SCAN_GATE, made, Evidence(made, tmp_path))
    assert not outcome.passed
    assert "NoSuchKey: The specified key does not exist." in outcome.figure


def golden(*predictions: float) -> GoldenRows:
    return GoldenRows(sha256=golden_digest(ROWS, predictions), rows=ROWS, predictions=predictions)


def rows_asked(made: GateContext, tmp_path: Path) -> Outcome:
    return evaluate_gate(endpoint.GOLDEN_ROWS_GATE, made, Evidence(made, tmp_path))


def test_golden_rows_are_reproduced(tmp_path: Path) -> None:
    made = of(tmp_path, b"x", golden=golden(1.5, 2.5))
    made.source.session.answers = {ROWS[0]: "1.5", ROWS[1]: "2.5000001"}  # type: ignore[attr-defined]
    outcome = rows_asked(made, tmp_path)
    assert (outcome.passed, outcome.figure) == (True, "2 of 2 reproduced by bikes-dev")
    assert outcome.how_to_check == "echo 0.25,1 | kickstand predict dev -"
    digest = made.release.artifact.sha256
    assert outcome.details == (f"The live configuration config-7 serves the artifact {digest}.",)


@pytest.mark.parametrize("second", ["2.6", "nan", "oops"])
def test_another_answer_fails(tmp_path: Path, second: str) -> None:
    made = of(tmp_path, b"x", golden=golden(1.5, 2.5))
    made.source.session.answers = {ROWS[0]: "1.5", ROWS[1]: second}  # type: ignore[attr-defined]
    outcome = rows_asked(made, tmp_path)
    assert not outcome.passed
    assert second in outcome.figure
    assert outcome.details[0].endswith("Do not use this endpoint.")


def test_an_endpoint_that_is_gone_or_serves_another_model_fails(tmp_path: Path) -> None:
    made = of(tmp_path, b"x", golden=golden(1.5, 2.5))
    made.source.session.model = "s3://b/models/other/model.tar.gz"  # type: ignore[attr-defined]
    assert "found s3://b/models/other/model.tar.gz" in rows_asked(made, tmp_path).figure
    made.source.session.model = None  # type: ignore[attr-defined]
    outcome = rows_asked(made, tmp_path)
    assert outcome.figure == "There is no endpoint bikes-dev, so no golden row can be checked."
    assert outcome.details[0].endswith("Deploy it: kickstand deploy dev")


def test_golden_rows_with_nan_and_none_at_all_fail(tmp_path: Path) -> None:
    nan = of(tmp_path, b"x", golden=GoldenRows(sha256="00" * 32, rows=ROWS, predictions=(1.5, float("nan"))))
    assert rows_asked(nan, tmp_path).figure == "The prediction of golden row 2 is nan: the model has not learned."
    none = of(tmp_path, b"x", golden=GoldenRows(sha256="00" * 32))
    assert rows_asked(none, tmp_path).figure == "The release has no golden rows."


def test_in_a_rollback_the_artifact_itself_answers(tmp_path: Path, model: bytes) -> None:
    booster = xgb.Booster(model_file=bytearray(model))
    inputs = np.array([[0.25, 1], [0.75, 0]], dtype=np.float32)
    first, second = booster.predict(xgb.DMatrix(inputs)).astype(float).tolist()
    archive = packed(xgboost_model=model)
    made = replace(of(tmp_path, archive, golden=golden(first, second)), is_rollback=True)
    outcome = rows_asked(made, tmp_path)
    assert (outcome.passed, outcome.figure) == (True, "2 of 2 reproduced by the artifact itself")
    assert made.source.session.invocations == 0  # type: ignore[attr-defined]
    wrong = replace(of(tmp_path, archive, golden=golden(first, second + 0.1)), is_rollback=True)
    assert not rows_asked(wrong, tmp_path).passed
