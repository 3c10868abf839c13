"""CloudFormation's AWS::IAM::Role and User with their permissions boundary, and AWS::IAM::OIDCProvider."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from localcloud.ministack.cloudformation.template import Created, ResourceType, register_resource_types
from localcloud.ministack.door.cloudformation import correct_handler
from localcloud.ministack.door.names import Table, correct, entries
from localcloud.ministack.door.services import iam
from localcloud.ministack.registry import account_id

Records = Callable[[], Table]
TYPES: dict[str, Records] = {"AWS::IAM::Role": lambda: iam.roles, "AWS::IAM::User": lambda: iam.users}
"""Type -> the table that holds its records."""


Properties = dict[str, Any]


def install_roles() -> None:
    """Complete the handlers of both types."""
    for type_name, records in TYPES.items():
        correct_handler(type_name, "create", partial(_bounded_create, records))
        correct_handler(type_name, "update", partial(_bounded_update, records))
    correct(iam.load_persisted_state, _load_persisted_state)


_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def _load_persisted_state(original: Callable[[Any], None], data: Any) -> None:
    """With the policy that the CDK's bootstrap gives to CloudFormation's role: a state folder of 0.3.0 has an empty
    name in its place, and no stack could be deployed there again."""
    original(data)
    for role in entries(iam.roles).values():
        if "-cfn-exec-role-" in role["RoleName"]:
            role["AttachedPolicies"] = [arn or _ADMINISTRATOR for arn in role["AttachedPolicies"]]


def _bounded_create(
    records: Records, original: Callable[..., Any], logical_id: str, props: Properties, stack_name: str
) -> Any:
    _check(props)
    physical_id, attributes = original(logical_id, props, stack_name)
    _bound(records, physical_id, props)
    return physical_id, attributes


def _bounded_update(
    records: Records,
    original: Callable[..., Any],
    physical_id: str,
    old_props: Properties,
    new_props: Properties,
    *more: Any,
) -> Any:
    _check(new_props)
    made, attributes = original(physical_id, old_props, new_props, *more)
    _bound(records, made, new_props)
    return made, attributes


def _check(props: Properties) -> None:
    boundary = props.get("PermissionsBoundary")
    problem = iam.boundary_policy_error.original()(boundary) if boundary else None
    if problem:
        raise ValueError(f"Resource handler returned message: {_message(problem)}")


def _message(answer: tuple[int, Any, bytes | str]) -> str:
    from xml.etree import ElementTree

    root = ElementTree.fromstring(answer[2])  # noqa: S314  (IAM's own answer)
    return next((each.text or "" for each in root.iter() if each.tag.rpartition("}")[2] == "Message"), "")


def _bound(records: Records, name: str, props: Properties) -> None:
    record = records().get(name)
    if record is not None:
        record["PermissionsBoundary"] = props.get("PermissionsBoundary")


TYPE = "AWS::IAM::OIDCProvider"


def install_oidc_providers() -> None:
    """Add the resource type."""
    kind = ResourceType(
        # It has no name of its own: its URL is what replaces it.
        name="Url",
        replacing=("Url",),
        create=_create,
        update=_update,
        delete=_delete,
        identifier="Arn",
        adopt=lambda arn: (arn, {"Arn": arn}) if arn in _providers() else None,
        read=_read,
        read_properties=("ClientIdList", "ThumbprintList", "Url"),
    )
    register_resource_types({TYPE: kind})


def _providers() -> Any:
    return iam.oidc_providers


def _create(logical_id: str, properties: dict[str, Any], stack_name: str) -> Created:
    url = str(properties.get("Url", ""))
    arn = f"arn:aws:iam::{account_id()}:oidc-provider/{url.removeprefix('https://').rstrip('/')}"
    if arn in _providers():
        raise ValueError(f"Resource handler returned message: Provider with url {url} already exists.")
    _providers()[arn] = {
        "Url": url.removeprefix("https://"),
        "ClientIDList": list(properties.get("ClientIdList", ())),
        "ThumbprintList": list(properties.get("ThumbprintList", ())),
        "Arn": arn,
        "CreateDate": iam.now(),
        "Tags": list(properties.get("Tags", ())),
    }
    return arn, {"Arn": arn}


def _update(arn: str, old: dict[str, Any], new: dict[str, Any], stack_name: str) -> Created:
    provider = _providers()[arn]
    provider["ClientIDList"] = list(new.get("ClientIdList", ()))
    provider["ThumbprintList"] = list(new.get("ThumbprintList", ()))
    provider["Tags"] = list(new.get("Tags", ()))
    return arn, {"Arn": arn}


def _delete(arn: str, properties: dict[str, Any]) -> None:
    _providers().pop(arn, None)


def _read(arn: str, expected: dict[str, Any]) -> dict[str, Any] | None:
    provider = _providers().get(arn)
    if provider is None:
        return None
    return {
        "Url": f"https://{provider['Url'].removeprefix('https://')}",
        "ClientIdList": provider["ClientIDList"],
        "ThumbprintList": provider["ThumbprintList"],
    }
