"""Whether an environment is ready for the CDK, and what to type where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kickstand.errors import KickstandError, Problem
from promotion.cdk import Cdk

if TYPE_CHECKING:
    import boto3

    from kickstand.config.model import Environment

WHAT_IT_GRANTS = (
    "That makes a bucket and an image repository for deployments and five roles in the account, one of which "
    "(cfn-exec) CloudFormation uses to make what the stacks ask for, with AdministratorAccess unless "
    "--cloudformation-execution-policies names less. It is done once for an account and a region, by its owner."
)


def is_bootstrapped(session: boto3.Session, environment: Environment) -> bool:
    """Whether the CDK bootstrap stack of the environment's qualifier is in its account and region.

    The bootstrap template leaves its version in an SSM parameter, which the CDK CLI itself reads.
    """
    ssm = session.client("ssm")
    try:
        ssm.get_parameter(Name=f"/cdk-bootstrap/{environment.bootstrap.qualifier}/version")
    except ssm.exceptions.ParameterNotFound:
        return False
    return True


def refuse_without_bootstrap(cdk: Cdk) -> None:
    """Raise KickstandError with the exact command where the environment is not bootstrapped."""
    if is_bootstrapped(cdk.session, cdk.environment):
        return
    profile = f" --profile {cdk.environment.profile}" if cdk.environment.profile else ""
    raise KickstandError(
        Problem(
            "The CDK bootstrap stack is missing.",
            f"account {cdk.environment.account}, region {cdk.environment.region}",
            f"Run: npx cdk {' '.join(cdk.bootstrap_words())}{profile}",
            then=WHAT_IT_GRANTS,
        )
    )
