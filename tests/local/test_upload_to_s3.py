"""The upload against an S3 that checks conditions, checksums and the bucket's owner itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from samples import environment

from kickstand.config.model import Data, Environment, Storage
from kickstand.errors import KickstandError
from training.upload import objects
from training.upload.channels import publish_manifest, upload_channels
from training.upload.upload import check_inputs

Client = Callable[..., Any]
PROJECT = "uploads"
BUCKET = f"{PROJECT}-dev-111122223333-us-east-1"


@pytest.fixture(scope="module")
def s3(client: Client) -> Any:
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    return s3


@pytest.fixture
def dev(tmp_path: Path) -> Environment:
    (tmp_path / "train.csv").write_text("1,2\n3,4\n")
    (tmp_path / "validation.csv").write_text("5,6\n")
    data = Data(train=tmp_path / "train.csv", validation=tmp_path / "validation.csv")
    return environment(project=PROJECT, data=data)


def test_channels_are_uploaded_once_and_announced_once(s3: Any, dev: Environment) -> None:
    sent: list[bool] = []
    for _ in range(2):
        channels = upload_channels(s3, dev, check_inputs(dev), on_file=lambda channel, file, now: sent.append(now))
        key = publish_manifest(s3, dev, channels)
    assert sent == [True, True, False, False]
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="manifests/")["Contents"]
    assert [item["Key"] for item in listed] == [key]
    content = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    uris = [entry["DataSource"]["S3DataSource"]["S3Uri"] for entry in content["InputDataConfig"]]
    assert uris == [channel.s3_uri for channel in channels]
    stored = s3.get_object(Bucket=BUCKET, Key=f"{channels[0].s3_uri.removeprefix(f's3://{BUCKET}/')}train.csv")
    assert stored["Body"].read() == b"1,2\n3,4\n"
    assert stored["Metadata"] == {"sha256": hashlib.sha256(b"1,2\n3,4\n").hexdigest()}


def test_a_big_file_goes_in_parts_and_is_known_again(
    s3: Any, dev: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "PART", 5 << 20)
    dev.data.train.write_text("0.123456789,0.987654321\n" * 500_000)
    report = check_inputs(dev)
    sent: list[bool] = []
    for _ in range(2):
        channels = upload_channels(s3, dev, report, on_file=lambda channel, file, now: sent.append(now))
    assert sent[::2] == [True, False]
    key = f"{channels[0].s3_uri.removeprefix(f's3://{BUCKET}/')}train.csv"
    head = s3.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    assert (head["ContentLength"], head["ChecksumSHA256"][-2:]) == (12_000_000, "-3")
    assert s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


def test_s3_itself_refuses_to_write_over(s3: Any, dev: Environment) -> None:
    (channel, _) = upload_channels(s3, dev, check_inputs(dev))
    key = f"{channel.s3_uri.removeprefix(f's3://{BUCKET}/')}train.csv"
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"other", IfNoneMatch="*")


def test_a_bucket_that_is_not_there(s3: Any, dev: Environment) -> None:
    with pytest.raises(KickstandError, match=r"The artifact bucket nowhere-dev-\S+ does not exist"):
        upload_channels(s3, dev.model_copy(update={"project": "nowhere"}), check_inputs(dev))
    nowhere = dev.model_copy(update={"storage": Storage(existing_bucket="nowhere")})
    with pytest.raises(KickstandError, match="The artifact bucket nowhere does not exist"):
        upload_channels(s3, nowhere, check_inputs(dev))
