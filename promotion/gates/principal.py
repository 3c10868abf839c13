"""Who an ARN names, as far as two ARNs can be told to be the same person. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_SINGLE_SIGN_ON = "AWSReservedSSO_"


@dataclass(frozen=True, slots=True)
class Principal:
    """One caller of AWS.

    kind: `user`, `session` of a role, `person` who signed in with IAM Identity Center, `root` of an account, or
    `other`. scope: the account, and for a session also the role; empty for a person, who is one in all accounts.
    """

    kind: str
    scope: str
    name: str


def principal(arn: str) -> Principal:
    """Whom an ARN of a user, an assumed role, or an account's root names.

    Paths are left out: STS does not tell a role's. Identity Center makes the session's name the user's own, the same
    in every account and role; the session of any other role has the name that its caller gave it.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return Principal("other", "", arn)
    account, (kind, *names) = parts[4], parts[5].split("/")
    if kind == "root":
        return Principal("root", account, "root")
    if kind == "user" and names:
        return Principal("user", account, names[-1])
    if kind == "assumed-role" and len(names) == 2:
        role, session = names
        if role.startswith(_SINGLE_SIGN_ON):
            return Principal("person", "", session)
        return Principal("session", f"{account}/{role}", session)
    return Principal("other", account, parts[5])


def is_somebody(arn: str) -> bool:
    """Whether an ARN tells persons apart: the root of an account is whoever has its password."""
    return principal(arn).kind != "root"


def is_same(one: str, other: str) -> bool:
    """Whether two ARNs name the same principal."""
    return principal(one) == principal(other)
