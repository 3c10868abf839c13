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
from localcloud.ministack.stepfunctions.course import WAITING, _matching_retrier, _wait_moment, _wait_seconds
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
    _wait_seconds(Clock(), original, 5)
    assert time.monotonic() - before < 1


@pytest.mark.contract("Y09")
@pytest.mark.usefixtures("execution")
@pytest.mark.parametrize(
    ("retrier", "count", "seconds"),
    [
        ({}, 0, 1),
        ({}, 3, 8),
        ({"IntervalSeconds": 300}, 1, 600),
        ({"IntervalSeconds": 300, "MaxDelaySeconds": 400}, 1, 400),
        ({"IntervalSeconds": 60, "BackoffRate": 1.0}, 5, 60),
    ],
)
def test_a_retry_waits_as_long_as_it_says(
    monkeypatch: pytest.MonkeyPatch, retrier: dict[str, float], count: int, seconds: float
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("localcloud.ministack.stepfunctions.course._wait", waited.append)
    monkeypatch.setattr("localcloud.ministack.stepfunctions.course.time.time", lambda: 0.0)

    found = _matching_retrier(lambda retriers, *_: (retriers[0], 0), [retrier], "E", {0: count})
    _wait_seconds(Clock(10.0), original, min(seconds, 60))
    _wait_seconds(Clock(10.0), original, 30)

    assert found == (retrier, 0)
    assert waited == [seconds / 10, 3.0]


@pytest.mark.contract("Y09")
@pytest.mark.usefixtures("execution")
def test_full_jitter_is_any_time_up_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("localcloud.ministack.stepfunctions.course._wait", waited.append)
    monkeypatch.setattr("localcloud.ministack.stepfunctions.course.time.time", lambda: 0.0)
    retrier = {"IntervalSeconds": 100, "JitterStrategy": "FULL"}

    for _ in range(50):
        _matching_retrier(lambda retriers, *_: (retriers[0], 0), [retrier], "E", {})
        _wait_seconds(Clock(), original, 60)

    assert 0 <= min(waited) < 30 < 70 < max(waited) <= 100
