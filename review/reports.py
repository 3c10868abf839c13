"""The parts of a review bundle as values: what changes in the infrastructure, policy, cost, drift and the model.

Each part is made by a module of its own from values that were read at the edge; the pages are drawn from the whole.
Every part has `headlines`: what must be read first, in words; the bundle begins with all of them, danger first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Action = Literal["Add", "Modify", "Remove"]
"""CloudFormation's own words for what a change set does to a resource."""
Replacement = Literal["True", "False", "Conditional"]
"""CloudFormation's own words. Conditional: only if the value that it refers to turns out to be another."""
Level = Literal["danger", "warning", "note"]


class Part(BaseModel):
    """A part of the bundle: immutable, complete."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Headline(Part):
    """One sentence for the top of the bundle."""

    level: Level
    sentence: str


# What changes in the infrastructure.


class PropertyChange(Part):
    """One property of a resource that gets another value."""

    name: str
    """The property, as CloudFormation's change sets name it: the top-level one, `ProductionVariants`."""
    path: str
    """Where inside it: `ProductionVariants[AllTraffic].InstanceType`, members of a list by their own key or else their
    number from 0; the same as name where it is the whole property."""
    before: Any = None
    """JSON; None where it was not there."""
    after: Any = None
    """JSON; None where it will not be there."""
    replaces: Replacement
    """Whether a change of this property replaces the resource."""
    via: str = ""
    """The logical id of the replaced resource whose new identity is the change; empty for a change of the template.
    Of an idle resource: the one that is changed in place."""


class ResourceChange(Part):
    """One resource that a deployment adds, changes or removes."""

    logical_id: str
    type: str
    """`AWS::SageMaker::Endpoint`."""
    name: str = ""
    """The construct's path or the physical name: what a person knows it by."""
    action: Action
    replacement: Replacement = "False"
    properties: tuple[PropertyChange, ...] = ()
    because_of: tuple[str, ...] = ()
    """Logical ids of replaced resources that move this one; empty where the template itself changes it."""
    kept: bool = False
    """A removed resource that stays in AWS by its deletion policy."""
    idle: bool = False
    """CloudFormation's change set lists it, and nothing of it changes: only its metadata does, or it asks for an
    attribute of a resource that is changed in place."""
    says: str = ""
    """What that means, in a sentence."""


class StackChange(Part):
    """What a deployment does to one stack."""

    stack: str
    """Its name, `bikes-prod-hosting`."""
    exists: bool
    """Whether it is deployed now; else it is made."""
    live_template_sha256: str
    """Of the deployed template's canonical JSON; empty where there is none."""
    template_sha256: str
    """Of the template in the assembly, likewise."""
    resources: tuple[ResourceChange, ...] = ()
    """Replacements first, then removals, changes, additions."""
    outputs: tuple[str, ...] = ()
    """Outputs that are added, changed or removed, one sentence each."""


class PermissionChange(Part):
    """A change of who may do what, or of what reaches what over the network, as a sentence."""

    stack: str
    logical_id: str
    widened: bool
    """More is allowed than before: shown in red."""
    sentence: str


class Infrastructure(Part):
    """All that changes in the stacks."""

    stacks: tuple[StackChange, ...]
    permissions: tuple[PermissionChange, ...]
    traffic: str
    """Whether requests are at risk while it is deployed, in a sentence."""
    headlines: tuple[Headline, ...]


# What the stacks are checked against.


class Finding(Part):
    """A rule that the stacks do not keep."""

    source: Literal["cdk-nag", "guard", "cfn-lint"]
    rule: str
    """As an exception names it: `AwsSolutions-S1`, `KICKSTAND-ENDPOINT-VARIANT-NAME`, `E3012`."""
    level: Literal["error", "warning"]
    stack: str
    resource: str
    """Logical id or construct path; empty where it is of the whole template."""
    message: str
    fix: str = ""


class Acknowledged(Part):
    """A finding that is accepted, with the reason."""

    rule: str
    reason: str
    where: str
    """The line that accepts it: `kickstand.toml:41`, or the construct."""
    resources: tuple[str, ...]


class PolicyReport(Part):
    """Policy findings."""

    findings: tuple[Finding, ...]
    acknowledged: tuple[Acknowledged, ...]
    rules_run: Mapping[str, int]
    """How many rules of each source were asked."""
    headlines: tuple[Headline, ...]


# What it costs.


class CostLine(Part):
    """One billable thing."""

    what: str
    """`endpoint bikes-prod: 2 x ml.m5.large`."""
    quantity: str
    """`1,460 instance hours`."""
    unit_price: str
    """`0.115 USD an hour`; empty where no price is known."""
    before: float | None
    """A month now, in the currency; 0 where it is not there; None where no price is known."""
    after: float | None
    """A month after the deployment, likewise."""


class CostReport(Part):
    """What a month costs, and by how much that changes."""

    currency: str
    priced_on: str
    """The date of the prices, `YYYY-MM-DD`."""
    lines: tuple[CostLine, ...]
    before: float
    after: float
    unknown: tuple[str, ...]
    """What has no price in the table, and so is not in the sums."""
    assumptions: tuple[str, ...]
    headlines: tuple[Headline, ...]


# Whether AWS still is as it was deployed.


class DriftedResource(Part):
    """A resource that somebody changed past its stack."""

    logical_id: str
    type: str
    status: str
    """CloudFormation's: MODIFIED or DELETED."""
    differences: tuple[str, ...]
    """`Tags[0].Value: expected "a", found "b"`."""


class StackDrift(Part):
    """One live stack against its own template."""

    stack: str
    status: str
    """CloudFormation's: IN_SYNC, DRIFTED, NOT_CHECKED; `NOT_DEPLOYED` where there is no stack."""
    resources: tuple[DriftedResource, ...] = ()


class DriftReport(Part):
    """Drift as it was recorded."""

    detected_at: str
    """UTC; empty where it was not asked."""
    stacks: tuple[StackDrift, ...]
    headlines: tuple[Headline, ...]


# The model.


class MetricPair(Part):
    """One metric of the model that is served now and of the one that would be."""

    name: str
    live: float | None
    released: float | None
    lower_is_better: bool


class SliceMetric(Part):
    """The metric on the rows that share a value."""

    column: str
    value: str
    rows: int
    live: float | None
    released: float


class Plot(Part):
    """One picture of the bundle."""

    name: str
    """`learning-curve`, `predicted-actual`, `residuals`, `importance`."""
    title: str
    alt: str
    """What it shows, for those who do not see it."""
    svg: str
    """Deterministic SVG; it has no script and refers to nothing outside itself."""


class ModelReport(Part):
    """The model that would be served, beside the one that is."""

    release_sha256: str
    artifact_sha256: str
    live_artifact_sha256: str
    """Empty where nothing is served."""
    changed: bool
    promoted_from: str
    """In a sentence; the overrides in `overrides`."""
    overrides: tuple[str, ...]
    signature: str
    """Who signed the release, or that nobody did, in a sentence."""
    training: tuple[tuple[str, str], ...]
    """Job, image, commit, times: label and text."""
    hyperparameters: tuple[tuple[str, str, str], ...]
    """Name, the live value, the released value; empty where there is none."""
    data: tuple[tuple[str, str, str], ...]
    """Channel, the live one's digest and rows, the released one's."""
    metrics: tuple[MetricPair, ...]
    slices: tuple[SliceMetric, ...]
    golden: tuple[tuple[str, str], ...]
    """Row and the answer."""
    plots: tuple[Plot, ...]
    missing: tuple[str, ...]
    """What could not be shown, and why."""
    headlines: tuple[Headline, ...]
