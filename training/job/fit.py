"""`fit` step by step: start a training job, follow it, make its release.

The job is the stack's and SageMaker's: whoever started it may go away, and anybody may follow it again, or make its
release with `adopt`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kickstand.errors import KickstandError, Problem
from kickstand.release.model import Release
from training.job.execution import Trigger
from training.job.follow import ONCE, JobRun
from training.job.follow_view import TrainingProgress, follow_view
from training.job.jobs import JobDescription
from training.job.kind import TRAINING
from training.job.log import JobLog, read_runs
from training.job.price import require_job_price
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
    def run(self) -> JobRun[JobDescription]:
        """The training jobs of the environment."""
        return JobRun(TRAINING, self.workspace)

    def start(self, now: datetime, token: str) -> tuple[str, SentData]:
        """Check everything, upload what is not there yet, start a job; its name, the channels in S3, the warnings.

        now: UTC. token: four random letters or digits for the job's name.
        Raises InputError with everything that is wrong with the input; then nothing was uploaded or started.
        """
        require_job_price(self.workspace.environment)
        trigger = Trigger(self.workspace)
        trigger.require_settings()
        sent = send_data(self.workspace, self.console)
        job = self.workspace.names.training_job(now, token)
        with self.run.leaving(job):
            trigger.start(
                job,
                input_data_config(sent.channels, self.workspace.environment),
                self.workspace.environment.hyperparameters,
            )
        return job, sent

    def follow(self, job: str, *, show_log: bool) -> JobDescription:
        """Show a job until it has completed. Ctrl-C leaves it running. Raises KickstandError where it fails."""
        once = JobRun(TRAINING, self.workspace, ONCE)
        logs = once.client("logs")
        with once.leaving(job), follow_view(self.console, show_log=show_log) as view:
            progress = TrainingProgress(
                view,
                open_log=lambda attempt: JobLog(logs, attempt.name, attempt.instance_count),
                sleep=self.sleep,
            )
            return once.follower(progress, sleep=self.sleep, clock=self.clock).follow(job)

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
