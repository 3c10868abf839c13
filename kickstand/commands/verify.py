"""`kickstand verify`: whether AWS serves exactly what the release says, and nobody swapped anything since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from kickstand.commands.context import CommandContext
    from kickstand.errors import KickstandError
    from kickstand.release import Release

_DOES_NOT_FIT = "DOES NOT FIT; see the end"


def verify(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")],
    data: Annotated[
        bool, typer.Option("--data", help="Hold every file that the model was trained on against its digest, too.")
    ] = False,
) -> None:
    """Prove release, signature, artifact and live endpoint against each other; changes nothing."""
    from kickstand.aws_errors import explained
    from kickstand.commands.context import open_context
    from kickstand.release_file import read_release, release_path
    from promotion.artifact_check import require_artifact
    from promotion.signing.verify import require_signature
    from promotion.verify import verify_endpoint

    context = open_context(ctx, environment)
    path = release_path(context.releases, context.environment.name)
    release = read_release(path, context.environment)
    _say(context, "release", f"{path} is as it was written: sha256 {release.sha256}")
    again = context.typed(f"adopt {release.training_job.name} {environment}")

    def signature() -> str:
        signed = require_signature(release, path, context.environment)
        return signed.sentence() if signed else "none; this environment demands none"

    def artifact() -> str:
        require_artifact(context.session.client("s3"), release, adopt_command=again)
        return f"{release.artifact.s3_uri} holds the bytes that the release names"

    def endpoint() -> str:
        with explained(f"verifying the endpoint {context.names.endpoint}"):
            return verify_endpoint(context.session, context.names, release).sentence()

    # Each is asked, whatever became of the one before: an auditor wants to know of everything.
    failures: list[KickstandError] = []
    for label, proof in (
        ("signature", signature),
        ("artifact", artifact),
        ("written by", lambda: _writers(context, release)),
        ("endpoint", endpoint),
    ):
        _prove(context, label, proof, failures)
    if data:
        _prove_data(context, release, failures)
    if failures:
        raise type(failures[0])(*(problem for failure in failures for problem in failure.problems))


def _prove(context: CommandContext, label: str, proof: Callable[[], str], failures: list[KickstandError]) -> None:
    """Say what a proof says; where it fails, say so, and keep why."""
    from kickstand.errors import KickstandError

    try:
        _say(context, label, proof())
    except KickstandError as failure:
        _say(context, label, _DOES_NOT_FIT)
        failures.append(failure)


def _prove_data(context: CommandContext, release: Release, failures: list[KickstandError]) -> None:
    from kickstand.errors import KickstandError
    from promotion.data_check import check_data, require_data

    checked = check_data(release, lambda bucket: _reader(context, bucket))
    for each in checked:
        _say(context, "data", each.sentence())
    try:
        require_data(checked)
    except KickstandError as failure:
        failures.append(failure)


def _reader(context: CommandContext, bucket: str) -> Any:
    """An S3 client of the environment that a bucket belongs to: data stay where they were trained on."""
    from kickstand.commands.places import open_place
    from kickstand.names import Names

    for name, environment in context.project.environments.items():
        if Names(environment).bucket == bucket and name != context.environment.name:
            return open_place(context.root, context.project, name).session.client("s3")
    return context.session.client("s3")


def _say(context: CommandContext, label: str, text: str) -> None:
    context.console.print(f"{label:<12}{text}", markup=False, highlight=False, soft_wrap=True)


def _writers(context: CommandContext, release: Release) -> str:
    """How often the artifact's key was written: a second version would be a swap, even one that was undone."""
    from kickstand.aws_errors import explained
    from training.model.s3_location import parse_location

    place = parse_location(release.artifact.s3_uri)
    with explained("listing the versions of the model artifact", release.artifact.s3_uri):
        answer = context.session.client("s3").list_object_versions(Bucket=place.bucket, Prefix=place.key)
    versions = [one for one in answer.get("Versions", []) if one["Key"] == place.key]
    deleted = [one for one in answer.get("DeleteMarkers", []) if one["Key"] == place.key]
    if not versions:
        return "no version of it is there"
    first = min(one["LastModified"] for one in versions)
    if len(versions) == 1 and not deleted:
        return f"one version of it ever, of {first:%Y-%m-%d %H:%M:%S} UTC: nobody has written there since"
    return (
        f"{len(versions)} versions and {len(deleted)} deletions of it since {first:%Y-%m-%d %H:%M:%S} UTC: "
        f"somebody wrote there again. See: aws s3api list-object-versions --bucket {place.bucket} --prefix {place.key}"
    )
