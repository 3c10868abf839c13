"""One environment: what is deployed, reviewed and destroyed together."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from infra.checks.policy_checks import checks_are_on
from infra.stacks.hosting_stack import HostingStack
from infra.stacks.pipeline_stack import PipelineStage
from infra.stacks.training_stack import TrainingStack
from kickstand.aws.github_oidc import Repository
from kickstand.config.model import Environment, Project
from kickstand.release.model import Release

PIPELINE_CONTEXT = "pipeline"
"""The context value that asks for the pipeline stacks, and for them alone: `-c pipeline=on`."""


class EnvironmentStage(cdk.Stage):
    """The stacks of one environment, in its account and region: `cdk deploy 'dev/*'`.

    release:       what it serves; None while no model has been released, and there is no hosting stack then.
    promotes_from: the environment whose models it takes; None: none, and it has no release role.
    promotes_to:   the environments that take its models: their release roles may read `models/` of its bucket.

    The stacks refer to nothing of each other. Hosting is deployed after training, which makes its bucket, and
    destroyed before it.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        environment: Environment,
        release: Release | None,
        promotes_from: Environment | None = None,
        promotes_to: tuple[Environment, ...] = (),
    ) -> None:
        place = cdk.Environment(account=environment.account, region=environment.region)
        super().__init__(scope, environment.name, env=place)
        self.training = TrainingStack(
            self, "training", environment=environment, promotes_from=promotes_from, promotes_to=promotes_to
        )
        self.hosting: HostingStack | None = None
        if release is not None:
            self.hosting = HostingStack(self, "hosting", environment=environment, release=release)
            self.hosting.add_stack_dependency(self.training)


def environment_stage(scope: Construct, project: Project, environment: Environment, release: Release | None) -> None:
    """Make the stage of one of a project's environments, which knows where its models come from and go to.

    With `-c pipeline=on` the stage of its pipeline stack instead, which only a person deploys; both where the
    policy checks are on.
    """
    only_pipeline = scope.node.try_get_context(PIPELINE_CONTEXT) == "on"
    repository = Repository.of(environment.pipeline)
    if repository is not None and (only_pipeline or checks_are_on(scope)):
        PipelineStage(scope, environment=environment, repository=repository)
    if only_pipeline:
        return
    every = project.environments.values()
    EnvironmentStage(
        scope,
        environment=environment,
        release=release,
        promotes_from=next((one for one in every if one.name == environment.promotes_from), None),
        promotes_to=tuple(one for one in every if one.promotes_from == environment.name),
    )
