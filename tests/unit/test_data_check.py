"""The data of a release in S3, held against its digests: what was changed, and what could not be seen."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import pytest
from memory_s3 import MemoryS3, refusal
from samples import release

from kickstand.errors import KickstandError
from kickstand.release import Channel, DataFile, Release
from promotion.data_check import check_data, require_data
from training.data.dataset import channel_sha256

TRAIN = b"1,2\n3,4\n"
SHA = hashlib.sha256(TRAIN).hexdigest()
DIGEST = channel_sha256([("train.csv", SHA)])
PLACE = f"s3://b/data/{DIGEST}/train/"


def trained_on(**changes: Any) -> Release:
    file = DataFile(name="train.csv", sha256=SHA, size=len(TRAIN), rows=2)
    fields = {"name": "train", "s3_uri": PLACE, "content_type": "text/csv", "sha256": DIGEST, "rows": 2, "columns": 2}
    made: Release = release(channels=(Channel(**{**fields, "files": (file,), **changes}),))
    return made


@dataclass
class Deaf(MemoryS3):
    """Refuses what its name says."""

    denied: str = ""

    def paginate(self, **request: Any) -> Any:
        if self.denied == "list":
            raise refusal("AccessDenied", "ListObjectsV2", 403, "not authorized to perform: s3:ListBucket")
        return super().paginate(**request)

    def head_object(self, **request: Any) -> dict[str, Any]:
        if self.denied == "read":
            raise refusal("403", "HeadObject", 403, "Forbidden")
        return super().head_object(**request)


def data_problems(s3: MemoryS3, made: Release | None = None) -> list[str]:
    try:
        require_data(check_data(made or trained_on(), lambda bucket: s3))
    except KickstandError as error:
        return [f"{problem.where.rpartition('/')[2]}: {problem.message}" for problem in error.problems]
    return []


def test_the_data_are_held_against_their_digests() -> None:
    s3 = Deaf()
    s3.put(f"{PLACE}train.csv", TRAIN)
    (checked,) = check_data(trained_on(), lambda bucket: s3)
    assert checked.sentence() == f"train: 1 file, 2 rows, the bytes that the release names in {PLACE}"
    assert data_problems(s3) == []
    s3.put(f"{PLACE}train.csv", b"1,2\n3,5\n")
    assert data_problems(s3)[0].startswith(
        f"train.csv: The data were changed after the release: expected 8 bytes of SHA-256 {SHA}, found 8 bytes of "
    )
    s3.put(f"{PLACE}more.csv", TRAIN)
    del s3.objects["b", f"data/{DIGEST}/train/train.csv"]
    assert data_problems(s3) == [
        "train.csv: A file that the model was trained on is gone.",
        "more.csv: This object is not of the release's data, and a job would read it.",
    ]


@pytest.mark.parametrize("denied", ["list", "read"])
def test_what_cannot_be_read_is_not_proved(denied: str) -> None:
    s3 = Deaf(denied=denied)
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
    s3 = Deaf()
    s3.put(f"{PLACE}train.csv", TRAIN)
    file = DataFile(name="train.csv", sha256="0" * 64, size=8, rows=2)
    told = data_problems(s3, trained_on(files=(file,)))
    assert told[0].startswith(f": The release names the digest {DIGEST} for the channel train; its files give ")
    assert len(told) == 2
