"""A statement of a policy as sets, so that two policies can be compared by what they allow, not how they are written.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from typing import Any

from kickstand.json_text import parse_json

Condition = tuple[str, str, frozenset[str]]
"""Operator, key, values."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The smallest piece of a statement: one principal, one action, one resource, under all of its conditions.

    A `!` before an action, a resource or a principal: all but these (NotAction and its like), joined by `|`.
    """

    principal: str
    action: str
    resource: str
    conditions: frozenset[Condition]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement."""

    allow: bool
    principals: tuple[str, ...]
    """`*`, `AWS:arn:…`, `Service:sagemaker.amazonaws.com`; `""` in a policy of an identity."""
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: frozenset[Condition]
    source: str = field(default="", compare=False)
    """The logical id of the resource that says it."""

    def grants(self) -> Iterator[Grant]:
        for principal, action, resource in product(self.principals, self.actions, self.resources):
            yield Grant(principal, action, resource, self.conditions)


def statements(document: Any, text: Callable[[Any], str], source: str) -> tuple[Statement, ...]:
    """The statements of a policy document; `text` makes one text of a value that may be an intrinsic function."""
    if isinstance(document, str):
        try:
            document = parse_json(document)
        except ValueError:
            return ()
    found = document.get("Statement", []) if isinstance(document, dict) else []
    return tuple(
        _statement(one, text, source)
        for one in (found if isinstance(found, list) else [found])
        if isinstance(one, dict)
    )


def _statement(one: Mapping[str, Any], text: Callable[[Any], str], source: str) -> Statement:
    def values(name: str, default: str) -> tuple[str, ...]:
        if name in one:
            return tuple(sorted({text(value) for value in _many(one[name])}))
        if f"Not{name}" in one:
            return ("!" + "|".join(sorted({text(value) for value in _many(one[f"Not{name}"])})),)
        return (default,)

    return Statement(
        allow=one.get("Effect") != "Deny",
        principals=_principals(one, text),
        actions=values("Action", "*"),
        resources=values("Resource", ""),
        conditions=frozenset(_conditions(one.get("Condition") or {}, text)),
        source=source,
    )


def _principals(one: Mapping[str, Any], text: Callable[[Any], str]) -> tuple[str, ...]:
    given = one.get("Principal", one.get("NotPrincipal"))
    if given is None:
        return ("",)
    if isinstance(given, str):
        found = {given}
    else:
        found = {_principal(kind, text(value)) for kind, values in given.items() for value in _many(values)}
    return tuple(sorted(found)) if "Principal" in one else ("!" + "|".join(sorted(found)),)


def _principal(kind: str, name: str) -> str:
    """An account is its root: AWS takes both for the same."""
    if kind == "AWS" and name == "*":
        return "*"
    return f"AWS:arn:aws:iam::{name}:root" if kind == "AWS" and _ACCOUNT.fullmatch(name) else f"{kind}:{name}"


_ACCOUNT = re.compile(r"\d{12}")
_ROOT = re.compile(r"AWS:arn:[^:]+:iam::(\d{12}):root")


def _principal_covers(wide: str, narrow: str) -> bool:
    """A whole account takes in each role and user of it."""
    whole = _ROOT.fullmatch(wide)
    if whole is not None and re.match(rf"AWS:arn:[^:]+:(iam|sts)::{whole[1]}:", narrow):
        return True
    return _name_covers(wide, narrow)


def _conditions(given: Mapping[str, Any], text: Callable[[Any], str]) -> Iterator[Condition]:
    for operator, keys in given.items():
        for key, values in keys.items():
            yield operator, key, frozenset(text(value) for value in _many(values))


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def covers(wide: Grant, narrow: Grant) -> bool:
    """Whether all that `narrow` speaks of, `wide` speaks of too."""
    return (
        _principal_covers(wide.principal, narrow.principal)
        and _name_covers(wide.action.lower(), narrow.action.lower())
        and _name_covers(wide.resource, narrow.resource)
        and all(any(_implies(given, wanted) for given in narrow.conditions) for wanted in wide.conditions)
    )


def _name_covers(wide: str, narrow: str) -> bool:
    if wide.startswith("!"):
        left_out = wide[1:].split("|")
        if narrow.startswith("!"):
            return all(
                any(_matches(one, other) for other in narrow[1:].split("|")) or one in narrow[1:].split("|")
                for one in left_out
            )
        return not any(_matches(one, narrow) or _matches(narrow, one) for one in left_out)
    if narrow.startswith("!"):
        return wide == "*"
    return _matches(wide, narrow)


def _matches(pattern: str, name: str) -> bool:
    """Whether a pattern takes in all that another pattern does: `s3:Get*` takes in `s3:GetObject*`."""
    return pattern == name or _expression(pattern).fullmatch(name) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    parts = {"*": ".*", "?": "[^*]"}
    # `${Bucket.Arn}` and policy variables are texts; a `*` in what is matched is a character of it.
    return re.compile("".join(parts.get(letter, re.escape(letter)) for letter in pattern), re.DOTALL)


def _implies(given: Condition, wanted: Condition) -> bool:
    """Whether who meets one condition meets the other: fewer values where one must be met, more where none may."""
    operator, key, values = given
    if (operator, key.lower()) != (wanted[0], wanted[1].lower()):
        return False
    if "Not" in operator:
        return values >= wanted[2]
    like = "Like" in operator or "Arn" in operator
    return all(value in wanted[2] or (like and any(_matches(one, value) for one in wanted[2])) for value in values)
