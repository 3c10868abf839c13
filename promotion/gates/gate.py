"""A gate: when it applies, its limit, how it is measured; its outcome, and the outcome as lines for a terminal.

The lines are legible at 80 columns and without colour.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from kickstand.release.model import GateResult

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from promotion.gates.context import Evidence, GateContext


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate measured.

    passed: whether it is within the limit. figure: what was measured, in words. details: further lines.
    """

    passed: bool
    figure: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate of the table in `run`."""

    name: str
    applies: Callable[[GateContext], bool]
    """Whether the target demands it."""
    limit: Callable[[GateContext], str]
    """What is demanded, in words."""
    how_to_check: Callable[[GateContext], str]
    """A command that shows the same figure."""
    evaluate: Callable[[GateContext, Evidence], Verdict]
    """Measures. A KickstandError, or a failure of AWS, is a gate that was not passed, with that reason."""
    live: bool = False
    """It compares with what is served, or measures the source live: left out of a rollback."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One gate, asked once."""

    gate: str
    """Its name: `metrics`, `not-worse`, `slices`, `golden-rows`, `latency`, `age`, `signature`, `policy`,
    `artifact-scan`, `approval`."""
    passed: bool
    figure: str
    """What was measured: `validation:rmse 0.2897`."""
    limit: str
    """What was demanded: `<= 0.35`."""
    how_to_check: str
    """A command that shows the same figure."""
    details: tuple[str, ...] = ()
    """Further lines: the slices, the interval, each finding."""

    def record(self) -> GateResult:
        """As a release records it."""
        return GateResult(name=self.gate, passed=self.passed, figure=self.figure, limit=self.limit)


_WRAP = partial(textwrap.TextWrapper, break_long_words=False, break_on_hyphens=False)
"""Digests and addresses are never broken, so that they can be copied."""
_NAME = 15
_INDENT = " " * 6


def show_outcomes(console: Console, outcomes: Sequence[Outcome], *, details: bool = True) -> None:
    """Print every outcome, and the sum of them.

    details: False leaves away what passed gates have to say beside figure and limit.
    """
    from rich.text import Text

    for outcome in outcomes:
        for line in outcome_lines(outcome, min(console.width, 100), details=details):
            console.print(line)
    failed = [outcome.gate for outcome in outcomes if not outcome.passed]
    console.print(Text(summary(outcomes), style="bold red" if failed else "bold green"))


def summary(outcomes: Sequence[Outcome]) -> str:
    """`7 gates passed, 2 failed: not-worse, latency.`"""
    failed = [outcome.gate for outcome in outcomes if not outcome.passed]
    passed = len(outcomes) - len(failed)
    text = f"{passed} gate{'' if passed == 1 else 's'} passed"
    return f"{text}, {len(failed)} failed: {', '.join(failed)}." if failed else f"{text}, none failed."


def outcome_lines(outcome: Outcome, width: int, *, details: bool = True) -> Iterator[Text]:
    """One outcome. width: of the terminal, in characters; commands are never broken, so that they can be copied."""
    from rich.text import Text

    word, style = ("pass", "green") if outcome.passed else ("FAIL", "bold red")
    head = Text(f"{word}  ", style=style)
    head.append(f"{outcome.gate:<{_NAME}}", style="bold")
    figure, *rest = _WRAP(width - len(head.plain)).wrap(outcome.figure) or [""]
    head.append(figure, style="none")
    yield head
    for line in rest:
        yield Text(" " * len(head.plain[: 6 + _NAME]) + line)
    yield from _wrapped(f"limit: {outcome.limit}", width, "none")
    if details or not outcome.passed:
        for detail in outcome.details:
            yield from _wrapped(detail, width, "none" if not outcome.passed else "dim")
    yield Text(f"{_INDENT}see:   {outcome.how_to_check}", style="cyan")


def _wrapped(text: str, width: int, style: str) -> Iterator[Text]:
    from rich.text import Text

    wrap = _WRAP(width, initial_indent=_INDENT, subsequent_indent=f"{_INDENT}  ")
    yield from (Text(line, style=style) for line in wrap.wrap(text))
