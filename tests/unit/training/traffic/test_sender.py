"""Requests at planned instants on a clock of the test's own: nothing that an endpoint does moves an instant."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import cast

import numpy as np
import pytest
from virtual_time import VirtualLoop, run_virtually

from training.traffic.figures import Figures
from training.traffic.sender import Outcome, Plan, Sent, send_open_loop

Endpoint = Callable[[int, float], Awaitable[Outcome]]
"""Answers a request by its number; the instant is the seconds since the first planned one."""

FINE = Outcome(variant="all")


class Run:
    """A plan, sent to a fake endpoint."""

    def __init__(self, plan: Plan, endpoint: Endpoint, *, connections: int = 256, stop_after: float = 1e9) -> None:
        self.sent: list[Sent] = []
        self.begun: dict[int, float] = {}
        self.most_at_once = self._at_once = 0
        self._plan, self._endpoint, self._connections, self._stop = plan, endpoint, connections, stop_after
        run_virtually(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        self._origin = loop.time() + 0.05
        await send_open_loop(
            self._plan,
            lambda number: number,
            self._send,
            self.sent.append,
            connections=self._connections,
            stopped=lambda: loop.time() - self._origin > self._stop,
        )
        self.ended = loop.time() - self._origin

    async def _send(self, number: int) -> Outcome:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            now = asyncio.get_running_loop().time() - self._origin
            self.begun[number] = now
            return await self._endpoint(number, now)
        finally:
            self._at_once -= 1

    @property
    def latencies(self) -> list[float]:
        """By the requests' numbers."""
        return [one.latency for one in sorted(self.sent, key=lambda one: one.planned)]


def takes(seconds: float) -> Endpoint:
    async def answer(number: int, now: float) -> Outcome:
        await asyncio.sleep(seconds)
        return FINE

    return answer


async def stalls(number: int, now: float) -> Outcome:
    """Answers in 5 ms, but nothing from second 1 to second 2: what comes in between is answered at second 2."""
    await asyncio.sleep(0.005)
    if 1 <= now < 2:
        await asyncio.sleep(2 - now)
    return FINE


def test_every_request_is_sent_at_its_planned_instant() -> None:
    run = Run(Plan(rate=100, seconds=3), takes(0.395))
    assert len(run.sent) == 300
    assert [run.begun[number] for number in range(300)] == pytest.approx([number / 100 for number in range(300)])
    assert run.latencies == pytest.approx([0.395] * 300)
    assert run.most_at_once == 40
    assert run.ended == pytest.approx(2.99 + 0.395)


def test_a_stalled_second_makes_late_what_was_planned_in_it() -> None:
    run = Run(Plan(rate=100, seconds=3), stalls)
    planned = [number / 100 for number in range(300)]
    assert [run.begun[number] for number in range(300)] == pytest.approx(planned)
    expected = [0.005 + (2 - at if 1 <= at < 2 else 0) for at in planned]
    assert run.latencies == pytest.approx(expected)


@pytest.mark.parametrize("connections", [1, 7])
def test_what_waits_for_a_connection_counts_from_its_planned_instant(connections: int) -> None:
    """The same stall with few connections: requests cannot begin in it, and are late by as much at least."""
    run = Run(Plan(rate=100, seconds=3), stalls, connections=connections)
    assert run.most_at_once == connections
    assert len(run.sent) == 300
    late = [latency for number, latency in enumerate(run.latencies) if 100 <= number < 200]
    assert all(latency >= 2 - (1 + place / 100) for place, latency in enumerate(late))
    assert run.latencies[:100] == pytest.approx([0.005] * 100)


@pytest.mark.parametrize("stall", [300, 1000])
def test_percentiles_are_numpys_of_the_corrected_latencies(stall: int) -> None:
    """Independently of the sender: a closed form of what each planned request waits for. stall: milliseconds."""

    async def endpoint(number: int, now: float) -> Outcome:
        await asyncio.sleep(0.02 + 0.0001 * (number % 100))
        if 2000 <= number < 2000 + stall:
            await asyncio.sleep(2 + stall / 1000 - now)
        return FINE

    plan = Plan(rate=1000, seconds=5)
    figures = Figures(plan)
    for sent in Run(plan, endpoint, connections=10_000).sent:
        figures.record(sent)
    corrected = 20 + 0.1 * (np.arange(5000) % 100)
    corrected[2000 : 2000 + stall] += np.arange(stall, 0, -1)
    assert figures.sent == 5000
    for percentile in (50, 90, 99, 99.9):
        assert figures.latency(percentile) == pytest.approx(np.percentile(corrected, percentile), rel=0.01), percentile
    assert figures.latency(100) == pytest.approx(corrected.max(), rel=0.01)
    assert figures.latency(99.9) > 0.9 * stall


def test_a_request_times_out_from_its_planned_instant_sent_or_not() -> None:
    run = Run(Plan(rate=10, seconds=1), takes(1000), connections=3)
    assert [one.outcome.error for one in run.sent] == ["timeout"] * 10
    assert run.latencies == pytest.approx([70] * 10)
    assert run.most_at_once == 3
    assert run.ended == pytest.approx(0.9 + 70)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionRefusedError(), "connection refused"),
        (ConnectionResetError(), "connection lost"),
        (BrokenPipeError(), "connection lost"),
        (ssl.SSLError("x"), "TLS failed"),
        (OSError(113, "No route to host"), "connection failed: No route to host"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_failed_connection_is_one_failed_request(error: OSError, kind: str) -> None:
    async def endpoint(number: int, now: float) -> Outcome:
        if number == 3:
            raise error
        return FINE

    run = Run(Plan(rate=10, seconds=1), endpoint)
    assert [one.outcome for one in run.sent] == [FINE] * 3 + [Outcome(kind)] + [FINE] * 6


def test_a_run_that_is_stopped_sends_no_more_and_waits_for_what_is_on_its_way() -> None:
    run = Run(Plan(rate=100, seconds=3), takes(0.5), connections=10, stop_after=0.895)
    assert len(run.begun) == len(run.sent) == 20
    assert run.ended == pytest.approx(1.09)


def test_a_sender_that_is_late_says_so() -> None:
    """Given code that takes 30 ms for each request; planned every 10 ms; then the lag grows, and is in the latency."""

    async def run() -> list[Sent]:
        loop, sent = cast(VirtualLoop, asyncio.get_running_loop()), list[Sent]()

        def prepare(number: int) -> int:
            loop.spend(0.03)
            return number

        async def send(number: int) -> Outcome:
            await asyncio.sleep(0)
            return FINE

        await send_open_loop(Plan(100, 1), prepare, send, sent.append, connections=5)
        return sent

    figures = Figures(Plan(100, 1))
    for sent in run_virtually(run()):
        assert sent.latency >= sent.lag
        figures.record(sent)
    assert figures.lag(100) == pytest.approx(100 * 30 - 50 - 990, rel=0.02)
    assert figures.sender_was_late


@pytest.mark.parametrize(("rate", "seconds", "count"), [(50, 30, 1500), (0.1, 1, 1), (0.5, 5, 2), (3, 1.5, 4)])
def test_a_plan_counts_its_requests(rate: float, seconds: float, count: int) -> None:
    assert Plan(rate, seconds).count == count
