"""S3's own interface where an artifact store leans on it: checksums, conditions, copies, versions, TLS alone."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[..., Any]
PART = 5 * 1024 * 1024


def sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


@pytest.fixture
def bucket(client: Client) -> str:
    name = f"objects-{uuid.uuid4().hex[:10]}"
    client("s3").create_bucket(Bucket=name)
    return name


def upload_parts(client: Client, bucket: str, key: str, parts: list[bytes], **completion: Any) -> Any:
    s3 = client("s3")
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key, ChecksumAlgorithm="SHA256")["UploadId"]
    done = []
    for number, part in enumerate(parts, 1):
        sent = s3.upload_part(
            Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=part, ChecksumSHA256=sha256(part)
        )
        assert sent["ChecksumSHA256"] == sha256(part)
        done.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": sent["ChecksumSHA256"]})
    return s3.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": done}, **completion
    )


def test_a_checksum_is_checked_kept_and_told(client: Client, bucket: str) -> None:
    s3 = client("s3")
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"abc", ChecksumSHA256=sha256(b"abc"))
    assert put["ChecksumSHA256"] == sha256(b"abc")

    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head["ChecksumSHA256"], head["ChecksumType"]) == (sha256(b"abc"), "FULL_OBJECT")
    assert "ChecksumSHA256" not in s3.head_object(Bucket=bucket, Key="k")
    told = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ObjectSize", "ETag"])
    assert told["Checksum"] == {"ChecksumSHA256": sha256(b"abc"), "ChecksumType": "FULL_OBJECT"}
    assert told["ObjectSize"] == 3

    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="wrong", Body=b"abd", ChecksumSHA256=sha256(b"abc"))
    assert refused.value.response["Error"]["Code"] == "BadDigest"
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket=bucket, Key="wrong")


def test_a_checksum_made_by_the_client_on_the_way_is_kept(client: Client, bucket: str) -> None:
    s3 = client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"abc", ChecksumAlgorithm="SHA256")
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["ChecksumSHA256"] == sha256(b"abc")


def test_the_checksum_of_several_parts_is_composite(client: Client, bucket: str) -> None:
    parts = [b"a" * PART, b"b" * 10]
    expected = f"{sha256(b''.join(hashlib.sha256(part).digest() for part in parts))}-2"

    made = upload_parts(client, bucket, "k", parts)

    s3 = client("s3")
    assert (made["ChecksumSHA256"], made["ChecksumType"]) == (expected, "COMPOSITE")
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head["ChecksumSHA256"], head["ChecksumType"]) == (expected, "COMPOSITE")
    assert head["ContentLength"] == PART + 10
    told = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ObjectParts"])
    assert told["Checksum"] == {"ChecksumSHA256": expected, "ChecksumType": "COMPOSITE"}
    assert told["ObjectParts"]["TotalPartsCount"] == 2

    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    assert copied["CopyObjectResult"]["ChecksumSHA256"] == sha256(b"".join(parts))


def test_nothing_is_put_over_an_object_that_is_there(client: Client, bucket: str) -> None:
    s3 = client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")

    with pytest.raises(ClientError) as put:
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    with pytest.raises(ClientError) as completed:
        upload_parts(client, bucket, "k", [b"3"], IfNoneMatch="*")
    with pytest.raises(ClientError) as copied:
        s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "k"}, IfNoneMatch="*")

    for refused in (put, completed, copied):
        assert refused.value.response["Error"]["Code"] == "PreconditionFailed"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"


def test_a_copy_keeps_or_makes_a_checksum(client: Client, bucket: str) -> None:
    s3 = client("s3")
    s3.put_object(Bucket=bucket, Key="with", Body=b"abc", ChecksumSHA256=sha256(b"abc"), Metadata={"a": "b"})
    s3.put_object(Bucket=bucket, Key="without", Body=b"abc", ChecksumAlgorithm="CRC32")

    kept = s3.copy_object(Bucket=bucket, Key="c1", CopySource={"Bucket": bucket, "Key": "with"})
    made = s3.copy_object(
        Bucket=bucket, Key="c2", CopySource={"Bucket": bucket, "Key": "without"}, ChecksumAlgorithm="SHA256"
    )

    assert kept["CopyObjectResult"]["ChecksumSHA256"] == sha256(b"abc")
    assert made["CopyObjectResult"]["ChecksumSHA256"] == sha256(b"abc")
    for key in ("c1", "c2"):
        assert s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")["ChecksumSHA256"] == sha256(b"abc")
    assert s3.head_object(Bucket=bucket, Key="c1")["Metadata"] == {"a": "b"}


def test_versions_are_listed_latest_first_and_can_be_read(client: Client, bucket: str) -> None:
    s3 = client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    ids = [s3.put_object(Bucket=bucket, Key="k", Body=body)["VersionId"] for body in (b"1", b"2")]
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]

    found = s3.list_object_versions(Bucket=bucket, Prefix="k")

    assert [(v["VersionId"], v["IsLatest"]) for v in found["Versions"]] == [(ids[1], False), (ids[0], False)]
    assert [(m["VersionId"], m["IsLatest"]) for m in found["DeleteMarkers"]] == [(marker, True)]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=ids[0])["Body"].read() == b"1"
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="k")


def test_a_policy_that_wants_tls_lets_tls_through(client: Client, bucket: str) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": "s3:*",
                "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
    s3 = client("s3")
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"
