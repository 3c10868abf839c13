"""Runs of requests against an endpoint: one at a rate, or several at rising rates until the latency passes a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from training.traffic.connections import Connections, HttpAnswer
from training.traffic.figures import Figures
from training.traffic.requests import Body, Invocation, outcome_of
from training.traffic.sender import Outcome, Plan, run_on_time, send_open_loop

MOST_REQUESTS = 1_000_000
MOST_SECONDS = 3600
MOST_RATE = 10_000
MOST_CONNECTIONS = 512
"""Sockets of one process: the event loop takes file descriptors up to 1,023."""

MOST_STEPS = 12
"""Runs of one search: doublings from the first rate, then halvings of the range between the last two."""
_HALVINGS = 3

_TICK_SECONDS = 0.25


def most_seconds(plan: Plan, *, searching: bool) -> float:
    """How long requests are sent at the longest, in a run or in a search that begins with the plan."""
    return plan.seconds * (MOST_STEPS if searching else 1)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests to one endpoint.

    connections: requests on their way at one time, at most. read: what an answer to a body means.
    """

    invocation: Invocation
    bodies: Sequence[Body]
    connections: int
    read: Callable[[HttpAnswer, Body], Outcome] = outcome_of

    def run(
        self, figures: Figures, *, tick: Callable[[], None] = lambda: None, stopped: Callable[[], bool] = lambda: False
    ) -> None:
        """Send the plan of the figures, and count into them; an interrupted run leaves what was counted.

        tick: is called four times a second. stopped: whether to send no more.
        """
        run_on_time(self._run(figures, tick, stopped))

    async def _run(self, figures: Figures, tick: Callable[[], None], stopped: Callable[[], bool]) -> None:
        connections, bodies = Connections(self.invocation.address), self.bodies

        def prepare(number: int) -> tuple[Body, bytes]:
            body = bodies[number % len(bodies)]
            return body, self.invocation.signed(body)

        async def send(request: tuple[Body, bytes]) -> Outcome:
            body, content = request
            return self.read(await connections.send(content), body)

        ticking = asyncio.create_task(_ticking(tick))
        try:
            await send_open_loop(
                figures.plan, prepare, send, figures.record, connections=self.connections, stopped=stopped
            )
        finally:
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking
            await connections.close()


async def _ticking(tick: Callable[[], None]) -> None:
    while True:
        tick()
        await asyncio.sleep(_TICK_SECONDS)


Verdict = str
HOLDS: Final[Verdict] = "holds"
"""No request failed, and the 99th percentile of the latency is within the limit."""
SLOW: Final[Verdict] = "too slow"
FAILS: Final[Verdict] = "requests fail"
SENDER: Final[Verdict] = "this machine is late"
"""The sender cannot keep its plan: the endpoint may bear more."""


def verdict(figures: Figures, limit: float) -> Verdict:
    """Whether an endpoint bears a run. limit: milliseconds of the 99th percentile."""
    if figures.failures:
        return FAILS
    if figures.latency(99) <= limit:
        return HOLDS
    return SENDER if figures.sender_was_late else SLOW


class Overload:
    """Ends a run once it cannot hold any more: a request failed, or more than 1 % of the plan is over the limit."""

    def __init__(self, figures: Figures, limit: float) -> None:
        """limit: milliseconds."""
        self._figures, self._limit = figures, limit / 1000
        self._seen = self._late = 0

    def __call__(self) -> bool:
        latencies = self._figures.latencies
        for place in range(self._seen, len(latencies)):
            self._late += latencies[place] > self._limit
        self._seen = len(latencies)
        return self._figures.failures > 0 or self._late > self._figures.plan.count / 100


@dataclass(frozen=True, slots=True)
class Step:
    """One run of a search."""

    figures: Figures
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Search:
    """What a search has found.

    limit: milliseconds of p99. rate: the highest that holds, 0 where the first does not. steps: the runs, in their
    order. ended_early: whether no run was over the limit before the search had to end.
    """

    limit: float
    rate: float
    steps: tuple[Step, ...]
    ended_early: bool = False

    @property
    def shown(self) -> Figures:
        """The run at the rate that was found, else the first."""
        return next((step.figures for step in self.steps if step.figures.plan.rate == self.rate), self.steps[0].figures)


def find_limit(run: Callable[[Plan], Figures], first: Plan, limit: float) -> Search:
    """The highest rate at which p99 stays within a limit, to an eighth of it, and the runs that show it.

    run: sends a plan; it may end early (`Overload`). first: the first rate, and how long each run lasts. limit: in ms.
    The rate doubles until a run does not hold; then the range between is halved three times. It ends at MOST_RATE and
    after MOST_STEPS.
    """
    steps: list[Step] = []

    def holds(rate: float) -> bool:
        figures = run(Plan(rate, min(first.seconds, MOST_REQUESTS / rate)))
        steps.append(Step(figures, verdict(figures, limit)))
        return steps[-1].verdict == HOLDS

    good, rate = 0.0, first.rate
    while holds(rate):
        good, rate = rate, min(rate * 2, MOST_RATE)
        if good == MOST_RATE or len(steps) == MOST_STEPS - _HALVINGS:
            return Search(limit, good, tuple(steps), ended_early=True)
    bad = rate
    for _ in range(_HALVINGS if good else 0):
        middle = round((good + bad) / 2, 3)
        if holds(middle):
            good = middle
        else:
            bad = middle
    return Search(limit, good, tuple(steps))
