"""What IAM is asked of a request about alarms: each alarm that it names; all of them where it names none.

ministack asks about everything as soon as a request names alarms in a list: a role that may describe its own alarms
alone was refused. https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from localcloud.cloudwatch.alarm_state import alarm_arn
from localcloud.ministack.cloudwatch.protocol import Answer, Handler, refusal
from localcloud.ministack.door.core import iam_actions
from localcloud.ministack.door.names import correct
from localcloud.ministack.door.services import cloudwatch
from localcloud.ministack.iam import acting
from localcloud.ministack.iam.sts import AccessDenied
from localcloud.ministack.registry import account_id, region
from localcloud.sagemaker.api.call import Scope, ServiceError

_OF_ALARMS = {
    "DescribeAlarms": cloudwatch.describe_alarms,
    "DeleteAlarms": cloudwatch.delete_alarms,
    "EnableAlarmActions": cloudwatch.enable_alarm_actions,
    "DisableAlarmActions": cloudwatch.disable_alarm_actions,
}
"""Operations that take AlarmNames."""
_MEMBER = re.compile(r"AlarmNames\.member\.\d+")


def install() -> None:
    """Once, before the start."""
    correct(iam_actions.extract_resource_arn, _resource)
    for operation, seam in _OF_ALARMS.items():
        correct(seam, partial(_checking, operation))


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
    if service != "monitoring" or found != "*":
        return found
    operation, names = _named(headers, body)
    return _arn(names[0] if names else "*") if operation in _OF_ALARMS else found


def _checking(
    operation: str, original: Handler, params: Mapping[str, Any], data: Any, is_cbor: bool, is_json: bool = False
) -> Answer:
    """Ask IAM about the alarms after the first one, which the request was let in for."""
    names = (data or {}).get("AlarmNames") if is_cbor or is_json else _of_form(_flat(params))
    try:
        for name in (names or ())[1:]:
            acting.require(f"cloudwatch:{operation}", _arn(name))
    except AccessDenied as denied:
        return refusal(ServiceError("AccessDenied", str(denied), 403), is_cbor=is_cbor, is_json=is_json)
    return original(params, data, is_cbor, is_json)


def _named(headers: Mapping[str, str], body: bytes) -> tuple[str, list[str]]:
    """The operation of a request and the alarms that it names in a list."""
    if target := headers.get("x-amz-target", ""):
        try:
            names = json.loads(body or b"{}").get("AlarmNames")
        except (ValueError, AttributeError):
            names = None
        return target.rpartition(".")[2], [str(name) for name in names] if isinstance(names, list) else []
    form = dict(parse_qsl(body.decode("utf-8", errors="replace")))
    return form.get("Action", ""), _of_form(form)


def _of_form(form: Mapping[str, str]) -> list[str]:
    return [value for name, value in form.items() if _MEMBER.fullmatch(name)]


def _flat(params: Mapping[str, Any]) -> dict[str, str]:
    return {name: value[0] if isinstance(value, list) else value for name, value in params.items()}


def _arn(name: str) -> str:
    return alarm_arn(Scope(account_id(), region()), name)
