"""Wait states: how long one takes, and what ends it."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.clock import Clock
from localcloud.ministack.door.services import stepfunctions
from localcloud.ministack.stepfunctions.course import WAITING, _wait_moment, _wait_seconds
from localcloud.ministack.stepfunctions.execution import Execution, ExecutionStopped, running

ARN = "arn:aws:states:us-east-1:000000000000:execution:m:e"


@pytest.fixture
def record() -> Iterator[dict[str, Any]]:
    made = {
        "executionArn": ARN,
        "name": "e",
        "stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:m",
        "events": [{"executionStartedEventDetails": {"roleArn": "r"}}],
    }
    stepfunctions.executions[ARN] = made
    yield made
    del stepfunctions.executions[ARN]


@pytest.fixture
def execution(record: dict[str, Any]) -> Iterator[Execution]:
    with running(record) as started:
        yield started


def original(_: Any) -> None:
    raise AssertionError("ministack's own sleep")


@pytest.mark.usefixtures("execution")
def test_the_time_factor_makes_seconds_shorter() -> None:
    before = time.monotonic()
    _wait_seconds(Clock(36000.0), original, 3600)
    assert 0.1 <= time.monotonic() - before < 5


@pytest.mark.usefixtures("execution")
def test_a_moment_is_a_real_one() -> None:
    before = time.monotonic()
    _wait_moment(original, "2020-01-01T00:00:00Z")
    assert time.monotonic() - before < 1


@pytest.mark.contract("Y04")
def test_a_stop_ends_a_wait_at_once(execution: Execution) -> None:
    raised: list[BaseException] = []

    def wait() -> None:
        try:
            _wait_seconds(Clock(), original, 3600)
        except ExecutionStopped as stopped:
            raised.append(stopped)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(wait,), daemon=True)
    thread.start()
    execution.stop()
    thread.join(5)

    assert [str(each) for each in raised] == [ARN]


@pytest.mark.usefixtures("execution")
def test_a_wait_keeps_the_moment_that_it_had(record: dict[str, Any]) -> None:
    """After a restart nothing is waited for twice."""
    record[WAITING] = {"until": time.time() - 1}
    before = time.monotonic()
    _wait_seconds(Clock(), original, 3600)
    assert time.monotonic() - before < 1
