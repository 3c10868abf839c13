"""What a KMS key policy says of one principal: allowed, left to IAM, refused, or not to be known from here. Pure.

https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["allowed", "delegated", "denied", "refused", "unknown"]
"""allowed: by the key's policy itself. delegated: it names the account, so IAM policies there decide. denied: by an
explicit Deny. refused: nothing allows it. unknown: a statement depends on what is not known here."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who would use a key.

    arn: of the role; empty for a role of the account that has no name of its own yet, or for whoever holds a managed
    policy there: for them, a key policy can only name the account.
    """

    account: str
    arn: str = ""


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A use of a key. known: values of condition keys, by name in lower case; what is absent is not known."""

    action: str
    principal: Principal
    known: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer. by: the statement that decides, or that cannot be weighed: its Sid, else its number from 1."""

    verdict: Verdict
    by: str = ""


def evaluate(policy: Mapping[str, Any], requested: KeyUse) -> Decision:
    """What a key policy answers to one use."""
    found: dict[tuple[str, str], str] = {}
    """The first statement of each effect and match."""
    for name, statement in _statements(policy):
        found.setdefault((str(statement.get("Effect")), _matches(statement, requested)), name)
    order: tuple[tuple[str, str, Verdict], ...] = (
        ("Deny", "named", "denied"),
        ("Deny", "account", "denied"),
        ("Deny", "unknown", "unknown"),
        ("Allow", "named", "allowed"),
        ("Allow", "account", "delegated"),
        ("Allow", "unknown", "unknown"),
    )
    for effect, match, verdict in order:
        if (effect, match) in found:
            return Decision(verdict, found[effect, match])
    return Decision("refused")


def _statements(policy: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    listed = policy.get("Statement", [])
    for number, one in enumerate([listed] if isinstance(listed, Mapping) else listed, start=1):
        yield str(one.get("Sid") or f"statement {number}"), one


def _matches(statement: Mapping[str, Any], requested: KeyUse) -> Literal["named", "account", "unknown", "no"]:
    if not _covers_action(statement, requested.action):
        return "no"
    level = _principal(statement, requested.principal)
    if level == "no":
        return "no"
    held = _conditions(statement.get("Condition") or {}, requested, denies=statement.get("Effect") == "Deny")
    if held is None:
        return "unknown"
    return level if held else "no"


def _covers_action(statement: Mapping[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not any(_like(action.lower(), one.lower()) for one in _several(statement["NotAction"]))
    return any(_like(action.lower(), one.lower()) for one in _several(statement.get("Action", ())))


def _principal(statement: Mapping[str, Any], principal: Principal) -> Literal["named", "account", "unknown", "no"]:
    if "NotPrincipal" in statement:
        return "unknown"
    given = statement.get("Principal", {})
    names = ["*"] if given == "*" else _several(given.get("AWS", ())) if isinstance(given, Mapping) else []
    if "*" in names or (principal.arn and principal.arn in names):
        return "named"
    if any(_is_account(name, principal.account) for name in names):
        return "account"
    # A role whose name CloudFormation chooses may be among those of its account that are named.
    prefix = re.compile(rf"arn:aws[a-z-]*:(iam|sts)::{principal.account}:(role|assumed-role)/")
    return "unknown" if not principal.arn and any(prefix.match(name) for name in names) else "no"


def _is_account(name: str, account: str) -> bool:
    return name == account or re.fullmatch(rf"arn:aws[a-z-]*:iam::{account}:root", name) is not None


def _conditions(conditions: Mapping[str, Any], requested: KeyUse, *, denies: bool) -> bool | None:
    """Whether every condition holds; None where that is not known.

    A Deny of roles by their whole ARNs is taken not to mean one that CloudFormation has yet to name.
    """
    nameless = denies and not requested.principal.arn
    known = {
        **requested.known,
        "aws:principalaccount": requested.principal.account,
        "kms:calleraccount": requested.principal.account,
        **({"aws:principalarn": requested.principal.arn} if requested.principal.arn else {}),
    }
    answers = [
        _condition(operator, "" if nameless and _names_roles(operator, key, values) else known.get(key.lower()), values)
        for operator, tests in conditions.items()
        for key, values in tests.items()
    ]
    return False if False in answers else None if None in answers else True


def _names_roles(operator: str, key: str, values: Any) -> bool:
    return (
        key.lower() == "aws:principalarn" and "Not" not in operator and not any("*" in one for one in _several(values))
    )


_OPERATOR = re.compile(
    r"(?:(?:ForAnyValue|ForAllValues):)?(String|Arn)(Not)?(Equals|Like|EqualsIgnoreCase)(IfExists)?|Bool"
)


def _condition(operator: str, value: str | None, values: Any) -> bool | None:
    expected = _several(values)
    parts = _OPERATOR.fullmatch(operator)
    if parts is None or value is None or any("${" in one for one in expected):
        return None
    if operator == "Bool" or parts[3] == "EqualsIgnoreCase":
        met = value.lower() in [one.lower() for one in expected]
    elif parts[1] == "String" and parts[3] == "Equals":
        met = value in expected
    else:  # ArnEquals and ArnLike are the same, and take wildcards
        met = any(_like(value, one) for one in expected)
    return met != bool(parts[2])


def _like(text: str, pattern: str) -> bool:
    parts = (".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def _several(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]
