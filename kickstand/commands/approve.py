"""`kickstand approve` and `kickstand reject`: a person's word about the model that an environment serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kickstand.release import Release
    from promotion.approval import Package, Status

_Environment = Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod: whose model it is.")]
_Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why. It stays in the model registry.")]
_Again = Annotated[bool, typer.Option("--again", help="Also where somebody has decided already, in your own name.")]


def approve(ctx: typer.Context, environment: _Environment, reason: _Reason, again: _Again = False) -> None:
    """Approve the model of ENV's release, in the model registry: who and why."""
    _decide(ctx, environment, "Approved", reason, again=again)


def reject(ctx: typer.Context, environment: _Environment, reason: _Reason, again: _Again = False) -> None:
    """Reject the model of ENV's release, in the model registry: who and why."""
    _decide(ctx, environment, "Rejected", reason, again=again)


def _decide(ctx: typer.Context, environment: str, status: Status, reason: str, *, again: bool) -> None:
    from kickstand.aws_errors import explained
    from kickstand.commands.context import open_context
    from kickstand.release_file import read_release, release_path
    from promotion.approval import approval_description, package_of, same_model, to_be_done
    from promotion.signing.verify import require_signature

    context = open_context(ctx, environment)
    path = release_path(context.releases, environment)
    release = read_release(path, context.environment)
    require_signature(release, path, context.environment)
    arn = release.model_package_arn
    with explained("asking AWS who you are"):
        caller = str(context.session.client("sts").get_caller_identity()["Arn"])
    description = approval_description(caller, reason)
    sagemaker = context.session.client("sagemaker")
    with explained("reading the model package", arn):
        package = package_of(sagemaker.describe_model_package(ModelPackageName=arn))
    same_model(package, release, str(path))
    for line in _shown(package, release):
        context.console.print(line)
    if not to_be_done(package, status, again=again):
        context.console.print(f"It is so already: {package.decision()}")
        return
    with explained(f"setting the model package to {status}", arn):
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status, ApprovalDescription=description)
        kept = package_of(sagemaker.describe_model_package(ModelPackageName=arn))
    context.console.print(kept.decision())


def _shown(package: Package, release: Release) -> list[str]:
    metrics = ", ".join(f"{name} {value:g}" for name, value in sorted(release.metrics.items()))
    return [
        f"{package.arn}",
        f"  model      {release.artifact.s3_uri}",
        f"  sha256     {release.artifact.sha256}",
        f"  trained by {release.training_job.name}",
        f"  metrics    {metrics or 'none'}",
        f"  until now  {package.decision() if package.decided else package.status}",
    ]
