"""Evidence in S3 for an auditor: whether a release's data are still there byte for byte, and how often its artifact was
written.

A replaced artifact leaves a version behind, even where the replacement was undone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kickstand.aws.errors import AWS_FAILURES, DENIED, aws_error, error_code, explained
from kickstand.aws.s3 import S3Location, changed_sentence, parse_location, pieces, stored_object
from kickstand.errors import KickstandError, Problem
from kickstand.release.model import Artifact, Channel, Release
from training.data.files import channel_sha256

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_FIND_OUT = "Find out who wrote there."
_RESTORE = f"{_FIND_OUT} Then delete that object version, so that the former one is the current one."


@dataclass(frozen=True, slots=True)
class CheckedChannel:
    """What was seen of one channel.

    changed: files that are gone or hold other bytes, and objects that are not of the channel.
    unread: what these credentials could not see, so that nothing is known of it.
    """

    channel: Channel
    changed: tuple[Problem, ...] = ()
    unread: tuple[Problem, ...] = ()

    def sentence(self) -> str:
        """One line for people."""
        channel = self.channel
        count = f"{len(channel.files):,} file{'' if len(channel.files) == 1 else 's'}"
        if self.changed:
            return f"{channel.name}: CHANGED since the release, {channel.s3_uri}"
        if self.unread:
            return f"{channel.name}: not proved, {channel.s3_uri} could not be read"
        return f"{channel.name}: {count}, {channel.rows:,} rows, the bytes that the release names in {channel.s3_uri}"


def check_data(release: Release, client_of: Callable[[str], Any]) -> tuple[CheckedChannel, ...]:
    """Every channel of a release, held against the digests of its files.

    client_of: an S3 client that may read a bucket, by the bucket's name; it may raise KickstandError.
    An object whose whole SHA-256 S3 itself has computed is not read; any other is.
    """
    return tuple(_checked(channel, client_of) for channel in release.channels)


def require_data(checked: tuple[CheckedChannel, ...]) -> None:
    """Raise KickstandError where data were changed, or could not be read: what was not seen is not proved."""
    problems = [problem for each in checked for problem in (*each.changed, *each.unread)]
    if problems:
        raise KickstandError(*problems)


def _checked(channel: Channel, client_of: Callable[[str], Any]) -> CheckedChannel:
    place = parse_location(channel.s3_uri)
    try:
        s3 = client_of(place.bucket)
    except KickstandError as error:
        return CheckedChannel(channel, unread=tuple(_unread(channel.s3_uri, problem) for problem in error.problems))
    try:
        listed: frozenset[str] | None = frozenset(_names(s3, place))
        unread: list[Problem] = []
    except AWS_FAILURES as error:
        listed = None
        failed = aws_error(error, "listing the data")
        unread = [_unread(channel.s3_uri, problem) for problem in failed.problems]
    changed = list(_misnamed(channel))
    for file in channel.files:
        where = S3Location(place.bucket, f"{place.key}{file.name}")
        if listed is not None and file.name not in listed:
            changed.append(Problem("A file that the model was trained on is gone.", where.uri, _RESTORE))
            continue
        try:
            found = stored_object(s3, where)
        except KickstandError as error:
            unread += [_unread(where.uri, problem) for problem in error.problems]
            continue
        if found is None:
            message = "It is not there, or these credentials may not see it (s3:GetObject)."
            unread.append(_unread(where.uri, Problem(message)))
        elif (found.sha256, found.size) != (file.sha256, file.size):
            message = changed_sentence("data", file.sha256, found.sha256, (file.size, found.size))
            changed.append(Problem(message, where.uri, _RESTORE))
    for name in sorted((listed or frozenset()) - {file.name for file in channel.files}):
        message = "This object is not of the release's data, and a job would read it."
        changed.append(Problem(message, f"{channel.s3_uri}{name}", f"{_FIND_OUT} Then delete it."))
    return CheckedChannel(channel, tuple(changed), tuple(unread))


def _misnamed(channel: Channel) -> Iterator[Problem]:
    """A channel's own digest is that of its files' digests: no file of the list can be another one unnoticed."""
    digest = channel_sha256((file.name, file.sha256) for file in channel.files)
    if digest != channel.sha256:
        message = f"The release names the digest {channel.sha256} for the channel {channel.name}; its files give"
        fix = "The release is not as it was made: compare it with its history: kickstand release history."
        yield Problem(f"{message} {digest}.", channel.s3_uri, fix)


def _names(s3: S3Client, place: S3Location) -> Iterator[str]:
    """The files below a prefix; what the console makes for a folder is none."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.key):
        for found in page.get("Contents", ()):
            if not (found["Key"].endswith("/") and found["Size"] == 0):
                yield found["Key"].removeprefix(place.key)


def _unread(where: str, problem: Problem) -> Problem:
    message = f"The data could not be read, so nothing is proved of them. {problem.message}"
    return Problem(message, where, problem.fix or "Ask with credentials of the environment that trained the model.")


_UNVERSIONED = "null"
"""The version id of what was written while the bucket kept no versions."""


@dataclass(frozen=True, slots=True)
class Write:
    """One version of an object. sha256: of its bytes, in hex; empty where these credentials may not read it."""

    version: str
    written: datetime
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Writes:
    """Every version of one object that there is, the oldest first, and how many deletions of it."""

    versions: tuple[Write, ...]
    deletions: int


def artifact_writes(s3: S3Client, artifact: Artifact) -> Writes:
    """The versions of an artifact; where there are several, the bytes of each are read. KickstandError: AWS refuses."""
    place = parse_location(artifact.s3_uri)
    with explained("listing the versions of the model artifact", artifact.s3_uri):
        pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=place.bucket, Prefix=place.key))
    found = [one for page in pages for one in page.get("Versions", []) if one["Key"] == place.key]
    deleted = [one for page in pages for one in page.get("DeleteMarkers", []) if one["Key"] == place.key]
    several = len(found) > 1
    versions = tuple(
        Write(one["VersionId"], one["LastModified"], int(one["Size"]), _digest(s3, place, one) if several else "")
        for one in sorted(found, key=lambda one: one["LastModified"])
    )
    return Writes(versions, len(deleted))


def writes_sentence(writes: Writes, artifact: Artifact) -> str:
    """What they say. KickstandError where a version is not known to hold the release's bytes, or none is there."""
    versions = writes.versions
    if not versions:
        raise KickstandError(Problem("No version of the model artifact is there.", artifact.s3_uri))
    others = [one for one in versions if len(versions) > 1 and one.sha256 != artifact.sha256]
    if others:
        raise KickstandError(*(Problem(_other(one), artifact.s3_uri, _fix(artifact)) for one in others))
    first = f"{versions[0].written.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if any(one.version == _UNVERSIONED for one in versions):
        return f"not known: the bucket keeps no versions, so a write after {first} would have left no trace"
    if len(versions) == 1 and not writes.deletions:
        return f"once, on {first}: there is one version of it, and nobody has written there since"
    times = "once" if len(versions) == 1 else f"{len(versions)} times since {first}, each time the same bytes"
    deleted = f", and deleted {writes.deletions} time{'s' if writes.deletions > 1 else ''}" if writes.deletions else ""
    return f"{times}{deleted}"


def _digest(s3: S3Client, place: S3Location, version: Mapping[str, Any]) -> str:
    """Read, not believed: a checksum that was sent along with an upload of parts is none of the whole."""
    with explained("reading a version of the model artifact", place.uri):
        try:
            answer = s3.get_object(Bucket=place.bucket, Key=place.key, VersionId=version["VersionId"])
        except ClientError as error:
            if error_code(error) in DENIED:
                return ""
            raise
        digest = hashlib.sha256()
        for piece in pieces(answer["Body"]):
            digest.update(piece)
        return digest.hexdigest()


def _other(one: Write) -> str:
    when = f"{one.written.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    held = f"bytes of SHA-256 {one.sha256}" if one.sha256 else "bytes that these credentials may not read"
    return f"The version {one.version} of the model artifact, of {when}, holds {one.size:,} {held}."


def _fix(artifact: Artifact) -> str:
    place = parse_location(artifact.s3_uri)
    return (
        "Somebody wrote there again. Find out who (CloudTrail: PutObject), and what the endpoint loaded meanwhile: "
        f"aws s3api list-object-versions --bucket {place.bucket} --prefix {place.key}"
    )
