"""CloudFormation's alarms: AWS::CloudWatch::Alarm as PutMetricAlarm makes it, and AWS::CloudWatch::CompositeAlarm.

ministack's own alarm knows neither Metrics nor what is wrong with one, and it has no composite alarms.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.cloudwatch.alarm_state import alarm_arn
from localcloud.cloudwatch.alarms import Alarms
from localcloud.ministack.cloudformation.template import Created, ResourceType, register_resource_types
from localcloud.ministack.cloudwatch.protocol import input_shape
from localcloud.ministack.door.cloudformation import provisioners
from localcloud.ministack.door.names import correct
from localcloud.ministack.door.services import cloudwatch
from localcloud.ministack.registry import account_id, region
from localcloud.sagemaker.api.call import Scope, ServiceError
from localcloud.sagemaker.cloudformation.handlers import as_request

COMPOSITE = "AWS::CloudWatch::CompositeAlarm"
_SETTINGS = (
    "AlarmRule",
    "AlarmDescription",
    "ActionsEnabled",
    "AlarmActions",
    "OKActions",
    "InsufficientDataActions",
)

Properties = Mapping[str, Any]


def install(alarms: Alarms) -> None:
    """Once, before the emulator starts."""

    def put(_: Callable[..., Created], name: str, props: Properties) -> Created:
        settings = {key: value for key, value in props.items() if key != "Tags"}
        request = as_request(input_shape("PutMetricAlarm"), {**settings, "AlarmName": name})
        try:
            alarm = alarms.put(Scope(account_id(), region()), request)
        except ServiceError as error:
            raise ValueError(_refused(error.message, error.status)) from None
        _tag(name, props)
        return name, {"Arn": alarm["AlarmArn"]}

    correct(provisioners.cw_metric_alarm_put, put)
    composite = ResourceType(
        name="AlarmName",
        replacing=("AlarmName",),
        create=_create,
        update=_update,
        delete=_delete,
        identifier="AlarmName",
        adopt=lambda name: (name, {"Arn": _arn(name)}) if name in cloudwatch.composite_alarms else None,
        read=_read,
        read_properties=("AlarmName", *_SETTINGS),
    )
    register_resource_types({COMPOSITE: composite})


def _create(logical_id: str, properties: dict[str, Any], stack_name: str) -> Created:
    name = properties.get("AlarmName") or provisioners.physical_name(stack_name, logical_id, max_len=255)
    if name in cloudwatch.composite_alarms or name in cloudwatch.alarms:
        raise ValueError(
            f'Resource handler returned message: "{name} already exists" (HandlerErrorCode: AlreadyExists)'
        )
    return _put(name, properties)


def _update(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str) -> Created:
    return _put(physical_id, new)


def _put(name: str, properties: Properties) -> Created:
    settings = {key: properties[key] for key in _SETTINGS if key in properties}
    if "ActionsSuppressor" in properties:
        raise ValueError("ActionsSuppressor is not supported by the local cloud yet.")
    request = as_request(input_shape("PutCompositeAlarm"), {**settings, "AlarmName": name})
    _require(cloudwatch.put_composite_alarm({}, request, False, True))
    _tag(name, properties)
    return name, {"Arn": _arn(name)}


def _delete(physical_id: str, properties: dict[str, Any]) -> None:
    _require(cloudwatch.delete_alarms({}, {"AlarmNames": [physical_id]}, False, True))


def _read(physical_id: str, expected: dict[str, Any]) -> dict[str, Any] | None:
    alarm = cloudwatch.composite_alarms.get(physical_id)
    return None if alarm is None else {name: alarm.get(name) for name in ("AlarmName", *_SETTINGS)}


def _require(answer: tuple[int, Any, bytes]) -> None:
    status, _, body = answer
    if status != 200:
        raise ValueError(_refused(json.loads(body)["message"], status))


def _refused(message: str, status: int) -> str:
    return (
        f'Resource handler returned message: "{message} (Service: CloudWatch, Status Code: {status})" '
        "(HandlerErrorCode: InvalidRequest)"
    )


def _tag(name: str, properties: Properties) -> None:
    cloudwatch.set_metric_alarm_tags(name, [tag for tag in properties.get("Tags") or () if tag.get("Key")])


def _arn(name: str) -> str:
    return alarm_arn(Scope(account_id(), region()), name)
