"""What the deployed stacks allow, subject by subject, under the names that AWS knows their resources by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from kickstand.aws.errors import explained
from kickstand.config.model import Environment
from kickstand.errors import KickstandError, Problem
from kickstand.names import Names, partition
from review.access.policies import Policy, policies, texts
from review.access.statement import Statement
from review.access.wording import foreign_account, is_public, who
from review.changes.stacks import live_pairs
from review.changes.template import Resource, StackScope, effective_resources

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

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


_ROLE = "AWS::IAM::Role"


def deployed_resources(
    template: Mapping[str, Any], physical: Mapping[str, str], place: StackScope
) -> dict[str, Resource]:
    """Effective resources; a role goes by its physical name, and what refers to a resource names it.

    physical: logical id to physical id; what it lacks keeps the template's name.
    """
    known = template.get("Resources", {})
    names = {logical: physical.get(logical) or logical for logical, one in known.items() if one.get("Type") == _ROLE}
    reading = _Reading(known, physical, place)
    named = {names.get(logical, logical): reading.value(resource) for logical, resource in known.items()}
    return effective_resources({**template, "Resources": named}, place)


class _Reading:
    def __init__(self, resources: Mapping[str, Any], physical: Mapping[str, str], place: StackScope) -> None:
        self._resources, self._physical, self._place = resources, physical, place

    def value(self, value: Any) -> Any:
        """The value with `Ref` and `Fn::GetAtt ….Arn` of resources put in, as far as they are known."""
        if isinstance(value, list):
            return [self.value(one) for one in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref" and self._physical.get(str(argument)):
                return self._physical[argument]
            if function == "Fn::GetAtt":
                found = self._arn(*(argument.split(".", 1) if isinstance(argument, str) else argument))
                if found:
                    return found
        return {key: self.value(one) for key, one in value.items()}

    def _arn(self, logical: str, attribute: str) -> str:
        name = self._physical.get(logical, "")
        kind = self._resources.get(logical, {}).get("Type")
        if attribute != "Arn" or not name or name.startswith("arn:"):
            return name if attribute == "Arn" else ""
        arn = f"arn:{partition(self._place.region)}"
        match kind:
            case "AWS::IAM::Role":
                return f"{arn}:iam::{self._place.account}:role/{name}"
            case "AWS::S3::Bucket":
                return f"{arn}:s3:::{name}"
            case "AWS::Logs::LogGroup":
                return f"{arn}:logs:{self._place.region}:{self._place.account}:log-group:{name}:*"
        return ""


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
    places = [(stack, StackScope(environment.account, environment.region, stack.name)) for stack in stacks]
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


def _subjects(resources: Mapping[str, Resource], place: StackScope, endpoint_role: str) -> Iterator[Subject]:
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


def _outsiders(resources: Mapping[str, Resource], place: StackScope) -> Iterator[str]:
    """Who is let in from outside the account, with what for: of the resources' policies and of the roles' trust."""
    for policy in policies(resources, place.region).values():
        for statement in policy.statements if policy.kind != "identity" else ():
            for name in statement.principals if statement.allow else ():
                if foreign_account(name, place.account) or is_public(name, statement.conditions):
                    yield who(name, statement.conditions, place.account)


def bare(statement: Statement) -> Statement:
    """A statement without its conditions: what it allows at most."""
    return replace(statement, conditions=frozenset())


def deployed_stacks(cloudformation: CloudFormationClient, names: Names, *, deploy: str) -> tuple[DeployedStack, ...]:
    """In the order they are deployed. deploy: the command that deploys them, for the message.

    Raises KickstandError where none is deployed, or AWS does not tell.
    """
    found = [
        DeployedStack(pair.stack, pair.live, _physical(cloudformation, pair.stack))
        for pair in live_pairs(cloudformation, names)
        if pair.live is not None
    ]
    if not found:
        message = f"No stack of {names.prefix} is deployed, so nothing is allowed by one."
        raise KickstandError(Problem(message, fix=f"Deploy it: {deploy}"))
    return tuple(found)


def _physical(cloudformation: CloudFormationClient, stack: str) -> dict[str, str]:
    with explained("reading the resources of a deployed stack", f"stack {stack}"):
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        return {
            one["LogicalResourceId"]: one.get("PhysicalResourceId", "")
            for page in pages
            for one in page["StackResourceSummaries"]
        }
