"""Following a training job to its end: its phases, its rounds, its log, whichever attempt is running.

What is known decides what is done (`verdict`, `next_wait`, `Seen`); `Follower` only asks AWS, waits, and
tells a view.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from kickstand.aws.errors import AWS_FAILURES, aws_error, error_message, is_denied, is_transient, patience
from kickstand.errors import InputError, KickstandError, Problem
from training.job.execution import Execution, attempts_of, job_of
from training.job.follow_view import ReportedProgress
from training.job.jobs import ENDED, JobDescription, Phase
from training.job.log import FoldCount, Log, LogLine, Round

Verdict = Literal["wait", "completed", "failed", "absent"]

SHORTEST_WAIT = 0.5
"""Seconds between two looks while something happens; DescribeTrainingJob is not to be asked more often."""
LONGEST_WAIT = 8.0
SILENCE = 3.0
"""Seconds without an answer of AWS until that is told."""
_LATE_LOG_READS = 5


class View(Protocol):
    """Who is told what happens. All in the order in which it happened."""

    def attempt(self, name: str, job: JobDescription) -> None: ...

    def phase(self, phase: Phase) -> None: ...

    def current(self, phase: Phase) -> None: ...

    def round(self, done: Round) -> None: ...

    def log(self, line: LogLine) -> None: ...

    def note(self, text: str) -> None: ...


class Jobs(Protocol):
    def find(self, name: str) -> JobDescription | None: ...


class Executions(Protocol):
    def find(self, job: str) -> Execution | None: ...


def verdict(job: JobDescription | None, execution: Execution | None) -> Verdict:
    """What is to be done, given the last attempt's job and the execution (looked up before the job).

    A job that failed, or is not there, may get a further attempt as long as the execution runs.
    """
    if job is not None and job.status == "Completed":
        return "completed"
    if job is not None and job.status not in ENDED:
        return "wait"
    if execution is not None and execution.running:
        return "wait"
    return "absent" if job is None and execution is None else "failed"


def next_wait(last: float, *, news: bool) -> float:
    """Seconds until the next look: short while something happens, then longer and longer."""
    return SHORTEST_WAIT if news else min(last * 1.5, LONGEST_WAIT)


class Follower:
    """Follows one job.

    open_log: the log of an attempt. sleep and clock: seconds, as `time.sleep` and `time.monotonic`.
    again: what the user types to follow the job again, given its name.
    """

    def __init__(
        self,
        *,
        jobs: Jobs,
        executions: Executions,
        open_log: Callable[[JobDescription], Log],
        view: View,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
        again: Callable[[str], str],
    ) -> None:
        self._jobs = jobs
        self._executions = executions
        self._open_log = open_log
        self._view = view
        self._sleep = sleep
        self._clock = clock
        self._again = again
        self._silent = False
        self._log: Log | None = None
        self._log_refused = False
        self._seen = ReportedProgress()
        self._last: JobDescription | None = None

    def follow(self, name: str) -> JobDescription:
        """Follow a job until it has completed, and return it.

        name: the job, or one of its attempts.
        Raises InputError where it is unknown, KickstandError where it failed, was stopped, or AWS refuses to tell.
        """
        attempts, index, wait = attempts_of(job_of(name)), -1, SHORTEST_WAIT
        reached = self._clock()
        while True:
            news = False
            try:
                execution, newest, job = self._look(attempts, max(index, 0))
                reached = self._clock()
                self._answered()
                if job is not None:
                    news = newest != index
                    if news:
                        self._begin(job)
                    index, self._last = newest, job
                    news = self._tell(job) or news
                state = verdict(job, execution)
            except AWS_FAILURES as error:
                self._bear(error, reached, attempts[0])
                state, job, execution = "wait", None, None
            if state == "completed" and job is not None:
                return job
            if state == "absent":
                raise InputError(_absent(attempts[0]))
            if state == "failed":
                raise KickstandError(self._failure(attempts[0], job, execution))
            wait = next_wait(wait, news=news)
            self._sleep(wait)

    def _look(self, attempts: Sequence[str], index: int) -> tuple[Execution | None, int, JobDescription | None]:
        """The execution, and the last attempt that there is a job for. A job that runs is looked at alone."""
        job = self._jobs.find(attempts[index])
        if job is not None and (job.status == "Completed" or job.status not in ENDED):
            return None, index, job
        # The execution first: what it had started when it ended is all there will ever be.
        execution = self._executions.find(attempts[0])
        for later in range(index if job is None else index + 1, len(attempts)):
            found = self._jobs.find(attempts[later])
            if found is not None:
                index, job = later, found
        return execution, index, job

    def _begin(self, job: JobDescription) -> None:
        if self._last is not None:
            self._view.note(f"{self._last.name} failed: {self._last.failure_reason} The trigger tries again.")
        folds = FoldCount(job.models, job.rounds) if job.models > 1 and job.rounds else None
        self._seen = ReportedProgress(folds=folds)
        self._log = self._open_log(job)
        self._view.attempt(job.name, job)

    def _tell(self, job: JobDescription) -> bool:
        """Tell the view what is new of a job; True where anything was."""
        phases = self._seen.new_phases(job)
        self._seen.interruptions = sum(phase.status == "Interrupted" for phase in job.phases)
        if self._log is not None:
            self._log.started_over(self._seen.interruptions)
        logged = self._tell_log()
        for phase in phases:
            self._view.phase(phase)
        current = self._seen.new_current(job)
        if current is not None:
            self._view.current(current)
        return bool(phases or logged or current)

    def _tell_log(self) -> bool:
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

    def _bear(self, error: Exception, reached: float, job: str) -> None:
        """Go on for a while through what may pass by itself, and say so; raise what will not, or did not."""
        waited, longest = self._clock() - reached, patience(error)
        if not is_transient(error) or waited > longest:
            failure = aws_error(error, f"following training job {job} (which does not depend on this command)")
            *first, last = failure.problems
            again = f"Then follow it again: {self._again(job)}"
            raise KickstandError(*first, last.followed_by(again)) from error
        if waited >= SILENCE and not self._silent:
            self._silent = True
            number, unit = (seconds / 60, "minute") if (seconds := longest - waited) >= 60 else (seconds, "second")
            left = f"trying again for {number:.0f} {unit}{'' if round(number) == 1 else 's'}"
            self._view.note(f"AWS does not answer ({error_message(error)}); {left}. Ctrl-C ends the waiting.")

    def _answered(self) -> None:
        if self._silent:
            self._view.note("AWS answers again.")
        self._silent = False

    def _failure(self, name: str, job: JobDescription | None, execution: Execution | None) -> Problem:
        if job is None:
            reason = " ".join(part for part in (execution.error, execution.cause) if part) if execution else ""
            return Problem(f"The training trigger ended without a training job: {reason}", name)
        if job.status == "Stopped":
            return Problem("The training job was stopped; no release was written.", job.name)
        # CloudWatch may be a few seconds behind a job that has ended.
        for _ in range(_LATE_LOG_READS):
            if self._seen.tail or self._tell_log():
                break
            self._sleep(1.0)
        tail = list(self._seen.tail)
        stream = ", ".join(self._log.streams) if self._log else ""
        message = f"The training job failed: {job.failure_reason or 'SageMaker gives no reason.'}"
        details = (f"Its last {len(tail)} log lines ({stream}):", *(f"  {line}" for line in tail)) if tail else ()
        fix = f"No release was written. The whole log: {console_link(job)}"
        return Problem(message, job.name, fix, details)


def console_link(job: JobDescription) -> str:
    """The job's page in the AWS console."""
    _, partition, _, region, *_ = job.arn.split(":")
    domain = "console.amazonaws-us-gov.com" if partition == "aws-us-gov" else "console.aws.amazon.com"
    return f"https://{region}.{domain}/sagemaker/home?region={region}#/jobs/{job.name}"


def _absent(name: str) -> Problem:
    return Problem(
        "There is no training job, and no execution of the training trigger, of this name.",
        name,
        "See the jobs there are: aws sagemaker list-training-jobs --sort-by CreationTime",
    )
