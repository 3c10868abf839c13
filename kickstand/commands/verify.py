"""`kickstand verify`: whether AWS serves exactly what the release says, and nobody swapped anything since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kickstand.commands.context import CommandContext
    from kickstand.release import Release


def verify(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")],
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
    signed = require_signature(release, path, context.environment)
    _say(context, "signature", signed.sentence() if signed else "none; this environment demands none")
    again = context.typed(f"adopt {release.training_job.name} {environment}")
    require_artifact(context.session.client("s3"), release, adopt_command=again)
    _say(context, "artifact", f"{release.artifact.s3_uri} holds the bytes that the release names")
    _say(context, "written by", _writers(context, release))
    with explained(f"verifying the endpoint {context.names.endpoint}"):
        proof = verify_endpoint(context.session, context.names, release)
    _say(context, "endpoint", proof.sentence())


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
    first = min(one["LastModified"] for one in versions)
    if len(versions) == 1 and not deleted:
        return f"one version of it ever, of {first:%Y-%m-%d %H:%M:%S} UTC: nobody has written there since"
    return (
        f"{len(versions)} versions and {len(deleted)} deletions of it since {first:%Y-%m-%d %H:%M:%S} UTC: "
        f"somebody wrote there again. See: aws s3api list-object-versions --bucket {place.bucket} --prefix {place.key}"
    )
