"""Whether the model artifact in S3 is still the one that the release names; asked before anything is deployed.

Its key is its content, and nothing of Kickstand's writes over it, but whoever may write to the bucket can. SageMaker
would serve whatever lies there.
"""

from __future__ import annotations

from typing import Any

from kickstand.errors import KickstandError, Problem
from kickstand.release import Artifact, Release
from training.model.kept_object import StoredObject, stored_object
from training.model.s3_location import parse_location


def require_artifact(s3: Any, release: Release, *, adopt_command: str) -> None:
    """Raise KickstandError where the release's artifact is gone, or holds other bytes.

    s3: a client that may read `models/`. adopt_command: what makes the same job's release again.
    An object whose whole SHA-256 S3 knows is not read; any other is.
    """
    artifact = release.artifact
    problem = artifact_problem(artifact, stored_object(s3, parse_location(artifact.s3_uri)), adopt_command)
    if problem is not None:
        raise KickstandError(problem)


def artifact_problem(artifact: Artifact, found: StoredObject | None, adopt_command: str) -> Problem | None:
    """What is wrong with what was found at the artifact's key; None where it is the release's."""
    if found is None:
        return Problem(
            "The model artifact of the release is not there, or these credentials may not see it "
            "(s3:GetObject, and kms:Decrypt of its key). Nothing was deployed.",
            artifact.s3_uri,
            f"Take the object version back in S3, or make the release of its job again: {adopt_command}",
        )
    if (found.sha256, found.size) == (artifact.sha256, artifact.size):
        return None
    return Problem(
        f"The model artifact was changed after its release: expected {artifact.size:,} bytes of SHA-256 "
        f"{artifact.sha256}, found {found.size:,} bytes of {found.sha256}. Nothing was deployed.",
        artifact.s3_uri,
        "Find out who wrote it. Then delete that object version, so that the former one is the current one again, "
        f"or delete the object and make the release of its job again: {adopt_command}",
    )
