"""One promotion into an environment at a time: an object in its bucket that only one can have put there.

It says who holds it. S3 decides: the object is written only where there is none (`If-None-Match: *`), and replaced or
removed only while it is the one that was read (`If-Match`).
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from kickstand.aws.errors import AWS_FAILURES, aws_error, error_code, explained
from kickstand.aws.s3 import CONFLICT, EXISTS, ArtifactBucket, decided
from kickstand.bucket import RELEASE_LOCK
from kickstand.errors import KickstandError, Problem
from kickstand.json_text import parse_json

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

UNKNOWN = "somebody"


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that promotes."""

    by: str
    """ARN of whose credentials it has."""
    at: str
    """When it began, UTC, `YYYY-MM-DDTHH:MM:SSZ`."""
    doing: str
    """`promote dev staging, model 3f2a9c…`."""
    machine: str = ""
    """Tells one machine from another without saying which."""
    process: int = 0
    """Its number there."""

    @classmethod
    def here(cls, *, by: str, at: str, doing: str) -> Owner:
        """This process."""
        name = f"{platform.node()} {uuid.getnode()}".encode()
        return cls(by, at, doing, hashlib.sha256(name).hexdigest()[:16], os.getpid())

    @classmethod
    def parse(cls, body: bytes) -> Owner:
        """What a lock says; a lock of another hand is somebody's all the same."""
        try:
            fields: Any = parse_json(body)
            by, at, doing = (str(fields.get(name, UNKNOWN)) for name in ("by", "at", "doing"))
            return cls(by, at, doing, str(fields.get("machine", "")), int(fields.get("process", 0)))
        except (ValueError, TypeError, AttributeError):
            return cls(UNKNOWN, "an unknown time", "an unknown promotion")

    def fields(self) -> dict[str, Any]:
        return asdict(self)

    def is_successor_of(self, other: Owner, *, runs: Callable[[int], bool] | None = None) -> bool:
        """Whether `other` was a run of the same person on this machine, and is no more: killed, its lock left.

        runs: whether a process of this machine is alive.
        """
        same = (self.by, self.machine) == (other.by, other.machine) and bool(self.machine) and other.process > 0
        return same and not (runs or _runs)(other.process)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


STALE = timedelta(minutes=30)
"""A promotion takes a minute or two. A lock of this age was left by one that was killed."""

_BUSY = EXISTS | CONFLICT
"""S3's answers where another holds the lock, or is putting it at this very moment."""
_GONE = frozenset({"NoSuchKey", "404", "NotFound"})
_TRIES = 3


@dataclass(frozen=True, slots=True)
class HeldLock:
    """The lock, ours."""

    s3: S3Client
    bucket: ArtifactBucket
    etag: str

    def require(self) -> None:
        """Raise KickstandError where the lock is another's by now: ours was taken for a dead one's."""
        found = _read(self.s3, self.bucket)
        if found is None or found.etag != self.etag:
            message = "Another promotion has taken over the lock of this one, which had held it for too long."
            raise KickstandError(Problem(message, _place(self.bucket), "When that one is done, run it again."))


@dataclass(frozen=True, slots=True)
class _Found:
    """A lock as it lies there. age: by S3's own clock."""

    owner: Owner
    etag: str
    age: timedelta


@contextmanager
def release_lock(s3: S3Client, bucket: ArtifactBucket, owner: Owner, warn: Callable[[str], None]) -> Iterator[HeldLock]:
    """Hold the lock of an environment's release while the block runs, and give it back whatever ends the block.

    s3: a client of the release role. owner: who we are. warn: told where the lock could not be given back; what
    was done stays done then, and the next one takes the lock over when it is 30 minutes old.

    Raises KickstandError where another promotion holds it: whose, since when.
    """
    lock = HeldLock(s3, bucket, _take(s3, bucket, owner))
    try:
        yield lock
    finally:
        _give_back(lock, warn)


def _take(s3: S3Client, bucket: ArtifactBucket, owner: Owner) -> str:
    held: _Found | None = None
    for _ in range(_TRIES):
        etag = _put(s3, bucket, owner, IfNoneMatch="*")
        if etag is not None:
            return etag
        held = _read(s3, bucket)
        if held is None:
            continue  # given back a moment ago
        if held.age < STALE and not owner.is_successor_of(held.owner):
            break
        etag = _put(s3, bucket, owner, IfMatch=held.etag)
        if etag is not None:
            return etag
    raise KickstandError(_held_problem(held, bucket))


def _put(s3: S3Client, bucket: ArtifactBucket, owner: Owner, **condition: Any) -> str | None:
    """The ETag of the lock that was put; None where the condition did not hold."""
    body = json.dumps(owner.fields(), sort_keys=True, indent=2).encode() + b"\n"
    try:
        answer = s3.put_object(
            **bucket.writes, Key=RELEASE_LOCK, Body=body, ContentType="application/json", **condition
        )
    except AWS_FAILURES as error:
        if error_code(error) in _BUSY | _GONE:
            return None
        raise aws_error(error, "taking the lock of the release", _place(bucket)) from error
    return str(answer["ETag"])


def _read(s3: S3Client, bucket: ArtifactBucket) -> _Found | None:
    with explained("looking at the lock of the release", _place(bucket)):
        try:
            answer = s3.get_object(Bucket=bucket.name, Key=RELEASE_LOCK)
        except AWS_FAILURES as error:
            if error_code(error) in _GONE:
                return None
            raise
        body = answer["Body"].read()
    requested = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    now = parsedate_to_datetime(requested) if requested else datetime.now(UTC)
    return _Found(Owner.parse(body), str(answer["ETag"]), now - answer["LastModified"])


def _give_back(lock: HeldLock, warn: Callable[[str], None]) -> None:
    try:
        decided(lambda: lock.s3.delete_object(Bucket=lock.bucket.name, Key=RELEASE_LOCK, IfMatch=lock.etag))
    except AWS_FAILURES as error:
        if error_code(error) in EXISTS | _GONE:
            return  # another has taken it over
        (problem,) = aws_error(error, "giving back the lock of the release").problems
        warn(f"{problem.message} It is taken over when it is {STALE.seconds // 60} minutes old: {_place(lock.bucket)}")


def _held_problem(held: _Found | None, bucket: ArtifactBucket) -> Problem:
    if held is None:
        return Problem("Other promotions come and go here.", _place(bucket), "Run it again in a minute.")
    left = max(1, -(-(STALE - held.age).total_seconds() // 60))
    fix = (
        f"Wait until it is done, then run it again. Where it was killed: in {left:.0f} minutes its lock counts as left "
        "behind, and the next promotion takes it over."
    )
    owner = held.owner
    return Problem(
        f"{owner.by} holds the promotion lock since {owner.at}: {owner.doing}. Nothing was written.",
        _place(bucket),
        fix,
    )


def _place(bucket: ArtifactBucket) -> str:
    return f"s3://{bucket.name}/{RELEASE_LOCK}"
