"""What GitHub's workflows tell AWS about themselves: the issuer, the audience and the subjects of their tokens.

https://docs.github.com/en/actions/reference/security/oidc
github.com alone: GitHub Enterprise Server and ghe.com have issuers of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kickstand.names import partition

if TYPE_CHECKING:
    from kickstand.config.promotion import Pipeline

ISSUER = "token.actions.githubusercontent.com"
"""Whose tokens they are; also the name of the provider in IAM."""

AUDIENCE = "sts.amazonaws.com"
"""The audience of the tokens: STS, in every partition that an environment can be in."""

IMMUTABLE_SINCE = "2026-07-15"
"""Repositories that are created, renamed or transferred from this day on have subjects with ids.

https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/
"""

_VALIDATES_CLAIMS = frozenset({"aws"})
"""Partitions whose STS knows GitHub's own claims as condition keys, in AWS's commercial regions since January 2026.

https://aws.amazon.com/about-aws/whats-new/2026/01/aws-sts-supports-validation-identity-provider-claims/
Elsewhere the key is never in the request, and a condition on it would refuse every token.
"""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository on github.com, and the subjects of its jobs.

    name:          `OWNER/NAME`, as GitHub spells it.
    owner_id:      of the account or organisation; GitHub never gives it to another.
    repository_id: likewise of the repository. Both or neither; neither: its subjects hold names alone.
    """

    name: str
    owner_id: int | None = None
    repository_id: int | None = None

    @classmethod
    def of(cls, pipeline: Pipeline) -> Repository | None:
        """The repository of `[pipeline]`; None where it names none."""
        if pipeline.repository is None:
            return None
        return cls(pipeline.repository, pipeline.owner_id, pipeline.repository_id)

    @property
    def is_immutable(self) -> bool:
        """Whether its subjects hold ids: they outlive a rename, and nobody else can ever have them."""
        return self.owner_id is not None and self.repository_id is not None

    @property
    def pull_request_subject(self) -> str:
        """The subject of a job that a pull request started."""
        return f"repo:{self._spelt}:pull_request"

    def environment_subject(self, environment: str) -> str:
        """The subject of a job with `environment: ENVIRONMENT`: GitHub's protection rules stand before it."""
        return f"repo:{self._spelt}:environment:{environment}"

    def conditions(self, region: str, subject: str) -> Mapping[str, str]:
        """What a role's trust compares with the token, as StringEquals: audience, subject, and the repository's id."""
        wanted = {"aud": AUDIENCE, "sub": subject}
        if self.is_immutable and partition(region) in _VALIDATES_CLAIMS:
            wanted["repository_id"] = str(self.repository_id)
        return {f"{ISSUER}:{claim}": value for claim, value in wanted.items()}

    @property
    def _spelt(self) -> str:
        """`OWNER/NAME`, or `OWNER@OWNER_ID/NAME@REPOSITORY_ID`."""
        if not self.is_immutable:
            return self.name
        owner, _, name = self.name.partition("/")
        return f"{owner}@{self.owner_id}/{name}@{self.repository_id}"


def preparing(environment: str) -> str:
    """The GitHub environment in which an environment's deployments are prepared, before anybody approves them."""
    return f"{environment}-prepare"
