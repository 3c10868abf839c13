"""A gate: when it is asked, what it demands, and how it is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from promotion.gates.contest import Contest
from promotion.gates.evidence import Evidence


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
    asked: Callable[[Contest], bool]
    """Whether the target demands it."""
    limit: Callable[[Contest], str]
    """What is demanded, in words."""
    see: Callable[[Contest], str]
    """A command with which one sees it oneself."""
    judge: Callable[[Contest, Evidence], Verdict]
    """Measures. A KickstandError, or a failure of AWS, is a gate that was not passed, with that reason."""
    live: bool = False
    """It compares with what is served, or measures the source live: not asked on a way back."""
