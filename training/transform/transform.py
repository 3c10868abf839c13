"""`transform` step by step: upload rows, start a job, follow it through retries, fetch its results.

The job is the stack's and SageMaker's: whoever started it may go away, and anybody may follow it again.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from botocore.config import Config

from kickstand.aws.errors import AWS_FAILURES, aws_error, explained, is_transient, patience
from kickstand.aws.s3 import S3Location
from kickstand.errors import InputError, KickstandError, Problem
from training.job.execution import Execution, Executions, attempts_of, job_of
from training.job.follow import SHORTEST_WAIT, next_wait
from training.job.jobs import ENDED, TransformDescription, TransformJobs
from training.prediction.batches import Expected
from training.prediction.endpoint_client import Accept
from training.transform.rows import (
    checked_rows,
    require_one_file,
    result_files,
    result_rows,
    transform_request,
    upload_rows,
)
from training.upload.channels import s3_client
from training.upload.objects import bytes_progress

if TYPE_CHECKING:
    from rich.console import Console

    from kickstand.workspace import Workspace


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
        base, wait, shown, reached = job_of(name), SHORTEST_WAIT, "", self.clock()
        while True:
            try:
                # The execution first: what it had started when it ended is all there will ever be.
                execution = self.trigger.find(base)
                job = self._newest(base)
            except AWS_FAILURES as error:
                if not is_transient(error) or self.clock() - reached > patience(error):
                    raise aws_error(error, f"following transform job {base} (which goes on by itself)") from error
                self.sleep(wait)
                continue
            reached = self.clock()
            if job is not None and job.name != shown:
                shown = job.name
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


@dataclass(frozen=True, slots=True)
class Transform:
    """The work on one environment's transform jobs.

    sleep, clock: seconds, as `time.sleep` and `time.monotonic`.
    """

    workspace: Workspace
    console: Console
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def send(self, source: BinaryIO, label: str, expected: Expected | None) -> tuple[S3Location, int]:
        """Check the rows of a CSV and upload them where they are not there yet; where they are, and how many.

        Raises InputError with everything that is wrong with the rows; then nothing was uploaded.
        """
        self._trigger().require_deployed()
        with tempfile.TemporaryDirectory(prefix="kickstand-") as folder:
            rows = checked_rows(source, label, Path(folder) / "rows.csv", expected)
            with explained("uploading the rows"), bytes_progress(self.console, "uploading", rows.size) as progress:
                location, sent = upload_rows(
                    s3_client(self.workspace.session), self.workspace.environment, rows, progress=progress
                )
        self._say(f"{rows.rows:,} rows  {'uploaded' if sent else 'already there'}  {location.uri}")
        return location, rows.rows

    def require_one_file(self, location: S3Location) -> None:
        """Raise InputError where rows in S3 are not one file, whose answers go into one."""
        with explained("listing the rows", location.uri):
            require_one_file(self.workspace.session.client("s3"), location)

    def start(self, job: str, location: S3Location, *, join: bool) -> None:
        """Start a job on rows that are in S3."""
        with self._leaving(job):
            self._trigger().begin(job, transform_request(job, location, join=join))
        follow = self.workspace.command("transform", "--follow", job)
        self._say(f"Ctrl-C leaves it running; follow it again: {follow}")

    def follow(self, job: str) -> TransformDescription:
        """Wait until a job has completed. Ctrl-C leaves it running. Raises KickstandError where it fails."""
        once = Config(connect_timeout=10, read_timeout=30, retries={"total_max_attempts": 1})
        jobs = TransformJobs(
            self.workspace.session.client("sagemaker", config=once), self.workspace.session.client("logs", config=once)
        )
        follower = Follower(jobs, self._trigger(once), self._say, self.sleep, self.clock)
        with self._leaving(job):
            if not self.console.is_terminal:
                return follower.follow(job)
            with self.console.status("transforming"):
                return follower.follow(job)

    def answers(self, job: TransformDescription, accept: Accept, rows: int | None = None) -> Iterator[str]:
        """The answers of a job of one input file, in order. rows: how many there must be, where that is known."""
        found = 0
        with explained(f"fetching the results of {job.name}"):
            for line in result_rows(self.workspace.session.client("s3"), job, accept):
                found += 1
                yield line
        if rows is not None and found != rows:
            message = f"Expected {rows} answers, found {found}."
            raise KickstandError(Problem(message, job.output_uri, "The model does not answer a row a line."))

    def files(self, job: TransformDescription) -> list[str]:
        """The S3 URIs of a job's results."""
        with explained(f"listing the results of {job.name}"):
            return result_files(self.workspace.session.client("s3"), job)

    def stop(self, name: str) -> list[str]:
        """Stop a job: its execution, so that no attempt follows, then each attempt that runs; what was stopped."""
        job = job_of(name)
        jobs = TransformJobs(self.workspace.session.client("sagemaker"), self.workspace.session.client("logs"))
        ended = self._trigger().stop(job, "Stopped with kickstand transform --stop.")
        return [f"transform job {attempt}" for attempt in attempts_of(job) if jobs.stop(attempt)] + (
            ["its execution"] if ended else []
        )

    def _trigger(self, config: Config | None = None) -> Executions:
        names = self.workspace.names
        return Executions(
            self.workspace.session.client("stepfunctions", config=config),
            names,
            machine=names.transform_machine,
            stack=names.hosting_stack,
            what="transform",
            deploy_command=self.workspace.command("deploy"),
        )

    def _say(self, text: str) -> None:
        self.console.print(text, soft_wrap=True)

    @contextmanager
    def _leaving(self, job: str) -> Iterator[None]:
        """Ctrl-C inside leaves the job running, and says so."""
        try:
            yield
        except KeyboardInterrupt:
            message = f"Following was interrupted; transform job {job} goes on, and costs, until it ends."
            follow, stop = (self.workspace.command("transform", option, job) for option in ("--follow", "--stop"))
            raise KickstandError(Problem(message, fix=f"Follow it again: {follow}, or stop it: {stop}")) from None
