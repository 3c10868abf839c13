"""Whether a release is one of this environment, and each thing in it where its content names it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kickstand.config.model import Environment
from kickstand.errors import Problem
from kickstand.names import Names
from kickstand.release.model import Promotion, Release


def foreign_problems(release: Release, environment: Environment, path: Path) -> Iterator[Problem]:
    """A release of somewhere else: nothing of it may be deployed here."""
    for what, expected, found in (
        ("project", environment.project, release.project),
        ("environment", environment.name, release.environment),
        ("account", environment.account, release.account),
        ("region", environment.region, release.region),
        ("bucket", Names(environment).bucket, release.bucket),
    ):
        if expected != found:
            fix = "Make one for this environment: kickstand fit, or kickstand promote from another."
            message = f"The release names the {what} {found}; {environment.name} is {what} {expected}."
            yield Problem(message, f"{path} and {environment.where(_SETTINGS[what])}", fix)


_SETTINGS = {
    "project": "project",
    "environment": "name",
    "account": "account",
    "region": "region",
    "bucket": "storage.existing_bucket",
}


def place_problems(release: Release, path: Path, remedy: str) -> Iterator[Problem]:
    """The model and its learning curve in the environment's bucket, the data in the bucket of the environment that
    trained it, each under its digest.

    Data are not copied by a promotion: the source's bucket opens `models/*` to the next environment, no more. So a
    promoted release names another environment's bucket there, whose name is not known here; it must be one bucket.
    remedy: what a user does about it.
    """
    beside = f"s3://{release.bucket}/models/{release.artifact.sha256}/"
    if release.artifact.s3_uri != f"{beside}model.tar.gz":
        yield Problem(
            f"The model artifact must be {beside}model.tar.gz, where its content names it; "
            f"it is {release.artifact.s3_uri}.",
            str(path),
            remedy,
        )
    curve = release.learning_curve
    if curve is not None and curve.s3_uri != f"{beside}learning_curve.json":
        message = f"The learning curve must be {beside}learning_curve.json, beside the model; it is {curve.s3_uri}."
        yield Problem(message, str(path), remedy)
    bucket = release.bucket if release.promoted_from is None else _data_bucket(release)
    for channel in release.channels:
        place = f"s3://{bucket}/data/{channel.sha256}/{channel.name}/"
        if channel.s3_uri != place:
            message = f"The channel {channel.name} must be at {place}, as its content names it; it is {channel.s3_uri}."
            yield Problem(message, str(path), remedy)


def _data_bucket(release: Release) -> str:
    """The bucket that the data of a promoted release are in: the first channel's."""
    return release.channels[0].s3_uri.removeprefix("s3://").partition("/")[0] if release.channels else release.bucket


def override_problems(release: Release, path: Path, remedy: str) -> Iterator[Problem]:
    """Gates and overrides that do not agree, in the last promotion and in those before it.

    A failed gate without an override was never passed; an override of a gate that passed, or was not asked, hides
    something.
    """
    last = (release.promoted_from,) if release.promoted_from is not None else ()
    for promotion in (*release.earlier_promotions, *last):
        for message in _disagreements(promotion):
            yield Problem(f"The promotion from {promotion.environment} {message}.", str(path), remedy)
    if release.earlier_promotions and release.promoted_from is None:
        message = "The release has earlier promotions, and none that brought it to this environment."
        yield Problem(message, str(path), remedy)


def _disagreements(promotion: Promotion) -> Iterator[str]:
    failed = {gate.name for gate in promotion.gates if not gate.passed}
    overridden = {one.gate for one in promotion.overrides}
    for name in sorted(failed - overridden):
        yield f"records that the gate {name} failed, and no override of it"
    for name in sorted(overridden - failed):
        yield f"overrides the gate {name}, which it does not record as failed"
