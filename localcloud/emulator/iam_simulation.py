"""iam:SimulatePrincipalPolicy, which SageMaker's Python SDK asks before it trains.

ministack answers for the first resource alone, leaves the permissions boundary out, finds no role that has a path, and
tells of a principal that does not exist as of one that may do nothing.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from itertools import count
from typing import Any
from xml.sax.saxutils import escape

from localcloud.emulator.context import account_id
from localcloud.emulator.seam import Seam, attribute, entry

IAM = "ministack.services.iam"
EVALUATOR = "ministack.core.iam_evaluator"
SIMULATE = Seam(IAM, "_simulate_principal_policy", ("p",))
BOUNDARY = Seam(EVALUATOR, "_permissions_boundary", ("store", "name", "account_id"))
ROLE_POLICIES = Seam(EVALUATOR, "_gather_role_policies", ("role_name", "account_id"))
USER_POLICIES = Seam(EVALUATOR, "_gather_user_policies", ("user_name", "account_id"))
DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny", "ImplicitDeny": "implicitDeny"}

Parameters = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Answer in ministack's place."""
    SIMULATE.original()
    entry(attribute(IAM, "_IAM_HANDLERS", dict), "SimulatePrincipalPolicy", lambda _: _simulate, "_IAM_HANDLERS")


def _simulate(parameters: Parameters) -> Answer:
    from ministack.core.iam_evaluator import EvalContext, evaluate
    from ministack.core.responses import get_region
    from ministack.services import iam

    arn = iam._p(parameters, "PolicySourceArn") or ""
    kind, _, path = arn.rpartition(":")[2].partition("/")
    name = path.rpartition("/")[2]
    table, gather = {"role": ("_roles", ROLE_POLICIES), "user": ("_users", USER_POLICIES)}.get(kind, ("", None))
    if gather is None:
        message = f"{arn or 'An empty text'} is not the ARN of a user or of a role."
        return _answer(iam._error(400, "InvalidInput", message, ns="iam"))
    record = getattr(iam, table).get(name)
    if record is None or record["Arn"] != arn:
        return _answer(iam._error(404, "NoSuchEntity", f"The {kind} with name {name} cannot be found.", ns="iam"))
    policies = gather.original()(name, account_id())
    limits = BOUNDARY.original()(getattr(iam, table), name, account_id())
    context = _context(parameters)
    results = []
    for action in _members(parameters, "ActionNames"):
        for resource in _members(parameters, "ResourceArns") or ["*"]:
            asked = EvalContext(
                principal_arn=arn,
                principal_type="User",
                principal_account=account_id(),
                action=action,
                resource_arn=resource,
                region=get_region(),
                source_ip="127.0.0.1",
                secure_transport=True,
                service_context=context,
            )
            results.append((action, resource, DECISIONS[evaluate(asked, policies, *limits).decision]))
    listed = "".join(
        f"<member><EvalActionName>{escape(action)}</EvalActionName>"
        f"<EvalResourceName>{escape(resource)}</EvalResourceName><EvalDecision>{decision}</EvalDecision></member>"
        for action, resource, decision in results
    )
    body = f"<EvaluationResults>{listed}</EvaluationResults><IsTruncated>false</IsTruncated>"
    wrapped = f"<SimulatePrincipalPolicyResult>{body}</SimulatePrincipalPolicyResult>"
    return _answer(iam._xml(200, "SimulatePrincipalPolicyResponse", wrapped, ns="iam"))


def _context(parameters: Parameters) -> dict[str, Any]:
    """The condition keys that the request gives, in lower case."""
    from ministack.services import iam

    found: dict[str, Any] = {}
    for number in count(1):
        entry_name = f"ContextEntries.member.{number}"
        name = iam._p(parameters, f"{entry_name}.ContextKeyName")
        if not name:
            return found
        values = _members(parameters, f"{entry_name}.ContextKeyValues")
        found[str(name).lower()] = values[0] if len(values) == 1 else values
    return found


def _answer(answer: Any) -> Answer:
    return answer  # type: ignore[no-any-return]


def _members(parameters: Parameters, name: str) -> list[str]:
    """A list as the query protocol writes it: `NAME.member.1`, `NAME.member.2`, …"""
    from ministack.services import iam

    found = []
    for number in count(1):
        member = iam._p(parameters, f"{name}.member.{number}")
        if not member:
            break
        found.append(str(member))
    return found
