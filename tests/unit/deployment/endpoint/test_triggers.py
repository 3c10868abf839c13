"""Rollback triggers of an update of the hosting stack: which there are, and how a rollback by one is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError
from samples import environment

from deployment.endpoint.triggers import Triggers, find_triggers, last_event, rollback_by_triggers
from kickstand.config.model import Hosting
from kickstand.config.operation import Update
from kickstand.errors import Problem
from kickstand.names import Names

NAMES = Names(environment(hosting=Hosting(update=Update(monitoring_minutes=7))))
PLACE = "arn:aws:cloudwatch:us-east-1:111122223333:alarm"
ALL = tuple(f"bikes-dev-all-{what}" for what in ("5xx-rate", "model-errors", "p99-latency"))


@dataclass
class Account:
    """CloudFormation and CloudWatch of an account with a hosting stack. events: oldest first."""

    status: str = "UPDATE_COMPLETE"
    alarms: dict[str, str] = field(default_factory=lambda: dict.fromkeys(NAMES.rollback_alarms, "OK"))
    events: list[dict[str, str]] = field(default_factory=list)

    def client(self, _service: str) -> Account:
        return self

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        assert StackName == "bikes-dev-hosting"
        if not self.status:
            message = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")
        return {"Stacks": [{"StackStatus": self.status}]}

    def describe_alarms(self, AlarmNames: list[str]) -> dict[str, Any]:  # noqa: N803
        return {
            "MetricAlarms": [
                {"AlarmName": name, "AlarmArn": f"{PLACE}:{name}", "StateValue": self.alarms[name]}
                for name in AlarmNames
                if name in self.alarms
            ]
        }

    def get_paginator(self, operation: str) -> Account:
        assert operation == "describe_stack_events"
        return self

    def paginate(self, StackName: str) -> list[dict[str, Any]]:  # noqa: N803
        assert StackName == "bikes-dev-hosting"
        return [{"StackEvents": [one]} for one in reversed(self.events)]

    def happens(self, status: str, reason: str = "", kind: str = "AWS::CloudFormation::Stack") -> None:
        event = {"EventId": str(len(self.events)), "ResourceType": kind, "ResourceStatus": status}
        self.events.append(event | ({"ResourceStatusReason": reason} if reason else {}))


def found(account: Account) -> Triggers | None:
    return find_triggers(account, NAMES)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", ["", "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"])
def test_a_stack_that_is_yet_to_be_made_has_none(status: str) -> None:
    assert found(Account(status)) is None


def test_the_alarms_on_the_whole_variant_are_triggers() -> None:
    triggers = found(Account())
    assert triggers == Triggers({name: f"{PLACE}:{name}" for name in ALL}, 7)
    assert triggers is not None
    assert triggers.sentence == (
        f"CloudFormation watches {', '.join(ALL)} during the update and for 7 minutes after it."
    )


def test_an_alarm_that_is_gone_or_in_alarm_is_none_and_the_list_is_given_all_the_same() -> None:
    account = Account()
    account.alarms[ALL[0]] = "ALARM"
    del account.alarms[ALL[1]]
    assert found(account) == Triggers({ALL[2]: f"{PLACE}:{ALL[2]}"}, 7)
    del account.alarms[ALL[2]]
    none = found(account)
    assert none is not None
    assert none.words == ("--rollback-trigger-alarm-arns", "none", "--monitoring-time-minutes", "0")
    assert none.sentence == "CloudFormation watches no alarm."


def test_the_cdk_is_told_each_alarm_and_the_minutes() -> None:
    triggers = Triggers({"a": "arn:a", "b": "arn:b"}, 1)
    assert triggers.words == (
        *("--rollback-trigger-alarm-arns", "arn:a", "--rollback-trigger-alarm-arns", "arn:b"),
        *("--monitoring-time-minutes", "1"),
    )
    assert triggers.sentence == "CloudFormation watches a, b during the update and for 1 minute after it."
    assert Triggers({"a": "arn:a"}, 0).sentence == "CloudFormation watches a during the update."


CONFIG = "AWS::SageMaker::EndpointConfig"


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([("UPDATE_ROLLBACK_IN_PROGRESS", "an alarm"), ("UPDATE_FAILED", "the way back", CONFIG)], "an alarm"),
        ([("UPDATE_FAILED", "update cancelled", CONFIG), ("UPDATE_ROLLBACK_IN_PROGRESS",)], "No reason is given."),
        ([("UPDATE_FAILED", "no right", CONFIG), ("UPDATE_ROLLBACK_IN_PROGRESS", "it failed")], None),
        ([("UPDATE_COMPLETE",)], None),
        ([], None),
    ],
    ids=["a trigger", "one meanwhile", "a resource", "no rollback", "nothing"],
)
def test_a_rollback_before_anything_failed_is_cloudformations(
    events: list[tuple[str, ...]], reason: str | None
) -> None:
    account: Any = Account()
    account.happens("UPDATE_ROLLBACK_IN_PROGRESS", "of an operation before")
    since = last_event(account, "bikes-dev-hosting")
    account.happens("UPDATE_IN_PROGRESS", "User Initiated")
    for event in events:
        account.happens(*event)
    expected = None if reason is None else Problem(reason, "stack bikes-dev-hosting")
    assert rollback_by_triggers(account, "bikes-dev-hosting", since) == expected
