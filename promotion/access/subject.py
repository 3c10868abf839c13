"""Whoever the stacks allow something: roles, holders of managed policies, and whom resources let in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from promotion.review.changes.statement import Statement

Group = Literal["endpoint", "training", "trigger", "promotion", "pipeline", "people", "resources"]
"""What it is for: the endpoint's own role; training jobs; what starts them; what takes models in; a pipeline's role;
people who hold a managed policy; the resource whose own policy speaks."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One of them, and all that the stacks say about it."""

    group: Group
    name: str
    """A role's or policy's name, or the resource: `the bucket …`."""
    purpose: str
    """In the stack's words; empty where it says none."""
    stack: str
    statements: tuple[Statement, ...]
    """Allowed and refused. Of a resource: with the principals."""
    trusted: tuple[str, ...] = ()
    """Who may act as the role, in words."""
    managed: tuple[str, ...] = ()
    """ARNs of managed policies that are attached to the role: it may do all that they allow, too."""
    boundary: str = ""
    """ARN of its permissions boundary."""

    @property
    def called(self) -> str:
        """`the role bikes-prod-release (Takes models of …)`."""
        purpose = f" ({self.purpose})" if self.purpose else ""
        if self.group == "people":
            return f"holders of the managed policy {self.name}{purpose}"
        return f"{self.name}{purpose}" if self.group == "resources" else f"the role {self.name}{purpose}"
