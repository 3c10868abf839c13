"""Whoever wrote to a model artifact's place again is found, even where the right bytes lie there by now."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kickstand.errors import KickstandError
from kickstand.release import Artifact
from promotion.artifact_writes import artifact_writes, writes_sentence

MODEL, OTHER = b"the model", b"another model"
KEY = "models/x/model.tar.gz"
ARTIFACT = Artifact(s3_uri=f"s3://b/{KEY}", sha256=hashlib.sha256(MODEL).hexdigest(), size=len(MODEL))


class Bucket:
    """Versions of one key, the oldest first, told newest first as S3 does, two a page."""

    def __init__(self, *bodies: bytes, deletions: int = 0, ids: str = "abcdef", denied: bool = False) -> None:
        self.bodies = dict(zip(ids, bodies, strict=False))
        self.deletions, self.denied, self.read = deletions, denied, 0

    def get_paginator(self, name: str) -> Bucket:
        assert name == "list_object_versions"
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        assert (Bucket, Prefix) == ("b", KEY)
        versions = [
            {
                "Key": KEY,
                "VersionId": "null" if one == "n" else one,
                "LastModified": datetime(2026, 11, 23, 10 + hour, tzinfo=UTC),
                "Size": len(body),
            }
            for hour, (one, body) in enumerate(self.bodies.items())
        ][::-1]
        longer = {"Key": f"{KEY}.sig", "VersionId": "z", "LastModified": datetime(2026, 1, 1, tzinfo=UTC), "Size": 1}
        markers = [{"Key": KEY}] * self.deletions
        return [{"Versions": [*versions[:2], longer]}, {"Versions": versions[2:], "DeleteMarkers": markers}]

    def get_object(self, Bucket: str, Key: str, VersionId: str) -> dict[str, Any]:  # noqa: N803
        self.read += 1
        if self.denied:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")
        return {"Body": io.BytesIO(self.bodies[VersionId])}


def said(bucket: Bucket) -> str:
    return writes_sentence(artifact_writes(bucket, ARTIFACT), ARTIFACT)


def test_one_version_says_that_nobody_wrote_again_and_is_not_read() -> None:
    bucket = Bucket(MODEL)
    assert said(bucket) == (
        "once, on 2026-11-23 10:00:00 UTC: there is one version of it, and nobody has written there since"
    )
    assert bucket.read == 0


def test_the_same_bytes_again_are_told_and_are_no_swap() -> None:
    assert said(Bucket(MODEL, MODEL, MODEL, deletions=1)) == (
        "3 times since 2026-11-23 10:00:00 UTC, each time the same bytes, and deleted 1 time"
    )
    assert said(Bucket(MODEL, deletions=2)) == "once, and deleted 2 times"


def test_a_swap_is_found_even_where_it_was_undone() -> None:
    with pytest.raises(KickstandError) as failed:
        said(Bucket(MODEL, OTHER, MODEL))
    (problem,) = failed.value.problems
    assert problem.message == (
        "The version b of the model artifact, of 2026-11-23 11:00:00 UTC, holds 13 bytes of SHA-256 "
        f"{hashlib.sha256(OTHER).hexdigest()}."
    )
    assert (problem.where, problem.fix) == (
        ARTIFACT.s3_uri,
        "Somebody wrote there again. Find out who (CloudTrail: PutObject), and what the endpoint loaded meanwhile: "
        f"aws s3api list-object-versions --bucket b --prefix {KEY}",
    )


def test_a_version_that_may_not_be_read_proves_nothing() -> None:
    with pytest.raises(KickstandError, match="holds 9 bytes that these credentials may not read"):
        said(Bucket(MODEL, MODEL, denied=True))


def test_a_bucket_without_versions_can_prove_nothing_and_says_so() -> None:
    assert said(Bucket(MODEL, ids="n")) == (
        "not known: the bucket keeps no versions, so a write after 2026-11-23 10:00:00 UTC would have left no trace"
    )


def test_an_artifact_that_is_gone() -> None:
    with pytest.raises(KickstandError, match="No version of the model artifact is there"):
        said(Bucket(deletions=1))
