"""Training jobs: the newest of the environment, those that run with their rounds and curves, and each by its name."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from console.charts import Chart, Series, line_chart
from console.reading import Part, Reads, View
from kickstand.aws.deployed import stack_status
from kickstand.aws.prices import price_table
from kickstand.errors import InputError, Problem
from review.pages.values import Tone
from training.job.jobs import ENDED, JobDescription, Phase
from training.job.kind import TRAINING, Jobs
from training.job.log import FoldCount, JobLog, LogLine, Round, parse_round

PAGE = 50
"""Jobs on a page."""
_FOLLOWED = 3
"""Jobs that run whose logs are read on the page of all."""
_TAIL = 40
"""Lines of a log that are shown."""
_RUNNING_SECONDS, _STILL_SECONDS = 2.0, 5.0
TONES: Mapping[str, Tone] = {"Failed": "danger", "Stopped": "warning", "Stopping": "warning"}
"""Of statuses that are no good news; any other is calm."""


@dataclass(slots=True)
class JobRounds:
    """The rounds and the last lines of a job's log, read on from where the last read stopped."""

    log: JobLog
    folds: FoldCount | None
    rounds: list[Round] = field(default_factory=list)
    tail: deque[LogLine] = field(default_factory=lambda: deque(maxlen=_TAIL))
    host: str = ""
    """Whose rounds count: of several hosts each logs the same."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self) -> tuple[tuple[Round, ...], tuple[LogLine, ...]]:
        """All rounds so far and the last lines. Raises botocore's errors."""
        with self.lock:
            for line in self.log.read():
                self.tail.append(line)
                self._add(line)
            return tuple(self.rounds), tuple(self.tail)

    def _add(self, line: LogLine) -> None:
        """A round; one that a job which began anew trains again takes the place of the first."""
        done = parse_round(line.text)
        if done is not None:
            self.host = self.host or line.host
            done = done if line.host == self.host else None
        if done is not None and self.folds is not None:
            done = self.folds.place(done, line.host)
            if done is None or done.number >= self.folds.rounds:
                return  # the means behind the folds
        if done is None:
            return
        while self.rounds and (self.rounds[-1].fold, self.rounds[-1].number) >= (done.fold, done.number):
            self.rounds.pop()
        self.rounds.append(done)


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job in the list. took: in words."""

    name: str
    status: str
    secondary: str
    tone: Tone
    created: datetime
    took: str


@dataclass(frozen=True, slots=True)
class JobDetail:
    """A job and what its log has.

    done: boosting rounds so far, of all its models; expected: of all; None where that is not known. cost: in words.
    """

    job: JobDescription
    tone: Tone
    took: str
    phases: tuple[tuple[Phase, str], ...]
    done: int
    expected: int | None
    last: Mapping[str, float]
    charts: tuple[Chart, ...]
    tail: tuple[LogLine, ...]
    log_problems: tuple[Problem, ...]
    cost: str
    release_command: str

    @property
    def running(self) -> bool:
        return self.job.status not in ENDED


@dataclass(frozen=True, slots=True)
class JobsView:
    """What the template of all jobs prints. more: the token of older ones; empty where there are none."""

    sentence: str
    tone: str
    rows: tuple[JobRow, ...]
    running: tuple[JobDetail, ...]
    not_followed: int
    older: bool
    more: str
    transforms: Part[tuple[JobRow, ...]]


def read_jobs(reads: Reads) -> JobsView:
    """The newest jobs of the environment. query: `after`, where a list goes on."""
    names = reads.workspace.names
    sagemaker = reads.client("sagemaker")
    after = {"NextToken": reads.query["after"]} if reads.query.get("after") else {}
    answer = sagemaker.list_training_jobs(
        NameContains=f"{names.prefix}-", SortBy="CreationTime", SortOrder="Descending", MaxResults=PAGE, **after
    )
    rows = tuple(
        _row("TrainingJob", one, reads.now)
        for one in answer["TrainingJobSummaries"]
        if one["TrainingJobName"].startswith(f"{names.prefix}-")
    )
    running = [one.name for one in rows if one.status not in ENDED]
    details = tuple(read_detail(reads, name) for name in running[:_FOLLOWED])
    if running:
        sentence, tone = f"{_counted(len(running), 'training job')} running now.", "note"
    elif rows:
        sentence, tone = f"No training job runs. The last one, {rows[0].name}, is {rows[0].status}.", "note"
        tone = "warning" if rows[0].status == "Failed" else tone
    else:
        sentence, tone = _nothing(reads), "warning"
    return JobsView(
        sentence=sentence,
        tone=tone,
        rows=rows,
        running=tuple(one for one in details if one is not None),
        not_followed=max(0, len(running) - _FOLLOWED),
        older=bool(after),
        more=answer.get("NextToken", ""),
        transforms=reads.part("listing transform jobs", lambda: _transforms(reads)),
    )


def _nothing(reads: Reads) -> str:
    """Why there is no job, and what to type."""
    workspace = reads.workspace
    stack = stack_status(reads.client("cloudformation"), workspace.names.training_stack)
    if stack is None:
        return (
            f"{workspace.environment.name} was never deployed: there is no stack {workspace.names.training_stack}. "
            f"Deploy it: {workspace.command('deploy')}"
        )
    return f"No training job of {workspace.names.prefix} yet. Train: {workspace.command('fit')}"


def _transforms(reads: Reads) -> tuple[JobRow, ...]:
    prefix = f"{reads.workspace.names.prefix}-"
    answer = reads.client("sagemaker").list_transform_jobs(
        NameContains=prefix, SortBy="CreationTime", SortOrder="Descending", MaxResults=10
    )
    found = answer["TransformJobSummaries"]
    return tuple(_row("TransformJob", one, reads.now) for one in found if one["TransformJobName"].startswith(prefix))


def _row(noun: str, summary: Mapping[str, Any], now: datetime) -> JobRow:
    status = summary[f"{noun}Status"]
    ended = summary.get("TrainingEndTime" if noun == "TrainingJob" else "TransformEndTime")
    return JobRow(
        name=summary[f"{noun}Name"],
        status=status,
        secondary=summary.get("SecondaryStatus", ""),
        tone=TONES.get(status, "calm"),
        created=summary["CreationTime"],
        took=duration((ended or now) - summary["CreationTime"]),
    )


def read_job(reads: Reads) -> JobDetail:
    """One job by its name. query: `job`. Raises InputError where the account has none of that name."""
    found = read_detail(reads, reads.query["job"])
    if found is None:
        environment = reads.workspace.environment
        place = f"account {environment.account}, region {environment.region}"
        raise InputError(Problem(f"There is no training job of this name in {place}.", reads.query["job"]))
    return found


def read_detail(reads: Reads, name: str) -> JobDetail | None:
    """A job with its log; None where there is none of that name."""
    job = Jobs(TRAINING, reads.client("sagemaker")).find(name)
    if job is None:
        return None
    log = reads.part("reading the job's log", lambda: _rounds(reads, job).read())
    rounds, tail = log.value or ((), ())
    return JobDetail(
        job=job,
        tone=TONES.get(job.status, "calm"),
        took=duration((job.ended or reads.now) - job.created),
        phases=tuple((phase, duration(timedelta(seconds=phase.seconds(reads.now)))) for phase in job.phases),
        done=len(rounds),
        expected=None if job.rounds is None else job.rounds * job.models,
        last=rounds[-1].metrics if rounds else {},
        charts=_charts(rounds, job),
        tail=tail,
        log_problems=log.problems,
        cost=_cost(reads, job),
        release_command=reads.workspace.command(f"adopt {job.name}"),
    )


def _rounds(reads: Reads, job: JobDescription) -> JobRounds:
    def begin() -> JobRounds:
        folds = FoldCount(job.models, job.rounds) if job.models > 1 and job.rounds else None
        return JobRounds(JobLog(reads.client("logs"), job.name, job.instance_count), folds)

    found = reads.memory.keep(("log", job.name), begin)
    with found.lock:
        found.log.started_over(sum(phase.status == "Interrupted" for phase in job.phases))
    return found


def _charts(rounds: Sequence[Round], job: JobDescription) -> tuple[Chart, ...]:
    """A chart a metric: `rmse` of train and of validation in one, of a cross-validation fold by fold."""
    metrics: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for done in rounds:
        for name, value in done.metrics.items():
            channel, _, metric = name.partition("-")
            label = f"{channel}, fold {done.fold + 1}" if job.models > 1 else channel
            metrics.setdefault(metric or name, {}).setdefault(label, []).append((float(done.number), value))
    end = float(max(1, job.rounds - 1)) if job.rounds and job.status not in ENDED else None
    return tuple(
        line_chart(
            f"{metric} by round",
            [Series(label, tuple(points)) for label, points in by_label.items()],
            x_text=lambda x: f"{x:.0f}",
            x_range=(0.0, end) if end is not None else None,
        )
        for metric, by_label in metrics.items()
    )


def _cost(reads: Reads, job: JobDescription) -> str:
    """What the job has cost, at the price on demand; of spot capacity SageMaker bills fewer seconds."""
    if not job.billable_seconds:
        return "not billed yet" if job.status not in ENDED else "nothing was billed"
    region = job.arn.split(":")[3] or reads.workspace.environment.region
    price = price_table().price(region, "training", job.instance_type)
    seconds = f"{job.billable_seconds:,} billable seconds on {job.instance_count} x {job.instance_type}"
    if price is None:
        return f"{seconds}; no price is known in {region}"
    amount = price.amount * Decimal(job.billable_seconds * job.instance_count) / 3600
    return f"{amount:,.4f} USD: {seconds}, price of {price.read_on.isoformat()}"


def duration(took: timedelta) -> str:
    """`12 s`, `3 min 5 s`, `2 h 4 min`, `3 days 2 h`."""
    seconds = max(0, round(took.total_seconds()))
    for size, unit, below, small in ((86400, "days", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            rest = seconds % size // below
            return f"{seconds // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{seconds} s"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{' is' if count == 1 else 's are'}"


JOBS = View("jobs", "Training jobs", read_jobs, lambda found: _RUNNING_SECONDS if found.running else _STILL_SECONDS)
JOB = View("job", "Training job", read_job, lambda found: _RUNNING_SECONDS if found.running else 60.0)
