"""An open-loop sender: each request has its planned instant, and its latency counts from there.

A late answer delays no other request, so what callers would have waited for is in the figures: there is no coordinated
omission. Nothing here knows HTTP; time is the event loop's.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Request = TypeVar("Request")
Result = TypeVar("Result")

TIMEOUT_SECONDS = 70.0
"""From a request's planned instant until it counts as failed: SageMaker gives a container 60 s to answer."""

_LEAD_SECONDS = 0.05
"""From the start to the first planned instant: the first request is prepared in it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """When requests are sent: `rate` a second, evenly, for `seconds`; at least one."""

    rate: float
    seconds: float

    @property
    def count(self) -> int:
        """How many requests."""
        return max(1, round(self.rate * self.seconds))

    def instant(self, number: int) -> float:
        """Seconds from the start to the planned instant of a request, counted from 0."""
        return number / self.rate


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request.

    error: its kind (`ModelError 500`, `timeout`), empty where it was answered. variant: who answered, by the header.
    model: which model gave the answer, where that is known: `released` or `another`.
    """

    error: str = ""
    variant: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request and what came of it.

    planned: seconds from the start to its planned instant. latency: seconds from there to its whole answer, or to its
    failure. lag: seconds from there until this machine came to send it, of which the endpoint has no part.
    """

    planned: float
    lag: float
    latency: float
    outcome: Outcome


async def send_open_loop(
    plan: Plan,
    prepare: Callable[[int], Request],
    send: Callable[[Request], Awaitable[Outcome]],
    record: Callable[[Sent], None],
    *,
    connections: int,
    timeout: float = TIMEOUT_SECONDS,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Send the plan's requests; return when each is answered or has failed, `timeout` after the last at the latest.

    prepare: makes a request by its number, before its instant. send: raises OSError where there is no answer.
    connections: requests on their way at one time; those beyond wait, and their waiting is part of their latency.
    timeout: seconds from the planned instant. stopped: whether to send no more; what waits then is dropped.
    """
    loop = asyncio.get_running_loop()
    began = loop.time() + _LEAD_SECONDS
    waiting: deque[_Planned[Request]] = deque()
    running: set[asyncio.Task[None]] = set()
    in_use = 0

    async def work(first: _Planned[Request]) -> None:
        """Send a request, then those that wait: one task is one connection that is in use."""
        nonlocal in_use
        due: _Planned[Request] | None = first
        while due is not None:
            outcome = await _outcome(send, due.request, due.instant + timeout - loop.time())
            record(Sent(due.instant - began, due.lag, loop.time() - due.instant, outcome))
            due = waiting.popleft() if waiting else None
        in_use -= 1

    try:
        for number in range(plan.count):
            request, instant = prepare(number), began + plan.instant(number)
            # Other tasks run here in any case, so that a sender that is late still reads the answers.
            await asyncio.sleep(max(0.0, instant - loop.time()))
            if stopped():
                waiting.clear()
                break
            due = _Planned(request, instant, max(0.0, loop.time() - instant))
            if in_use == connections:
                waiting.append(due)
                continue
            in_use += 1
            task = loop.create_task(work(due))
            running.add(task)
            task.add_done_callback(running.discard)
        while running:
            done, _ = await asyncio.wait(running)
            for task in done:
                task.result()
    finally:
        for task in running:
            task.cancel()


@dataclass(frozen=True, slots=True)
class _Planned(Generic[Request]):
    """A request with its instant on the loop's clock and its lag."""

    request: Request
    instant: float
    lag: float


async def _outcome(send: Callable[[Request], Awaitable[Outcome]], request: Request, seconds: float) -> Outcome:
    if seconds <= 0:
        return Outcome("timeout")
    try:
        async with asyncio.timeout(seconds):
            return await send(request)
    except TimeoutError:
        return Outcome("timeout")
    except OSError as error:
        return Outcome(_kind(error))


def _kind(error: OSError) -> str:
    """A connection's failure in a few words."""
    for kind, words in (
        (ssl.SSLError, "TLS failed"),
        (socket.gaierror, "name not resolved"),
        (ConnectionRefusedError, "connection refused"),
        (ConnectionError, "connection lost"),
    ):
        if isinstance(error, kind):
            return words
    return f"connection failed: {error.strerror or type(error).__name__}"


def run_on_time(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end on an event loop whose timers are exact to a fraction of a millisecond.

    The usual loop waits by epoll, which rounds up to whole milliseconds; `select` does not, and takes sockets up to the
    file descriptor 1,023.
    """
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        return runner.run(main)
