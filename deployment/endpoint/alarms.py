"""The alarms that roll an update of the endpoint back: their states, and which of them went into ALARM since a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kickstand.aws.deployed import find_endpoint
from kickstand.aws.errors import AWS_FAILURES
from kickstand.errors import KickstandError, Problem
from kickstand.json_text import parse_json

if TYPE_CHECKING:
    import boto3

    from kickstand.names import Names


def rollback_alarms(session: boto3.Session, names: Names) -> list[dict[str, Any]]:
    """Those of the endpoint's rollback alarms that exist, as CloudWatch describes them."""
    described = session.client("cloudwatch").describe_alarms(AlarmNames=list(names.rollback_alarms))
    found: list[dict[str, Any]] = described.get("MetricAlarms", [])
    return found


def names_in_alarm(session: boto3.Session, names: Names) -> str:
    """The names of the rollback alarms that are in ALARM, with commas; empty where none is."""
    return ", ".join(one["AlarmName"] for one in rollback_alarms(session, names) if _is_in_alarm(one))


def require_no_alarm(session: boto3.Session, names: Names) -> None:
    """Raise KickstandError where there is an endpoint and one of its rollback alarms is in ALARM."""
    if find_endpoint(session.client("sagemaker"), names.endpoint) is None:
        return
    found = [
        Problem(
            f"The alarm {alarm['AlarmName']} is in ALARM, and would roll the update back at once: "
            f"{alarm.get('StateReason', '')}",
            f"endpoint {names.endpoint}",
            "Wait until it is OK; nothing was changed. Where the model that serves is the cause, deploy another one "
            "with a higher limit of the alarm ([hosting.alarms]) and --despite-alarms.",
        )
        for alarm in rollback_alarms(session, names)
        if _is_in_alarm(alarm)
    ]
    if found:
        raise KickstandError(*found)


@dataclass(slots=True)
class AlarmsSince:
    """Which rollback alarms went into ALARM since a time, each with CloudWatch's reason."""

    session: boto3.Session
    names: Names
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    reasons: dict[str, str] = field(default_factory=dict)

    def look(self) -> str:
        """The states as they are now, in words: `6 alarms, none in ALARM`; empty where there are no alarms."""
        found = rollback_alarms(self.session, self.names)
        now = {one["AlarmName"]: one.get("StateReason", "") for one in found if _is_in_alarm(one)}
        self.reasons |= now
        named = ", ".join(f"{name} is in ALARM" for name in now)
        return named or (f"{len(found)} alarms, none in ALARM" if found else "")

    def look_back(self) -> None:
        """Read what CloudWatch remembers too: an alarm may be OK again before it is looked at.

        Where the history cannot be read (`cloudwatch:DescribeAlarmHistory`), what was seen has to do.
        """
        self.look()
        cloudwatch = self.session.client("cloudwatch")
        for name in self.names.rollback_alarms:
            if name in self.reasons:
                continue
            try:
                history = cloudwatch.describe_alarm_history(
                    AlarmName=name, HistoryItemType="StateUpdate", StartDate=self.began, ScanBy="TimestampDescending"
                )
            except AWS_FAILURES:
                return
            states = [parse_json(item["HistoryData"])["newState"] for item in history["AlarmHistoryItems"]]
            last = next((state for state in states if state["stateValue"] == "ALARM"), None)
            if last is not None:
                self.reasons[name] = last.get("stateReason", "")

    def described(self, *alarms: str) -> str:
        """A sentence of those that went into ALARM, of these names where any are given; empty where none did."""
        return "; ".join(
            f"the alarm {name} went into ALARM: {reason}"
            for name, reason in self.reasons.items()
            if not alarms or name in alarms
        )


def _is_in_alarm(alarm: Mapping[str, Any]) -> bool:
    return bool(alarm["StateValue"] == "ALARM")
