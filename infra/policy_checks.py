"""What the stacks are held to while they are synthesised, where the context asks for it (`-c policy=on`).

Two of the three sources of findings: AWS's advice (cdk-nag's pack AwsSolutions) and our own rules for endpoints and
what is behind them (CloudFormation Guard, infra/policy/*.guard). Both write into validation-report.json of the
assembly. Without the context nothing is asked, nothing is loaded, and the assembly is the one that is deployed.
"""

from __future__ import annotations

from typing import cast

import aws_cdk as cdk

from infra.acknowledgement import checks_are_on
from infra.policy_rules import rule_files
from kickstand.config.model import Project


def add_policy_checks(app: cdk.App, project: Project) -> None:
    """Have the stages that the app has by now checked, if the context says so.

    A finding makes the synthesis fail once everything is written.
    """
    if not checks_are_on(app):
        return
    from cdk_nag import AwsSolutionsChecks
    from cdklabs.cdk_validator_cfnguard import CfnGuardValidator

    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    for environment in project.environments.values():
        stage = app.node.try_find_child(environment.name)
        if stage is not None:
            rules = [str(file) for file in rule_files(environment)]
            guard = CfnGuardValidator(control_tower_rules_enabled=False, rules=rules)
            # Typed for the interface's earlier name; the CDK takes both.
            cdk.Validations.of(stage).add_plugins(cast("cdk.IPolicyValidationPlugin", guard))
