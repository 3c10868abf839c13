"""A promotion's steps with an S3 in memory: what is copied, registered and written, and what is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from promotion_stage import BY, CURVE, DEV, FROM, GOLDEN, LATE, MODEL, PACKAGE, PASSED, SHA, STAGING, TO, Stage

from kickstand.aws.s3 import artifact_bucket
from kickstand.bucket import RELEASE_LOCK
from kickstand.errors import InputError, KickstandError
from kickstand.release.file import read_release
from kickstand.release.model import GoldenRows, Override
from kickstand.signing.envelope import signature_path
from training.model.golden_rows import keep_confidential


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_the_same_bytes_under_the_same_digest_and_a_release_that_says_so(stage: Stage) -> None:
    written = stage.promote((PASSED, LATE), (Override(gate="latency", reason="a cold endpoint", by=BY),))
    objects = stage.in_target()
    assert objects.pop(f"models/{SHA}/model.tar.gz") == MODEL
    assert objects.pop(f"models/{SHA}/learning_curve.json") == CURVE
    ((key, metrics),) = objects.items()
    assert key == f"metrics/{hashlib.sha256(metrics).hexdigest()}.json"
    assert json.loads(metrics)["regression_metrics"]["rmse"]["value"] == 0.29
    assert read_release(stage.file, STAGING) == written
    assert written.artifact.s3_uri == f"s3://{TO}/models/{SHA}/model.tar.gz"
    assert written.promoted_from is not None
    assert written.promoted_from.model_dump() == {
        "environment": "dev",
        "release_sha256": read_release(stage.folder / "dev.json", DEV).sha256,
        "gates": (LATE.record().model_dump(), PASSED.record().model_dump()),
        "overrides": ({"gate": "latency", "reason": "a cold endpoint", "by": BY},),
        "by": BY,
        "at": "2026-11-24T09:00:00Z",
    }
    (package,) = stage.cloud.packages
    assert package["ModelPackageGroupName"] == "bikes-staging"
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["CustomerMetadataProperties"]["artifact-sha256"] == SHA
    assert package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"] == f"s3://{TO}/{key}"
    assert written.model_package_arn == PACKAGE
    assert stage.cloud.lock is None
    copies = [request for operation, request in stage.cloud.requests if operation == "copy_object"]
    assert [copy["ExpectedBucketOwner"] for copy in copies] == [STAGING.account] * 2


@pytest.mark.parametrize("killed", ["copy", "put metrics", "register", "replace"])
def test_killed_anywhere_the_same_command_ends_with_the_same_result(
    stage: Stage, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, killed: str
) -> None:
    whole = Stage(tmp_path_factory.mktemp("whole"))
    wanted = whole.promote()
    stage.cloud.stop_at = killed
    if killed == "replace":
        monkeypatch.setattr("promotion.promote.put_signature", _killed)
    with pytest.raises(KeyboardInterrupt):
        stage.promote()
    assert not stage.file.exists()
    assert stage.cloud.lock is None
    monkeypatch.undo()
    stage.cloud.stop_at = ""
    assert stage.promote() == wanted
    assert stage.in_target() == whole.in_target()
    assert len(stage.cloud.packages) == 1


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_expired_credentials_half_way_are_explained(stage: Stage) -> None:
    stage.cloud.stop_at = "expired:register"
    with pytest.raises(KickstandError, match="The credentials have expired: sign in again, then run the same command"):
        stage.promote()
    assert not stage.file.exists()
    stage.cloud.stop_at = ""
    stage.promote()


def test_what_is_there_already_is_not_promoted_again(stage: Stage) -> None:
    written = stage.promote()
    before = stage.file.read_bytes()
    with pytest.raises(InputError) as caught:
        stage.promote()
    assert written.promoted_from is not None
    assert str(caught.value) == (
        f"{stage.file}: staging has it already: its release is dev's {written.promoted_from.release_sha256[:12]}, "
        "promoted on 2026-11-24T09:00:00Z. Nothing was changed. Commit it where it is not yet, then deploy: "
        "kickstand review staging, kickstand deploy staging"
    )
    assert stage.file.read_bytes() == before


def test_a_promotion_whose_signature_is_not_good_is_done_again(stage: Stage) -> None:
    stage.promote()
    signature_path(stage.file).write_text("{}")
    stage.promote()
    assert stage.told[-1][0] == "registered"
    assert ("signature", True) in [(what, "promoted again" in text) for what, text in stage.told]
    assert not signature_path(stage.file).exists()  # nothing signs here, and that one was none


def flipped(stage: Stage, uri: str) -> None:
    body = bytearray(stage.cloud.body(uri))
    body[0] ^= 1
    stage.cloud.put(uri, bytes(body))


@pytest.mark.parametrize(
    ("name", "what"), [("model.tar.gz", "model artifact"), ("learning_curve.json", "learning curve")]
)
def test_one_flipped_byte_at_the_source_is_refused(stage: Stage, name: str, what: str) -> None:
    flipped(stage, f"s3://{FROM}/models/{SHA}/{name}")
    with pytest.raises(KickstandError, match=f"The {what} was changed: expected SHA-256"):
        stage.promote()
    assert stage.in_target() == {}
    assert not stage.file.exists()


def test_an_artifact_that_is_gone_is_refused(stage: Stage) -> None:
    del stage.cloud.objects[FROM, f"models/{SHA}/model.tar.gz"]
    with pytest.raises(KickstandError, match="The model artifact of the release is not there"):
        stage.promote()


def test_an_object_of_other_bytes_at_the_target_is_not_written_over(stage: Stage) -> None:
    stage.cloud.put(f"s3://{TO}/models/{SHA}/model.tar.gz", b"something else")
    with pytest.raises(KickstandError, match="It is not written over"):
        stage.promote()
    assert stage.in_target() == {f"models/{SHA}/model.tar.gz": b"something else"}
    assert not stage.file.exists()


def test_a_refused_copy_says_which_statement_to_add(stage: Stage) -> None:
    stage.cloud.stop_at = "denied:copy"
    with pytest.raises(KickstandError) as caught:
        stage.promote()
    (problem,) = caught.value.problems
    assert "arn:aws:iam::444455556666:role/bikes-staging-release-us-east-1" in problem.fix
    assert "kickstand deploy staging" in problem.fix


def test_a_tampered_release_is_refused_before_anything(stage: Stage) -> None:
    text = (stage.folder / "dev.json").read_text()
    (stage.folder / "dev.json").write_text(text.replace("0.29", "0.19"))
    with pytest.raises(InputError, match="The release was changed after it was written"):
        stage.promote()
    stage.release()
    stage.promote()
    stage.file.write_text(stage.file.read_text().replace("0.29", "0.19"))
    with pytest.raises(InputError, match=r"staging.json: The release was changed after it was written"):
        stage.promote()


def test_a_release_of_another_project_is_refused(stage: Stage) -> None:
    stage.release(project="wine")
    with pytest.raises(InputError, match="The release names the project wine; dev is project bikes"):
        stage.promote()


def test_a_release_that_changed_while_the_gates_were_asked_is_refused(stage: Stage) -> None:
    release, candidate = stage.work.candidate()
    stage.release(source_commit="another")
    role: Any = stage.cloud
    with pytest.raises(KickstandError, match="The release was changed while its gates were checked"):
        stage.work.carry_out(release, candidate, (PASSED,), (), role)
    assert stage.in_target() == {}


def test_two_at_once(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The second one meets the first one's lock in the middle of the copy."""
    other = Stage(tmp_path_factory.mktemp("other"))
    met: list[str] = []
    copy: Callable[..., Any] = stage.cloud.copy_object

    def meanwhile(**keys: Any) -> Any:
        other.cloud.objects[TO, RELEASE_LOCK] = stage.cloud.objects[TO, RELEASE_LOCK]
        with pytest.raises(KickstandError) as caught:
            other.promote()
        met.append(str(caught.value))
        return copy(**keys)

    stage.cloud.copy_object = meanwhile  # type: ignore[method-assign]
    stage.promote()
    assert len(met) == 2
    assert f"{BY} holds the promotion lock since 2026-11-24T09:00:00Z: promote dev staging, model {SHA[:12]}" in met[0]
    assert other.in_target() == {}
    assert not other.file.exists()


def test_confidential_rows_go_from_bucket_to_bucket(stage: Stage) -> None:
    golden = GoldenRows(sha256=GOLDEN, rows=("1,2",), predictions=(3.5,))
    kept = keep_confidential(stage.cloud, golden, artifact_bucket(DEV))
    stage.release(golden_rows=kept)
    written = stage.promote()
    assert written.golden_rows == GoldenRows(sha256=GOLDEN, s3_uri=f"s3://{TO}/golden/{GOLDEN}.json")
    assert stage.in_target()[f"golden/{GOLDEN}.json"] == stage.cloud.body(kept.s3_uri)


def test_who_lost_the_lock_writes_no_release(stage: Stage) -> None:
    """It had held it for so long that another took it over, while its own model was being registered."""
    register: Callable[..., Any] = stage.cloud.create_model_package

    def slow(**request: Any) -> Any:
        stage.cloud.later(31)
        stage.cloud.put(f"s3://{TO}/{RELEASE_LOCK}", b"{}")
        return register(**request)

    stage.cloud.create_model_package = slow  # type: ignore[method-assign]
    with pytest.raises(KickstandError, match="Another promotion has taken over the lock"):
        stage.promote()
    assert not stage.file.exists()
    assert stage.cloud.lock is not None
