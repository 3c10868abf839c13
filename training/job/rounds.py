"""All rounds of a job that has ended, out of its log, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from training.job.description import JobDescription
from training.job.folds import mean_rounds
from training.job.follow import Log
from training.job.log import LogLine, Round, parse_round

_LATE_READS = 3
"""Times that a log is read again, a second apart: CloudWatch may be a few seconds behind a job that has ended."""


def rounds_of(lines: Iterable[LogLine]) -> tuple[Round, ...]:
    """The rounds that made the model, by number.

    lines: of all streams; a spot job that was interrupted has one more each time, and goes on from its checkpoint:
    of a round that was trained twice the last one counts, and rounds behind a restart that did not come again do not.
    """
    kept: list[Round] = []
    for line in sorted(lines, key=lambda line: line.time):
        done = parse_round(line.text)
        if done is None:
            continue
        while kept and kept[-1].number >= done.number:
            kept.pop()
        kept.append(done)
    return tuple(kept)


def fold_rounds_of(lines: Iterable[LogLine], job: JobDescription) -> tuple[Round, ...]:
    """Of a cross-validation: the mean over its folds at each round; none before the log has all of them."""
    told = sorted((line for line in lines if parse_round(line.text)), key=lambda line: line.time)
    # One host tells them; where several do, they tell the same.
    read = [done for line in told if line.host == told[0].host and (done := parse_round(line.text))]
    # The means end a repetition: without them the last fold may still lack rounds.
    if job.rounds is None or not read or read[-1].number < job.rounds:
        return ()
    return mean_rounds(read, job.models, job.rounds)


def read_rounds(log: Log, job: JobDescription, *, sleep: Callable[[float], None]) -> tuple[Round, ...]:
    """Every round of a job's log, of a cross-validation the means over its folds; none where there is no log any more.

    log: not read yet. sleep: seconds. Raises botocore's errors.
    """
    lines: list[LogLine] = []
    for further in range(_LATE_READS + 1):
        while read := [line for line in log.read() if parse_round(line.text)]:
            lines += read
        rounds = fold_rounds_of(lines, job) if job.models > 1 else rounds_of(lines)
        if rounds and (
            job.models > 1 or rounds[-1].number + 1 == job.rounds or "early_stopping_rounds" in job.hyperparameters
        ):
            break
        if further < _LATE_READS:
            sleep(1.0)
    return rounds
