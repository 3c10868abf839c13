"""The line that says how traffic goes, and what Ctrl-C leaves on the screen."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import cast

import pytest

from cli.traffic import _Screen
from kickstand.console import make_console
from training.traffic.figures import Figures
from training.traffic.runs import Traffic
from training.traffic.sender import Outcome, Plan, Sent

PLAN = Plan(10, 2)


class FakeTraffic:
    """Records 12 requests with a tick after each; then ends, or is interrupted."""

    def __init__(self, *, interrupted: bool = False) -> None:
        self._interrupted = interrupted

    def run(self, figures: Figures, *, tick: Callable[[], None], stopped: Callable[[], bool]) -> None:
        for number in range(12):
            figures.record(Sent(number / 10, 0, 0.004, Outcome("timeout" if number == 5 else "", "all")))
            tick()
            if stopped():
                return
        if self._interrupted:
            raise KeyboardInterrupt


class Screen(io.StringIO):
    """A stream that is a terminal, or is none."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def shown(traffic: FakeTraffic, *, terminal: bool, limit: float | None = None) -> tuple[str, Figures | None]:
    stream = Screen(terminal=terminal)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm")
        screen = _Screen(make_console(stream), "bikes-dev")
        try:
            found = screen.run(cast(Traffic, traffic), PLAN, limit=limit)
        except KeyboardInterrupt:
            found = None
    return stream.getvalue(), found


def test_one_line_on_a_terminal_and_none_elsewhere() -> None:
    text, found = shown(FakeTraffic(), terminal=True)
    assert "12 of 20 at 10/s   p50 4.0 p99 4.0 ms   failed 1 (timeout: 1)" in text
    assert text.count("\n") == 0 or "\x1b[1A" in text  # each line takes the place of the one before
    assert found is not None
    assert found.sent == 12
    assert shown(FakeTraffic(), terminal=False)[0] == ""


def test_an_interrupted_run_shows_what_was_counted() -> None:
    text, found = shown(FakeTraffic(interrupted=True), terminal=False)
    assert found is None
    assert "12 of 20 planned" in text


def test_a_run_with_a_limit_ends_at_the_first_failure() -> None:
    found = shown(FakeTraffic(), terminal=False, limit=50)[1]
    assert found is not None
    assert found.sent == 6
