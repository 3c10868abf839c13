"""The jobs of one kind in a workspace: looked up, stopped, and followed to their end, whichever attempt is running.

What is known decides what is done (`verdict`, `next_wait`); `Follower` only calls AWS, waits, and reports to
an `Observer`, which knows what a job of its kind shows on its way and leaves when it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from botocore.config import Config

from kickstand.aws.errors import AWS_FAILURES, aws_error, error_message, explained, is_transient, patience
from kickstand.errors import InputError, KickstandError, Problem
from training.job.execution import Execution, Executions
from training.job.jobs import ENDED
from training.job.kind import J, Job, JobKind, Jobs, attempts_of, job_of

if TYPE_CHECKING:
    from kickstand.workspace import Workspace

Verdict = Literal["wait", "completed", "failed", "absent"]

SHORTEST_WAIT = 0.5
"""Seconds between two looks while something happens; DescribeTrainingJob is not to be asked more often."""
LONGEST_WAIT = 8.0
SILENCE = 3.0
"""Seconds without an answer of AWS until that is reported."""

Given = TypeVar("Given", bound=Job, contravariant=True)
Found = TypeVar("Found", bound=Job, covariant=True)


class Observer(Protocol[Given]):
    """Receives what happens, in the order in which it happens."""

    def begin(self, job: Given, failed: Given | None) -> None:
        """An attempt is there. failed: the one before it."""

    def look(self, job: Given) -> bool:
        """The attempt as it is now. Whether anything is new. May raise botocore's errors."""

    def note(self, text: str) -> None:
        """A sentence for people."""

    def failure(self, job: Given) -> Problem:
        """What is to be said of a job that failed."""


class Finder(Protocol[Found]):
    def find(self, name: str) -> Found | None: ...


class ExecutionFinder(Protocol):
    def find(self, job: str) -> Execution | None: ...


def verdict(job: Job | None, execution: Execution | None) -> Verdict:
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


class Follower(Generic[J]):
    """Follows one job.

    sleep and clock: seconds, as `time.sleep` and `time.monotonic`.
    follow_command: what the user types to follow the job again, given its name.
    """

    def __init__(
        self,
        kind: JobKind[J],
        *,
        jobs: Finder[J],
        executions: ExecutionFinder,
        observer: Observer[J],
        sleep: Callable[[float], None],
        clock: Callable[[], float],
        follow_command: Callable[[str], str],
    ) -> None:
        self._kind = kind
        self._jobs = jobs
        self._executions = executions
        self._observer = observer
        self._sleep = sleep
        self._clock = clock
        self._follow_command = follow_command
        self._silent = False
        self._last: J | None = None

    def follow(self, name: str) -> J:
        """Follow a job until it has completed, and return it; of its attempts, the one that did.

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
                        self._observer.begin(job, self._last)
                    index, self._last = newest, job
                    news = self._observer.look(job) or news
                state = verdict(job, execution)
            except AWS_FAILURES as error:
                self._tolerate(error, reached, attempts[0])
                state, job, execution = "wait", None, None
            if state == "completed" and job is not None:
                return job
            if state == "absent":
                raise InputError(self._absent(attempts[0]))
            if state == "failed":
                raise KickstandError(self._failure(attempts[0], job, execution))
            wait = next_wait(wait, news=news)
            self._sleep(wait)

    def _look(self, attempts: Sequence[str], index: int) -> tuple[Execution | None, int, J | None]:
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

    def _tolerate(self, error: Exception, reached: float, job: str) -> None:
        """Go on for a while through what may pass by itself, and say so; raise what will not, or did not."""
        waited, longest = self._clock() - reached, patience(error)
        if not is_transient(error) or waited > longest:
            doing = f"following {self._kind.word} job {job} (which does not depend on this command)"
            *first, last = aws_error(error, doing).problems
            again = f"Then follow it again: {self._follow_command(job)}"
            raise KickstandError(*first, last.followed_by(again)) from error
        if waited >= SILENCE and not self._silent:
            self._silent = True
            number, unit = (seconds / 60, "minute") if (seconds := longest - waited) >= 60 else (seconds, "second")
            left = f"trying again for {number:.0f} {unit}{'' if round(number) == 1 else 's'}"
            self._observer.note(f"AWS does not answer ({error_message(error)}); {left}. Ctrl-C ends the waiting.")

    def _answered(self) -> None:
        if self._silent:
            self._observer.note("AWS answers again.")
        self._silent = False

    def _failure(self, name: str, job: J | None, execution: Execution | None) -> Problem:
        word = self._kind.word
        if job is None:
            reason = " ".join(part for part in (execution.error, execution.cause) if part) if execution else ""
            return Problem(f"The {word} trigger ended without a {word} job: {reason}", name)
        if job.status == "Stopped":
            return Problem(f"The {word} job was stopped; {self._kind.lost}.", job.name)
        return self._observer.failure(job)

    def _absent(self, name: str) -> Problem:
        word = self._kind.word
        message = f"There is no {word} job, and no execution of the {word} trigger, of this name."
        return Problem(message, name, f"See the jobs there are: {self._kind.list_command}")


ONCE = Config(connect_timeout=10, read_timeout=30, retries={"total_max_attempts": 1})
"""Of clients that a follower uses: it tries again itself, and says so; one that does so in silence would hide it."""


@dataclass(frozen=True, slots=True)
class JobRun(Generic[J]):
    """The jobs of one kind in one environment. config: of every client; None: boto3's own."""

    kind: JobKind[J]
    workspace: Workspace
    config: Config | None = None

    def client(self, service: str) -> Any:
        return self.workspace.session.client(service, config=self.config)

    @property
    def jobs(self) -> Jobs[J]:
        return Jobs(self.kind, self.client("sagemaker"))

    @property
    def executions(self) -> Executions:
        return Executions(self.kind, self.workspace, self.client("stepfunctions"))

    def find(self, job: str) -> J:
        """A job by its name; InputError where the account has none in this region."""
        with explained(f"looking up {self.kind.word} job {job}"):
            found = self.jobs.find(job)
        if found is None:
            environment = self.workspace.environment
            place = f"account {environment.account}, region {environment.region}"
            message = f"There is no {self.kind.word} job {job} in {place}."
            raise InputError(Problem(message, fix=f"See those there are: {self.kind.list_command}"))
        return found

    def follower(
        self, observer: Observer[J], *, sleep: Callable[[float], None], clock: Callable[[], float]
    ) -> Follower[J]:
        """What follows a job. sleep, clock: seconds, as `time.sleep` and `time.monotonic`."""
        return Follower(
            self.kind,
            jobs=self.jobs,
            executions=self.executions,
            observer=observer,
            sleep=sleep,
            clock=clock,
            follow_command=self.follow_command,
        )

    def stop(self, name: str) -> list[str]:
        """Stop a job: its execution, so that no attempt follows, then each attempt that runs; what was stopped."""
        job, jobs = job_of(name), self.jobs
        ended = self.executions.stop(job, f"Stopped with kickstand {self.kind.command} --stop.")
        stopped = [f"{self.kind.word} job {attempt}" for attempt in attempts_of(job) if jobs.stop(attempt)]
        return stopped + (["its execution"] if ended else [])

    def follow_command(self, job: str) -> str:
        """What the user types to follow a job again."""
        return self.workspace.command(self.kind.command, "--follow", job)

    @contextmanager
    def leaving(self, job: str) -> Iterator[None]:
        """Ctrl-C inside leaves the job running, and says so."""
        try:
            yield
        except KeyboardInterrupt:
            message = f"Following was interrupted; {self.kind.word} job {job} goes on, and costs, until it ends."
            stop = self.workspace.command(self.kind.command, "--stop", job)
            fix = f"Follow it again: {self.follow_command(job)}, or stop it: {stop}"
            raise KickstandError(Problem(message, fix=fix)) from None
