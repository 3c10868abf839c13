"""The command that `kickstand demo-promotion` has in the background: it is interrupted, and its figures are shown."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from cli.demo import promotion
from cli.demo.promotion import _Runner
from cli.demo.promotion_script import Background, End
from kickstand.errors import KickstandError

HEEDS = """
import time
try:
    print("begun", flush=True)
    time.sleep(30)
except KeyboardInterrupt:
    print("3 requests")
"""
GOES_ON = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("begun", flush=True)
time.sleep(30)
"""


@pytest.fixture
def ignored() -> Iterator[None]:
    """SIGINT, as in what a script starts with `&`."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


def shown(monkeypatch: pytest.MonkeyPatch, folder: Path, program: str) -> str:
    """The screen of a demo that begins the program and ends it."""
    monkeypatch.setattr(promotion, "_command", lambda line: [sys.executable, "-c", program])
    screen = io.StringIO()
    runner = _Runner(Console(file=screen), folder, {}, cast("Any", SimpleNamespace(variables=lambda name: {})))
    with runner:
        for act in (Background("kickstand traffic prod"), End()):
            runner.act(act)
    return screen.getvalue()


def test_its_figures_are_shown_at_its_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = shown(monkeypatch, tmp_path, HEEDS).split("\n")
    assert [line.strip() for line in lines if line] == [
        "ana$ kickstand traffic prod &",
        "begun",
        "Ctrl-C for the command in the background",
        "3 requests",
    ]


@pytest.mark.usefixtures("ignored")
def test_it_is_interrupted_where_the_demo_itself_is_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert shown(monkeypatch, tmp_path, HEEDS).endswith("3 requests\n")


def test_one_that_goes_on_is_killed_and_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(promotion, "_LAST_WORDS_SECONDS", 0.5)
    with pytest.raises(KickstandError) as refused:
        shown(monkeypatch, tmp_path, GOES_ON)
    (problem,) = refused.value.problems
    assert problem.message.startswith("The demo stopped: a command in the background did not end within ")
