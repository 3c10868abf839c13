"""An S3 in memory, for tests: the operations that Kickstand calls, in boto3's shapes, with S3's conditions and errors.

Each request is checked against botocore's model of S3, and noted. The unit tests have no other S3 of their own.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore
import botocore.session
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.validate import validate_parameters

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
else:
    S3Client = object

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def refusal(code: str, operation: str, status: int = 400, message: str = "") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


def checksum(body: bytes) -> str:
    """S3's ChecksumSHA256 of an object that was sent whole."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


@dataclass
class Stored:
    """One version of an object. checksum: as HeadObject tells it; None for an object without one."""

    body: bytes
    modified: datetime = EPOCH
    checksum: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    version: str = "null"

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body).hexdigest()}"'  # noqa: S324


@dataclass
class MemoryS3(S3Client):
    """Buckets of any name, which are there. A subclass is a client of several services, or changes one answer.

    objects:    the newest versions by bucket and key; a test may put, take or delete them.
    requests:   operation and parameters of each request, without its body.
    refuse:     errors by operation, each raised once, before the operation does anything.
    denied:     operations that are refused always.
    may_list:   without it, S3 answers 403 to requests about a missing key.
    versioned:  keeps former versions, and the markers of deletions.
    """

    objects: dict[tuple[str, str], Stored] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refuse: dict[str, list[Exception]] = field(default_factory=dict)
    denied: frozenset[str] = frozenset()
    may_list: bool = True
    versioned: bool = False
    now: datetime = EPOCH
    """S3's clock; the machine's own is never read."""
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    history: dict[tuple[str, str], list[Stored | None]] = field(default_factory=dict)
    """The versions of each key, the oldest first; None is a deletion."""
    _metadata: dict[str, dict[str, str]] = field(default_factory=dict)

    def put(self, uri: str, body: bytes, **more: Any) -> None:
        """Put an object there, past all requests."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self._store((bucket, key), Stored(body, **{"modified": self.now, **more}))

    def body(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.objects[bucket, key].body

    def bodies(self, prefix: str = "") -> dict[str, bytes]:
        """By key, whatever the bucket; prefix: of the keys."""
        return {key: stored.body for (_, key), stored in self.objects.items() if key.startswith(prefix)}

    def operations(self) -> list[str]:
        return [operation for operation, _ in self.requests]

    def later(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)

    def get_object(self, **request: Any) -> Any:
        self._note("GetObject", request)
        found = self._find(request, "GetObject", "NoSuchKey")
        return {
            "Body": StreamingBody(io.BytesIO(found.body), len(found.body)),
            "ContentLength": len(found.body),
            "ETag": found.etag,
            "LastModified": found.modified,
            "ResponseMetadata": {"HTTPHeaders": {"date": format_datetime(self.now, usegmt=True)}},
        }

    def head_object(self, **request: Any) -> Any:
        self._note("HeadObject", request)
        found = self._find(request, "HeadObject", "404")
        told = found.checksum and request.get("ChecksumMode") == "ENABLED"
        answer = {"ContentLength": len(found.body), "ETag": found.etag, "Metadata": found.metadata}
        return {**answer, **({"ChecksumSHA256": found.checksum} if told else {})}

    def put_object(self, **request: Any) -> Any:
        body = request.pop("Body", b"")
        body = body if isinstance(body, bytes) else body.read()
        self._note("PutObject", request)
        if request.get("ChecksumSHA256", checksum(body)) != checksum(body):
            raise refusal("BadDigest", "PutObject", 400, "The SHA256 you specified did not match the calculated one.")
        stored = Stored(body, self.now, request.get("ChecksumSHA256"), request.get("Metadata", {}))
        return self._write("PutObject", request, stored)

    def copy_object(self, **request: Any) -> Any:
        self._note("CopyObject", request)
        source = self._find(request["CopySource"], "CopyObject", "NoSuchKey")
        if request.get("CopySourceIfMatch", source.etag) != source.etag:
            raise _unmet("CopyObject")
        kept = checksum(source.body) if request.get("ChecksumAlgorithm") == "SHA256" else source.checksum
        return self._write("CopyObject", request, Stored(source.body, self.now, kept, source.metadata))

    def delete_object(self, **request: Any) -> Any:
        self._note("DeleteObject", request)
        self._condition("DeleteObject", request)
        place = request["Bucket"], request["Key"]
        self.objects.pop(place, None)
        self.history.setdefault(place, []).append(None)
        return {}

    def create_multipart_upload(self, **request: Any) -> Any:
        self._note("CreateMultipartUpload", request)
        name = f"upload-{len(self.requests)}"
        self.uploads[name], self._metadata[name] = {}, request.get("Metadata", {})
        return {"UploadId": name}

    def upload_part(self, **request: Any) -> Any:
        body = request.pop("Body")
        self._note("UploadPart", request)
        if request.get("ChecksumSHA256", checksum(body)) != checksum(body):
            raise refusal("BadDigest", "UploadPart", 400)
        self._upload("UploadPart", request)[request["PartNumber"]] = body
        return {"ETag": Stored(body).etag, "ChecksumSHA256": checksum(body)}

    def complete_multipart_upload(self, **request: Any) -> Any:
        self._note("CompleteMultipartUpload", request)
        parts = self._upload("CompleteMultipartUpload", request)
        given = {part["PartNumber"]: part["ETag"] for part in request["MultipartUpload"]["Parts"]}
        if list(given.items()) != [(number, Stored(body).etag) for number, body in sorted(parts.items())]:
            raise refusal("InvalidPart", "CompleteMultipartUpload", 400)
        bodies = [body for _, body in sorted(parts.items())]
        digests = b"".join(hashlib.sha256(body).digest() for body in bodies)
        whole = Stored(
            b"".join(bodies), self.now, f"{checksum(digests)}-{len(bodies)}", self._metadata[request["UploadId"]]
        )
        answer = self._write("CompleteMultipartUpload", request, whole)
        del self.uploads[request["UploadId"]]
        return answer

    def abort_multipart_upload(self, **request: Any) -> Any:
        self._note("AbortMultipartUpload", request)
        self._upload("AbortMultipartUpload", request)
        del self.uploads[request["UploadId"]]
        return {}

    def list_objects_v2(self, **request: Any) -> Any:
        self._note("ListObjectsV2", request)
        listed = [
            {"Key": key, "Size": len(stored.body), "LastModified": stored.modified, "ETag": stored.etag}
            for (bucket, key), stored in sorted(self.objects.items())
            if bucket == request["Bucket"]
            and key.startswith(request.get("Prefix", ""))
            and key > request.get("StartAfter", "")
        ]
        folders: dict[str, None] = {}
        if (slash := request.get("Delimiter")) is not None:
            start = len(request.get("Prefix", ""))
            inside = [one for one in listed if slash in str(one["Key"])[start:]]
            folders = dict.fromkeys(str(one["Key"])[: str(one["Key"]).index(slash, start) + 1] for one in inside)
            listed = [one for one in listed if one not in inside]
        return {
            "KeyCount": len(listed) + len(folders),
            **({"Contents": listed} if listed else {}),
            **({"CommonPrefixes": [{"Prefix": one} for one in folders]} if folders else {}),
        }

    def list_object_versions(self, **request: Any) -> Any:
        self._note("ListObjectVersions", request)
        found: dict[str, Any] = {"Versions": [], "DeleteMarkers": []}
        for (bucket, key), versions in sorted(self.history.items()):
            if bucket == request["Bucket"] and key.startswith(request.get("Prefix", "")):
                for one in reversed(versions):
                    if one is None:
                        found["DeleteMarkers"].append({"Key": key})
                    else:
                        told = {"VersionId": one.version, "LastModified": one.modified, "Size": len(one.body)}
                        found["Versions"].append({"Key": key, **told})
        return {name: listed for name, listed in found.items() if listed}

    def get_paginator(self, operation: str) -> Any:
        return _Pages(getattr(self, operation))

    def _note(self, operation: str, request: dict[str, Any]) -> None:
        """Note a request; ParamValidationError, as of boto3, for one that S3's model does not have."""
        name = botocore.xform_name(operation)
        self.requests.append((name, request))
        shape = model().operation_model(operation).input_shape
        source = request.get("CopySource")  # boto3 takes it apart, and sends text
        as_sent = {**request, "CopySource": f"{source['Bucket']}/{source['Key']}"} if source else request
        validate_parameters(as_sent, shape)
        if self.refuse.get(name):
            raise self.refuse[name].pop(0)
        if name in self.denied:
            raise refusal("AccessDenied", operation, 403, f"not authorized to perform: {operation}")

    def _find(self, place: dict[str, Any], operation: str, code: str) -> Stored:
        key = place["Bucket"], place["Key"]
        found = self.objects.get(key)
        if "VersionId" in place:
            versions = self.history.get(key, [])
            found = next((one for one in versions if one is not None and one.version == place["VersionId"]), None)
        if found is None:
            if not self.may_list:
                raise refusal("403" if operation == "HeadObject" else "AccessDenied", operation, 403, "Forbidden")
            raise refusal(code, operation, 404, "Not Found")
        return found

    def _condition(self, operation: str, request: dict[str, Any]) -> None:
        there = self.objects.get((request["Bucket"], request["Key"]))
        if "IfNoneMatch" in request and there is not None:
            raise _unmet(operation)
        if "IfMatch" in request and there is None:
            raise refusal("NoSuchKey", operation, 404)
        if "IfMatch" in request and there is not None and there.etag != request["IfMatch"]:
            raise _unmet(operation)

    def _write(self, operation: str, request: dict[str, Any], stored: Stored) -> dict[str, Any]:
        self._condition(operation, request)
        self._store((request["Bucket"], request["Key"]), stored)
        return {"ETag": stored.etag, **({"ChecksumSHA256": stored.checksum} if stored.checksum else {})}

    def _store(self, place: tuple[str, str], stored: Stored) -> None:
        versions = self.history.setdefault(place, [])
        if self.versioned:
            stored.version = f"v{len(versions) + 1}"
        else:
            versions.clear()
        versions.append(stored)
        self.objects[place] = stored

    def _upload(self, operation: str, request: dict[str, Any]) -> dict[int, bytes]:
        try:
            return self.uploads[request["UploadId"]]
        except KeyError:
            raise refusal("NoSuchUpload", operation, 404) from None


@dataclass
class _Pages:
    """A paginator that answers one entry a page: who reads the first page alone is found out."""

    operation: Any

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        whole = self.operation(**request)
        entries = [(name, one) for name, listed in whole.items() if isinstance(listed, list) for one in listed]
        for name, one in entries:
            yield {name: [one]}
        if not entries:
            yield whole


def _unmet(operation: str) -> ClientError:
    return refusal("PreconditionFailed", operation, 412)


@cache
def model() -> Any:
    """S3's service model of the SDK."""
    return botocore.session.get_session().get_service_model("s3")
