"""The model artifact: fetched from the job's output, and kept under its own digest.

`models/<sha256>/model.tar.gz` is what endpoints serve. The key is the content, so an object there is never
written over: what is served cannot change, and the same model has the same key everywhere.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from kickstand.aws_errors import AWS_FAILURES, aws_error, error_code, explained
from kickstand.errors import KickstandError, Problem
from kickstand.release import Artifact
from training.s3_location import S3Location, parse_location

_CHUNK = 1 << 20
_LARGEST_COPY = 5 * 1024**3
"""Bytes that one CopyObject takes (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html)."""

_ABSENT = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchBucket"})
_EXISTS = frozenset({"PreconditionFailed", "412"})


@dataclass(frozen=True, slots=True)
class FetchedArtifact:
    """A job's output as it was read: the very bytes whose digest this is, and the object that they came from."""

    file: Path
    sha256: str
    size: int
    source: S3Location
    etag: str
    version_id: str | None


def model_key(sha256: str) -> str:
    """The key that holds the artifact of a digest."""
    return f"models/{sha256}/model.tar.gz"


def fetch_artifact(
    s3: Any, uri: str, file: Path, *, on_bytes: Callable[[int], None] = lambda count: None
) -> FetchedArtifact:
    """Download a job's output to a file, hashing it as it passes.

    on_bytes: told of each piece, for a progress bar.
    Raises KickstandError where it is gone, may not be read, or breaks off.
    """
    source = parse_location(uri)
    digest, size = hashlib.sha256(), 0
    try:
        answer = s3.get_object(Bucket=source.bucket, Key=source.key)
        with file.open("wb") as out:
            for piece in _pieces(answer["Body"]):
                digest.update(piece)
                size += len(piece)
                out.write(piece)
                on_bytes(len(piece))
    except (*AWS_FAILURES, OSError) as error:
        raise aws_error(error, "fetching the job's model artifact", uri) from error
    if size != answer["ContentLength"]:
        raise KickstandError(
            Problem(f"The download broke off after {size} of {answer['ContentLength']} bytes.", uri, "Run it again.")
        )
    return FetchedArtifact(file, digest.hexdigest(), size, source, answer["ETag"], answer.get("VersionId"))


def keep_artifact(s3: Any, fetched: FetchedArtifact, bucket: str) -> Artifact:
    """Copy a fetched artifact to `models/<sha256>/model.tar.gz`, inside S3, and prove that it is there.

    An object that is there already is kept: with the same digest it is the same artifact.
    Raises KickstandError where it holds other bytes, or the output has changed since it was fetched.
    """
    target = S3Location(bucket, model_key(fetched.sha256))
    if _stored_digest(s3, target) is None:
        _copy(s3, fetched, target)
    found = _stored_digest(s3, target)
    if found != fetched.sha256:
        raise KickstandError(
            Problem(
                f"The object holds bytes of SHA-256 {found or 'nothing'}, not those of its key: "
                "somebody has written there. It is not written over.",
                target.uri,
                "Find out who wrote it; delete that object version, then run the same command.",
            )
        )
    return Artifact(s3_uri=target.uri, sha256=fetched.sha256, size=fetched.size)


def _copy(s3: Any, fetched: FetchedArtifact, target: S3Location) -> None:
    if fetched.size > _LARGEST_COPY:
        raise KickstandError(
            Problem(f"The artifact has {fetched.size} bytes; S3 copies at most 5 GiB at once.", fetched.source.uri)
        )
    source = {"Bucket": fetched.source.bucket, "Key": fetched.source.key}
    if fetched.version_id and fetched.version_id != "null":
        source["VersionId"] = fetched.version_id
    try:
        s3.copy_object(
            Bucket=target.bucket,
            Key=target.key,
            CopySource=source,
            CopySourceIfMatch=fetched.etag,
            IfNoneMatch="*",
            ChecksumAlgorithm="SHA256",
        )
    except AWS_FAILURES as error:
        if error_code(error) not in _EXISTS:
            raise aws_error(error, "copying the artifact to its place", target.uri) from error
        # One of the two conditions failed. Where the target is there by now, somebody else copied the same
        # artifact meanwhile, and the caller looks at it; else it was the source that changed.
        if _stored_digest(s3, target) is None:
            raise KickstandError(
                Problem("The job's output has changed since it was fetched.", fetched.source.uri, "Run it again.")
            ) from error


def _stored_digest(s3: Any, location: S3Location) -> str | None:
    """The SHA-256 of a stored object; None where there is none.

    S3's own checksum is taken where it covers the whole object; the checksum of a multipart upload is one of
    checksums, so such an object is read.
    """
    with explained("looking at the stored artifact", location.uri):
        try:
            answer = s3.head_object(Bucket=location.bucket, Key=location.key, ChecksumMode="ENABLED")
        except ClientError as error:
            if error_code(error) in _ABSENT:
                return None
            raise
        known = _whole_digest(answer)
        if known is not None:
            return known
        digest = hashlib.sha256()
        for piece in _pieces(s3.get_object(Bucket=location.bucket, Key=location.key)["Body"]):
            digest.update(piece)
        return digest.hexdigest()


def _whole_digest(head: dict[str, Any]) -> str | None:
    """The SHA-256 that HeadObject reports of a whole object, in hex."""
    text = head.get("ChecksumSHA256", "")
    if not text or "-" in text or head.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        return None
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return raw.hex() if len(raw) == hashlib.sha256().digest_size else None


def _pieces(body: Any) -> Iterator[bytes]:
    while piece := body.read(_CHUNK):
        yield piece
