"""Whether the data that a release was trained on are still in S3, byte for byte; asked by an auditor.

A release's data lie under their digest and are never expired, but whoever may write to the bucket can write there.
The model is not changed by that; what is told of it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kickstand.aws_errors import AWS_FAILURES, aws_error
from kickstand.errors import KickstandError, Problem
from kickstand.release import Channel, Release
from training.data.dataset import channel_sha256
from training.model.kept_object import stored_object
from training.model.s3_location import S3Location, parse_location

_FIND_OUT = "Find out who wrote there."
_BACK = f"{_FIND_OUT} Then delete that object version, so that the former one is the current one."


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
            changed.append(Problem("A file that the model was trained on is gone.", where.uri, _BACK))
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
            message = (
                f"The data were changed after the release: expected {file.size:,} bytes of SHA-256 {file.sha256}, "
                f"found {found.size:,} bytes of {found.sha256}."
            )
            changed.append(Problem(message, where.uri, _BACK))
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


def _names(s3: Any, place: S3Location) -> Iterator[str]:
    """The files below a prefix; what the console makes for a folder is none."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.key):
        for found in page.get("Contents", ()):
            if not (found["Key"].endswith("/") and found["Size"] == 0):
                yield found["Key"].removeprefix(place.key)


def _unread(where: str, problem: Problem) -> Problem:
    message = f"The data could not be read, so nothing is proved of them. {problem.message}"
    return Problem(message, where, problem.fix or "Ask with credentials of the environment that trained the model.")
