"""How often anybody wrote to a model artifact's place: a swap leaves a version behind, even one that was undone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from kickstand.aws_errors import DENIED, error_code, explained
from kickstand.errors import KickstandError, Problem
from kickstand.release import Artifact
from training.model.kept_object import pieces
from training.model.s3_location import S3Location, parse_location

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


def artifact_writes(s3: Any, artifact: Artifact) -> Writes:
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


def _digest(s3: Any, place: S3Location, version: Mapping[str, Any]) -> str:
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
