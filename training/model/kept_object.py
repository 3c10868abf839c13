"""Objects whose key is their content: copied inside S3, proven by their SHA-256, never written over."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from kickstand.aws_errors import error_code, explained
from kickstand.errors import KickstandError, Problem
from training.conditional_write import write_once
from training.model.artifact_bucket import ArtifactBucket
from training.model.s3_location import S3Location

_CHUNK = 1 << 20
_LARGEST_COPY = 5 * 1024**3
"""Bytes that one CopyObject takes (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html)."""

_ABSENT = frozenset({"403", "404", "NoSuchKey", "NotFound"})
"""HeadObject's answers for a missing key; 403 without the permission to list (then nothing is proven either)."""


class ChangedObjectError(KickstandError):
    """What lies at a place is not what the digest says that was put there."""


@dataclass(frozen=True, slots=True)
class ReadObject:
    """An object as it was read: where, the SHA-256 (hex) and size of its bytes, and what tells it from a later one."""

    location: S3Location
    sha256: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What lies at a key now: the SHA-256 (hex) and size of its bytes."""

    sha256: str
    size: int
    etag: str = field(default="", compare=False)
    """What tells it from a later one."""


def pieces(body: Any) -> Iterator[bytes]:
    """The bytes of an object's body, a piece at a time."""
    while piece := body.read(_CHUNK):
        yield piece


def keep_copy(s3: Any, original: ReadObject, bucket: ArtifactBucket, key: str) -> None:
    """Copy an object to the key that its content names, and prove that it is there.

    An object that is there already is kept: with the same digest it is the same.
    Raises KickstandError where it holds other bytes, or the original has changed since it was read.
    """
    target = S3Location(bucket.name, key)
    # Not looked up first: asked for a missing key, S3 answers 403 to those who may list some prefixes only.
    copied = _copy(s3, original, bucket, target)
    stored = stored_object(s3, target)
    found = None if stored is None else stored.sha256
    if found is None and not copied:
        raise KickstandError(
            Problem("The object has changed since it was read.", original.location.uri, "Run it again.")
        )
    if found != original.sha256:
        raise KickstandError(
            Problem(
                f"The object holds bytes of SHA-256 {found or 'nothing'}, not those that its key names: "
                "somebody has written there. It is not written over.",
                target.uri,
                "Find out who wrote it; delete that object version, then run the same command.",
            )
        )


def _copy(s3: Any, original: ReadObject, bucket: ArtifactBucket, target: S3Location) -> bool:
    """Copy, unless there is an object at the target or the original is another by now: then False."""
    if original.size > _LARGEST_COPY:
        raise KickstandError(
            Problem(f"The object has {original.size:,} bytes; S3 copies at most 5 GiB at once.", original.location.uri)
        )
    # Tags and annotations are the original's own. S3 copies both by default, which takes further permissions on both
    # objects (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html); metadata takes none.
    request = {
        **bucket.writes,
        "Key": target.key,
        "CopySource": {"Bucket": original.location.bucket, "Key": original.location.key},
        "CopySourceIfMatch": original.etag,
        "IfNoneMatch": "*",
        "ChecksumAlgorithm": "SHA256",
        "TaggingDirective": "REPLACE",
        "AnnotationDirective": "EXCLUDE",
    }
    with explained("copying to the place that the content names", target.uri):
        return write_once(lambda: s3.copy_object(**request))


def stored_object(s3: Any, location: S3Location) -> StoredObject | None:
    """What a stored object holds; None where there is none.

    S3's own checksum is taken where it covers the whole object; the checksum of a multipart upload is one of
    checksums, so such an object is read.
    """
    with explained("looking at a stored object", location.uri):
        try:
            answer = s3.head_object(Bucket=location.bucket, Key=location.key, ChecksumMode="ENABLED")
        except ClientError as error:
            if error_code(error) in _ABSENT:
                return None
            raise
        known = _whole_digest(answer)
        if known is not None:
            return StoredObject(known, int(answer["ContentLength"]), str(answer.get("ETag", "")))
        digest, size = hashlib.sha256(), 0
        answer = s3.get_object(Bucket=location.bucket, Key=location.key)
        for piece in pieces(answer["Body"]):
            digest.update(piece)
            size += len(piece)
        return StoredObject(digest.hexdigest(), size, str(answer.get("ETag", "")))


def _whole_digest(head: Mapping[str, Any]) -> str | None:
    """The SHA-256 that HeadObject reports of a whole object, in hex."""
    text = head.get("ChecksumSHA256", "")
    if not text or "-" in text or head.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        return None
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return raw.hex() if len(raw) == hashlib.sha256().digest_size else None
