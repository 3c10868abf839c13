"""The evidence in S3: data that are checked byte for byte, and writes to an artifact that leave versions behind."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from memory_s3 import MemoryS3
from samples import release

from deployment.audit import artifact_writes, check_data, require_data, writes_sentence
from kickstand.errors import KickstandError
from kickstand.release.model import Artifact, Channel, DataFile, Release
from training.data.files import channel_sha256

TRAIN = b"1,2\n3,4\n"
SHA = hashlib.sha256(TRAIN).hexdigest()
DIGEST = channel_sha256([("train.csv", SHA)])
PLACE = f"s3://b/data/{DIGEST}/train/"


def trained_on(**changes: Any) -> Release:
    file = DataFile(name="train.csv", sha256=SHA, size=len(TRAIN), rows=2)
    fields = {"name": "train", "s3_uri": PLACE, "content_type": "text/csv", "sha256": DIGEST, "rows": 2, "columns": 2}
    made: Release = release(channels=(Channel(**{**fields, "files": (file,), **changes}),))
    return made


def data_problems(s3: MemoryS3, made: Release | None = None) -> list[str]:
    try:
        require_data(check_data(made or trained_on(), lambda bucket: s3))
    except KickstandError as error:
        return [f"{problem.where.rpartition('/')[2]}: {problem.message}" for problem in error.problems]
    return []


def test_the_data_are_held_against_their_digests() -> None:
    s3 = MemoryS3()
    s3.put(f"{PLACE}train.csv", TRAIN)
    (checked,) = check_data(trained_on(), lambda bucket: s3)
    assert checked.sentence() == f"train: 1 file, 2 rows, the bytes that the release names in {PLACE}"
    assert data_problems(s3) == []
    s3.put(f"{PLACE}train.csv", b"1,2\n3,5\n")
    assert data_problems(s3)[0].startswith(
        f"train.csv: The data were changed: expected 8 bytes of SHA-256 {SHA}, found 8 bytes of "
    )
    s3.put(f"{PLACE}more.csv", TRAIN)
    del s3.objects["b", f"data/{DIGEST}/train/train.csv"]
    assert data_problems(s3) == [
        "train.csv: A file that the model was trained on is gone.",
        "more.csv: This object is not of the release's data, and a job would read it.",
    ]


@pytest.mark.parametrize("denied", ["list_objects_v2", "head_object"])
def test_what_cannot_be_read_is_not_proved(denied: str) -> None:
    s3 = MemoryS3(denied=frozenset({denied}))
    s3.put(f"{PLACE}train.csv", TRAIN)
    (told,) = data_problems(s3)
    assert told.partition(": ")[2].startswith("The data could not be read, so nothing is proved of them. ")
    (checked,) = check_data(trained_on(), lambda bucket: s3)
    assert checked.sentence() == f"train: not proved, {PLACE} could not be read"


def test_an_environment_that_cannot_be_opened_proves_nothing() -> None:
    def closed(bucket: str) -> Any:
        raise KickstandError(f"no credentials for {bucket}")

    (checked,) = check_data(trained_on(), closed)
    assert [problem.message for problem in checked.unread] == [
        "The data could not be read, so nothing is proved of them. no credentials for b"
    ]


def test_a_list_of_files_that_does_not_give_its_digest() -> None:
    s3 = MemoryS3()
    s3.put(f"{PLACE}train.csv", TRAIN)
    file = DataFile(name="train.csv", sha256="0" * 64, size=8, rows=2)
    told = data_problems(s3, trained_on(files=(file,)))
    assert told[0].startswith(f": The release names the digest {DIGEST} for the channel train; its files give ")
    assert len(told) == 2


MODEL, OTHER = b"the model", b"another model"
KEY = "models/x/model.tar.gz"
ARTIFACT = Artifact(s3_uri=f"s3://b/{KEY}", sha256=hashlib.sha256(MODEL).hexdigest(), size=len(MODEL))


class Bucket(MemoryS3):
    """A bucket in which the artifact was written again and again, and deleted at last."""

    def __init__(self, *bodies: bytes, deletions: int = 0, versioned: bool = True, denied: bool = False) -> None:
        super().__init__(versioned=versioned, now=datetime(2026, 11, 23, 10, tzinfo=UTC))
        for body in bodies:
            self.put(ARTIFACT.s3_uri, body)
            self.later(60)
        for _ in range(deletions):
            self.delete_object(Bucket="b", Key=KEY)
        self.put(f"{ARTIFACT.s3_uri}.sig", b"s")
        self.requests.clear()
        self.denied = frozenset({"get_object"}) if denied else frozenset()


def said(bucket: Bucket) -> str:
    return writes_sentence(artifact_writes(bucket, ARTIFACT), ARTIFACT)


def test_one_version_says_that_nobody_wrote_again_and_is_not_read() -> None:
    bucket = Bucket(MODEL)
    assert said(bucket) == (
        "once, on 2026-11-23 10:00:00 UTC: there is one version of it, and nobody has written there since"
    )
    assert "get_object" not in bucket.operations()


def test_the_same_bytes_again_are_told_and_are_no_swap() -> None:
    assert said(Bucket(MODEL, MODEL, MODEL, deletions=1)) == (
        "3 times since 2026-11-23 10:00:00 UTC, each time the same bytes, and deleted 1 time"
    )
    assert said(Bucket(MODEL, deletions=2)) == "once, and deleted 2 times"


def test_a_swap_is_found_even_where_it_was_undone() -> None:
    with pytest.raises(KickstandError) as failed:
        said(Bucket(MODEL, OTHER, MODEL))
    (problem,) = failed.value.problems
    assert problem.message == (
        "The version v2 of the model artifact, of 2026-11-23 11:00:00 UTC, holds 13 bytes of SHA-256 "
        f"{hashlib.sha256(OTHER).hexdigest()}."
    )
    assert (problem.where, problem.fix) == (
        ARTIFACT.s3_uri,
        "Somebody wrote there again. Find out who (CloudTrail: PutObject), and what the endpoint loaded meanwhile: "
        f"aws s3api list-object-versions --bucket b --prefix {KEY}",
    )


def test_a_version_that_may_not_be_read_proves_nothing() -> None:
    with pytest.raises(KickstandError, match="holds 9 bytes that these credentials may not read"):
        said(Bucket(MODEL, MODEL, denied=True))


def test_a_bucket_without_versions_can_prove_nothing_and_says_so() -> None:
    assert said(Bucket(MODEL, versioned=False)) == (
        "not known: the bucket keeps no versions, so a write after 2026-11-23 10:00:00 UTC would have left no trace"
    )


def test_an_artifact_that_is_gone() -> None:
    with pytest.raises(KickstandError, match="No version of the model artifact is there"):
        said(Bucket(deletions=1))
