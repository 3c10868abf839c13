"""The review bundle as a value: the whole review of one environment. `review.json` is it, written canonically."""

from __future__ import annotations

from collections.abc import Mapping

from promotion.review.parts import Headline, Infrastructure, Part
from promotion.review.reports import CostReport, DriftReport, ModelReport, PolicyReport

SCHEMA_VERSION = 1


class ChangeSet(Part):
    """A change set that was made for this review, and nothing else, to be executed."""

    stack: str
    arn: str
    stack_arn: str
    empty: bool = False
    """CloudFormation found nothing to do; nothing is executed."""
    waits_for: str = ""
    """Why there is none yet, in a sentence: what this stack needs first. The ARNs are empty then."""


class Bundle(Part):
    """The review of one environment."""

    schema_version: int = SCHEMA_VERSION
    project: str
    environment: str
    account: str
    region: str
    as_of: str
    """The day that ages are counted to, `YYYY-MM-DD`."""
    assembly_sha256: str
    """See assembly.py."""
    release_sha256: str
    """Empty where there is no release."""
    versions: Mapping[str, str]
    """Of everything that made it: Kickstand, aws-cdk-lib, the CDK command line, …"""
    infrastructure: Infrastructure
    policy: PolicyReport
    model: ModelReport | None
    """None where there is no release."""
    cost: CostReport
    drift: DriftReport
    change_sets: tuple[ChangeSet, ...] = ()
    """Made by `review --prepare`; empty in a pull request's review."""

    @property
    def headlines(self) -> tuple[Headline, ...]:
        """All headlines, danger first."""
        parts = [self.infrastructure, self.policy, self.model, self.cost, self.drift]
        found = [headline for part in parts if part is not None for headline in part.headlines]
        return tuple(sorted(found, key=lambda one: ("danger", "warning", "note").index(one.level)))
