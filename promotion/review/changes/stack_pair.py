"""A stack as it is deployed, beside the stack as the assembly has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class StackPair:
    """The two templates of one stack, as JSON; at least one of them is there.

    live None:    the stack does not exist, or no more of it than a change set that was never executed.
    planned None: the assembly has no such stack (its release was removed). CloudFormation does not delete it by itself.
    """

    stack: str
    """Its name, `bikes-prod-hosting`."""
    live: Mapping[str, Any] | None
    planned: Mapping[str, Any] | None
    live_tags: Mapping[str, str] = field(default_factory=dict)
    """The stack's own tags, which CloudFormation puts on its resources."""
    planned_tags: Mapping[str, str] = field(default_factory=dict)
