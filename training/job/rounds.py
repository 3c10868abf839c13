"""All rounds of a job that has ended, out of its log, in order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from training.job.description import JobDescription
from training.job.folds import fold_rounds
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


def runs_of(lines: Iterable[LogLine], job: JobDescription) -> tuple[tuple[Round, ...], ...]:
    """The rounds of each model that a job made, of a cross-validation fold by fold; none before the log has them."""
    if job.models == 1:
        rounds = rounds_of(lines)
        return (rounds,) if rounds else ()
    logged = sorted((line for line in lines if parse_round(line.text)), key=lambda line: line.time)
    # One host writes them; where several do, they write the same.
    read = [done for line in logged if line.host == logged[0].host and (done := parse_round(line.text))]
    # The means end a repetition: without them the last fold may still lack rounds.
    if job.rounds is None or not read or read[-1].number < job.rounds:
        return ()
    return fold_rounds(read, job.models, job.rounds)


def read_runs(log: Log, job: JobDescription, *, sleep: Callable[[float], None]) -> tuple[tuple[Round, ...], ...]:
    """Every round of a job's log, model by model; none where there is no log any more.

    log: not read yet. sleep: seconds. Raises botocore's errors.
    """
    lines: list[LogLine] = []
    for further in range(_LATE_READS + 1):
        while read := [line for line in log.read() if parse_round(line.text)]:
            lines += read
        runs = runs_of(lines, job)
        if runs and (job.models > 1 or runs[0][-1].number + 1 == job.rounds or _is_the_last(runs[0][-1], job)):
            break
        if further < _LATE_READS:
            sleep(1.0)
    return runs


def _is_the_last(done: Round, job: JobDescription) -> bool:
    """Whether a round can be the last of a job that stops early: SageMaker's final metrics are its own."""
    if "early_stopping_rounds" not in job.hyperparameters:
        return False
    logged = {name.replace("-", ":", 1): value for name, value in done.metrics.items() if math.isfinite(value)}
    return all(
        math.isclose(value, job.metrics[name], rel_tol=1e-5) for name, value in logged.items() if name in job.metrics
    )
