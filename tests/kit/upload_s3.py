"""An S3 in memory that takes uploads as S3 does: conditions, checksums, multipart; and notes every request."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody


def refusal(code: str, operation: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


@dataclass
class Kept:
    body: bytes
    metadata: dict[str, str] = field(default_factory=dict)
    checksum: str | None = None


@dataclass
class UploadS3:
    """Keys are of one bucket. `requests` holds (operation, parameters without the body)."""

    objects: dict[str, Kept] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refuse: dict[str, list[ClientError]] = field(default_factory=dict)
    """Errors by operation, raised in turn before it is done."""
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)

    def operations(self) -> list[str]:
        return [operation for operation, _ in self.requests]

    def put_object(self, *, Key: str, Body: bytes, **more: Any) -> dict[str, Any]:  # noqa: N803
        self._note("put_object", Key=Key, **more)
        checksum = _checksum(Body)
        if more.get("ChecksumSHA256", checksum) != checksum:
            raise refusal("BadDigest", "PutObject", 400)
        self._condition(Key, more)
        self.objects[Key] = Kept(Body, more.get("Metadata", {}), checksum)
        return {"ChecksumSHA256": checksum}

    def head_object(self, *, Key: str, **more: Any) -> dict[str, Any]:  # noqa: N803
        self._note("head_object", Key=Key, **more)
        if Key not in self.objects:
            raise refusal("403", "HeadObject", 403)  # as to someone who may list prefixes only
        kept = self.objects[Key]
        checksum = {"ChecksumSHA256": kept.checksum} if kept.checksum else {}
        return {"ContentLength": len(kept.body), "Metadata": kept.metadata, **checksum}

    def get_object(self, *, Key: str, **more: Any) -> dict[str, Any]:  # noqa: N803
        self._note("get_object", Key=Key, **more)
        body = self.objects[Key].body
        return {"Body": StreamingBody(io.BytesIO(body), len(body))}

    def create_multipart_upload(self, *, Key: str, **more: Any) -> dict[str, Any]:  # noqa: N803
        self._note("create_multipart_upload", Key=Key, **more)
        self.uploads["upload"] = {}
        self._metadata = more["Metadata"]
        return {"UploadId": "upload"}

    def upload_part(self, *, UploadId: str, PartNumber: int, Body: bytes, **more: Any) -> dict[str, Any]:  # noqa: N803
        self._note("upload_part", PartNumber=PartNumber, **more)
        assert more["ChecksumSHA256"] == _checksum(Body)
        self.uploads[UploadId][PartNumber] = Body
        return {"ETag": f'"{PartNumber}"'}

    def complete_multipart_upload(
        self,
        *,
        Key: str,  # noqa: N803
        UploadId: str,  # noqa: N803
        MultipartUpload: dict[str, Any],  # noqa: N803
        **more: Any,
    ) -> dict[str, Any]:
        self._note("complete_multipart_upload", Key=Key, **more)
        self._condition(Key, more)
        parts = self.uploads.pop(UploadId)
        assert [part["PartNumber"] for part in MultipartUpload["Parts"]] == sorted(parts)
        digests = b"".join(hashlib.sha256(parts[number]).digest() for number in sorted(parts))
        body = b"".join(parts[number] for number in sorted(parts))
        self.objects[Key] = Kept(body, self._metadata, f"{_checksum(digests)}-{len(parts)}")
        return {}

    def abort_multipart_upload(self, *, UploadId: str, **more: Any) -> None:  # noqa: N803
        self._note("abort_multipart_upload", **more)
        self.uploads.pop(UploadId)

    def get_paginator(self, operation: str) -> UploadS3:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Prefix: str, **more: Any) -> Iterator[dict[str, Any]]:  # noqa: N803
        self._note("list_objects_v2", Prefix=Prefix, **more)
        for key in sorted(self.objects):  # one a page: whoever reads the first page only is found out
            if key.startswith(Prefix):
                yield {"Contents": [{"Key": key, "Size": len(self.objects[key].body)}]}

    def _note(self, operation: str, **parameters: Any) -> None:
        self.requests.append((operation, parameters))
        if self.refuse.get(operation):
            raise self.refuse[operation].pop(0)

    def _condition(self, key: str, parameters: dict[str, Any]) -> None:
        if parameters.get("IfNoneMatch") == "*" and key in self.objects:
            raise refusal("PreconditionFailed", "PutObject", 412)


def _checksum(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()
