"""The rounds of a cross-validation in a job's log: one model after another, each counted from 0 again.

Behind the folds the container writes lines that look like a round's, numbered `num_round`, one more than any has:
the means over the folds of each repetition, and behind several repetitions those over all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.job.log import Round


@dataclass(slots=True)
class FoldCount:
    """Which fold the log has come to.

    models: how many the job makes. rounds: how many each has at most (`num_round`).
    """

    models: int
    rounds: int
    _fold: int = 0
    _last: int = -1
    _host: str = ""

    def place(self, done: Round, host: str) -> Round | None:
        """A line's round with its fold; None where another host tells it once more.

        A line of means has the fold behind the last one told, and the number `rounds`.
        """
        self._host = self._host or host
        if host != self._host:
            return None
        if done.number >= self.rounds:
            return Round(done.number, done.metrics, min(self._fold + 1, self.models))
        if done.number <= self._last:
            self._fold += 1
        self._last = done.number
        return Round(done.number, done.metrics, self._fold)

    def start_over(self) -> None:
        """The job begins anew, on another instance."""
        self._fold, self._last = 0, -1


def fold_rounds(rounds: Sequence[Round], models: int, most: int) -> tuple[tuple[Round, ...], ...]:
    """The rounds of each fold, in the order of the folds; none where folds are missing.

    rounds: as the log has them, in order; of a job that began anew the last folds are those of its models.
    models: how many the job made. most: `num_round`; what is numbered so is no round.
    """
    folds: list[list[Round]] = []
    for done in rounds:
        if done.number >= most:
            continue
        if done.number == 0 or not folds:
            folds.append([])
        folds[-1].append(done)
    made = folds[-models:]
    return tuple(map(tuple, made)) if len(made) == models else ()


def mean_rounds(folds: Sequence[Sequence[Round]]) -> tuple[Round, ...]:
    """The mean over the folds at each round, up to the last that all of them have; of one model its own rounds."""
    if len(folds) == 1:
        return tuple(folds[0])
    shortest = min(map(len, folds), default=0)
    return tuple(mean_round([fold[number] for fold in folds]) for number in range(shortest))


def mean_round(rounds: Sequence[Round]) -> Round:
    """The mean of rounds, one of each fold, of the metrics that all of them have."""
    first = rounds[0]
    named = [name for name in first.metrics if all(name in done.metrics for done in rounds)]
    return Round(first.number, {name: sum(done.metrics[name] for done in rounds) / len(rounds) for name in named})
