"""`fit` step by step: start a training job, follow it, stop it, read its rounds, make its release.

The job is the stack's and SageMaker's: whoever started it may go away, and anybody may follow it again, or make its
release with `adopt`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
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
from training.job.follow import Follower, Log
from training.job.follow_view import follow_view
from training.job.jobs import JobDescription, TrainingJobs
from training.job.log import JobLog, LogLine, Round, fold_rounds, parse_round
from training.model.adopt import Adoption
from training.model.figures import Runs
from training.model.golden_source import golden_source
from training.upload.channels import input_data_config, s3_client
from training.upload.upload import SentData, send_data

if TYPE_CHECKING:
    from rich.console import Console

    from kickstand.workspace import Workspace


_LATE_READS = 3
"""Times that a log is read again, a second apart: CloudWatch may be a few seconds behind a job that has ended."""


def rounds_of(lines: Iterable[LogLine]) -> tuple[Round, ...]:
    """The rounds that made the model, by number.

    lines: of all streams; a spot job that was interrupted has one more each time, and goes on from its checkpoint:
    of a round that was trained twice the last one counts, and rounds behind a restart that did not come again do not.
    """
    kept: list[Round] = []
    for line in sorted(lines, key=lambda line: line.time):
        done = parse_round(line.text)
        if done is None:
            continue
        while kept and kept[-1].number >= done.number:
            kept.pop()
        kept.append(done)
    return tuple(kept)


def runs_of(lines: Iterable[LogLine], job: JobDescription) -> tuple[tuple[Round, ...], ...]:
    """The rounds of each model that a job made, of a cross-validation fold by fold; none before the log has them."""
    if job.models == 1:
        rounds = rounds_of(lines)
        return (rounds,) if rounds else ()
    logged = sorted((line for line in lines if parse_round(line.text)), key=lambda line: line.time)
    # One host writes them; where several do, they write the same.
    read = [done for line in logged if line.host == logged[0].host and (done := parse_round(line.text))]
    # The means end a repetition: without them the last fold may still lack rounds.
    if job.rounds is None or not read or read[-1].number < job.rounds:
        return ()
    return fold_rounds(read, job.models, job.rounds)


def read_runs(log: Log, job: JobDescription, *, sleep: Callable[[float], None]) -> tuple[tuple[Round, ...], ...]:
    """Every round of a job's log, model by model; none where there is no log any more.

    log: not read yet. sleep: seconds. Raises botocore's errors.
    """
    lines: list[LogLine] = []
    for further in range(_LATE_READS + 1):
        while read := [line for line in log.read() if parse_round(line.text)]:
            lines += read
        runs = runs_of(lines, job)
        if runs and (job.models > 1 or runs[0][-1].number + 1 == job.rounds or _is_the_last(runs[0][-1], job)):
            break
        if further < _LATE_READS:
            sleep(1.0)
    return runs


def _is_the_last(done: Round, job: JobDescription) -> bool:
    """Whether a round can be the last of a job that stops early: SageMaker's final metrics are its own."""
    if "early_stopping_rounds" not in job.hyperparameters:
        return False
    logged = {name.replace("-", ":", 1): value for name, value in done.metrics.items() if math.isfinite(value)}
    return all(
        math.isclose(value, job.metrics[name], rel_tol=1e-5) for name, value in logged.items() if name in job.metrics
    )


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
            report=lambda what, told: self.console.print(f"{what:<14} {told}"),
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
