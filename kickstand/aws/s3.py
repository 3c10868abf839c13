"""Objects in S3 whose key is their content: copied inside S3, proven by their SHA-256, never overwritten.

Writes carry `IfNoneMatch="*"`: S3 decides, so two that write the same key need no lock
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html). For copies it does so since October
2025 ("Amazon S3 adds conditional write functionality to copy operations",
https://www.amazonaws.cn/en/new/2025/amazon-s3-adds-conditional-write-functionality-to-copy-operations, in all
regions); the page "conditional-writes-enforce" is older than that and says that such a copy is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from botocore.exceptions import ClientError

from kickstand.aws.errors import AWS_FAILURES, aws_error, error_code, explained
from kickstand.config.model import Environment
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.names import Names

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class S3Location:
    """A bucket and a key (or a prefix of keys)."""

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def parse_location(uri: str) -> S3Location:
    """The location of an `s3://` URI; InputError for anything else."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise InputError(Problem("An S3 location is written s3://BUCKET/KEY.", uri or "(empty)"))
    return S3Location(bucket, key)


@dataclass(frozen=True, slots=True)
class ArtifactBucket:
    """owner: the account it must belong to, so that another's bucket of the same name receives nothing; None for an
    organisation's own bucket, which may be anywhere. kms_key_arn: None leaves encryption to the bucket."""

    name: str
    owner: str | None = None
    kms_key_arn: str | None = None

    @property
    def writes(self) -> dict[str, Any]:
        """Parameters of every new object."""
        owner = {"ExpectedBucketOwner": self.owner} if self.owner else {}
        key = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key_arn} if self.kms_key_arn else {}
        return {"Bucket": self.name, **owner, **key}


def artifact_bucket(environment: Environment) -> ArtifactBucket:
    """The bucket of an environment."""
    return ArtifactBucket(
        name=Names(environment).bucket,
        owner=None if environment.storage.existing_bucket else environment.account,
        kms_key_arn=environment.storage.kms_key_arn,
    )


EXISTS = frozenset({"PreconditionFailed", "412"})
"""What S3 answers where a condition does not hold: with `IfNoneMatch="*"`, where there is an object."""

CONFLICT = frozenset({"ConditionalRequestConflict", "409"})
"""What S3 answers where another request changed the same key at that moment. Nothing was decided: try again."""

ATTEMPTS = 4
_FIRST_WAIT = 0.1


def decided(write: Callable[[], Any], *, sleep: Callable[[float], None] = time.sleep) -> Any:
    """The answer to a conditional request, repeated while another one on the same key is in its way.

    Repeated three times, after 0.1, 0.2 and 0.4 s. Every refusal but these conflicts passes, as does the last conflict.
    """
    for attempt in range(ATTEMPTS - 1):
        try:
            return write()
        except ClientError as error:
            if error_code(error) not in CONFLICT:
                raise
        sleep(_FIRST_WAIT * 2**attempt)
    return write()


def write_once(write: Callable[[], Any], *, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Do a write with `IfNoneMatch="*"`; False where its condition does not hold, and nothing was written."""
    try:
        decided(write, sleep=sleep)
    except ClientError as error:
        if error_code(error) not in EXISTS:
            raise
        return False
    return True


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


FIND_WRITER = "Find out who wrote it; delete that object version."


def read_object(
    s3: S3Client,
    location: S3Location,
    out: BinaryIO,
    *,
    doing: str,
    most: int | None = None,
    on_bytes: Callable[[int], None] = lambda count: None,
) -> ReadObject:
    """Write an object's bytes to `out`, hashing them as they pass.

    doing: as it follows "while". most: bytes that it may have. on_bytes: is given the length of each piece, for a
    progress bar.
    Raises KickstandError where it is gone, may not be read, or breaks off; ChangedObjectError where it is too long.
    """
    digest, size = hashlib.sha256(), 0
    try:
        answer = s3.get_object(Bucket=location.bucket, Key=location.key)
        if most is not None and answer["ContentLength"] > most:
            message = f"The object has {answer['ContentLength']:,} bytes; at most {most:,} are read."
            raise ChangedObjectError(Problem(message, location.uri, FIND_WRITER))
        for piece in pieces(answer["Body"]):
            digest.update(piece)
            size += len(piece)
            out.write(piece)
            on_bytes(len(piece))
    except (*AWS_FAILURES, OSError) as error:
        raise aws_error(error, doing, location.uri) from error
    if size != answer["ContentLength"]:
        message = f"The download broke off after {size} of {answer['ContentLength']} bytes."
        raise KickstandError(Problem(message, location.uri, "Run it again."))
    return ReadObject(location, digest.hexdigest(), size, answer["ETag"])


def require_object(
    s3: S3Client,
    location: S3Location,
    sha256: str,
    out: BinaryIO,
    *,
    what: str,
    fix: str = FIND_WRITER,
    most: int | None = None,
) -> None:
    """Write the bytes of an object to `out`, and prove that they are those of a digest.

    what: a noun for messages, of several things where it ends with s: "test rows", "model artifact". most: bytes.
    Raises KickstandError as `read_object`; ChangedObjectError where other bytes are there.
    """
    found = read_object(s3, location, out, doing=f"reading the {what}", most=most).sha256
    if found != sha256:
        raise ChangedObjectError(Problem(changed_sentence(what, sha256, found), location.uri, fix))


def changed_sentence(what: str, expected: str, found: str, sizes: tuple[int, int] | None = None) -> str:
    """`The model artifact was changed: expected 5 bytes of SHA-256 …, found 6 bytes of ….`

    what: as in `require_object`. sizes: those expected and found, where both are known.
    """
    were = "were" if what.endswith("s") or what == "data" else "was"
    before, now = (f"{size:,} bytes of " for size in sizes) if sizes else ("", "")
    return f"The {what} {were} changed: expected {before}SHA-256 {expected}, found {now}{found}."


def keep_copy(s3: S3Client, original: ReadObject, bucket: ArtifactBucket, key: str) -> None:
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


def _copy(s3: S3Client, original: ReadObject, bucket: ArtifactBucket, target: S3Location) -> bool:
    """Copy, unless there is an object at the target or the original is another by now: then False."""
    if original.size > _LARGEST_COPY:
        raise KickstandError(
            Problem(f"The object has {original.size:,} bytes; S3 copies at most 5 GiB at once.", original.location.uri)
        )
    # Tags and annotations are the original's own. S3 copies both by default, which takes further permissions on both
    # objects (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html); metadata takes none.
    request: dict[str, Any] = {
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


def stored_object(s3: S3Client, location: S3Location) -> StoredObject | None:
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
        read = s3.get_object(Bucket=location.bucket, Key=location.key)
        for piece in pieces(read["Body"]):
            digest.update(piece)
            size += len(piece)
        return StoredObject(digest.hexdigest(), size, read.get("ETag", ""))


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
