"""AWS's managed policies that a SageMaker user attaches, and iam:SimulatePrincipalPolicy.

A managed policy that does not exist is attached to nobody. The simulation is what SageMaker's Python SDK calls before
it trains.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from localcloud.ministack.door.cloudformation import correct_handler
from localcloud.ministack.door.core import iam_evaluator, responses
from localcloud.ministack.door.names import correct, correct_entry
from localcloud.ministack.door.services import iam
from localcloud.ministack.registry import account_id

ATTACHING = ("AttachGroupPolicy", "AttachRolePolicy", "AttachUserPolicy")
TYPES = ("AWS::IAM::Role", "AWS::IAM::User")
"""Resource types with ManagedPolicyArns that the emulator's CloudFormation has."""

_TABLE = Path(__file__).with_name("managed_policies.json")
_PREFIX = "arn:aws:iam::aws:policy/"

Properties = dict[str, Any]


def install_managed_policies() -> None:
    """Add the policies, and look a policy up before it is attached, by a call and by a stack."""
    correct(iam.seed_aws_managed_policies, _seeding)
    _add()
    handlers = iam.IAM_HANDLERS
    for operation in ATTACHING:
        correct_entry(handlers, operation, _checked_call, "_IAM_HANDLERS")
    for type_name in TYPES:
        correct_handler(type_name, "create", _checked_create)
        correct_handler(type_name, "update", _checked_update)


def _seeding(
    seed: Callable[[], None],
) -> None:
    seed()
    _add()


def _add() -> None:
    make = iam.make_aws_managed_record.original()
    for arn, policy in json.loads(_TABLE.read_text(encoding="utf-8"))["policies"].items():
        document = json.dumps({"Version": "2012-10-17", "Statement": policy["statements"]})
        record = make(arn.removeprefix(_PREFIX), document, "")
        (made,) = record["Versions"].values()
        version = {**made, "VersionId": policy["version"], "CreateDate": policy["updated"]}
        record.update(
            UpdateDate=policy["updated"], DefaultVersionId=policy["version"], Versions={policy["version"]: version}
        )
        iam.aws_managed_policies[arn] = record


def _absent(arns: Iterable[str]) -> str:
    """What IAM says of the first policy that is not there; empty where all are."""
    known = iam.policy_known.original()
    return next((f"Policy {arn} does not exist or is not attachable." for arn in arns if not known(arn)), "")


def _checked_call(attach: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    if problem := _absent([str(iam.p(parameters, "PolicyArn") or "")]):
        return iam.error(404, "NoSuchEntity", problem, ns="iam")
    return attach(parameters)


def _check(properties: Properties) -> None:
    # ministack gives an empty list parameter, which the CDK's bootstrap template has, as a list of one empty text.
    if problem := _absent(arn for arn in properties.get("ManagedPolicyArns") or () if arn):
        message = f"{problem} (Service: Iam, Status Code: 404)"
        raise ValueError(f'Resource handler returned message: "{message}" (HandlerErrorCode: NotFound)')


def _checked_create(create: Callable[..., Any], logical_id: str, properties: Properties, stack_name: str) -> Any:
    _check(properties)
    return create(logical_id, properties, stack_name)


def _checked_update(update: Callable[..., Any], physical_id: str, old: Properties, new: Properties, *more: Any) -> Any:
    _check(new)
    return update(physical_id, old, new, *more)


DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny", "ImplicitDeny": "implicitDeny"}

Parameters = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]


def install_simulation() -> None:
    """Answer in ministack's place."""
    correct_entry(iam.IAM_HANDLERS, "SimulatePrincipalPolicy", _simulate, "_IAM_HANDLERS")


def _simulate(_: Any, parameters: Parameters) -> Answer:
    arn = iam.p(parameters, "PolicySourceArn") or ""
    kind, _, path = arn.rpartition(":")[2].partition("/")
    name = path.rpartition("/")[2]
    table, gather = {
        "role": (iam.roles, iam_evaluator.gather_role_policies),
        "user": (iam.users, iam_evaluator.gather_user_policies),
    }.get(kind, (None, None))
    if table is None or gather is None:
        message = f"{arn or 'An empty text'} is not the ARN of a user or of a role."
        return _answer(iam.error(400, "InvalidInput", message, ns="iam"))
    record = table.get(name)
    if record is None or record["Arn"] != arn:
        return _answer(iam.error(404, "NoSuchEntity", f"The {kind} with name {name} cannot be found.", ns="iam"))
    policies = gather.original()(name, account_id())
    limits = iam_evaluator.permissions_boundary.original()(table, name, account_id())
    context = _context(parameters)
    results = []
    for action in _members(parameters, "ActionNames"):
        for resource in _members(parameters, "ResourceArns") or ["*"]:
            requested = iam_evaluator.EvalContext(
                principal_arn=arn,
                principal_type="User",
                principal_account=account_id(),
                action=action,
                resource_arn=resource,
                region=responses.get_region(),
                source_ip="127.0.0.1",
                secure_transport=True,
                service_context=context,
            )
            results.append((action, resource, DECISIONS[iam_evaluator.evaluate(requested, policies, *limits).decision]))
    listed = "".join(
        f"<member><EvalActionName>{escape(action)}</EvalActionName>"
        f"<EvalResourceName>{escape(resource)}</EvalResourceName><EvalDecision>{decision}</EvalDecision></member>"
        for action, resource, decision in results
    )
    body = f"<EvaluationResults>{listed}</EvaluationResults><IsTruncated>false</IsTruncated>"
    wrapped = f"<SimulatePrincipalPolicyResult>{body}</SimulatePrincipalPolicyResult>"
    return _answer(iam.xml(200, "SimulatePrincipalPolicyResponse", wrapped, ns="iam"))


def _context(parameters: Parameters) -> dict[str, Any]:
    """The condition keys that the request gives, in lower case."""
    found: dict[str, Any] = {}
    for number in count(1):
        entry_name = f"ContextEntries.member.{number}"
        name = iam.p(parameters, f"{entry_name}.ContextKeyName")
        if not name:
            return found
        values = _members(parameters, f"{entry_name}.ContextKeyValues")
        found[str(name).lower()] = values[0] if len(values) == 1 else values
    return found


def _answer(answer: Any) -> Answer:
    return answer  # type: ignore[no-any-return]


def _members(parameters: Parameters, name: str) -> list[str]:
    """A list as the query protocol writes it: `NAME.member.1`, `NAME.member.2`, …"""
    found = []
    for number in count(1):
        member = iam.p(parameters, f"{name}.member.{number}")
        if not member:
            break
        found.append(str(member))
    return found
