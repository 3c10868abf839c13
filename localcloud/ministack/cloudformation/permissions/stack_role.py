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
from localcloud.ministack.iam import acting
from localcloud.ministack.iam.acting import check_pass_role
from localcloud.ministack.iam.sts import AccessDenied, RoleNotAssumable, issue_role_credentials
from localcloud.ministack.registry import account_id, region
from localcloud.ministack.seam import Seam, attribute, entry, wrap

SERVICE = "cloudformation.amazonaws.com"
SESSION = "AWSCloudFormation"
HANDLERS = "ministack.services.cloudformation.handlers"
DOCUMENT = Seam(
    "ministack.services.cloudformation.helpers", "_resolve_document", ("params", "body_key", "url_key", "label")
)

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
    table = attribute(HANDLERS, "_ACTION_HANDLERS", dict)
    for action in _TAKING:
        entry(table, action, _taking_role, "_ACTION_HANDLERS")
    entry(table, "DescribeStacks", _telling_role, "_ACTION_HANDLERS")
    wrap(DOCUMENT, _read_as_caller)


@contextmanager
def acting_for(stack: Stack | None) -> Iterator[None]:
    """Work on a stack: with its role, else as whoever asked for the operation."""
    role = (stack or {}).get("RoleARN")
    if stack is None or not role:
        yield
        return
    with acting.acting_as(role, SERVICE, SESSION, stack["StackId"]):
        yield


def _taking_role(original: Callable[..., Any]) -> Callable[..., Any]:
    def handler(params: Parameters) -> Any:
        from ministack.services.cloudformation import _stacks, changesets
        from ministack.services.cloudformation.handlers import _resolve_stack
        from ministack.services.cloudformation.helpers import _error, _p

        given, name = _p(params, "RoleARN"), _p(params, "StackName")
        _, change_set = changesets._find_change_set(_p(params, "ChangeSetName"), name)
        stack = _resolve_stack(name) if name else None
        if stack is None and change_set is not None:
            stack = _stacks.get(change_set["StackName"])
        if change_set is not None and not given:
            given = str(change_set.get("_role_arn", ""))
        elif given:
            try:
                check_pass_role(given, SERVICE)
            except AccessDenied as refused:
                return _error("AccessDenied", str(refused), 403)
        alive = stack if stack is not None and stack["StackStatus"] != "DELETE_COMPLETE" else {}
        role = given or str(alive.get("RoleARN", ""))
        source = f"arn:{partition(region())}:cloudformation:{region()}:{account_id()}:stack/{name}/new"
        if role and not _assumable(role, str(alive.get("StackId") or source)):
            return _error("ValidationError", f"Role {role} is invalid or cannot be assumed")
        answer = original(params)
        if answer[0] == 200 and given:
            _remember(params, given)
        return answer

    return handler


def _remember(params: Parameters, role: str) -> None:
    """Keep the role on the stack, or on the change set that was made. The operation itself begins later."""
    from ministack.services.cloudformation import _stacks, changesets
    from ministack.services.cloudformation.handlers import _resolve_stack
    from ministack.services.cloudformation.helpers import _p

    _, change_set = changesets._find_change_set(_p(params, "ChangeSetName"), _p(params, "StackName"))
    if change_set is not None and change_set["ExecutionStatus"] != "EXECUTE_IN_PROGRESS":
        change_set["_role_arn"] = role
        return
    name = change_set["StackName"] if change_set is not None else _p(params, "StackName")
    stack = _stacks.get(name) or _resolve_stack(name)
    if stack is not None:
        stack["RoleARN"] = role


def _assumable(role: str, stack: str) -> bool:
    from ministack.services import sts

    try:
        credentials = issue_role_credentials(role, SESSION, 60, service=SERVICE, source_arn=stack)
    except RoleNotAssumable:
        return False
    sts._sessions.pop(credentials.access_key_id, None)
    return credentials.account == account_id()


def _telling_role(original: Callable[..., Any]) -> Callable[..., Any]:
    def describe(params: Parameters) -> Any:
        from ministack.services.cloudformation import _stacks
        from ministack.services.cloudformation.helpers import _esc

        status, headers, body = original(params)
        roles = {stack["StackId"]: stack["RoleARN"] for stack in _stacks.values() if stack.get("RoleARN")}
        text = body.decode() if isinstance(body, bytes) else str(body)

        def with_role(found: re.Match[str]) -> str:
            role = roles.get(found[1])
            return found[0] + (f"<RoleARN>{_esc(role)}</RoleARN>" if role else "")

        shown = re.sub(r"<StackId>([^<]*)</StackId>", with_role, text)
        return status, headers, shown.encode() if isinstance(body, bytes) else shown

    return describe


def _read_as_caller(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(params: Parameters, body_key: str, url_key: str, label: str) -> Any:
        from ministack.services.cloudformation.helpers import _error, _p

        url = _p(params, url_key)
        if url and not _p(params, body_key):
            place = unquote(urlparse(url).path).lstrip("/")
            try:
                acting.require("s3:GetObject", f"arn:{partition(region())}:s3:::{place}")
            except AccessDenied:
                return None, _error("ValidationError", _UNREADABLE)
        return original(params, body_key, url_key, label)

    return resolve
