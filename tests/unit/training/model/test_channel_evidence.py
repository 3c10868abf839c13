"""What a job's channel held: read from S3, held against the digest in its prefix."""

from __future__ import annotations

import hashlib

import pytest
from job_shapes import at, channel, described
from memory_s3 import MemoryS3

from kickstand.aws.s3 import ArtifactBucket
from kickstand.errors import KickstandError
from kickstand.release.model import Channel, DataFile
from training.data.files import channel_sha256
from training.job.jobs import ChannelSource, parse_job
from training.model.channel_evidence import CsvShape, channel_evidence

A, B = b"1,2,3\n4,5,6\n", b"7,8,9"


def sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


FILES = (
    DataFile(name="a.csv", sha256=sha(A), size=len(A), rows=2),
    DataFile(name="b.csv", sha256=sha(B), size=len(B), rows=1),
)
DIGEST = channel_sha256((file.name, file.sha256) for file in FILES)
OURS = ArtifactBucket("ours")
OWN = f"s3://ours/data/{DIGEST}/train/"


def source(uri: str) -> ChannelSource:
    return parse_job(described(InputDataConfig=[channel("train", uri)])).channels[0]


@pytest.fixture
def s3() -> MemoryS3:
    memory = MemoryS3()
    memory.put(f"{OWN}a.csv", A)
    memory.put(f"{OWN}b.csv", B)
    return memory


def test_a_channel_is_read_file_by_file(s3: MemoryS3) -> None:
    assert channel_evidence(s3, source(OWN), bucket=OURS, started=at(0)) == Channel(
        name="train", s3_uri=OWN, content_type="text/csv", sha256=DIGEST, rows=3, columns=3, files=FILES
    )


def test_changed_data_under_their_digest_are_refused(s3: MemoryS3) -> None:
    s3.put(f"{OWN}b.csv", b"7,8,0")
    with pytest.raises(KickstandError, match="The data were changed: expected SHA-256"):
        channel_evidence(s3, source(OWN), bucket=OURS, started=at(0))


def test_a_file_added_under_the_digest_is_refused(s3: MemoryS3) -> None:
    s3.put(f"{OWN}c.csv", b"1,2,3")
    with pytest.raises(KickstandError, match="The data were changed: expected SHA-256"):
        channel_evidence(s3, source(OWN), bucket=OURS, started=at(0))


def test_data_that_were_just_checked_are_not_read_again(s3: MemoryS3) -> None:
    known = channel_evidence(s3, source(OWN), bucket=OURS, started=at(0))
    s3.requests.clear()
    assert channel_evidence(s3, source(OWN), bucket=OURS, started=at(0), known=[known]) == known
    assert s3.requests == []


@pytest.mark.parametrize(
    ("prefix", "key", "name"),
    [
        ("s3://theirs/set/", "s3://theirs/set/deep/x.csv", "deep/x.csv"),
        ("s3://theirs/set", "s3://theirs/set/x.csv", "x.csv"),
        ("s3://theirs/set/x.csv", "s3://theirs/set/x.csv", "x.csv"),
        ("s3://theirs/set/x", "s3://theirs/set/x-1.csv", "x-1.csv"),
        ("s3://theirs", "s3://theirs/x.csv", "x.csv"),
    ],
)
def test_data_of_a_notebook_are_kept_in_the_artifact_bucket(prefix: str, key: str, name: str) -> None:
    memory = MemoryS3()
    memory.put(key, A)
    found = channel_evidence(memory, source(prefix), bucket=OURS, started=at(0))
    assert ([file.name for file in found.files], found.rows) == ([name], 2)
    assert found.s3_uri == f"s3://ours/data/{found.sha256}/train/"
    assert memory.body(f"{found.s3_uri}{name}") == A


def test_a_folder_made_by_the_console_is_no_file() -> None:
    memory = MemoryS3()
    memory.put("s3://theirs/set/", b"")
    memory.put("s3://theirs/set/x.csv", A)
    assert len(channel_evidence(memory, source("s3://theirs/set/"), bucket=OURS, started=at(0)).files) == 1


def test_data_written_after_the_job_began_prove_nothing() -> None:
    memory = MemoryS3()
    memory.put("s3://theirs/set/x.csv", A, modified=at(20))
    with pytest.raises(KickstandError, match="what the model was trained on can no longer be determined"):
        channel_evidence(memory, source("s3://theirs/set/"), bucket=OURS, started=at(10))


def test_data_that_are_gone_are_told() -> None:
    with pytest.raises(KickstandError, match="no longer holds a file"):
        channel_evidence(MemoryS3(), source("s3://theirs/set/"), bucket=OURS, started=at(0))


def test_files_of_two_widths_are_told(s3: MemoryS3) -> None:
    memory = MemoryS3()
    memory.put("s3://theirs/set/x.csv", A)
    memory.put("s3://theirs/set/y.csv", b"1,2\n")
    with pytest.raises(KickstandError, match=r"have \[2, 3\] columns"):
        channel_evidence(memory, source("s3://theirs/set/"), bucket=OURS, started=at(0))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_rows_are_counted_whatever_the_pieces(size: int) -> None:
    text = b"\n1;2;3\r\n\n4;5;6\n7;8;9"
    shape = CsvShape()
    for start in range(0, len(text), size):
        shape.add(text[start : start + size])
    shape.end()
    assert (shape.rows, shape.columns) == (3, 3)
