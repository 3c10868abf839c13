"""The model from one environment's bucket into another's: proved where it is, copied inside S3, proved where it goes.

The digest is taken of the bytes at both ends, never over an object that is there, and never through this machine
but where S3 knows no SHA-256 of the whole object.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from kickstand.aws_errors import DENIED, error_code
from kickstand.errors import KickstandError, Problem
from kickstand.release import Release
from training.model.artifact_bucket import ArtifactBucket
from training.model.kept_object import ReadObject, keep_copy, stored_object
from training.model.s3_location import parse_location


@dataclass(frozen=True, slots=True)
class Piece:
    """One object of a model: where it is, the SHA-256 (hex) that the release names, its key in every bucket."""

    what: str
    uri: str
    sha256: str

    @property
    def key(self) -> str:
        return parse_location(self.uri).key


def pieces_of(release: Release) -> tuple[Piece, ...]:
    """The model artifact, and its learning curve where there is one."""
    artifact, curve = release.artifact, release.learning_curve
    model = Piece("model artifact", artifact.s3_uri, artifact.sha256)
    return (model, Piece("learning curve", curve.s3_uri, curve.sha256)) if curve is not None else (model,)


def require_source(s3: Any, piece: Piece) -> ReadObject:
    """The object at the source, whose bytes are those that the release names.

    s3: a client that may read the source's `models/`. KickstandError: it is gone, or holds other bytes.
    """
    location = parse_location(piece.uri)
    found = stored_object(s3, location)
    if found is None:
        raise KickstandError(
            Problem(
                f"The {piece.what} of the release is not there, or these credentials may not see it (s3:GetObject, and "
                "kms:Decrypt of its key). Nothing was written.",
                piece.uri,
                "Take the object version back in S3, or make the release of its job again: kickstand adopt.",
            )
        )
    if found.sha256 != piece.sha256:
        raise KickstandError(
            Problem(
                f"The {piece.what} was changed after its release: expected SHA-256 {piece.sha256}, found "
                f"{found.sha256}. Nothing was written.",
                piece.uri,
                "Find out who wrote it. Then delete that object version, so that the former one is the current one.",
            )
        )
    return ReadObject(location, found.sha256, found.size, found.etag)


def pull(s3: Any, original: ReadObject, bucket: ArtifactBucket, key: str, grants: Callable[[], str]) -> None:
    """Copy one proved object under the same key, and prove the copy.

    s3: a client of the target's release role. grants: what to add where that role is refused, asked for only then.
    """
    try:
        keep_copy(s3, original, bucket, key)
    except KickstandError as error:
        if error.__cause__ is None or error_code(error.__cause__) not in DENIED:
            raise
        raise KickstandError(*(replace(problem, fix=grants()) for problem in error.problems)) from error.__cause__
