"""The stage of one environment: its training and hosting stacks, or, apart from them, the stack of its pipeline.

The pipeline stack holds the roles that the workflows of a repository assume.
"""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from infra.checks.policy_checks import checks_are_on
from infra.constructs.roles import ManagedPolicy, OidcProvider, WorkflowRole
from infra.policies.automation import deploy_statements, prepare_statements
from infra.policies.drift import drift_statements
from infra.policies.reviewer import reviewer_statements
from infra.policies.statement import Statement
from infra.stacks.hosting_stack import HostingStack
from infra.stacks.training_stack import TrainingStack
from kickstand.aws.github_oidc import AUDIENCE, Repository, preparing
from kickstand.config.model import Environment, Project
from kickstand.names import Names
from kickstand.release.model import Release


class PipelineStack(cdk.Stack):
    """The OIDC provider, and three roles: `review` for pull requests, `prepare` before approval, `deploy` after it.

    Reviewing reads. Its policies are the reviewers' word for word and still its own: a policy that is attached
    cannot be deleted, and the training stack must be, whenever its environment is destroyed.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: Environment, repository: Repository
    ) -> None:
        names = Names(environment)
        super().__init__(
            scope,
            construct_id,
            stack_name=names.pipeline_stack,
            description=f"What workflows of {repository.name} may do with {environment.project}, {environment.name}",
            synthesizer=cdk.DefaultStackSynthesizer(qualifier=environment.bootstrap.qualifier),
            tags=dict(environment.tags),
        )
        self._names, self._environment, self._repository = names, environment, repository
        self._provider = OidcProvider(
            self,
            "GitHub",
            audience=AUDIENCE,
            existing_arn=environment.pipeline.oidc_provider_arn,
        )
        self._reading = self._readers()
        subjects = {
            "review": (repository.pull_request_subject, []),
            "prepare": (repository.environment_subject(preparing(environment.name)), prepare_statements(names)),
            "deploy": (repository.environment_subject(environment.name), deploy_statements(names)),
        }
        for job, (subject, statements) in subjects.items():
            role = self._role(job, subject, statements)
            cdk.CfnOutput(self, f"{job.capitalize()}RoleArn", value=role.arn)
        for key, value in environment.tags.items():
            cdk.Tags.of(self).add(key, value)

    def _readers(self) -> list[str]:
        """ARNs of the policies that read: two, since one takes 6,144 characters."""
        policies = {"review": reviewer_statements(self._names), "drift": drift_statements(self._names)}
        return [
            ManagedPolicy(
                self,
                f"{what.capitalize()}Policy",
                policy_name=self._names.managed_policy(f"pipeline-{what}"),
                description="Read what Kickstand has deployed, for its pipeline",
                statements=statements,
            ).arn
            for what, statements in policies.items()
        ]

    def _role(self, job: str, subject: str, statements: list[Statement]) -> WorkflowRole:
        return WorkflowRole(
            self,
            f"{job.capitalize()}Role",
            role_name=self._names.pipeline_role(job),
            description=f"The pipeline's {job} jobs of {self._names.prefix}",
            provider_arn=self._provider.arn,
            conditions=self._repository.conditions(self._environment.region, subject),
            policies=self._reading,
            statements=statements,
            permissions_boundary=self._environment.roles.permissions_boundary,
        )


class PipelineStage(cdk.Stage):
    """The pipeline stack of one environment, apart from its other stacks: `ENV-pipeline/roles`.

    What grants the right to deploy is not deployed by it: a person does that (`kickstand deploy ENV --pipeline`).
    """

    def __init__(self, scope: Construct, *, environment: Environment, repository: Repository) -> None:
        place = cdk.Environment(account=environment.account, region=environment.region)
        super().__init__(scope, f"{environment.name}-pipeline", env=place)
        self.roles = PipelineStack(self, "roles", environment=environment, repository=repository)


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
