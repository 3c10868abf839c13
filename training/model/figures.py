"""The figures of a released model, out of what its job logged of every round.

SageMaker's FinalMetricDataList has the last value that the log has of each metric. The model's own are those of the
last round that is in it: early stopping cuts the model to its best round after others were logged, and a metric that
is nan at the end leaves the value of an earlier round. So the rounds are counted in the model, and the log's line of
that round is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kickstand.errors import InputError, Problem
from training.hyperparameters.table import requested_metrics, stopping_metric
from training.job.jobs import JobDescription
from training.job.log import Round, mean_round

Runs = Sequence[Sequence[Round]]
"""The rounds of each model of a job, in the order of the folds."""


class UnreleasableJobError(InputError):
    """A job that no release comes of, however often it is adopted."""


@dataclass(frozen=True, slots=True)
class Figures:
    """metrics: by SageMaker's names, all finite. warnings: what is not among them, and why; a line each."""

    metrics: Mapping[str, float]
    warnings: tuple[str, ...]


def rounds_of_models(job: JobDescription, counted: Sequence[int]) -> tuple[int, ...]:
    """The boosting rounds of each model, as counted in it.

    xgboost before 2 does not write those of a linear model, which no early stopping cuts: it has all of them.
    """
    return tuple(count or job.rounds or 0 for count in counted)


def released_figures(job: JobDescription, rounds: Sequence[int], runs: Runs) -> Figures:
    """The figures of a job's models at the round that each of them ends with.

    rounds: boosting rounds of each model, counted in the model. runs: what the log has; none where it is gone.
    """
    whole = all(count == job.rounds for count in rounds)
    # Of a model with every round SageMaker's own values are right; they alone have metrics that the job defines.
    found = dict(job.metrics) if whole or (runs and _are_the_last(rounds, runs)) else {}
    if _are_logged(rounds, runs):
        if reason := _weighed_anew(job, rounds, runs):
            return _none(job, reason)
        last = mean_round([run[count - 1] for run, count in zip(runs, rounds, strict=True)])
        logged = {name.replace("-", ":", 1): value for name, value in last.metrics.items()}
        # Of the same round SageMaker's own are as they are shown elsewhere: a mean over folds is rounded once.
        found |= {name: value for name, value in logged.items() if not _same(found.get(name, math.nan), value)}
    elif not whole:
        log = f"has {_counted([len(run) for run in runs])}" if runs else "is gone, or cannot be read"
        return _none(job, f"it has {_counted(rounds)} of {job.rounds}, and the log of its job {log}.")
    metrics = {name: value for name, value in found.items() if math.isfinite(value)}
    return Figures(metrics, tuple(_left_out(job, rounds, runs, found)))


def stopping_problems(job: JobDescription, rounds: Sequence[int], runs: Runs) -> list[Problem]:
    """Early stopping by a metric that is no number in the round that it kept.

    xgboost finds nothing better than nan, so that it keeps the first round and stops. Empty where the metric is a
    number, and where the log does not have the round.
    """
    watched = stopping_metric(job.hyperparameters)
    if watched is None or not _are_logged(rounds, runs):
        return []
    for run, count in zip(runs, rounds, strict=True):
        values = [done.metrics.get(f"validation-{watched}", 0.0) for done in run]
        if not math.isfinite(kept := values[count - 1]):
            without = sum(not math.isfinite(value) for value in values)
            message = (
                f"Early stopping watched validation:{watched}, which is {kept:g} in {without} of {len(run)} rounds: "
                f"nothing could be compared, and the model is cut to round {count}."
            )
            fix = "Train by a metric that the validation channel can give, or without early_stopping_rounds."
            return [Problem(message, job.name, fix)]
    return []


def _are_logged(rounds: Sequence[int], runs: Runs) -> bool:
    """Whether the log has the last round of each model."""
    return bool(runs) and all(0 < count <= len(run) for run, count in zip(runs, rounds, strict=True))


def _same(value: float, logged: float) -> bool:
    """Whether two values are one, but for the five decimals of the log and SageMaker's single precision."""
    return math.isclose(value, logged, rel_tol=1e-6, abs_tol=2e-5)


def _are_the_last(rounds: Sequence[int], runs: Runs) -> bool:
    """Whether the last round of each model is the last one that was logged."""
    return all(count == len(run) for run, count in zip(runs, rounds, strict=True))


def _weighed_anew(job: JobDescription, rounds: Sequence[int], runs: Runs) -> str:
    """Why what was logged of the models' last round is not theirs any more: `dart` drops trees, and gives those that
    it dropped another weight, in every later round."""
    values = {name: text.strip('" ') for name, text in job.hyperparameters.items()}
    drops = values.get("one_drop", "0") == "1" or values.get("rate_drop", "0").strip("0.") != ""
    if _are_the_last(rounds, runs) or values.get("booster") != "dart" or not drops:
        return ""
    return (
        f"it has {_counted(rounds)}, and the rounds behind them, which early stopping cut off, changed the weights of "
        "its trees (booster dart)."
    )


def _none(job: JobDescription, reason: str) -> Figures:
    names = sorted({*job.metrics, *(name for name, _ in _asked(job))})
    left_out = f" ({', '.join(names)})" if names else ""
    return Figures({}, (f"The figures of the released model{left_out} are not known and left out: {reason}",))


def _stopped_by_nothing(job: JobDescription, rounds: Sequence[int], runs: Runs) -> Iterator[str]:
    """Rounds behind the model's last that early stopping took for no better because they were no number."""
    watched = stopping_metric(job.hyperparameters)
    if watched is None or not _are_logged(rounds, runs):
        return
    behind = [done for run, count in zip(runs, rounds, strict=True) for done in run[count:]]
    without = sum(math.isnan(done.metrics.get(f"validation-{watched}", 0.0)) for done in behind)
    if without:
        which = f"{without} of the {len(behind)} rounds behind the model's last"
        yield f"Early stopping watched validation:{watched}, which is nan in {which}: they were not compared."


def _left_out(job: JobDescription, rounds: Sequence[int], runs: Runs, found: Mapping[str, float]) -> Iterator[str]:
    for name, value in found.items():
        if not math.isfinite(value):
            where = f"in round {_listed(rounds)}, the last of the model" if any(rounds) else "at the end"
            yield f"{name} is {value:g} {where}: it is left out."
    logged = {name.partition("@")[0] for name in found}
    yield from _stopped_by_nothing(job, rounds, runs)
    for name, base in _asked(job):
        if base not in logged:
            yield f"{name} is in no line of the job's log, although eval_metric names it: it is left out."


def _asked(job: JobDescription) -> Iterator[tuple[str, str]]:
    """Each metric that the job was to log, and its name without what is behind an @."""
    for metric in requested_metrics(job.hyperparameters):
        for channel in job.channels:
            yield f"{channel.name}:{metric}", f"{channel.name}:{metric.partition('@')[0]}"


def _counted(rounds: Sequence[int]) -> str:
    return f"{_listed(rounds)} round{'' if set(rounds) == {1} else 's'}"


def _listed(rounds: Sequence[int]) -> str:
    return ", ".join(map(str, rounds[:10])) + (" and more" if len(rounds) > 10 else "")
