"""One statement of an IAM policy, as a value.

Policies are values here and not `iam.PolicyStatement`s, so that a rule about them is a rule about data: the
synth writes exactly what is read below, and a `*` cannot be written without its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Conditions = Mapping[str, Mapping[str, str | tuple[str, ...]]]
"""Operator, key, value or values: `{"StringLike": {"s3:prefix": ("data/*",)}}`."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that a role or a caller may do.

    sid:       letters and digits: what it is for. Unique in its policy.
    actions:   IAM actions, each by its full name.
    resources: ARNs. Empty where `everywhere` is given.
    everywhere: why the actions can name no resource; the statement is then for `*`.
    conditions: further limits.
    """

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ()
    everywhere: str = ""
    conditions: Conditions = field(default_factory=dict)

    def __post_init__(self) -> None:
        if bool(self.resources) == bool(self.everywhere):
            raise ValueError(f"{self.sid}: name its resources, or say why it has none.")
        if any("*" in action for action in self.actions) or "*" in self.resources:
            raise ValueError(f"{self.sid}: name every action, and give a reason in place of the resource *.")

    def document(self) -> dict[str, Any]:
        """The statement as IAM reads it."""
        limits = {
            operator: {key: _one_or_list(v) for key, v in keys.items()} for operator, keys in self.conditions.items()
        }
        return {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": list(self.actions),
            "Resource": list(self.resources) or "*",
            **({"Condition": limits} if limits else {}),
        }


def policy_document(statements: Iterable[Statement]) -> dict[str, Any]:
    """An IAM policy of some statements, in their order."""
    return {"Version": "2012-10-17", "Statement": [statement.document() for statement in statements]}


def _one_or_list(value: str | tuple[str, ...]) -> str | list[str]:
    return value if isinstance(value, str) else list(value)
