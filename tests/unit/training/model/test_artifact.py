"""The model artifact: fetched with its digest, kept under it, never written over."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from memory_s3 import MemoryS3

from kickstand.aws.s3 import ArtifactBucket
from kickstand.errors import KickstandError
from kickstand.release.model import Artifact
from training.model.artifact import FetchedArtifact, fetch_artifact, keep_artifact

SOURCE = "s3://jobs/training/job/output/model.tar.gz"
BODY = b"an artifact" * 1000
DIGEST = hashlib.sha256(BODY).hexdigest()
OURS = ArtifactBucket("ours", owner="111122223333", kms_key_arn="arn:aws:kms:us-east-1:111122223333:key/k")
TARGET = f"s3://ours/models/{DIGEST}/model.tar.gz"


@pytest.fixture
def s3() -> MemoryS3:
    memory = MemoryS3()
    memory.put(SOURCE, BODY)
    return memory


@pytest.fixture
def fetched(s3: MemoryS3, tmp_path: Path) -> FetchedArtifact:
    return fetch_artifact(s3, SOURCE, tmp_path / "model.tar.gz")


def test_fetching_hashes_what_it_writes(fetched: FetchedArtifact) -> None:
    assert (fetched.read.sha256, fetched.read.size, fetched.file.read_bytes()) == (DIGEST, len(BODY), BODY)


def test_fetching_tells_of_every_piece(s3: MemoryS3, tmp_path: Path) -> None:
    seen: list[int] = []
    fetch_artifact(s3, SOURCE, tmp_path / "model.tar.gz", on_bytes=seen.append)
    assert sum(seen) == len(BODY)


def test_a_missing_output_is_told_by_its_place(s3: MemoryS3, tmp_path: Path) -> None:
    with pytest.raises(KickstandError, match="NoSuchKey") as told:
        fetch_artifact(s3, "s3://jobs/gone.tar.gz", tmp_path / "model.tar.gz")
    assert told.value.problems[0].where == "s3://jobs/gone.tar.gz"


def test_the_copy_has_the_content_as_its_key(s3: MemoryS3, fetched: FetchedArtifact) -> None:
    assert keep_artifact(s3, fetched, OURS) == Artifact(s3_uri=TARGET, sha256=DIGEST, size=len(BODY))
    assert s3.body(TARGET) == BODY
    (copy,) = [request for operation, request in s3.requests if operation == "copy_object"]
    assert copy == {
        "Bucket": "ours",
        "Key": f"models/{DIGEST}/model.tar.gz",
        "CopySource": {"Bucket": "jobs", "Key": SOURCE.removeprefix("s3://jobs/")},
        "CopySourceIfMatch": s3.objects["ours", f"models/{DIGEST}/model.tar.gz"].etag,
        "IfNoneMatch": "*",
        "ChecksumAlgorithm": "SHA256",
        "TaggingDirective": "REPLACE",
        "AnnotationDirective": "EXCLUDE",
        "ExpectedBucketOwner": "111122223333",
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": "arn:aws:kms:us-east-1:111122223333:key/k",
    }


def test_the_same_artifact_is_kept_once(s3: MemoryS3, fetched: FetchedArtifact) -> None:
    keep_artifact(s3, fetched, OURS)
    kept = s3.objects["ours", f"models/{DIGEST}/model.tar.gz"]
    keep_artifact(s3, fetched, OURS)
    assert s3.objects["ours", f"models/{DIGEST}/model.tar.gz"] is kept


def test_other_bytes_under_the_key_are_refused_and_left(s3: MemoryS3, fetched: FetchedArtifact) -> None:
    s3.put(TARGET, b"other bytes")
    with pytest.raises(KickstandError, match="not written over"):
        keep_artifact(s3, fetched, OURS)
    assert s3.body(TARGET) == b"other bytes"


def test_the_checksum_of_a_multipart_upload_is_not_believed(s3: MemoryS3, fetched: FetchedArtifact) -> None:
    s3.put(TARGET, BODY, checksum="q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=-3")
    assert keep_artifact(s3, fetched, OURS).sha256 == DIGEST
    s3.put(TARGET, b"other bytes", checksum="q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=-3")
    with pytest.raises(KickstandError, match="not written over"):
        keep_artifact(s3, fetched, OURS)


def test_an_output_that_changed_after_it_was_fetched_is_not_copied(s3: MemoryS3, fetched: FetchedArtifact) -> None:
    s3.put(SOURCE, b"retrained")
    with pytest.raises(KickstandError, match="changed since it was read"):
        keep_artifact(s3, fetched, OURS)
    assert ("ours", f"models/{DIGEST}/model.tar.gz") not in s3.objects
