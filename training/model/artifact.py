"""The model artifact: fetched from the job's output, and kept under its own digest.

`models/<sha256>/model.tar.gz` is what endpoints serve. The key is the content, so an object there is never
written over: what is served cannot change, and the same model has the same key everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kickstand.aws_errors import AWS_FAILURES, aws_error
from kickstand.errors import KickstandError, Problem
from kickstand.release import Artifact
from training.model.artifact_bucket import ArtifactBucket
from training.model.kept_object import ReadObject, keep_copy, pieces
from training.model.s3_location import S3Location, parse_location


@dataclass(frozen=True, slots=True)
class FetchedArtifact:
    """A job's output on this machine, and the object that the very same bytes came from."""

    file: Path
    read: ReadObject


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
            for piece in pieces(answer["Body"]):
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
    read = ReadObject(source, digest.hexdigest(), size, answer["ETag"])
    return FetchedArtifact(file, read)


def keep_artifact(s3: Any, fetched: FetchedArtifact, bucket: ArtifactBucket) -> Artifact:
    """Keep a fetched artifact as `models/<sha256>/model.tar.gz`. Raises KickstandError as `keep_copy` does."""
    read = fetched.read
    key = model_key(read.sha256)
    keep_copy(s3, read, bucket, key)
    return Artifact(s3_uri=S3Location(bucket.name, key).uri, sha256=read.sha256, size=read.size)
