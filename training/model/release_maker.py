"""A release out of its parts."""

from __future__ import annotations

from collections.abc import Sequence

from kickstand.config.model import Environment
from kickstand.names import Names
from kickstand.release import AlgorithmUsed, Artifact, Channel, GoldenRows, LearningCurve, Release, TrainingJob
from training.job.description import JobDescription, utc_text

_ORDER = {"train": 0, "validation": 1, "test": 2}


def make_release(
    environment: Environment,
    job: JobDescription,
    *,
    version: str,
    channels: Sequence[Channel],
    artifact: Artifact,
    golden: GoldenRows,
    warnings: Sequence[str],
    learning_curve: LearningCurve | None,
    model_package_arn: str,
    source_commit: str,
) -> Release:
    """The release of one job's artifact in one environment; the file's own digest is the writer's to fill in.

    job:      its metrics are the released model's own.
    version:  of the image, `3.2-0`.
    channels: as the job read them, and the test channel.
    """
    names = Names(environment)
    return Release(
        project=environment.project,
        environment=environment.name,
        account=environment.account,
        region=environment.region,
        bucket=names.bucket,
        algorithm=AlgorithmUsed(name="xgboost", version=version, image_uri=job.image_uri),
        hyperparameters=dict(job.hyperparameters),
        target_transform=environment.data.target_transform,
        channels=tuple(sorted(channels, key=lambda channel: _ORDER[channel.name])),
        training_job=TrainingJob(
            name=job.name,
            arn=job.arn,
            created=utc_text(job.created),
            started=utc_text(job.started),
            ended=utc_text(job.ended),
            billable_seconds=job.billable_seconds,
            instance_type=job.instance_type,
            instance_count=job.instance_count,
        ),
        metrics=dict(job.metrics),
        artifact=artifact,
        golden_rows=golden,
        warnings=tuple(warnings),
        learning_curve=learning_curve,
        model_package_arn=model_package_arn,
        source_commit=source_commit,
    )
