"""An alarm's state as CloudWatch words it: the reason's data, the event on the bus, the entries of its history."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from localcloud.cloudwatch.evaluation import Outcome
from localcloud.sagemaker.api.call import Scope

CREATED = "Unchecked: Initial alarm creation"
EVENT = "CloudWatch Alarm State Change"
SOURCE = "aws.cloudwatch"
_STATE = ("StateValue", "StateReason", "StateReasonData", "StateUpdatedTimestamp", "StateTransitionedTimestamp")

Alarm = dict[str, Any]
"""A record, by the members of MetricAlarm or CompositeAlarm."""


def date(moment: float) -> str:
    """As the data of reasons have it: `2026-11-29T15:04:05.000+0000`."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")


def short_date(moment: float) -> str:
    """As reasons have it: `29/11/26 15:04:05`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%d/%m/%y %H:%M:%S")


def state_of(alarm: Mapping[str, Any]) -> dict[str, Any]:
    """The members that tell the state; an update of the configuration leaves them."""
    return {name: alarm[name] for name in _STATE if name in alarm}


def reason_data(
    alarm: Mapping[str, Any],
    outcome: Outcome,
    values: Sequence[float | None],
    counts: Sequence[float | None],
    moments: Sequence[float],
    *,
    now: float,
    period: int,
) -> str:
    """StateReasonData. counts: of the values of each period, None where unknown. moments: when the periods began."""
    evaluated = [
        {
            "timestamp": date(moments[number]),
            **({} if counts[number] is None else {"sampleCount": counts[number]}),
            "value": values[number],
        }
        for number in reversed(outcome.used)
    ]
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
    data = {
        "version": "1.0",
        "queryDate": date(now),
        **({"startDate": date(moments[outcome.used[0]])} if outcome.used else {}),
        **({"unit": alarm["Unit"]} if "Unit" in alarm else {}),
        **({"statistic": statistic} if statistic else {}),
        "period": period,
        "recentDatapoints": [values[number] for number in outcome.used],
        "threshold": alarm["Threshold"],
        "evaluatedDatapoints": evaluated,
    }
    return json.dumps(data, separators=(",", ":"))


def event_detail(alarm: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The detail of the event.

    before: the state that it had (`state_of`).
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
    """
    configuration: dict[str, Any]
    if "AlarmRule" in alarm:
        actions = ("ActionsEnabled", "AlarmActions", "OKActions", "InsufficientDataActions")
        configuration = {"alarmRule": alarm["AlarmRule"], **{_lower(name): alarm.get(name) for name in actions}}
    else:
        configuration = {"metrics": [*map(_shown_query, _queries(alarm))]}
    if alarm.get("AlarmDescription"):
        configuration["description"] = alarm["AlarmDescription"]
    return {
        "alarmName": alarm["AlarmName"],
        "state": _shown_state(alarm),
        "previousState": _shown_state(before),
        "configuration": configuration,
    }


def history_of_change(alarm: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of a change of state."""

    def described(state: Mapping[str, Any]) -> dict[str, Any]:
        data = {"stateReasonData": json.loads(state["StateReasonData"])} if _is_json(state) else {}
        return {"stateValue": state["StateValue"], "stateReason": state.get("StateReason", ""), **data}

    summary = f"Alarm updated from {before['StateValue']} to {alarm['StateValue']}"
    data = {"version": "1.0", "oldState": described(before), "newState": described(alarm)}
    return _entry(alarm, "StateUpdate", alarm["StateUpdatedTimestamp"], summary, data)


def history_of_request(alarm: Mapping[str, Any], *, created: bool) -> dict[str, Any]:
    """The entry of PutMetricAlarm."""
    verb = "created" if created else "updated"
    data = {"version": "1.0", "type": "Create" if created else "Update", f"{verb}Alarm": alarm["AlarmName"]}
    moment = alarm["AlarmConfigurationUpdatedTimestamp"]
    return _entry(alarm, "ConfigurationUpdate", moment, f'Alarm "{alarm["AlarmName"]}" {verb}', data)


def history_of_action(alarm: Mapping[str, Any], action: str, problem: str) -> dict[str, Any]:
    """The entry of an action that was taken, or failed with a problem."""
    summary = f"Failed to execute action {action}" if problem else f"Successfully executed action {action}"
    data = {
        "actionState": "Failed" if problem else "Succeeded",
        "stateUpdateTimestamp": round(alarm["StateUpdatedTimestamp"] * 1000),
        "notificationResource": action,
        **({"error": problem} if problem else {}),
    }
    return _entry(alarm, "Action", alarm["StateUpdatedTimestamp"], summary, data)


def alarm_arn(scope: Scope, name: str) -> str:
    return scope.service_arn("cloudwatch", f"alarm:{name}")


def _entry(alarm: Mapping[str, Any], kind: str, moment: float, summary: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "AlarmName": alarm["AlarmName"],
        "AlarmType": "CompositeAlarm" if "AlarmRule" in alarm else "MetricAlarm",
        "Timestamp": date(moment).replace("+0000", "Z"),
        "HistoryItemType": kind,
        "HistorySummary": summary,
        "HistoryData": json.dumps(data),
    }


def _is_json(state: Mapping[str, Any]) -> bool:
    try:
        json.loads(state.get("StateReasonData") or "")
    except ValueError:  # SetAlarmState takes any text
        return False
    return True


def _shown_state(state: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "value": state["StateValue"],
        "reason": state.get("StateReason", ""),
        **({"reasonData": state["StateReasonData"]} if state.get("StateReasonData") else {}),
        "timestamp": date(state["StateUpdatedTimestamp"]),
    }


def _queries(alarm: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    if "Metrics" in alarm:
        found: Sequence[Mapping[str, Any]] = alarm["Metrics"]
        return found
    stat = {
        "Metric": {name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions") if name in alarm},
        "Period": alarm["Period"],
        "Stat": alarm.get("ExtendedStatistic") or alarm["Statistic"],
        **({"Unit": alarm["Unit"]} if "Unit" in alarm else {}),
    }
    # The same for the same alarm, as it is at CloudWatch until the configuration changes.
    name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{alarm['AlarmArn']} {json.dumps(stat, sort_keys=True)}"))
    return [{"Id": name, "MetricStat": stat, "ReturnData": True}]


def _shown_query(query: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    for name in ("Expression", "Label"):
        if name in query:
            shown[_lower(name)] = query[name]
    if "MetricStat" in query:
        stat = query["MetricStat"]
        metric = stat["Metric"]
        shown["metricStat"] = {
            "metric": {
                "namespace": metric["Namespace"],
                "name": metric["MetricName"],
                "dimensions": {each["Name"]: each["Value"] for each in metric.get("Dimensions") or ()},
            },
            "period": stat["Period"],
            "stat": stat["Stat"],
            **({"unit": stat["Unit"]} if "Unit" in stat else {}),
        }
    return shown


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]
