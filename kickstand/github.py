"""What GitHub's workflows tell AWS about themselves: the issuer, the audience and the subjects of their tokens.

https://docs.github.com/en/actions/reference/security/oidc
"""

from __future__ import annotations

from kickstand.names import partition

ISSUER = "token.actions.githubusercontent.com"
"""Whose tokens they are; also the name of the provider in IAM."""


def audience(region: str) -> str:
    """For whom the tokens are: STS of the region's partition."""
    return "sts.amazonaws.com.cn" if partition(region) == "aws-cn" else "sts.amazonaws.com"


def pull_request_subject(repository: str) -> str:
    """The subject of a job that a pull request started. repository: `OWNER/NAME`, as GitHub spells it."""
    return f"repo:{repository}:pull_request"


def environment_subject(repository: str, environment: str) -> str:
    """The subject of a job with `environment: ENVIRONMENT`: GitHub's protection rules stand before it."""
    return f"repo:{repository}:environment:{environment}"


def preparing(environment: str) -> str:
    """The GitHub environment in which an environment's deployments are prepared, before anybody approves them."""
    return f"{environment}-prepare"
