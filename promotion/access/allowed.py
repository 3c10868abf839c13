"""What the deployed stacks allow, subject by subject. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kickstand.config.model import Environment
from promotion.access.physical import deployed_resources
from promotion.access.subject import Group, Subject
from promotion.review.changes.effective import Place, Resource
from promotion.review.changes.policies import Policy, policies, texts
from promotion.review.changes.statement import Statement
from promotion.review.changes.wording import foreign_account, is_public, who

_ORDER: tuple[Group, ...] = ("endpoint", "training", "trigger", "promotion", "pipeline", "people", "resources")
_BY_SERVICE: dict[str, Group] = {
    "sagemaker": "training",
    "states": "trigger",
    "events": "trigger",
    "scheduler": "trigger",
}


@dataclass(frozen=True, slots=True)
class DeployedStack:
    """A stack as it is deployed: its template, and the physical id of each logical one."""

    name: str
    template: Mapping[str, Any]
    physical: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Access:
    """All of it, the endpoint's role first."""

    subjects: tuple[Subject, ...]
    endpoint_role: str
    """ARN of the role that the endpoint's model has; empty where no endpoint is deployed."""
    isolated: bool
    """Whether every model's container is without a network of its own."""
    outsiders: tuple[str, ...]
    """Other accounts that a policy lets in, and `everyone on the internet`, in words."""


def allowed(stacks: Sequence[DeployedStack], environment: Environment) -> Access:
    """A function of the templates: what somebody changed past the stacks is drift, which a review tells."""
    places = [(stack, Place(environment.account, environment.region, stack.name)) for stack in stacks]
    resources = [(deployed_resources(stack.template, stack.physical, place), place) for stack, place in places]
    models = [one["Properties"] for found, _ in resources for one in found.values() if _is_model(one)]
    role = next((str(one.get("ExecutionRoleArn", "")) for one in models), "")
    subjects = [one for found, place in resources for one in _subjects(found, place, role.rpartition("/")[2])]
    return Access(
        subjects=tuple(sorted(subjects, key=lambda one: (_ORDER.index(one.group), one.name))),
        endpoint_role=role,
        isolated=bool(models) and all(str(one.get("EnableNetworkIsolation", "")).lower() == "true" for one in models),
        outsiders=tuple(sorted({name for found, place in resources for name in _outsiders(found, place)})),
    )


def _is_model(resource: Resource) -> bool:
    return bool(resource["Type"] == "AWS::SageMaker::Model")


def _subjects(resources: Mapping[str, Resource], place: Place, endpoint_role: str) -> Iterator[Subject]:
    """Identities with who may act as them, then the resources that have a policy of their own."""
    found = policies(resources, place.region)
    text = texts(resources)
    trusts = {policy.subject: policy for policy in found.values() if policy.kind == "trust"}
    for policy in found.values():
        if policy.kind == "resource":
            yield Subject("resources", policy.subject, "", place.stack, policy.statements)
        elif policy.kind == "identity" and policy.subject not in trusts:
            name, _ = _name(policy.subject)
            yield Subject("people", name, _described(resources, name), place.stack, policy.statements)
    for subject, trust in trusts.items():
        name, purpose = _name(subject)
        given = found.get(("identity", subject))
        properties = resources.get(name, {}).get("Properties") or {}
        if not properties:  # a role with a name of its own goes by that
            properties = next((one["Properties"] for one in resources.values() if _role_name(one) == name), {})
        yield Subject(
            group="endpoint" if name == endpoint_role else _group(trust),
            name=name,
            purpose=purpose,
            stack=place.stack,
            statements=given.statements if given else (),
            trusted=tuple(dict.fromkeys(_trusted(trust, place.account))),
            managed=tuple(text(one) for one in properties.get("ManagedPolicyArns") or ()),
            boundary=text(properties["PermissionsBoundary"]) if "PermissionsBoundary" in properties else "",
        )


def _role_name(resource: Resource) -> str:
    return str((resource.get("Properties") or {}).get("RoleName", "")) if resource["Type"] == "AWS::IAM::Role" else ""


def _name(subject: str) -> tuple[str, str]:
    """`the role NAME (PURPOSE)` and `holders of the managed policy NAME` in two."""
    found = re.fullmatch(r"(?:the role|the user|the group|holders of the managed policy) (\S+)(?: \((.*)\))?", subject)
    return (found[1], found[2] or "") if found else (subject, "")


def _described(resources: Mapping[str, Resource], name: str) -> str:
    for resource in resources.values():
        properties = resource.get("Properties") or {}
        if name == properties.get("ManagedPolicyName"):
            return str(properties.get("Description", ""))
    return ""


def _group(trust: Policy) -> Group:
    """By who may act as the role: a service of AWS, an identity provider, or somebody of an account."""
    principals = [name for one in trust.statements if one.allow for name in one.principals]
    for name in principals:
        kind, _, rest = name.partition(":")
        if kind == "Service":
            return _BY_SERVICE.get(rest.split(".")[0], "trigger")
        if kind == "Federated":
            return "pipeline"
    return "promotion"


def _trusted(trust: Policy, account: str) -> Iterator[str]:
    for statement in trust.statements:
        if statement.allow:
            for name in statement.principals:
                yield who(name, statement.conditions, account)


def _outsiders(resources: Mapping[str, Resource], place: Place) -> Iterator[str]:
    """Who is let in from outside the account, with what for: of the resources' policies and of the roles' trust."""
    for policy in policies(resources, place.region).values():
        for statement in policy.statements if policy.kind != "identity" else ():
            for name in statement.principals if statement.allow else ():
                if foreign_account(name, place.account) or is_public(name, statement.conditions):
                    yield who(name, statement.conditions, place.account)


def bare(statement: Statement) -> Statement:
    """A statement without its conditions: what it allows at most."""
    return replace(statement, conditions=frozenset())
