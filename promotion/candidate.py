"""What a promotion would write: the source's release under the target's names, and the objects that it copies.

Objects are verified where they are, copied inside S3, and verified where they go. The digest is taken of the bytes at
both ends, never over an object that is there, and never through this machine but where S3 knows no SHA-256 of the
whole object. An environment takes models from the one before it in the project's order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kickstand.aws.errors import DENIED, error_code
from kickstand.aws.s3 import ArtifactBucket, ReadObject, changed_sentence, keep_copy, parse_location, stored_object
from kickstand.config.model import Environment, Project
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.names import Names
from kickstand.release.model import GateResult, GoldenRows, Override, Promotion, Release
from kickstand.workspace import command_line

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


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


def require_order(project: Project, source: Environment, target: Environment, options: Sequence[str]) -> None:
    """Raise InputError where `target` does not take its models from `source`.

    options: those with which the user reaches the project (see Workspace).
    """
    if source.name != target.name and target.promotes_from == source.name:
        return
    if target.promotes_from is None:
        message = f"{target.name} takes no promotions: it has no promotes_from."
        fix = f'Give [environments.{target.name}] a promotes_from, such as "{source.name}", or train there.'
    else:
        message = f"{target.name} takes its models from {target.promotes_from}, not from {source.name}."
        fix = f"Promote step by step: {command_line(options, f'promote {target.promotes_from} {target.name}')}"
        if source.name == target.name:
            message = f"{source.name} cannot be promoted to itself: it takes its models from {target.promotes_from}."
    order = promotion_order(project)
    raise InputError(Problem(f"{message} The order here: {order}.", target.where("promotes_from"), fix))


def promotion_order(project: Project) -> str:
    """`dev -> staging -> prod`; several ways apart by `; `. An environment without either end stands alone."""
    environments = project.environments
    ends = [name for name in environments if all(each.promotes_from != name for each in environments.values())]
    ways = []
    for end in ends:
        way = [end]
        while (before := environments[way[0]].promotes_from) is not None and before not in way:
            way.insert(0, before)
        ways.append(" -> ".join(way))
    return "; ".join(ways)


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


def require_source(s3: S3Client, piece: Piece) -> ReadObject:
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
                f"{changed_sentence(piece.what, piece.sha256, found.sha256)} Nothing was written.",
                piece.uri,
                "Find out who wrote it. Then delete that object version, so that the former one is the current one.",
            )
        )
    return ReadObject(location, found.sha256, found.size, found.etag)


def pull(s3: S3Client, original: ReadObject, bucket: ArtifactBucket, key: str, grants: Callable[[], str]) -> None:
    """Copy one proved object under the same key, and prove the copy.

    s3: a client of the target's release role. grants: what to add where that role is refused, asked for only then.
    """
    try:
        keep_copy(s3, original, bucket, key)
    except KickstandError as error:
        if error.__cause__ is None or error_code(error.__cause__) not in DENIED:
            raise
        raise KickstandError(*(replace(problem, fix=grants()) for problem in error.problems)) from error.__cause__
