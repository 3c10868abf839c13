"""One environment: what is deployed, reviewed and destroyed together."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from infra.hosting_stack import HostingStack
from infra.training_stack import TrainingStack
from kickstand.config.model import Environment
from kickstand.release import Release


class EnvironmentStage(cdk.Stage):
    """The stacks of one environment, in its account and region: `cdk deploy 'dev/*'`.

    release: what it serves; None while no model has been released, and there is no hosting stack then.

    The stacks refer to nothing of each other. Hosting is deployed after training, which makes its bucket, and
    destroyed before it.
    """

    def __init__(self, scope: Construct, *, environment: Environment, release: Release | None) -> None:
        place = cdk.Environment(account=environment.account, region=environment.region)
        super().__init__(scope, environment.name, env=place)
        self.training = TrainingStack(self, "training", environment=environment)
        self.hosting: HostingStack | None = None
        if release is not None:
            self.hosting = HostingStack(self, "hosting", environment=environment, release=release)
            self.hosting.add_stack_dependency(self.training)
