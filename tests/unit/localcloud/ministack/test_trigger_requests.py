"""When rollback triggers end an operation of a stack, and what a request may say of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from localcloud.clock import Clock
from localcloud.ministack.cloudformation.rollback_requests import requested
from localcloud.ministack.cloudformation.rollback_triggers import CANCELLED, Watch, _Order
from localcloud.ministack.registry import request_scope
from localcloud.sagemaker.api.call import Scope

ACCOUNT, REGION = "111122223333", "us-east-1"
KIND = "AWS::CloudWatch::Alarm"


def arn(name: str) -> str:
    return f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"


class States:
    """Alarms by name, each with its state."""

    def __init__(self, **states: str) -> None:
        self.states = states

    def in_alarm(self, scope: Scope, names: Sequence[str]) -> tuple[str, ...]:
        assert scope == Scope(ACCOUNT, REGION)
        return tuple(name for name in names if self.states.get(name) == "ALARM")

    def missing(self, scope: Scope, names: Sequence[str]) -> tuple[str, ...]:
        assert scope == Scope(ACCOUNT, REGION)
        return tuple(name for name in names if name not in self.states)


def watch(states: States, *names: str, minutes: int = 0, stack: dict[str, Any] | None = None, **more: Any) -> Watch:
    triggers = [{"Arn": arn(name), "Type": KIND} for name in names]
    configuration = {"RollbackTriggers": triggers, "MonitoringTimeInMinutes": minutes}
    return Watch(configuration, {} if stack is None else stack, states, Clock(1200), **more)


def test_an_alarm_that_was_in_alarm_once_ends_the_operation_for_good() -> None:
    states = States(a="OK", b="INSUFFICIENT_DATA")
    watched = watch(states, "a", "b")
    assert not watched.look()
    states.states["b"] = "ALARM"
    assert watched.look()
    states.states["b"] = "OK"
    assert watched.look()
    assert watched.reason == f"The following rollback triggers are in ALARM state: [{arn('b')}]"


def test_no_resource_is_begun_after_an_alarm() -> None:
    states = States(a="OK")
    watched = watch(states, "a", minutes=1)
    begun = []
    for one in _Order(["A", "B", "C"], watched):
        begun.append((one, watched.current, watched.waits_next))
        states.states["a"] = "ALARM" if one == "B" else "OK"
    assert begun == [("A", "A", False), ("B", "B", False)]
    assert watched.current == ""


def test_the_wait_follows_the_last_resource_that_has_a_handler() -> None:
    watched = watch(States(a="OK"), "a", minutes=1, imported=("C",))
    begun = [(one, watched.waits_next) for one in _Order(["A", "B", "C"], watched)]
    assert begun == [("A", False), ("B", True), ("C", False)]
    assert not [one for one in _Order(["A"], watch(States(a="OK"), "a")) if watched.waits_next]


def test_an_alarm_between_two_resources_is_seen() -> None:
    states = States(a="OK")
    watched = watch(states, "a")

    async def moved() -> None:
        following = asyncio.create_task(watched.follow())
        await asyncio.sleep(0)
        states.states["a"] = "ALARM"
        await following

    asyncio.run(moved())
    assert watched.reason


def test_the_monitoring_time_ends_with_it_with_an_alarm_or_with_a_cancellation() -> None:
    watched = watch(States(a="OK"), "a", minutes=1)
    assert watched.seconds == 0.05
    watched.monitor()
    assert watched.reason == ""

    states = States(a="OK")
    tripped = watch(states, "a", minutes=180 * 60)
    ended(tripped, lambda: states.states.update(a="ALARM"))
    stack: dict[str, Any] = {}
    cancelled = watch(States(), minutes=180 * 60, stack=stack)
    ended(cancelled, lambda: stack.update(_cancel_requested=True))
    assert "ALARM" in tripped.reason
    assert (cancelled.reason, stack) == (CANCELLED, {})


def ended(watched: Watch, change: Callable[[], None]) -> None:
    """Return when the wait is over, which the change ends."""
    waiting = threading.Thread(target=watched.monitor)
    waiting.start()
    change()
    waiting.join()


def of(**more: str) -> dict[str, list[str]]:
    return {f"RollbackConfiguration.{name.replace('_', '.')}": [value] for name, value in more.items()}


@pytest.mark.contract("K22", "K23")
def test_what_a_request_says() -> None:
    one = of(RollbackTriggers_member_1_Arn=arn("a"), RollbackTriggers_member_1_Type=KIND)
    with request_scope(ACCOUNT, REGION):
        assert requested({"StackName": ["s"]}) is None
        assert requested(of(RollbackTriggers="")) == {"RollbackTriggers": []}
        assert requested(of(MonitoringTimeInMinutes="180")) == {"MonitoringTimeInMinutes": 180}
        assert requested(one) == {"RollbackTriggers": [{"Arn": arn("a"), "Type": KIND}]}
        wrong = one | of(MonitoringTimeInMinutes="-1", RollbackTriggers_member_1_Type="x")
        with pytest.raises(ValueError, match=r"^2 validation errors detected: Value '-1' at .*; Value 'x' at "):
            requested(wrong)
