"""Every policy of a template: of roles and other identities, of their trust, of buckets, keys and other resources.

Beside them, what a role has from elsewhere: attached managed policies, and the boundary that limits it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from review.access.statement import Statement, statements
from review.changes.properties import called

Resources = Mapping[str, Mapping[str, Any]]

_IDENTITY_POLICIES = ("AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::ManagedPolicy", "AWS::IAM::UserPolicy")
_RESOURCE_POLICIES = {
    "AWS::S3::BucketPolicy": ("PolicyDocument", "Bucket"),
    "AWS::SQS::QueuePolicy": ("PolicyDocument", "Queues"),
    "AWS::SNS::TopicPolicy": ("PolicyDocument", "Topics"),
    "AWS::KMS::Key": ("KeyPolicy", ""),
    "AWS::ECR::Repository": ("RepositoryPolicyText", ""),
    "AWS::SecretsManager::ResourcePolicy": ("ResourcePolicy", "SecretId"),
    "AWS::Logs::ResourcePolicy": ("PolicyDocument", ""),
    "AWS::SageMaker::ModelPackageGroup": ("ModelPackageGroupPolicy", ""),
    "AWS::Events::EventBusPolicy": ("Statement", "EventBusName"),
}
"""Type to the property that holds the policy, and the one that names what it is on."""


@dataclass(frozen=True, slots=True)
class Policy:
    """All that is allowed and denied to one identity, or on one resource, by one stack."""

    logical_id: str
    """Of the resource that says it; of the first, where several do."""
    kind: Literal["identity", "trust", "resource"]
    subject: str
    """In words: `the role …`, `the bucket …`."""
    statements: tuple[Statement, ...]


def policies(resources: Resources, region: str) -> dict[tuple[str, str], Policy]:
    """By kind and subject: the statements of several resources about one subject are one policy, as they are to AWS.

    resources: with their effective properties.
    """
    text = texts(resources)
    found: dict[tuple[str, str], Policy] = {}
    for policy in _each(resources, region, text):
        key = policy.kind, policy.subject
        earlier = found.get(key)
        together = (*earlier.statements, *policy.statements) if earlier is not None else policy.statements
        logical_id = earlier.logical_id if earlier is not None else policy.logical_id
        found[key] = Policy(logical_id, policy.kind, policy.subject, together)
    return found


def _each(resources: Resources, region: str, text: Callable[[Any], str]) -> Iterator[Policy]:
    for logical_id, resource in sorted(resources.items()):
        kind, properties = resource["Type"], resource.get("Properties") or {}
        if kind == "AWS::IAM::Role":
            role = _role(logical_id, resources, region)
            yield Policy(
                logical_id, "trust", role, statements(properties.get("AssumeRolePolicyDocument"), text, logical_id)
            )
            for inline in properties.get("Policies") or ():
                yield Policy(logical_id, "identity", role, statements(inline.get("PolicyDocument"), text, logical_id))
        elif kind in _IDENTITY_POLICIES:
            said = statements(properties.get("PolicyDocument"), text, logical_id)
            for subject in _holders(logical_id, resource, resources, region, text):
                yield Policy(logical_id, "identity", subject, said)
        elif kind == "AWS::Lambda::Permission":
            yield _function_permission(logical_id, properties, text)
        elif kind in _RESOURCE_POLICIES:
            name, target = _RESOURCE_POLICIES[kind]
            document = properties.get(name)
            if name == "Statement":
                document = {"Statement": document}
            subject = f"the {called(logical_id, resource, region)}"
            if target:
                subject = _target(text(properties.get(target, "")), kind, resources, region)
            yield Policy(logical_id, "resource", subject, statements(document, text, logical_id))


def _holders(
    logical_id: str, resource: Mapping[str, Any], resources: Resources, region: str, text: Callable[[Any], str]
) -> Iterator[str]:
    properties = resource.get("Properties") or {}
    if resource["Type"] == "AWS::IAM::ManagedPolicy":
        yield f"holders of the {called(logical_id, resource, region)}"
    given = [*(properties.get("Roles") or ()), *([properties["RoleName"]] if "RoleName" in properties else ())]
    for role in given:
        yield _role(_inner(text(role)), resources, region)
    for what in ("Users", "Groups"):
        for name in properties.get(what) or ():
            yield f"the {what.lower()[:-1]} {text(name)}"


def _role(name: str, resources: Resources, region: str) -> str:
    """`the role HostingRole… (The endpoint bikes-dev)`: with the description that the template gives it."""
    resource = resources.get(name)
    if resource is None:
        return f"the role {name}"
    described = (resource.get("Properties") or {}).get("Description")
    purpose = f" ({described})" if isinstance(described, str) else ""
    return f"the {called(name, resource, region)}{purpose}"


def _target(name: str, kind: str, resources: Resources, region: str) -> str:
    inner = _inner(name)
    if inner in resources:
        return f"the {called(inner, resources[inner], region)}"
    what = re.sub(r"Policy$", "", kind.rpartition("::")[2]).lower()
    return f"the {what} {name}"


def _function_permission(logical_id: str, properties: Mapping[str, Any], text: Callable[[Any], str]) -> Policy:
    principal = text(properties.get("Principal", ""))
    kind = "Service" if principal.endswith((".amazonaws.com", ".amazonaws.com.cn")) else "AWS"
    conditions = {
        "StringEquals": {"aws:SourceAccount": properties.get("SourceAccount")},
        "ArnLike": {"aws:SourceArn": properties.get("SourceArn")},
    }
    given = {name: keys for name, keys in conditions.items() if None not in keys.values()}
    said = {"Principal": {kind: principal}, "Action": properties.get("Action", "*"), "Condition": given}
    subject = f"the function {_inner(text(properties.get('FunctionName', '')))}"
    return Policy(logical_id, "resource", subject, statements({"Statement": [said]}, text, logical_id))


def _inner(name: str) -> str:
    """The logical id in `${Bucket}` or `${Bucket.Arn}`; other names as they are."""
    found = re.fullmatch(r"\$\{([^.}]+)(?:\.[^}]+)?\}", name)
    return found[1] if found is not None else name


def texts(resources: Resources) -> Callable[[Any], str]:
    """What makes one text of a value: `${Bucket.Arn}/models/*`, or the ARN itself where the bucket's name is known."""
    known: dict[str, str] = {}
    for logical_id, resource in resources.items():
        name = (resource.get("Properties") or {}).get("BucketName")
        if resource["Type"] == "AWS::S3::Bucket" and isinstance(name, str):
            known[f"${{{logical_id}}}"], known[f"${{{logical_id}.Arn}}"] = name, f"arn:aws:s3:::{name}"

    def text(value: Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, list):
            return ", ".join(map(text, value))
        if not isinstance(value, dict) or len(value) != 1:
            return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        ((function, argument),) = value.items()
        if function == "Ref":
            found = f"${{{argument}}}"
        elif function == "Fn::GetAtt":
            found = f"${{{'.'.join(argument)}}}"
        elif function == "Fn::Join":
            found = str(argument[0]).join(map(text, argument[1]))
        elif function == "Fn::Sub":
            found = str(argument[0] if isinstance(argument, list) else argument)
        else:
            return json.dumps(value, sort_keys=True)
        for name, literal in known.items():
            found = found.replace(name, literal)
        return found

    return text


@dataclass(frozen=True, slots=True)
class AccessChange:
    """A sentence, and how grave it is."""

    logical_id: str
    widened: bool
    """More is allowed, or reachable, than before."""
    sentence: str
    public: bool = False
    """It opens something to everyone on the internet, or lets it be opened."""


Resource = Mapping[str, Any]

_HOLDERS = ("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group")


def attachments(
    old: Mapping[str, Resource], new: Mapping[str, Resource], region: str, *, fresh: bool
) -> Iterator[AccessChange]:
    """fresh: the stack is new, so nothing of it is more than before."""
    before, after = texts(old), texts(new)
    for key, resource in sorted(new.items()):
        if resource["Type"] not in _HOLDERS:
            continue
        what = called(key, resource, region)
        was = old[key]["Properties"] if key in old else {}
        now = resource["Properties"]
        had = {before(one) for one in was.get("ManagedPolicyArns") or ()}
        has = {after(one) for one in now.get("ManagedPolicyArns") or ()}
        for policy in sorted(has - had):
            sentence = f"The managed policy {policy} is now attached to the {what}: it may do all that this allows."
            yield AccessChange(key, not fresh, sentence)
        for policy in sorted(had - has):
            yield AccessChange(key, False, f"The managed policy {policy} is no longer attached to the {what}.")
        if key in old:
            boundary = "PermissionsBoundary"
            limits = [text(one[boundary]) if boundary in one else "" for text, one in ((before, was), (after, now))]
            yield from _boundary(key, f"The {what}", *limits)


def _boundary(key: str, what: str, was: str, now: str) -> Iterator[AccessChange]:
    if was == now:
        return
    if not now:
        yield AccessChange(key, True, f"{what} is no longer limited by the permissions boundary {was}.")
    elif not was:
        yield AccessChange(key, False, f"{what} is now limited by the permissions boundary {now}.")
    else:
        # What the other boundary allows is not in the templates: it may be more.
        yield AccessChange(key, True, f"{what} is limited by another permissions boundary, {now} instead of {was}.")
