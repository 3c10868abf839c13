"""Whether the keys let everybody who needs them: their policies read with the owner's credentials, IAM simulated.

Reads only: kms:GetKeyPolicy, kms:ListGrants, iam:SimulatePrincipalPolicy. What these credentials may not read is said
to be unknown, by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from deployment.keys.needs import Need
from deployment.keys.policy import Decision, evaluate
from kickstand.aws.errors import AWS_FAILURES, DENIED, error_code
from kickstand.config.model import Environment
from kickstand.config.values import parse_arn
from kickstand.errors import KickstandError
from kickstand.json_text import parse_json

if TYPE_CHECKING:
    import boto3

Session = Callable[[Environment], "boto3.Session"]
"""Opens an environment's session; KickstandError where there are no credentials of its account."""


@dataclass(frozen=True, slots=True)
class KeyAccess:
    """What came of one need.

    status: `ok`; `refused`: AWS will say AccessDenied; `unknown`: these credentials cannot tell.
    found:  a sentence. fix: what to do; empty where it is ok.
    """

    need: Need
    status: Literal["ok", "refused", "unknown"]
    found: str
    fix: str = ""


def key_access(needs: Iterable[Need], session: Session) -> Iterator[KeyAccess]:
    """An answer to each need, in order; each key's policy is read once."""
    policies: dict[str, dict[str, Any] | str] = {}
    for need in needs:
        if need.key not in policies:
            policies[need.key] = _policy(need, session)
        policy = policies[need.key]
        if isinstance(policy, str):
            yield _unknown(need, need.actions, policy)
        else:
            yield _of_policy(need, policy, session)


def _policy(need: Need, session: Session) -> dict[str, Any] | str:
    """The key's policy, or why it could not be read."""
    parsed = parse_arn(need.key)
    if parsed is not None and parsed.account != need.owner.account:
        return f"KMS shows a key policy to its own account {parsed.account} alone"
    try:
        kms = session(need.owner).client("kms")
        policy: dict[str, Any] = parse_json(kms.get_key_policy(KeyId=need.key, PolicyName="default")["Policy"])
    except KickstandError:
        return f"there are no credentials of {need.owner.name}'s account {need.owner.account} here"
    except AWS_FAILURES as error:
        code = error_code(error)
        if code in DENIED:
            return "these credentials lack kms:GetKeyPolicy on it"
        return "the key is not there" if code == "NotFoundException" else f"KMS answered {code or error}"
    return policy


def _of_policy(need: Need, policy: dict[str, Any], session: Session) -> KeyAccess:
    said = {action: evaluate(policy, need.requested(action)) for action in need.actions}
    refused = [action for action, one in said.items() if one.verdict in ("refused", "denied")]
    if refused and not _granted(need, refused, session):
        return _refused(need, refused, said)
    unsure = [action for action, one in said.items() if one.verdict == "unknown"]
    if unsure:
        return _unknown(need, unsure, f"the statement {said[unsure[0]].by} depends on what is not known here")
    by_iam = [action for action, one in said.items() if one.verdict == "delegated" or need.account != _account(need)]
    lacking = _not_allowed_by_iam(need, by_iam, session) if by_iam and need.arn else []
    if lacking:
        return KeyAccess(
            need,
            "refused",
            f"The IAM policies of {need.arn} do not let it use the key {need.key} to {need.purpose}: "
            f"{_listed(lacking)} {_is(lacking)} missing.",
            "Deploy the training stack of its environment, which gives the release role its policy."
            if need.promotion
            else f"Allow it {_listed(lacking)} on {need.key} in a policy of the role.",
        )
    return KeyAccess(need, "ok", f"The key {need.key} lets {need.who} {need.purpose}.")


def _refused(need: Need, lacking: list[str], said: dict[str, Decision]) -> KeyAccess:
    denied = sorted({said[action].by for action in lacking if said[action].verdict == "denied"})
    why = f"its statement {', '.join(denied)} denies it" if denied else "no statement allows it"
    found = (
        f"The policy of the key {need.key} does not let {_named(need)} {need.purpose}: {_listed(lacking)} "
        f"{_is(lacking)} missing; {why}."
    )
    if denied:
        return KeyAccess(need, "refused", found, "The key's owner takes the role out of that statement.")
    return KeyAccess(need, "refused", found, f"The key's owner adds to its policy:\n{needed_statement(need, lacking)}")


def _unknown(need: Need, actions: Iterable[str], why: str) -> KeyAccess:
    requested = list(actions)
    return KeyAccess(
        need,
        "unknown",
        f"Whether the key {need.key} lets {_named(need)} {need.purpose} ({_listed(requested)}) is unknown: {why}.",
        f"Its policy needs, where nothing there says it yet:\n{needed_statement(need, requested)}",
    )


def needed_statement(need: Need, actions: Iterable[str]) -> str:
    """The statement of the key policy as JSON."""
    return json.dumps(need.statement(actions), indent=2)


def _granted(need: Need, actions: list[str], session: Session) -> bool:
    """Whether grants of the key let the role, so far as these credentials may list them."""
    if not need.arn:
        return False
    try:
        kms = session(need.owner).client("kms")
        pages = kms.get_paginator("list_grants").paginate(KeyId=need.key)
        grants = [grant for page in pages for grant in page["Grants"]]
    except (KickstandError, *AWS_FAILURES):
        return False
    operations = {
        f"kms:{operation}"
        for grant in grants
        if grant.get("GranteePrincipal") == need.arn and not grant.get("Constraints")
        for operation in grant["Operations"]
    }
    return operations.issuperset(actions)


def _not_allowed_by_iam(need: Need, actions: list[str], session: Session) -> list[str]:
    """The actions that IAM's simulation refuses the role; empty also where it cannot be asked: AWS says at the call.

    A role that its stack has yet to make is none to be asked about.
    """
    context = [
        {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
        for name, value in need.requested(actions[0]).known.items()
    ]
    try:
        iam = session(need.holder).client("iam")
        results = [
            result
            for action in actions
            for result in iam.simulate_principal_policy(
                PolicySourceArn=need.arn, ActionNames=[action], ResourceArns=[need.key], ContextEntries=context
            )["EvaluationResults"]
        ]
    except (KickstandError, *AWS_FAILURES):
        return []
    return [
        one["EvalActionName"]
        for one in results
        if one["EvalDecision"] != "allowed" and not one.get("MissingContextValues")
    ]


def _account(need: Need) -> str:
    parsed = parse_arn(need.key)
    return parsed.account if parsed is not None else ""


def _named(need: Need) -> str:
    return f"{need.who} ({need.arn})" if need.arn else need.who


def _listed(actions: list[str]) -> str:
    return ", ".join(actions)


def _is(actions: list[str]) -> str:
    return "is" if len(actions) == 1 else "are"
