"""What every part of a review bundle has, and its first part: what changes in the infrastructure.

Each part is made by a module of its own from values that were read at the edge; the pages are drawn from the whole.
Every part has `headlines`: what a manager must read first, in words; the bundle begins with all of them, danger first.
"""

from __future__ import annotations

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
