"""AWS's managed policies that a SageMaker user attaches; a policy that does not exist is attached to nobody.

ministack has the documents of some thirty managed policies, none of SageMaker's, and attaches any ARN: one that it does
not know grants nothing. `managed_policies.json` (its source is named in it) holds the others.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from localcloud.emulator.seam import Seam, SeamMovedError, attribute, entry, wrap

IAM = "ministack.services.iam"
PROVISIONERS = "ministack.services.cloudformation.provisioners"
ATTACHING = ("AttachGroupPolicy", "AttachRolePolicy", "AttachUserPolicy")
TYPES = ("AWS::IAM::Role", "AWS::IAM::User")
"""Resource types with ManagedPolicyArns that the emulator's CloudFormation has."""

SEED = Seam(IAM, "_seed_aws_managed_policies", ())
RECORD = Seam(IAM, "_make_aws_managed_record", ("name", "document", "description"))
KNOWN = Seam(IAM, "policy_known", ("arn", "account_id"))
_TABLE = Path(__file__).with_name("managed_policies.json")
_PREFIX = "arn:aws:iam::aws:policy/"

Properties = dict[str, Any]


def install() -> None:
    """Add the policies, and look a policy up before it is attached, by a call and by a stack."""
    wrap(SEED, _seeding)
    KNOWN.original()
    _add()
    handlers = attribute(IAM, "_IAM_HANDLERS", dict)
    for operation in ATTACHING:
        entry(handlers, operation, _checked_call, "_IAM_HANDLERS")
    table = attribute(PROVISIONERS, "_RESOURCE_HANDLERS", dict)
    for type_name in TYPES:
        if type_name not in table:
            raise SeamMovedError(f"_RESOURCE_HANDLERS has no {type_name}")
        where = f"_RESOURCE_HANDLERS[{type_name}]"
        entry(table[type_name], "create", _checked_create, where)
        entry(table[type_name], "update", _checked_update, where)


def _seeding(seed: Callable[[], None]) -> Callable[[], None]:
    def seed_all() -> None:
        seed()
        _add()

    return seed_all


def _add() -> None:
    from ministack.services import iam

    make = RECORD.original()
    for arn, policy in json.loads(_TABLE.read_text(encoding="utf-8"))["policies"].items():
        document = json.dumps({"Version": "2012-10-17", "Statement": policy["statements"]})
        record = make(arn.removeprefix(_PREFIX), document, "")
        (made,) = record["Versions"].values()
        version = {**made, "VersionId": policy["version"], "CreateDate": policy["updated"]}
        record.update(
            UpdateDate=policy["updated"], DefaultVersionId=policy["version"], Versions={policy["version"]: version}
        )
        iam._aws_managed_policies[arn] = record


def _absent(arns: Iterable[str]) -> str:
    """What IAM says of the first policy that is not there; empty where all are."""
    known = KNOWN.original()
    return next((f"Policy {arn} does not exist or is not attachable." for arn in arns if not known(arn)), "")


def _checked_call(attach: Callable[..., Any]) -> Callable[..., Any]:
    def attach_policy(parameters: dict[str, Any]) -> Any:
        from ministack.services import iam

        if problem := _absent([str(iam._p(parameters, "PolicyArn") or "")]):
            return iam._error(404, "NoSuchEntity", problem, ns="iam")
        return attach(parameters)

    return attach_policy


def _check(properties: Properties) -> None:
    # ministack gives an empty list parameter, which the CDK's bootstrap template has, as a list of one empty text.
    if problem := _absent(arn for arn in properties.get("ManagedPolicyArns") or () if arn):
        message = f"{problem} (Service: Iam, Status Code: 404)"
        raise ValueError(f'Resource handler returned message: "{message}" (HandlerErrorCode: NotFound)')


def _checked_create(create: Callable[..., Any]) -> Callable[..., Any]:
    def checked(logical_id: str, properties: Properties, stack_name: str) -> Any:
        _check(properties)
        return create(logical_id, properties, stack_name)

    return checked


def _checked_update(update: Callable[..., Any]) -> Callable[..., Any]:
    def checked(physical_id: str, old: Properties, new: Properties, *more: Any) -> Any:
        _check(new)
        return update(physical_id, old, new, *more)

    return checked
