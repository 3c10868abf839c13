"""An S3 in memory, for tests: the operations that the training side uses, in boto3's shapes."""

# ruff: noqa: N803  boto3's parameters

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def refusal(code: str, operation: str, status: int = 400, message: str = "") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


@dataclass
class Stored:
    body: bytes
    modified: datetime = EPOCH
    checksum: str | None = None
    """What HeadObject tells as ChecksumSHA256; None for an object without one."""


@dataclass
class MemoryS3:
    objects: dict[tuple[str, str], Stored] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    writes: list[dict[str, Any]] = field(default_factory=list)
    """Owner and encryption of each copy."""

    def put(self, uri: str, body: bytes, **more: Any) -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self.objects[bucket, key] = Stored(body, **more)

    def body(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.objects[bucket, key].body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        self.calls.append("get_object")
        found = self._find(Bucket, Key, "GetObject", "NoSuchKey")
        return {"Body": io.BytesIO(found.body), "ContentLength": len(found.body), "ETag": _etag(found.body)}

    def head_object(self, *, Bucket: str, Key: str, ChecksumMode: str) -> dict[str, Any]:
        self.calls.append("head_object")
        found = self._find(Bucket, Key, "HeadObject", "404")
        return {"ContentLength": len(found.body), **({"ChecksumSHA256": found.checksum} if found.checksum else {})}

    def put_object(
        self, *, Bucket: str, Key: str, Body: bytes, ContentType: str, IfNoneMatch: str, **more: Any
    ) -> dict[str, Any]:
        self.calls.append("put_object")
        if (Bucket, Key) in self.objects:
            raise refusal("PreconditionFailed", "PutObject", 412)
        self.objects[Bucket, Key] = Stored(Body)
        return {}

    def copy_object(
        self,
        *,
        Bucket: str,
        Key: str,
        CopySource: dict[str, str],
        CopySourceIfMatch: str,
        IfNoneMatch: str,
        ChecksumAlgorithm: str,
        TaggingDirective: str,
        AnnotationDirective: str,
        **more: Any,
    ) -> dict[str, Any]:
        assert (TaggingDirective, AnnotationDirective) == ("REPLACE", "EXCLUDE")
        self.calls.append("copy_object")
        self.writes.append(more)
        source = self._find(CopySource["Bucket"], CopySource["Key"], "CopyObject", "NoSuchKey")
        if (Bucket, Key) in self.objects or _etag(source.body) != CopySourceIfMatch:
            raise refusal("PreconditionFailed", "CopyObject", 412)
        checksum = base64.b64encode(hashlib.sha256(source.body).digest()).decode()
        self.objects[Bucket, Key] = Stored(source.body, checksum=checksum)
        return {}

    def get_paginator(self, operation: str) -> MemoryS3:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:
        keys = sorted(key for bucket, key in self.objects if bucket == Bucket and key.startswith(Prefix))
        if not keys:
            yield {"KeyCount": 0}
        for key in keys:  # one a page: whoever reads the first page only is found out
            stored = self.objects[Bucket, key]
            yield {"Contents": [{"Key": key, "Size": len(stored.body), "LastModified": stored.modified}]}

    def _find(self, bucket: str, key: str, operation: str, code: str) -> Stored:
        try:
            return self.objects[bucket, key]
        except KeyError:
            raise refusal(code, operation, 404, "Not Found") from None


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'  # noqa: S324
