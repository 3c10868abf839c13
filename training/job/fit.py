"""`fit` in its parts: start a training job, follow it, stop it, make its release. What a person reads is said here.

The job is the stack's and SageMaker's: whoever started it may go away, and anybody may follow it again, or make
its release with `adopt`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.config import Config

from kickstand.aws_errors import explained
from kickstand.config.model import Environment
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.names import Names
from kickstand.release import Release
from training.job.description import JobDescription
from training.job.execution import Trigger, attempts_of, job_of
from training.job.follow import Follower
from training.job.follow_view import follow_view
from training.job.log import JobLog
from training.job.rounds import read_runs
from training.job.training_jobs import TrainingJobs
from training.model.adopt import Adoption
from training.model.figures import Runs
from training.model.golden_source import golden_source
from training.upload.channels import s3_client
from training.upload.manifest import input_data_config
from training.upload.send_data import SentData, send_data

if TYPE_CHECKING:
    import boto3
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Fit:
    """The work on one environment's training jobs.

    typed: a command as the user must type it, from its words behind `kickstand`.
    sleep, clock: seconds, as `time.sleep` and `time.monotonic`.
    """

    environment: Environment
    session: boto3.Session
    console: Console
    typed: Callable[[str], str]
    sleep: Callable[[float], None]
    clock: Callable[[], float]

    @property
    def jobs(self) -> TrainingJobs:
        return TrainingJobs(self.session.client("sagemaker"))

    @property
    def trigger(self) -> Trigger:
        return Trigger(
            self.session.client("stepfunctions"), Names(self.environment), deploy_command=self._deploy_command
        )

    def start(self, now: datetime, token: str) -> tuple[str, SentData]:
        """Check everything, upload what is not there yet, start a job; its name, the channels in S3, the warnings.

        now: UTC. token: four random letters or digits for the job's name.
        Raises InputError with everything that is wrong with the input; then nothing was uploaded or started.
        """
        trigger = self.trigger
        trigger.require_settings()
        sent = send_data(self.environment, self.session, self.console)
        job = Names(self.environment).training_job(now, token)
        with self._leaving(job):
            trigger.start(job, input_data_config(sent.channels, self.environment), self.environment.hyperparameters)
        return job, sent

    def follow(self, job: str, *, show_log: bool) -> JobDescription:
        """Show a job until it has completed. Ctrl-C leaves it running. Raises KickstandError where it fails."""
        # The follower itself tries again, and tells; a client that does so in silence for a minute would hide it.
        once = Config(connect_timeout=10, read_timeout=30, retries={"total_max_attempts": 1})
        logs = self.session.client("logs", config=once)
        states = self.session.client("stepfunctions", config=once)
        with self._leaving(job), follow_view(self.console, show_log=show_log) as view:
            return Follower(
                jobs=TrainingJobs(self.session.client("sagemaker", config=once)),
                executions=Trigger(states, Names(self.environment), deploy_command=self._deploy_command),
                open_log=lambda attempt: JobLog(logs, attempt.name, attempt.instance_count),
                view=view,
                sleep=self.sleep,
                clock=self.clock,
                again=lambda name: self.typed(f"fit {self.environment.name} --follow {name}"),
            ).follow(job)

    def find(self, job: str) -> JobDescription:
        """A job by its name; InputError where the account has none in this region."""
        with explained(f"looking up training job {job}"):
            found = self.jobs.find(job)
        if found is None:
            place = f"account {self.environment.account}, region {self.environment.region}"
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
        again = f"Make it: {self.typed(f'adopt {job.name} {self.environment.name}')}"
        s3 = s3_client(self.session)
        adoption = Adoption(
            environment=self.environment,
            s3=s3,
            sagemaker=self.session.client("sagemaker"),
            rounds=self.rounds,
            report=lambda what, told: self.console.print(f"{what:<14} {told}"),
            deploy_command=self._deploy_command,
        )
        try:
            data = golden_source(self.environment, s3, known, job.channels)
            return adoption.adopt(job, data, release_file=release_file, source_commit=source_commit)
        except KeyboardInterrupt:
            message = f"Interrupted before the release was written; training job {job.name} has completed."
            raise KickstandError(Problem(message, fix=again)) from None

    def rounds(self, job: JobDescription) -> Runs:
        """The rounds that a job's log has, model by model. Raises botocore's errors."""
        log = JobLog(self.session.client("logs"), job.name, job.instance_count)
        return read_runs(log, job, sleep=self.sleep)

    @contextmanager
    def _leaving(self, job: str) -> Iterator[None]:
        """Ctrl-C inside leaves the job running, and says so."""
        try:
            yield
        except KeyboardInterrupt:
            name = self.environment.name
            message = f"Following was interrupted; training job {job} goes on, and costs, until it ends."
            follow, stop = self.typed(f"fit {name} --follow {job}"), self.typed(f"fit {name} --stop {job}")
            raise KickstandError(Problem(message, fix=f"Follow it again: {follow}, or stop it: {stop}")) from None

    @property
    def _deploy_command(self) -> str:
        return self.typed(f"deploy {self.environment.name}")
