"""Follow a transform job to its end through capacity retries and passing errors of AWS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from kickstand.aws_errors import AWS_FAILURES, aws_error
from kickstand.errors import InputError, KickstandError, Problem
from training.job.execution import Execution, attempts_of, job_of
from training.job.follow import SHORTEST_WAIT, next_wait
from training.job.transient import patience, transient
from training.transform.description import ENDED, TransformDescription


class Jobs(Protocol):
    """Where transform jobs are looked up."""

    def find(self, name: str) -> TransformDescription | None: ...
    def last_lines(self, name: str) -> list[str]: ...


class Trigger(Protocol):
    """Where executions are looked up."""

    def find(self, job: str) -> Execution | None: ...


@dataclass(frozen=True, slots=True)
class Follower:
    """jobs, trigger: of SageMaker and Step Functions. tell: takes a line for people. sleep, clock: seconds."""

    jobs: Jobs
    trigger: Trigger
    tell: Callable[[str], None]
    sleep: Callable[[float], None]
    clock: Callable[[], float]

    def follow(self, name: str) -> TransformDescription:
        """The job once it has completed; of its attempts, the one that did.

        Raises InputError where it is unknown, KickstandError where it failed, was stopped, or AWS refuses to tell.
        """
        base, wait, told, reached = job_of(name), SHORTEST_WAIT, "", self.clock()
        while True:
            try:
                # The execution first: what it had started when it ended is all there will ever be.
                execution = self.trigger.find(base)
                job = self._newest(base)
            except AWS_FAILURES as error:
                if not transient(error) or self.clock() - reached > patience(error):
                    raise aws_error(error, f"following transform job {base} (which goes on by itself)") from error
                self.sleep(wait)
                continue
            reached = self.clock()
            if job is not None and job.name != told:
                told = job.name
                self.tell(f"transform job {job.name} on {job.instance_count} x {job.instance_type}")
                wait = SHORTEST_WAIT
            if job is not None and job.status == "Completed":
                self.tell(f"  Completed after {job.seconds:.1f} s")
                return job
            running = execution is not None and execution.running
            if not running and (job is None or job.status in ENDED):
                raise self._failure(base, job, execution)
            self.sleep(wait)
            wait = next_wait(wait, news=False)

    def _newest(self, base: str) -> TransformDescription | None:
        found = None
        for attempt in attempts_of(base):
            job = self.jobs.find(attempt)
            if job is None:
                break
            found = job
            if job.status not in ENDED or job.status == "Completed":
                break
        return found

    def _failure(self, base: str, job: TransformDescription | None, execution: Execution | None) -> KickstandError:
        if job is None and execution is None:
            return InputError(
                Problem(
                    "There is no transform job, and no execution of the transform trigger, of this name.",
                    base,
                    "See the jobs there are: aws sagemaker list-transform-jobs --sort-by CreationTime",
                )
            )
        if job is None:
            reason = " ".join(part for part in (execution.error, execution.cause) if part) if execution else ""
            return KickstandError(Problem(f"The transform trigger ended without a transform job: {reason}", base))
        if job.status == "Stopped":
            return KickstandError(Problem("The transform job was stopped; it left no results.", job.name))
        lines = self.jobs.last_lines(job.name)
        shown = "".join(f"\n    {line}" for line in lines)
        log = f"\n  The end of its data log:{shown}" if lines else ""
        message = f"The transform job failed: {job.failure_reason or 'SageMaker gives no reason.'}{log}"
        return KickstandError(Problem(message, job.name))
