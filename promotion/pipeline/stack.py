"""Deploying the pipeline's roles: done by a person, who may grant them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kickstand.aws_errors import explained
from kickstand.errors import InputError, Problem
from promotion.bootstrap import is_bootstrapped, refuse_without_bootstrap
from promotion.doctor.promotion import pipeline_findings

if TYPE_CHECKING:
    from promotion.cdk import Cdk


def deploy_pipeline(cdk: Cdk, say: Callable[[str], object], *, ask: bool, may_bootstrap: bool) -> None:
    """Deploy `PROJECT-ENV-pipeline` and nothing else.

    say: gets a warning where the project file has the repository's name alone: GitHub may issue subjects with ids.
    ask: whether the CDK command line asks before it grants rights. may_bootstrap: see deploy_environment.
    Raises InputError where the project file names no repository or an assembly was given, KickstandError where the
    account is not bootstrapped or the deployment fails.
    """
    environment = cdk.environment
    if environment.pipeline.repository is None:
        message = f"{environment.name} has no pipeline: the project file names no repository."
        fix = 'Add: [pipeline] with repository = "OWNER/NAME".'
        raise InputError(Problem(message, environment.where("pipeline.repository"), fix))
    if cdk.built is not None:
        message = "An environment's assembly never holds its pipeline stack."
        raise InputError(Problem(message, "--assembly", "Leave --assembly out: --pipeline synthesises by itself."))
    for finding in pipeline_findings(environment):
        if finding.status != "ok":
            say(f"{finding.status}: {finding.found} {finding.fix}")
    with explained("looking for the CDK bootstrap stack"):
        if not may_bootstrap:
            refuse_without_bootstrap(cdk)
        elif not is_bootstrapped(cdk.session, environment):
            cdk.bootstrap()
    approval = [] if ask else ["--require-approval", "never"]
    cdk.run("deploy", f"{environment.name}-pipeline/*", "--context", "pipeline=on", *approval)
