"""`fit` step by step: start a training job, follow it, stop it, make its release.

The job is the stack's and SageMaker's: whoever started it may go away, and anybody may follow it again, or make its
release with `adopt`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.config import Config

from kickstand.aws.errors import explained
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.release.model import Release
from training.job.execution import Trigger, attempts_of, job_of
from training.job.follow import Follower
from training.job.follow_view import follow_view
from training.job.jobs import JobDescription, TrainingJobs
from training.job.log import JobLog, read_runs
from training.model.adopt import Adoption
from training.model.figures import Runs
from training.model.golden_rows import golden_source
from training.upload.channels import input_data_config, s3_client
from training.upload.upload import SentData, send_data

if TYPE_CHECKING:
    from rich.console import Console

    from kickstand.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Fit:
    """The work on one environment's training jobs.

    sleep, clock: seconds, as `time.sleep` and `time.monotonic`.
    """

    workspace: Workspace
    console: Console
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    @property
    def jobs(self) -> TrainingJobs:
        return TrainingJobs(self.workspace.session.client("sagemaker"))

    @property
    def trigger(self) -> Trigger:
        return Trigger(self.workspace)

    def start(self, now: datetime, token: str) -> tuple[str, SentData]:
        """Check everything, upload what is not there yet, start a job; its name, the channels in S3, the warnings.

        now: UTC. token: four random letters or digits for the job's name.
        Raises InputError with everything that is wrong with the input; then nothing was uploaded or started.
        """
        trigger = self.trigger
        trigger.require_settings()
        sent = send_data(self.workspace, self.console)
        job = self.workspace.names.training_job(now, token)
        with self._leaving(job):
            trigger.start(
                job,
                input_data_config(sent.channels, self.workspace.environment),
                self.workspace.environment.hyperparameters,
            )
        return job, sent

    def follow(self, job: str, *, show_log: bool) -> JobDescription:
        """Show a job until it has completed. Ctrl-C leaves it running. Raises KickstandError where it fails."""
        # The follower itself tries again, and tells; a client that does so in silence for a minute would hide it.
        once = Config(connect_timeout=10, read_timeout=30, retries={"total_max_attempts": 1})
        logs = self.workspace.session.client("logs", config=once)
        states = self.workspace.session.client("stepfunctions", config=once)
        with self._leaving(job), follow_view(self.console, show_log=show_log) as view:
            return Follower(
                jobs=TrainingJobs(self.workspace.session.client("sagemaker", config=once)),
                executions=Trigger(self.workspace, states),
                open_log=lambda attempt: JobLog(logs, attempt.name, attempt.instance_count),
                view=view,
                sleep=self.sleep,
                clock=self.clock,
                again=lambda name: self.workspace.command("fit", "--follow", name),
            ).follow(job)

    def find(self, job: str) -> JobDescription:
        """A job by its name; InputError where the account has none in this region."""
        with explained(f"looking up training job {job}"):
            found = self.jobs.find(job)
        if found is None:
            place = f"account {self.workspace.environment.account}, region {self.workspace.environment.region}"
            raise InputError(
                Problem(
                    f"There is no training job {job} in {place}.",
                    fix="See those there are: aws sagemaker list-training-jobs --sort-by CreationTime",
                )
            )
        return found

    def stop(self, name: str) -> list[str]:
        """Stop a job: its execution, so that no attempt follows, then each attempt that runs; what was stopped."""
        job = job_of(name)
        stopped = ["its execution"] if self.trigger.stop(job, "Stopped with kickstand fit --stop.") else []
        jobs = self.jobs
        return [f"training job {attempt}" for attempt in attempts_of(job) if jobs.stop(attempt)] + stopped

    def release(
        self, job: JobDescription, known: SentData | None, *, release_file: Path, source_commit: str
    ) -> Release:
        """The second half: from a completed job to its release file. Interrupted, it can be run again.

        known: what was just checked and uploaded, and its warnings.
        """
        again = f"Make it: {self.workspace.command(f'adopt {job.name}')}"
        s3 = s3_client(self.workspace.session)
        adoption = Adoption(
            environment=self.workspace.environment,
            s3=s3,
            sagemaker=self.workspace.session.client("sagemaker"),
            rounds=self.rounds,
            report=lambda what, text: self.console.print(f"{what:<14} {text}"),
            deploy_command=self.workspace.command("deploy"),
        )
        try:
            data = golden_source(self.workspace.environment, s3, known, job.channels)
            return adoption.adopt(job, data, release_file=release_file, source_commit=source_commit)
        except KeyboardInterrupt:
            message = f"Interrupted before the release was written; training job {job.name} has completed."
            raise KickstandError(Problem(message, fix=again)) from None

    def rounds(self, job: JobDescription) -> Runs:
        """The rounds that a job's log has, model by model. Raises botocore's errors."""
        log = JobLog(self.workspace.session.client("logs"), job.name, job.instance_count)
        return read_runs(log, job, sleep=self.sleep)

    @contextmanager
    def _leaving(self, job: str) -> Iterator[None]:
        """Ctrl-C inside leaves the job running, and says so."""
        try:
            yield
        except KeyboardInterrupt:
            message = f"Following was interrupted; training job {job} goes on, and costs, until it ends."
            follow, stop = (self.workspace.command("fit", option, job) for option in ("--follow", "--stop"))
            raise KickstandError(Problem(message, fix=f"Follow it again: {follow}, or stop it: {stop}")) from None
