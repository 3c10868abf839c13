"""aws:kms without a key means the account's own `aws/s3` key."""

from __future__ import annotations

from typing import Any

from localcloud.emulator.s3_managed_key import _RESOLVE


def test_the_seam_is_where_it_was() -> None:
    assert _RESOLVE.original().__name__ == "_resolve_sse_write_headers"


def test_a_write_without_a_key_takes_the_managed_one(client: Any) -> None:
    s3 = client("s3", account="222233334444", region="eu-west-1")
    s3.create_bucket(Bucket="managed-key", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="managed-key", Key="asset", Body=b"x", ServerSideEncryption="aws:kms")
    found = s3.head_object(Bucket="managed-key", Key="asset")
    assert found["ServerSideEncryption"] == "aws:kms"
    assert found["SSEKMSKeyId"] == "arn:aws:kms:eu-west-1:222233334444:alias/aws/s3"


def test_a_key_that_is_named_stays(client: Any) -> None:
    s3 = client("s3", account="222233334444", region="us-east-1")
    s3.create_bucket(Bucket="named-key")
    key = "arn:aws:kms:us-east-1:222233334444:key/11111111-2222-3333-4444-555555555555"
    s3.put_object(Bucket="named-key", Key="asset", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    assert s3.head_object(Bucket="named-key", Key="asset")["SSEKMSKeyId"] == key
