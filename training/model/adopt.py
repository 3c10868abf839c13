"""From a completed training job to a release: the second half of `fit`, and all of `adopt`.

Each step can be done again without harm, and the release is written last: whatever is interrupted is completed
by doing it all again.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kickstand.aws.errors import AWS_FAILURES, aws_error, error_message
from kickstand.aws.s3 import ArtifactBucket, artifact_bucket
from kickstand.config.model import Environment
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.names import Names
from kickstand.release.file import write_release
from kickstand.release.model import Artifact, Channel, GoldenRows, LearningCurve, Release
from kickstand.xgboost_container import OWN_IMAGE, kind_of
from training.data.checks.files import released_overlaps
from training.data.checks.objectives import label_columns
from training.job.jobs import ChannelSource, JobDescription
from training.job.log import Round, mean_rounds
from training.model.artifact import (
    FetchedArtifact,
    Registration,
    fetch_artifact,
    keep_artifact,
    model_quality,
    register,
    write_metrics,
)
from training.model.channel_evidence import channel_evidence
from training.model.figures import (
    Runs,
    UnreleasableJobError,
    released_figures,
    rounds_of_models,
    stopping_problems,
)
from training.model.golden_rows import CheckedData, first_rows, golden_rows, keep_confidential, train_channel
from training.model.inspection.archive import ArchiveError, extract_model, require_readable
from training.model.inspection.model_run import find_models, run_model
from training.model.learning_curve import curve_of, keep_curve, kept_curve, kept_runs
from training.model.release_maker import adoption_problems, image_version, make_release

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient


@dataclass(frozen=True, slots=True)
class Adoption:
    """Where jobs are adopted, and with what.

    s3, sagemaker: clients of the environment's session.
    rounds: reads the rounds of a job's log, model by model; raises botocore's errors.
    report: told of each step when it is done: its name, and what came of it.
    deploy_command: what the user types to deploy the training stack.
    """

    environment: Environment
    s3: S3Client
    sagemaker: SageMakerClient
    rounds: Callable[[JobDescription], Runs]
    report: Callable[[str, str], None]
    deploy_command: str

    def adopt(self, job: JobDescription, data: CheckedData, *, release_file: Path, source_commit: str) -> Release:
        """Make and write the release of a job.

        Raises InputError where the job is none that can be released, and KickstandError where its data or its
        artifact are not what they must be; then nothing but verified evidence has been written.
        """
        problems = adoption_problems(job, self.environment.known_faults)
        if problems:
            raise InputError(*problems)
        bucket = artifact_bucket(self.environment)
        channels = self._channels(job, data)
        with tempfile.TemporaryDirectory(prefix="kickstand-") as folder:
            fetched = fetch_artifact(self.s3, job.artifact_uri, Path(folder, "model.tar.gz"))
            self.report("artifact", f"{fetched.read.size:,} bytes, SHA-256 {fetched.read.sha256}")
            golden, rounds = self._ask(job, fetched, channels, data)
        runs, silent = self._runs(job)
        known = runs or self._kept_runs(job, fetched, bucket)
        if problems := stopping_problems(job, rounds, known):
            raise UnreleasableJobError(*problems)
        figures = released_figures(job, rounds, known)
        job = dataclasses.replace(job, metrics=figures.metrics)
        overlaps = tuple(released_overlaps(channels))
        for warning in (*overlaps, *figures.warnings):
            self.report("warning", warning)
        if job.models > 1:
            left_out = job.artifact_uri.replace("/model.tar.gz", "/output.tar.gz")
            self.report("left-out rows", f"predictions.csv in {left_out}")
        artifact = keep_artifact(self.s3, fetched, bucket).model_copy(update={"rounds": rounds})
        self.report("kept as", artifact.s3_uri)
        curve = self._curve(mean_rounds(runs), silent, artifact, bucket)
        if not self.environment.data.golden_rows_in_git:
            golden = keep_confidential(self.s3, golden, bucket)
            self.report("golden rows in", golden.s3_uri)
        quality = model_quality(job.metrics, job.hyperparameters.get("objective", ""))
        registration = Registration(
            group=Names(self.environment).model_package_group,
            image_uri=job.image_uri,
            artifact=artifact,
            job=job,
            metrics_uri=write_metrics(self.s3, quality, bucket),
        )
        package = register(self.sagemaker, registration, deploy_command=self.deploy_command)
        self.report("registered", package)
        release = make_release(
            self.environment,
            job,
            version=image_version(job.image_uri) or "",
            channels=channels,
            artifact=artifact,
            golden=golden,
            warnings=(*data.warnings, *overlaps, *figures.warnings),
            learning_curve=curve,
            model_package_arn=package,
            source_commit=source_commit,
        )
        return write_release(release_file, release)

    def _runs(self, job: JobDescription) -> tuple[Runs, str]:
        """What the job's log has of every round, and why it has none."""
        try:
            return self.rounds(job), "the job's log has no rounds"
        except AWS_FAILURES as error:
            return (), f"the job's log cannot be read: {error_message(error)}"

    def _kept_runs(self, job: JobDescription, fetched: FetchedArtifact, bucket: ArtifactBucket) -> Runs:
        """What an earlier adoption kept of the log; of a cross-validation that is the mean over the folds alone."""
        if job.models > 1:
            return ()
        try:
            return kept_runs(self.s3, fetched.read.sha256, bucket)
        except KickstandError:
            return ()  # keeping the curve reports it

    def _curve(
        self, rounds: Sequence[Round], silent: str, artifact: Artifact, bucket: ArtifactBucket
    ) -> LearningCurve | None:
        """Keep the job's learning curve. A release without one is whole: what is in the way is said, and no more."""
        kept_rounds = f"{len(rounds):,} rounds" if rounds else f"kept earlier ({silent})"
        try:
            kept = (
                keep_curve(self.s3, curve_of(rounds), artifact.sha256, bucket)
                if rounds
                else kept_curve(self.s3, artifact.sha256, bucket)
            )
        except KickstandError as error:
            self.report("learning curve", f"none: {error}")
            return None
        self.report("learning curve", f"{kept_rounds}, {kept.s3_uri}" if kept else f"none: {silent}")
        return kept

    def _channels(self, job: JobDescription, data: CheckedData) -> list[Channel]:
        """What the job read, and the test channel."""
        began, bucket = job.started or job.created, artifact_bucket(self.environment)
        channels = []
        for source in job.channels:
            channel = channel_evidence(self.s3, source, bucket=bucket, started=began, known=data.channels)
            if channel not in data.channels:
                self.report(source.name, f"{channel.rows:,} rows x {channel.columns} columns  {channel.s3_uri}")
            channels.append(channel)
        tests = [channel for channel in data.channels if channel.name == "test"]
        self._check_widths([*channels, *tests], job.channels)
        return [*channels, *tests]

    def _check_widths(self, channels: Sequence[Channel], sources: Sequence[ChannelSource]) -> None:
        named = self.environment.data.columns
        where = {source.name: source.s3_uri for source in sources}
        train = train_channel(channels)
        expected, reason = train.columns, f"channel {train.name}"
        # Rows of libsvm and of sparse records name the columns that they have; what they leave out is missing.
        sparse = kind_of(train.content_type) in ("libsvm", "recordio-protobuf")
        if named:
            expected, reason = len(named), f"[data] columns ({self.environment.where('data.columns')})"
        problems = [
            Problem(
                f"Channel {channel.name} has {channel.columns} columns; {reason} has {expected}.",
                where.get(channel.name, channel.s3_uri),
            )
            for channel in channels
            if (channel.columns > expected if sparse else channel.columns != expected)
        ]
        if problems:
            raise InputError(*problems)

    def _ask(
        self, job: JobDescription, fetched: FetchedArtifact, channels: Sequence[Channel], data: CheckedData
    ) -> tuple[GoldenRows, tuple[int, ...]]:
        """Open and load the artifact, compare its width with the data's, and have it predict the golden rows.

        Those, and the boosting rounds of each model.
        """
        train, own = train_channel(channels), self.environment.data
        labels = label_columns(job.hyperparameters, train.content_type)
        expected = train.columns - labels
        try:
            rows = first_rows(
                data.golden_files,
                own.golden_rows,
                label_columns(job.hyperparameters, own.content_type),
                kind=kind_of(own.content_type),
                width=expected + 1,
            )
        except ValueError as error:
            raise InputError(Problem(str(error), f"channel {data.golden_channel}")) from error
        folder = fetched.file.with_name("model")
        files = _open(fetched, folder, job.artifact_uri)
        models = find_models(files, job.models, folder=folder, where=job.artifact_uri)
        for model in models:
            require_readable(model, image_version(job.image_uri) or OWN_IMAGE, where=job.artifact_uri)
        answers = run_model(models, rows, where=job.artifact_uri)
        if answers.features != expected:
            raise InputError(
                Problem(
                    f"The model has {answers.features} features; the data have {expected} "
                    f"({train.columns} columns, {labels} of them not features).",
                    job.artifact_uri,
                )
            )
        golden = golden_rows(rows, answers.predictions, where=job.artifact_uri)
        self.report("golden rows", f"{len(rows)} of channel {data.golden_channel}, SHA-256 {golden.sha256}")
        return golden, rounds_of_models(job, answers.rounds)


def _open(fetched: FetchedArtifact, folder: Path, uri: str) -> list[Path]:
    """Unpack an artifact into a folder; what is wrong with it is told of its place in S3."""
    try:
        return extract_model(fetched.file, folder)
    except ArchiveError as error:
        raise ArchiveError(*(dataclasses.replace(problem, where=uri) for problem in error.problems)) from error
    except OSError as error:
        raise aws_error(error, "opening the model artifact", uri) from error
