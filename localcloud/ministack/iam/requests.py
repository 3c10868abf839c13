"""Requests as IAM evaluates them: resources and condition keys that ministack leaves out, and how a refusal is worded.

aws:PrincipalArn of an assumed role is the role's ARN, not the session's. A subnet's or security group's VPC is what a
service looks up that creates something in a network.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

from localcloud.ministack.door.cloudformation import cloudformation
from localcloud.ministack.door.core import iam_actions, iam_evaluator
from localcloud.ministack.door.names import correct
from localcloud.ministack.door.services import ec2, iam, s3
from localcloud.ministack.registry import account_id, region, request_scope

_STREAM_ACTIONS = ("CreateLogStream", "DeleteLogStream", "DescribeLogStreams", "GetLogEvents", "PutLogEvents")


def install_requests() -> None:
    """Ask about log streams, tell IAM the namespace of metrics, and refuse as each protocol does."""
    correct(iam_actions.extract_resource_arn, _resource)
    correct(iam_actions.request_tag_context, _context)
    correct(iam_actions.s3_additional_checks, _further)
    correct(iam_actions.access_denied_response, _denied)


def _resource(
    original: Callable[..., Any],
    service: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query_params: Any,
    *place: str,
) -> Any:
    found = original(service, method, path, headers, body, query_params, *place)
    if service == "logs" and headers.get("x-amz-target", "").rpartition(".")[2] in _STREAM_ACTIONS:
        # A stream is a resource below its group; listing asks for the group's streams, without a name.
        return f"{found}:log-stream:{_member(body, 'logStreamName')}" if found != "*" else found
    if service == "cloudformation" and found == "*":
        return _stack_of_change_set(body) or found
    return found


def _further(
    original: Callable[..., Any],
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query_params: dict[str, Any],
) -> list[tuple[str, str]]:
    checks: list[tuple[str, str]] = original(method, path, headers, body, query_params)
    whole = method == "PUT" and "uploadId" not in query_params
    return [*checks, *(_copied_along(path, headers) if whole else [])]


def _copied_along(path: str, headers: dict[str, str]) -> list[tuple[str, str]]:
    """What a CopyObject needs besides, on source and target, for tags and annotations that the source has.

    Both are copied unless the request says otherwise: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    """
    source, target = unquote(headers.get("x-amz-copy-source", "")).lstrip("/").partition("?")[0], path.lstrip("/")
    bucket, _, key = source.partition("/")
    if not key:
        return []
    with request_scope(s3.bucket_owner_account(bucket) or account_id(), region()):
        has = {
            "Tagging": any(kept[:2] == (bucket, key) for kept in s3.object_tags),
            "Annotation": any(kept[:2] == (bucket, key) for kept in s3.object_annotations),
        }
    requested = {
        "Tagging": headers.get("x-amz-tagging-directive", "COPY").upper() != "REPLACE",
        "Annotation": headers.get("x-amz-object-annotation-directive", "COPY").upper() != "EXCLUDE",
    }
    return [
        (f"s3:{verb}Object{what}", f"arn:aws:s3:::{place}")
        for what in has
        if has[what] and requested[what]
        for verb, place in (("Get", source), ("Put", target))
    ]


def _stack_of_change_set(body: bytes) -> str:
    """ARN of the stack of the change set that a request names by ARN: the resource that AWS asks about.

    Empty where it names none, or one that is gone.
    """
    kept = cloudformation.change_sets.get(_member(body, "ChangeSetName"))
    return str(kept["StackId"]) if kept else ""


def _context(
    original: Callable[..., Any], service: str, iam_action: str, body: bytes, params: dict[str, Any]
) -> dict[str, Any]:
    found: dict[str, Any] = original(service, iam_action, body, params)
    if iam_action == "cloudwatch:PutMetricData":
        namespace = _member(body, "Namespace")
        if namespace:
            found = {**found, "cloudwatch:namespace": namespace}
    return found


def _member(body: bytes, name: str) -> str:
    """A member of a request's body, JSON or form; empty where it has none."""
    if body[:1] == b"{":
        try:
            return str(json.loads(body).get(name, ""))
        except ValueError:
            return ""
    return parse_qs(body.decode("utf-8", errors="replace")).get(name, [""])[0]


def _denied(
    original: Callable[..., Any],
    service: str,
    action: str,
    principal_arn: str,
    request_id: str,
    *,
    error_code: str = "",
    message: str = "",
    headers: dict[str, str] | None = None,
    resource_arn: str = "*",
    explicit_deny: bool = False,
    resource_policy_arn: str = "",
) -> Any:
    if not error_code and not message and not (explicit_deny and resource_policy_arn):
        shown = f'"{resource_arn}"' if service == "s3" else resource_arn
        message = iam_actions.identity_denial_message(action, principal_arn, shown, explicit_deny)
    status, answer, body = original(
        service,
        action,
        principal_arn,
        request_id,
        error_code=error_code,
        message=message,
        headers=headers,
        resource_arn=resource_arn,
        explicit_deny=explicit_deny,
        resource_policy_arn=resource_policy_arn,
    )
    # AWS JSON knows two kinds of errors, the caller's (400) and the server's (500).
    spoken = (headers or {}).get("x-amz-target")
    return (400 if status == 403 and spoken and not error_code else status), answer, body


_SESSION = ":assumed-role/"


def install_principals() -> None:
    """Tell conditions the role."""
    correct(iam_evaluator.resolve_condition_key, _role_for_session)


def _role_for_session(original: Callable[..., Any], key: str, ctx: Any) -> Any:
    if key.lower() == "aws:principalarn" and _SESSION in ctx.principal_arn:
        return role_arn(ctx.principal_arn)
    return original(key, ctx)


def role_arn(session_arn: str) -> str:
    """The ARN, with its path, of the role that a session is of: `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`."""
    _, partition, _, _, account, rest = session_arn.split(":", 5)
    name = rest.split("/")[1]
    role = iam.roles.get_scoped(account, None, name)
    return str(role["Arn"]) if role else f"arn:{partition}:iam::{account}:role/{name}"


def find_vpc(kind: str, name: str, account: str, region: str) -> str | None:
    """The VPC of a `subnet` or a `security group` by its id; None where the region has none of that id."""
    with request_scope(account, region):
        ec2.ensure_defaults_initialized.original()()
    table = ec2.subnets if kind == "subnet" else ec2.security_groups
    own = table.get_scoped(account, region, name)
    if own is not None:
        return str(own["VpcId"])
    shared = (record for (_, place, key), record in list(table.all_items()) if (place, key) == (region, name))
    return next((str(record["VpcId"]) for record in shared), None)
