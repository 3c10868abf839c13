"""`kickstand deploy`: the pinned `cdk deploy` of one environment."""

from __future__ import annotations

from typing import Annotated

import typer


def deploy(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before security-relevant changes.")] = False,
) -> None:
    """Deploy the environment's stacks: training, and hosting once there is a release."""
    from kickstand.aws_errors import explained
    from kickstand.commands.context import open_context
    from kickstand.release_file import read_release, release_path
    from promotion.artifact_check import require_artifact
    from promotion.bootstrap import is_bootstrapped, refuse_without_bootstrap
    from promotion.cdk import Cdk
    from promotion.kept import take_back
    from promotion.verify import verify_endpoint

    context = open_context(ctx, environment)
    path = release_path(context.releases, context.environment.name)
    release = read_release(path, context.environment) if path.exists() else None
    cdk = Cdk(context.project, context.environment, context.session, context.releases)
    with explained("looking for the CDK bootstrap stack"):
        if not context.root.local:
            refuse_without_bootstrap(cdk)
        elif not is_bootstrapped(context.session, context.environment):
            cdk.bootstrap()
    if release is not None:
        again = context.typed(f"adopt {release.training_job.name} {environment}")
        require_artifact(context.session.client("s3"), release, adopt_command=again)
    with explained("looking for what a destroyed environment kept"):
        take_back(cdk, context.names, lambda line: context.console.print(line, markup=False))
    stacks = f"{context.environment.name}/*"
    cdk.run("deploy", stacks, *(["--require-approval", "never"] if yes else []))
    if release is None:
        context.console.print(f"There is no release yet. Train a model: {context.typed(f'fit {environment}')}")
        return
    with explained(f"verifying the endpoint {context.names.endpoint}"):
        proof = verify_endpoint(context.session, context.names, release)
    context.console.print(proof.sentence())
    context.console.print(f"Ask it: {context.typed(f'predict {environment} ROWS.csv')}")
