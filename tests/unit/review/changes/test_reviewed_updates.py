"""How an update moves the traffic, in a review's words, and which changes make updates less safe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from review_templates import Edit, both, edited, headlines, pair
from samples import environment

from review.infrastructure import infrastructure

ALARMS = {"Alarms": [{"AlarmName": {"Ref": "Alarm"}}, {"AlarmName": "by-hand"}]}
BACK = "Any of these alarms rolls it back: bikes-dev-errors and by-hand."


def routed(kind: str, bake: int = 300, wait: int = 300, **more: Any) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **more}
    policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": bake}
    return {"BlueGreenUpdatePolicy": policy, "AutoRollbackConfiguration": ALARMS}


def instances(value: int) -> dict[str, Any]:
    return {"Type": "INSTANCE_COUNT", "Value": value}


ROLLING = {
    "RollingUpdatePolicy": {"MaximumBatchSize": instances(1), "WaitIntervalInSeconds": 120},
    "AutoRollbackConfiguration": ALARMS,
}


@pytest.mark.contract("L10")
@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            routed("CANARY", CanarySize=instances(1)),
            "1 instance takes its share of the traffic for 5 minutes, then all; the old ones go after 5 minutes. "
            f"Both are paid for at least 10 minutes. {BACK}",
        ),
        (
            routed("LINEAR", LinearStepSize={"Type": "CAPACITY_PERCENT", "Value": 25}, wait=90),
            "The traffic moves in steps of 25 % of the instances, 90 seconds apart; the old ones go after 5 minutes. "
            f"Both are paid until then. {BACK}",
        ),
        (routed("ALL_AT_ONCE", bake=0, wait=0), f"All traffic moves at once; the old ones go at once. {BACK}"),
        (ROLLING, f"They replace the old ones in batches of 1 instance, 2 minutes apart. {BACK}"),
        ({}, "All traffic moves at once; the old ones go at once. No alarm rolls it back."),
    ],
    ids=["canary", "linear", "at once", "rolling", "nothing"],
)
def test_the_course_of_an_update(config: dict[str, Any], words: str) -> None:
    found = infrastructure([pair(edited(guarded(config)), edited(both(guarded(config), new_model)))], environment())
    assert found.traffic == (
        "The endpoint bikes-dev is updated in place: SageMaker starts new instances beside the old ones, which answer "
        f"all requests until the new ones are ready. {words}"
    )


def guarded(config: dict[str, Any]) -> Edit:
    return lambda r: r["Endpoint"]["Properties"].update(DeploymentConfig=config)


def new_model(r: dict[str, Any]) -> None:
    r["Model"]["Properties"]["PrimaryContainer"]["ModelDataUrl"] = "s3://bikes-models/models/2/model.tar.gz"


def warnings(before: Edit, after: Edit) -> list[str]:
    found = infrastructure([pair(edited(before), edited(after))], environment())
    return [sentence for level, sentence in headlines(found) if level == "warning"]


CANARY = routed("CANARY", CanarySize=instances(1))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            CANARY,
            routed("CANARY", CanarySize=instances(2), wait=60),
            [
                "An update of the endpoint bikes-dev moves more traffic in one step: 2, before 1.",
                "An update of the endpoint bikes-dev has less time to be rolled back: the wait after each step is 1 "
                "minute, before 5 minutes.",
            ],
        ),
        (
            CANARY,
            routed("CANARY", CanarySize=instances(1), bake=0),
            [
                "An update of the endpoint bikes-dev has less time to be rolled back: the bake at its end is "
                "0 seconds, before 5 minutes."
            ],
        ),
        (
            CANARY,
            routed("ALL_AT_ONCE"),
            ["An update of the endpoint bikes-dev moves all traffic at once, before canary."],
        ),
        (
            CANARY,
            CANARY | {"AutoRollbackConfiguration": {"Alarms": ALARMS["Alarms"][:1]}},
            ["One alarm less rolls an update of the endpoint bikes-dev back: by-hand."],
        ),
        (routed("CANARY", CanarySize=instances(2), wait=60), CANARY, []),
    ],
    ids=["larger and shorter", "no bake", "at once", "fewer alarms", "safer"],
)
def test_what_makes_updates_less_safe_is_a_warning(
    before: dict[str, Any], after: dict[str, Any], expected: list[str]
) -> None:
    assert sorted(warnings(guarded(before), guarded(after))) == sorted(expected)


def test_how_long_cloudformation_watches_is_said() -> None:
    changed = edited(both(guarded(CANARY), new_model))
    watched = replace(pair(edited(guarded(CANARY)), changed), live_minutes=5, planned_minutes=5)
    sentence = (
        "CloudFormation watches the endpoint's alarms on all requests until 5 minutes after the update of "
        f"{watched.stack}, and rolls all of it back when one goes into ALARM."
    )
    found = infrastructure([watched], environment())
    assert found.traffic.endswith(f" {BACK} {sentence}")
    assert not [one for level, one in headlines(found) if level == "warning"]
    assert sentence not in infrastructure([replace(watched, planned_minutes=0)], environment()).traffic
    same = replace(watched, planned=watched.live)
    assert sentence not in infrastructure([same], environment()).traffic


@pytest.mark.parametrize(("minutes", "now"), [(1, "1 minute"), (0, "no time")])
def test_less_monitoring_time_is_a_warning(minutes: int, now: str) -> None:
    less = replace(pair(edited(guarded(CANARY)), edited(guarded(CANARY))), live_minutes=5, planned_minutes=minutes)
    assert [one for level, one in headlines(infrastructure([less], environment())) if level == "warning"] == [
        f"CloudFormation watches the alarms for {now} after the update of {less.stack}, before 5 minutes."
    ]


def alarm(**properties: Any) -> Edit:
    return lambda r: r["Alarm"]["Properties"].update(properties)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (alarm(), alarm(Threshold=2), "The alarm bikes-dev-errors goes into ALARM later: above 2, before 1."),
        (
            alarm(DatapointsToAlarm=2),
            alarm(DatapointsToAlarm=3),
            "The alarm bikes-dev-errors goes into ALARM later: after 3 data points, before 2.",
        ),
        (alarm(AlarmActions=["topic"]), alarm(), "The alarm bikes-dev-errors no longer notifies anybody."),
    ],
    ids=["threshold", "data points", "actions"],
)
def test_an_alarm_that_is_weaker_is_a_warning(before: Edit, after: Edit, expected: str) -> None:
    assert warnings(before, after) == [expected]
    assert warnings(after, before) == []
