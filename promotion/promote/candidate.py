"""The release that a promotion would write: the source's model under the target's names. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from kickstand.config.model import Environment
from kickstand.names import Names
from kickstand.release import GateResult, GoldenRows, Override, Promotion, Release


def candidate_release(release: Release, target: Environment, *, image_uri: str) -> Release:
    """The source's release as the target would have it, before the gates were asked.

    image_uri: of the release's algorithm version in the target's region.
    What only the promotion brings (gates, who, when, the model package) is empty; the data stay where they are.
    """
    bucket = Names(target).bucket
    curve = release.learning_curve
    beside = f"s3://{bucket}/models/{release.artifact.sha256}/"
    earlier = (*release.earlier_promotions, *((release.promoted_from,) if release.promoted_from else ()))
    origin = Promotion(
        environment=release.environment, release_sha256=release.sha256, gates=(), overrides=(), by="", at=""
    )
    return release.model_copy(
        update={
            "environment": target.name,
            "account": target.account,
            "region": target.region,
            "bucket": bucket,
            "algorithm": release.algorithm.model_copy(update={"image_uri": image_uri}),
            "artifact": release.artifact.model_copy(update={"s3_uri": f"{beside}model.tar.gz"}),
            "learning_curve": curve and curve.model_copy(update={"s3_uri": f"{beside}learning_curve.json"}),
            "golden_rows": _golden(release.golden_rows, target, bucket),
            "model_package_arn": "",
            "promoted_from": origin,
            "earlier_promotions": earlier,
            "sha256": "",
        }
    )


def is_confidential(golden: GoldenRows, target: Environment) -> bool:
    """Whether the target's release must not hold the rows: the source's does not, or the target keeps none in git."""
    return bool(golden.s3_uri) or not target.data.golden_rows_in_git


def _golden(golden: GoldenRows, target: Environment, bucket: str) -> GoldenRows:
    if not is_confidential(golden, target):
        return golden
    return GoldenRows(sha256=golden.sha256, s3_uri=f"s3://{bucket}/golden/{golden.sha256}.json")


def promoted_release(
    candidate: Release,
    *,
    model_package_arn: str,
    gates: Sequence[GateResult],
    overrides: Sequence[Override],
    by: str,
    at: datetime,
) -> Release:
    """The candidate with what the promotion brought; gates and overrides sorted by name.

    by: ARN of who promoted. at: aware.
    """
    assert candidate.promoted_from is not None  # candidate_release has filled it in
    origin = candidate.promoted_from.model_copy(
        update={
            "gates": tuple(sorted(gates, key=lambda gate: gate.name)),
            "overrides": tuple(sorted(overrides, key=lambda one: one.gate)),
            "by": by,
            "at": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        }
    )
    return candidate.model_copy(update={"promoted_from": origin, "model_package_arn": model_package_arn})


def is_promotion_of(release: Release, source: Release) -> bool:
    """Whether a target's release is this very release of the source, promoted."""
    origin = release.promoted_from
    return (
        origin is not None
        and (origin.environment, origin.release_sha256) == (source.environment, source.sha256)
        and release.artifact.sha256 == source.artifact.sha256
    )
