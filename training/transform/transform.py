"""`transform` step by step: upload rows, start a job, follow it through retries, fetch its results.

The job is the stack's and SageMaker's: whoever started it may go away, and anybody may follow it again.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from kickstand.aws.errors import explained
from kickstand.aws.s3 import S3Location
from kickstand.errors import KickstandError, Problem
from training.job.follow import ONCE, JobRun
from training.job.jobs import TransformDescription
from training.job.kind import TRANSFORM
from training.job.log import data_log_tail
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


@dataclass(slots=True)
class TransformProgress:
    """Says which attempt runs and how a job ended; the `Observer` of a follower.

    say: takes a line for people. tail: the end of a job's data log.
    """

    say: Callable[[str], None]
    tail: Callable[[str], list[str]]

    def begin(self, job: TransformDescription, failed: TransformDescription | None) -> None:
        self.say(f"transform job {job.name} on {job.instance_count} x {job.instance_type}")

    def look(self, job: TransformDescription) -> bool:
        if job.status == "Completed":
            self.say(f"  Completed after {job.seconds:.1f} s")
        return False

    def note(self, text: str) -> None:
        """What is said while AWS does not answer is not shown: a status line turns all the time."""

    def failure(self, job: TransformDescription) -> Problem:
        lines = self.tail(job.name)
        shown = "".join(f"\n    {line}" for line in lines)
        log = f"\n  The end of its data log:{shown}" if lines else ""
        return Problem(f"The transform job failed: {job.failure_reason or 'SageMaker gives no reason.'}{log}", job.name)


@dataclass(frozen=True, slots=True)
class Transform:
    """The work on one environment's transform jobs.

    sleep, clock: seconds, as `time.sleep` and `time.monotonic`.
    """

    workspace: Workspace
    console: Console
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    @property
    def run(self) -> JobRun[TransformDescription]:
        """The transform jobs of the environment."""
        return JobRun(TRANSFORM, self.workspace)

    def send(self, source: BinaryIO, label: str, expected: Expected | None) -> tuple[S3Location, int]:
        """Check the rows of a CSV and upload them where they are not there yet; where they are, and how many.

        Raises InputError with everything that is wrong with the rows; then nothing was uploaded.
        """
        self.run.executions.require_deployed()
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
        with self.run.leaving(job):
            self.run.executions.begin(job, transform_request(job, location, join=join))
        self._say(f"Ctrl-C leaves it running; follow it again: {self.run.follow_command(job)}")

    def follow(self, job: str) -> TransformDescription:
        """Wait until a job has completed. Ctrl-C leaves it running. Raises KickstandError where it fails."""
        once = JobRun(TRANSFORM, self.workspace, ONCE)
        logs = once.client("logs")
        progress = TransformProgress(self._say, lambda name: data_log_tail(logs, name))
        follower = once.follower(progress, sleep=self.sleep, clock=self.clock)
        with once.leaving(job):
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

    def _say(self, text: str) -> None:
        self.console.print(text, soft_wrap=True)
