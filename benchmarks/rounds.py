"""When enough is measured: pairs are taken until each verdict is certain, or the row's budget is used up.

A row that is far from its limit is certain after three pairs, one that is near takes up to nine. See `median_spread`
for what certain means.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import TypeVar

from benchmarks.figure import UNCLEAR, Figure

Key = TypeVar("Key")
Taken = TypeVar("Taken")

LEAST, MOST = 3, 9
"""Pairs."""


class Budget:
    """So many seconds for a row, of a machine that works for nobody else.

    Beside other work a second counts less: as the machine's cores are to the programs that want to run.
    say: gets a sentence for each pair that was taken.
    """

    def __init__(
        self,
        seconds: float,
        *,
        say: Callable[[str], None] = lambda sentence: None,
        clock: Callable[[], float] = time.monotonic,
        load: Callable[[], float] = lambda: os.getloadavg()[0],
    ) -> None:
        self.seconds, self.say = seconds, say
        self._clock, self._load, self._last, self._spent = clock, load, clock(), 0.0

    def spent(self) -> float:
        """Seconds until now, each by what there was of the machine in it."""
        now, cores = self._clock(), os.cpu_count() or 1
        self._spent += (now - self._last) * min(1.0, cores / max(self._load(), 1.0))
        self._last = now
        return self._spent

    @property
    def used_up(self) -> bool:
        return self.spent() >= self.seconds


_budget: ContextVar[Budget] = ContextVar("budget")


@contextlib.contextmanager
def within(budget: Budget) -> Iterator[None]:
    """What is measured in the block shares a budget; each of its comparisons takes its least pairs anyway."""
    token = _budget.set(budget)
    try:
        yield
    finally:
        _budget.reset(token)


def until_clear(
    take: Callable[[int], Taken],
    figures: Callable[[Sequence[Taken]], list[Figure]],
    *,
    least: int = LEAST,
    most: int = MOST,
) -> list[Figure]:
    """Take round after round (it is given the number of those before) until every verdict is clear; the figures.

    least, most: rounds. What is unclear after the last one, or when the row's budget is used up, says so.
    """
    rounds: list[Taken] = []
    row = _budget.get(Budget(math.inf))
    while True:
        rounds.append(take(len(rounds)))
        found = figures(rounds)
        unclear = [f"{figure.name} ({figure.peer})" for figure in found if figure.verdict == UNCLEAR]
        if len(rounds) < least:
            row.say(f"pair {len(rounds)} of at least {least}: {found[0].name}")
        elif not unclear:
            row.say(f"{len(rounds)} pairs, each verdict is certain: {found[0].name}")
            return found
        elif len(rounds) >= most:
            return _because(found, f"{len(rounds)} pairs were taken, which are the most")
        elif row.used_up:
            return _because(found, f"{len(rounds)} pairs were taken, and the {row.seconds:g} s of this row are used up")
        else:
            row.say(f"{len(rounds)} pairs, not certain yet: {'; '.join(unclear)}")


def _because(figures: Sequence[Figure], taken: str) -> list[Figure]:
    """Beside much other work the ratios scatter more than pairs can even out, so the load is part of the reason."""
    reason = f"{taken}; the machine's load is {os.getloadavg()[0]:.1f} on {os.cpu_count() or 1} cores"
    return [dataclasses.replace(each, reason=reason) if each.verdict == UNCLEAR else each for each in figures]


def in_turn(
    measures: Mapping[Key, Callable[[], Taken]],
    figures: Callable[[Sequence[Mapping[Key, Taken]]], list[Figure]],
    *,
    least: int = LEAST,
    most: int = MOST,
    warm_up: bool = True,
) -> list[Figure]:
    """All measures in every round, forwards and backwards by turns, until every verdict is clear.

    warm_up: take each once before, for nothing.
    """
    if warm_up:
        for measure in measures.values():
            measure()

    def take(before: int) -> Mapping[Key, Taken]:
        return {name: measures[name]() for name in list(measures)[:: 1 if before % 2 == 0 else -1]}

    return until_clear(take, figures, least=least, most=most)
