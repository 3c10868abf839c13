"""The role that CloudFormation works with for a stack: given by whoever asks, and remembered by the stack.

Whoever gives a role must be allowed to pass it, and it must trust CloudFormation. A stack keeps its role, and all who
may work on the stack work through it from then on. Without a role CloudFormation works with its caller's permissions.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html

A template in a bucket, and the parameters of SSM, CloudFormation reads as its caller in either case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlparse

from kickstand.names import partition
from localcloud.ministack.door.cloudformation import changesets, cloudformation, handlers, helpers
from localcloud.ministack.door.names import correct, correct_entry
from localcloud.ministack.door.services import sts
from localcloud.ministack.iam import acting
from localcloud.ministack.iam.acting import check_pass_role
from localcloud.ministack.iam.sts import AccessDenied, RoleNotAssumable, issue_role_credentials
from localcloud.ministack.registry import account_id, region

SERVICE = "cloudformation.amazonaws.com"
SESSION = "AWSCloudFormation"

_TAKING = (
    "CreateStack",
    "UpdateStack",
    "DeleteStack",
    "CreateChangeSet",
    "ExecuteChangeSet",
    "ContinueUpdateRollback",
    "RollbackStack",
)
"""Operations that work with a role. All but ExecuteChangeSet take one: a change set has that of its making."""

_UNREADABLE = (
    "S3 error: Access Denied\n"
    "For more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
)

Stack = dict[str, Any]
Parameters = dict[str, Any]


def install() -> None:
    """Check a role when it is given, remember it, and read templates as the caller."""
    table = handlers.ACTION_HANDLERS
    for action in _TAKING:
        correct_entry(table, action, _taking_role, "_ACTION_HANDLERS")
    correct_entry(table, "DescribeStacks", _telling_role, "_ACTION_HANDLERS")
    correct(helpers.resolve_document, _read_as_caller)


@contextmanager
def acting_for(stack: Stack | None) -> Iterator[None]:
    """Work on a stack: with its role, else as whoever asked for the operation."""
    role = (stack or {}).get("RoleARN")
    if stack is None or not role:
        yield
        return
    with acting.acting_as(role, SERVICE, SESSION, stack["StackId"]):
        yield


def _taking_role(original: Callable[..., Any], params: Parameters) -> Any:
    given, name = helpers.p(params, "RoleARN"), helpers.p(params, "StackName")
    _, change_set = changesets.find_change_set(helpers.p(params, "ChangeSetName"), name)
    stack = handlers.resolve_stack(name) if name else None
    if stack is None and change_set is not None:
        stack = cloudformation.stacks.get(change_set["StackName"])
    if change_set is not None and not given:
        given = str(change_set.get("_role_arn", ""))
    elif given:
        try:
            check_pass_role(given, SERVICE)
        except AccessDenied as refused:
            return helpers.error("AccessDenied", str(refused), 403)
    alive = stack if stack is not None and stack["StackStatus"] != "DELETE_COMPLETE" else {}
    role = given or str(alive.get("RoleARN", ""))
    source = f"arn:{partition(region())}:cloudformation:{region()}:{account_id()}:stack/{name}/new"
    if role and not _assumable(role, str(alive.get("StackId") or source)):
        return helpers.error("ValidationError", f"Role {role} is invalid or cannot be assumed")
    answer = original(params)
    if answer[0] == 200 and given:
        _remember(params, given)
    return answer


def _remember(params: Parameters, role: str) -> None:
    """Keep the role on the stack, or on the change set that was made. The operation itself begins later."""
    _, change_set = changesets.find_change_set(helpers.p(params, "ChangeSetName"), helpers.p(params, "StackName"))
    if change_set is not None and change_set["ExecutionStatus"] != "EXECUTE_IN_PROGRESS":
        change_set["_role_arn"] = role
        return
    name = change_set["StackName"] if change_set is not None else helpers.p(params, "StackName")
    stack = cloudformation.stacks.get(name) or handlers.resolve_stack(name)
    if stack is not None:
        stack["RoleARN"] = role


def _assumable(role: str, stack: str) -> bool:
    try:
        credentials = issue_role_credentials(role, SESSION, 60, service=SERVICE, source_arn=stack)
    except RoleNotAssumable:
        return False
    sts.sessions.pop(credentials.access_key_id, None)
    return credentials.account == account_id()


def _telling_role(original: Callable[..., Any], params: Parameters) -> Any:
    status, headers, body = original(params)
    roles = {stack["StackId"]: stack["RoleARN"] for stack in cloudformation.stacks.values() if stack.get("RoleARN")}
    text = body.decode() if isinstance(body, bytes) else str(body)

    def with_role(found: re.Match[str]) -> str:
        role = roles.get(found[1])
        return found[0] + (f"<RoleARN>{helpers.esc(role)}</RoleARN>" if role else "")

    shown = re.sub(r"<StackId>([^<]*)</StackId>", with_role, text)
    return status, headers, shown.encode() if isinstance(body, bytes) else shown


def _read_as_caller(original: Callable[..., Any], params: Parameters, body_key: str, url_key: str, label: str) -> Any:
    url = helpers.p(params, url_key)
    if url and not helpers.p(params, body_key):
        place = unquote(urlparse(url).path).lstrip("/")
        try:
            acting.require("s3:GetObject", f"arn:{partition(region())}:s3:::{place}")
        except AccessDenied:
            return None, helpers.error("ValidationError", _UNREADABLE)
    return original(params, body_key, url_key, label)
