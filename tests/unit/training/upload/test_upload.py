"""The upload: only the bytes that were checked, never over another object, and proven by a listing."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from memory_s3 import MemoryS3, Stored, refusal
from samples import ACCOUNT, BUCKET, environment

from kickstand.config.model import Storage
from kickstand.errors import KickstandError, Problem
from kickstand.release.model import Channel
from training.data.check import check_data
from training.data.files import DataReport, FileReport
from training.upload import objects
from training.upload.channels import upload_channels

TRAIN = "1,2\n3,4\n"


@pytest.fixture
def report(tmp_path: Path) -> DataReport:
    paths = {name: tmp_path / f"{name}.csv" for name in ("train", "validation", "test")}
    for number, path in enumerate(paths.values()):
        path.write_text(TRAIN * (number + 1))
    found, problems = check_data(paths)
    assert problems == []
    return found


def key_of(report: DataReport, channel: str) -> str:
    (file,) = report.channels[channel].files
    digest = hashlib.sha256(f"{file.sha256}  {file.name}\n".encode()).hexdigest()
    return f"data/{digest}/{channel}/{file.name}"


def upload(s3: MemoryS3, report: DataReport, **changes: Any) -> tuple[Channel, ...]:
    return upload_channels(s3, environment(**changes), report)


def failure(s3: MemoryS3, report: DataReport, **changes: Any) -> Problem:
    with pytest.raises(KickstandError) as caught:
        upload(s3, report, **changes)
    (problem,) = caught.value.problems
    return problem


def test_every_channel_lies_under_its_digest(report: DataReport) -> None:
    s3, seen = MemoryS3(may_list=False), []
    progress: list[int] = []

    def on_file(channel: Channel, file: FileReport, sent: bool) -> None:
        seen.append((channel.name, file.name, sent))

    channels = upload_channels(s3, environment(), report, progress=progress.append, on_file=on_file)
    assert {key: body.decode() for key, body in s3.bodies().items()} == {
        key_of(report, "train"): TRAIN,
        key_of(report, "validation"): TRAIN * 2,
        key_of(report, "test"): TRAIN * 3,
    }
    assert [(channel.name, channel.rows, channel.columns) for channel in channels] == [
        ("train", 2, 2),
        ("validation", 4, 2),
        ("test", 6, 2),
    ]
    assert channels[0].s3_uri == f"s3://{BUCKET}/{key_of(report, 'train').removesuffix('train.csv')}"
    assert seen == [(name, f"{name}.csv", True) for name in ("train", "validation", "test")]
    assert sum(progress) == report.size


def test_what_is_there_is_not_sent_again(report: DataReport) -> None:
    s3 = MemoryS3(may_list=False)
    first = upload(s3, report)
    s3.requests.clear()
    sent: list[bool] = []
    progress: list[int] = []
    on_file = lambda channel, file, was_sent: sent.append(was_sent)  # noqa: E731
    assert upload_channels(s3, environment(), report, on_file=on_file, progress=progress.append) == first
    assert sent == [False, False, False]
    assert sum(progress) == report.size
    assert set(s3.operations()) == {"list_objects_v2", "head_object"}


def test_requests_name_the_owner_and_carry_checksum_and_condition(report: DataReport) -> None:
    s3 = MemoryS3(may_list=False)
    upload(s3, report)
    assert {parameters["ExpectedBucketOwner"] for _, parameters in s3.requests} == {ACCOUNT}
    puts = [parameters for operation, parameters in s3.requests if operation == "put_object"]
    assert len(puts) == 3
    assert all(put["IfNoneMatch"] == "*" and put["ChecksumSHA256"] for put in puts)
    assert not any("SSEKMSKeyId" in put for put in puts)


def test_an_organisations_key_and_bucket(report: DataReport) -> None:
    s3 = MemoryS3(may_list=False)
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"
    (channel, *_) = upload(s3, report, storage=Storage(existing_bucket="ours", kms_key_arn=key))
    assert channel.s3_uri.startswith("s3://ours/data/")
    for operation, parameters in s3.requests:
        assert parameters["Bucket"] == "ours"
        assert "ExpectedBucketOwner" not in parameters
        if operation == "put_object":
            assert (parameters["ServerSideEncryption"], parameters["SSEKMSKeyId"]) == ("aws:kms", key)


@pytest.mark.parametrize(
    "kept",
    [
        Stored(TRAIN.encode()[::-1]),
        Stored(b"short"),
        Stored(TRAIN.encode()[::-1], metadata={"sha256": "0" * 64}),
        Stored(TRAIN.encode()[::-1], checksum="AAAA"),
    ],
    ids=["other bytes, no checksum", "other size", "other noted digest", "other checksum"],
)
def test_another_object_in_its_place_is_never_written_over(report: DataReport, kept: Stored) -> None:
    key = key_of(report, "train")
    s3 = MemoryS3({(BUCKET, key): kept})
    problem = failure(s3, report)
    assert problem.where == f"s3://{BUCKET}/{key}"
    assert problem.message.endswith("stands at its key; nothing is written over it.")
    assert s3.objects == {(BUCKET, key): kept}


def test_an_object_without_any_digest_is_read_again_and_kept_where_it_is_the_same(report: DataReport) -> None:
    s3 = MemoryS3({(BUCKET, key_of(report, "train")): Stored(TRAIN.encode())})
    upload(s3, report)
    assert s3.operations().count("get_object") == 1
    assert s3.operations().count("put_object") == 2


def test_a_file_that_changed_since_the_check_is_not_uploaded(report: DataReport) -> None:
    path = report.channels["train"].files[0].path
    path.write_text("9,2\n3,4\n")
    s3 = MemoryS3(may_list=False)
    assert failure(s3, report) == Problem(
        "The file changed after it was checked; it was not uploaded.", str(path), "Run the same command again."
    )
    assert s3.objects == {}


def test_a_file_that_is_gone_is_a_plain_error(report: DataReport) -> None:
    path = report.channels["train"].files[0].path
    path.unlink()
    assert failure(MemoryS3(), report).message == (
        f"Failed while uploading the train channel: {path}: No such file or directory."
    )


def test_a_foreign_object_below_the_prefix_is_an_error(report: DataReport) -> None:
    stray = key_of(report, "train").replace("train.csv", "_SUCCESS")
    problem = failure(MemoryS3({(BUCKET, stray): Stored(b"")}), report)
    assert problem.where == f"s3://{BUCKET}/{stray}"
    assert problem.message == "This object is not of the channel, and a job would read it."


def test_what_is_not_listed_back_is_an_error(report: DataReport) -> None:
    class Losing(MemoryS3):
        def put_object(self, **request: Any) -> Any:
            answer = super().put_object(**request)
            del self.objects[request["Bucket"], request["Key"]]
            return answer

    problem = failure(Losing(), report)
    assert problem.message == f"{len(TRAIN)} bytes were uploaded, not found when listed back."


def test_somebody_quicker_with_the_same_data_is_no_error(report: DataReport) -> None:
    class Raced(MemoryS3):
        def put_object(self, **request: Any) -> Any:
            self.objects.setdefault((request["Bucket"], request["Key"]), Stored(request["Body"]))
            return super().put_object(**request)

    s3 = Raced()
    upload(s3, report)
    assert len(s3.objects) == 3


def test_a_conflict_is_tried_again_and_not_for_ever(report: DataReport) -> None:
    conflict = refusal("ConditionalRequestConflict", "PutObject", 409)
    s3 = MemoryS3(refuse={"put_object": [conflict]})
    upload(s3, report)
    assert len(s3.objects) == 3
    problem = failure(MemoryS3(refuse={"put_object": [conflict] * 9}), report)
    assert problem.message == "Somebody else is writing the same object again and again."


def test_a_missing_bucket_names_the_stack_that_makes_it(report: DataReport) -> None:
    s3 = MemoryS3(refuse={"list_objects_v2": [refusal("NoSuchBucket", "ListObjectsV2", 404)]})
    assert failure(s3, report) == Problem(
        f"The artifact bucket {BUCKET} does not exist.",
        "stack bikes-dev-training",
        "The training stack makes it: kickstand deploy dev",
    )


def test_denied_is_told_in_awss_words(report: DataReport) -> None:
    s3 = MemoryS3(refuse={"put_object": [refusal("AccessDenied", "PutObject", 403, "Access Denied")]})
    assert failure(s3, report).message == (
        "Failed while uploading the train channel: PutObject: AccessDenied: Access Denied."
    )


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "PART", 5)


@pytest.mark.usefixtures("small_parts")
def test_a_big_file_goes_in_parts_and_is_known_again(report: DataReport) -> None:
    s3 = MemoryS3(may_list=False)
    upload(s3, report)
    assert s3.bodies()[key_of(report, "test")].decode() == TRAIN * 3
    assert s3.operations().count("upload_part") == 2 + 4 + 5
    s3.requests.clear()
    upload(s3, report)
    assert set(s3.operations()) == {"list_objects_v2", "head_object"}


@pytest.mark.usefixtures("small_parts")
def test_a_big_file_that_changed_is_aborted(report: DataReport) -> None:
    report.channels["train"].files[0].path.write_text(TRAIN * 9)
    s3 = MemoryS3(may_list=False)
    assert failure(s3, report).message == "The file changed after it was checked; it was not uploaded."
    assert (s3.objects, s3.uploads) == ({}, {})


@pytest.mark.usefixtures("small_parts")
def test_an_interrupt_aborts_the_parts(report: DataReport, monkeypatch: pytest.MonkeyPatch) -> None:
    s3 = MemoryS3(may_list=False)

    def interrupt(**more: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(s3, "complete_multipart_upload", interrupt)
    with pytest.raises(KeyboardInterrupt):
        upload(s3, report)
    assert (s3.objects, s3.uploads) == ({}, {})
