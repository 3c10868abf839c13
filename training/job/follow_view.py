"""What is shown of a training job that is followed: its phases, rounds and log, each once.

`TrainingProgress` reports what is new to a view: a live bar on a terminal, else lines.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from kickstand.aws.errors import AWS_FAILURES, error_message, is_denied, is_transient
from kickstand.errors import Problem
from training.job.jobs import ENDED, JobDescription, Phase
from training.job.log import FoldCount, Log, LogLine, Round, parse_round

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID


TAIL = 20
"""How many of the last log lines are kept for a job that fails."""


@dataclass(slots=True)
class ReportedProgress:
    """What was reported of one attempt."""

    phases: int = 0
    current: str = ""
    last_round: int = -1
    interruptions: int = 0
    """How often spot instances were taken away: so often the rounds begin anew."""
    restarts: int = 0
    folds: FoldCount | None = None
    """Of a cross-validation."""
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))

    def new_phases(self, job: JobDescription) -> list[Phase]:
        """The phases that have ended since the last call; the end of the job is no phase."""
        ended = [phase for phase in job.phases if phase.ended is not None and phase.status not in ENDED]
        fresh = ended[self.phases :]
        self.phases = len(ended)
        return fresh

    def new_current(self, job: JobDescription) -> Phase | None:
        """The phase that has begun since the last call."""
        last = job.phases[-1] if job.phases else None
        if last is None or last.ended is not None or last.status in ENDED or last.status == self.current:
            return None
        self.current = last.status
        return last

    def new_round(self, line: LogLine) -> Round | None:
        """The round that a log line reports, once (with several instances each of them may report it)."""
        done = parse_round(line.text)
        if done is None:
            return None
        again = done.number == 0 and self.last_round > 0 and self.restarts < self.interruptions
        self.restarts += again
        if self.folds is not None:
            if again:
                self.folds.start_over()
            self.last_round = done.number
            return self.folds.place(done, line.host)
        if not again and done.number <= self.last_round:
            return None
        self.last_round = done.number
        return done


_LATE_LOG_READS = 5


class View(Protocol):
    """Receives what happens, in the order in which it happens."""

    def attempt(self, name: str, job: JobDescription) -> None: ...

    def phase(self, phase: Phase) -> None: ...

    def current(self, phase: Phase) -> None: ...

    def round(self, done: Round) -> None: ...

    def log(self, line: LogLine) -> None: ...

    def note(self, text: str) -> None: ...


class TrainingProgress:
    """Reports what is new of a training job to a view; the `Observer` of a follower.

    open_log: the log of an attempt. sleep: seconds.
    """

    def __init__(
        self, view: View, *, open_log: Callable[[JobDescription], Log], sleep: Callable[[float], None]
    ) -> None:
        self._view, self._open_log, self._sleep = view, open_log, sleep
        self._log: Log | None = None
        self._log_refused = False
        self._seen = ReportedProgress()

    def begin(self, job: JobDescription, failed: JobDescription | None) -> None:
        if failed is not None:
            self._view.note(f"{failed.name} failed: {failed.failure_reason} The trigger tries again.")
        folds = FoldCount(job.models, job.rounds) if job.models > 1 and job.rounds else None
        self._seen = ReportedProgress(folds=folds)
        self._log = self._open_log(job)
        self._view.attempt(job.name, job)

    def look(self, job: JobDescription) -> bool:
        phases = self._seen.new_phases(job)
        self._seen.interruptions = sum(phase.status == "Interrupted" for phase in job.phases)
        if self._log is not None:
            self._log.started_over(self._seen.interruptions)
        logged = self._report_log()
        for phase in phases:
            self._view.phase(phase)
        current = self._seen.new_current(job)
        if current is not None:
            self._view.current(current)
        return bool(phases or logged or current)

    def note(self, text: str) -> None:
        self._view.note(text)

    def failure(self, job: JobDescription) -> Problem:
        # CloudWatch may be a few seconds behind a job that has ended.
        for _ in range(_LATE_LOG_READS):
            if self._seen.tail or self._report_log():
                break
            self._sleep(1.0)
        tail = list(self._seen.tail)
        stream = ", ".join(self._log.streams) if self._log else ""
        message = f"The training job failed: {job.failure_reason or 'SageMaker gives no reason.'}"
        details = (f"Its last {len(tail)} log lines ({stream}):", *(f"  {line}" for line in tail)) if tail else ()
        fix = f"No release was written. The whole log: {console_link(job)}"
        return Problem(message, job.name, fix, details)

    def _report_log(self) -> bool:
        lines = self._read_log()
        for line in lines:
            self._seen.tail.append(line.text)
            self._view.log(line)
            done = self._seen.new_round(line)
            if done is not None:
                self._view.round(done)
        return bool(lines)

    def _read_log(self) -> list[LogLine]:
        if self._log is None or self._log_refused:
            return []
        try:
            return self._log.read()
        except AWS_FAILURES as error:
            if is_denied(error):
                self._log_refused = True
                self._view.note(f"The job's log may not be read with these credentials: {error_message(error)}")
                return []
            if is_transient(error):
                return []
            raise


def console_link(job: JobDescription) -> str:
    """The job's page in the AWS console."""
    _, partition, _, region, *_ = job.arn.split(":")
    domain = "console.amazonaws-us-gov.com" if partition == "aws-us-gov" else "console.aws.amazon.com"
    return f"https://{region}.{domain}/sagemaker/home?region={region}#/jobs/{job.name}"


_PLAIN_STEPS = 10
"""Into how many steps the rounds are cut where there is no bar."""


def metrics_text(done: Round) -> str:
    """`train-rmse 0.21034  validation-rmse 0.29001`."""
    return "  ".join(f"{name} {value:.5f}" for name, value in done.metrics.items())


def reports(done: Round, total: int | None) -> bool:
    """Whether a plain listing shows a round: the first, the last and about ten between."""
    step = max(1, (total or 100) // _PLAIN_STEPS)
    return done.number == 0 or (done.number + 1) % step == 0 or done.number + 1 == total


class PlainView:
    """Lines, one an event: for a file, a CI log, and below a bar's place on a terminal.

    show_log: whether the job's log lines are shown as they come.
    """

    def __init__(self, console: Console, *, show_log: bool) -> None:
        self._console = console
        self._show_log = show_log
        self._total: int | None = None
        self._models = 1

    def attempt(self, name: str, job: JobDescription) -> None:
        self._total, self._models = job.rounds, job.models
        self._print(f"training job {name} on {job.instance_count} x {job.instance_type}")

    def phase(self, phase: Phase) -> None:
        self._print(f"  {phase.status:<22}{phase.seconds(phase.started):>8.1f} s  {phase.message}".rstrip())

    def current(self, phase: Phase) -> None:
        """Said when it has ended."""

    def round(self, done: Round) -> None:
        if self._show_log:
            return
        if self.is_mean(done):
            self._print(f"  mean of the folds  {metrics_text(done)}")
        elif reports(done, self._total):
            of = f"/{self._total}" if self._total else ""
            fold = f"fold {done.fold + 1}/{self._models}  " if self._models > 1 else ""
            self._print(f"  {fold}round {done.number + 1}{of}  {metrics_text(done)}")

    def is_mean(self, done: Round) -> bool:
        """Whether it is no round of a cross-validation's fold, but the line of means behind them."""
        return self._models > 1 and done.number == self._total

    def log(self, line: LogLine) -> None:
        if self._show_log:
            self._print(f"  {line.host} | {line.text}")

    def note(self, text: str) -> None:
        self._print(f"  {text}")

    def _print(self, text: str) -> None:
        self._console.print(text)


class LiveView(PlainView):
    """A bar over the rounds with the latest metrics; phases, notes and log lines pass above it."""

    def __init__(self, console: Console, progress: Progress, *, show_log: bool) -> None:
        super().__init__(console, show_log=show_log)
        self._progress = progress
        self._task: TaskID | None = None

    def attempt(self, name: str, job: JobDescription) -> None:
        super().attempt(name, job)
        if self._task is not None:
            self._progress.remove_task(self._task)
        total = job.rounds and job.rounds * job.models
        self._task = self._progress.add_task(job.secondary_status, total=total, metrics="")

    def current(self, phase: Phase) -> None:
        if self._task is not None:
            self._progress.update(self._task, description=phase.status)

    def round(self, done: Round) -> None:
        if self._task is not None:
            ended = done.fold * (self._total or 0)  # of the folds before
            completed = ended if self.is_mean(done) else ended + done.number + 1
            self._progress.update(self._task, completed=completed, metrics=metrics_text(done))


@contextmanager
def follow_view(console: Console, *, show_log: bool) -> Iterator[PlainView]:
    """The view that fits a console; the bar is gone when the block ends."""
    if not console.is_terminal:
        yield PlainView(console, show_log=show_log)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("  {task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[metrics]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield LiveView(console, progress, show_log=show_log)
