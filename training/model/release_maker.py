"""A release out of a training job: whether the job can become one, the release's parts, and what is shown of it.

One of the parts is the commit of the project's repository.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kickstand.config.model import Environment
from kickstand.errors import Problem
from kickstand.images import REPOSITORY, image_table
from kickstand.names import Names
from kickstand.release.model import AlgorithmUsed, Artifact, Channel, GoldenRows, LearningCurve, Release, TrainingJob
from kickstand.xgboost_container import OWN_IMAGE, XGBOOST, models_sentence, rounds_sentence
from training.hyperparameters.support import unsupported
from training.job.jobs import ChannelSource, JobDescription, utc_text

if TYPE_CHECKING:
    from rich.console import Console


def summary_lines(release: Release, file: Path) -> list[tuple[str, str]]:
    """What a person wants to know of a release: label and text, in reading order."""
    job = release.training_job
    metrics = "  ".join(f"{name} {value:.5f}" for name, value in sorted(release.metrics.items()))
    several = models_sentence(release.hyperparameters)
    return [
        ("metrics", metrics or "none"),
        *([("warnings", f"{len(release.warnings)}, on record in the release")] if release.warnings else []),
        ("model", f"SHA-256 {release.artifact.sha256}, {release.artifact.size:,} bytes"),
        *([("models", several)] if several else []),
        *([("rounds", rounds_sentence(release.artifact.rounds))] if release.artifact.rounds else []),
        ("job", f"{job.name}, {job.billable_seconds} s billable on {job.instance_count} x {job.instance_type}"),
        ("release", str(file)),
    ]


def show_release(console: Console, release: Release, file: Path, *, next_command: str) -> None:
    """Print the summary and the next command."""
    console.print()
    for label, text in summary_lines(release, file):
        console.print(f"{label:<14} {text}")
    console.print(f"\nServe it: {next_command}", style="bold")


def source_commit(folder: Path, *, releases: Path) -> str:
    """`git rev-parse HEAD` in a folder, with `+changes` behind it where its repository differs from that commit.

    releases: the folder of the release files, whose changes are no changes of the source.
    Empty outside a repository, in one without a commit, and where there is no git.
    """
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    top = _git(folder, "rev-parse", "--show-toplevel")
    if not commit or not top:
        return ""
    paths = [":(top)"]
    if releases.resolve().is_relative_to(Path(top).resolve()):
        paths.append(f":(top,exclude){releases.resolve().relative_to(Path(top).resolve()).as_posix()}")
    return f"{commit}+changes" if _git(folder, "status", "--porcelain", "--", *paths) else commit


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "--no-optional-locks", *arguments]
    try:
        ended = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    except OSError:
        return ""
    return ended.stdout.strip() if ended.returncode == 0 else ""


_IMAGE = re.compile(rf"(\d{{12}})\.dkr\.ecr\.([a-z0-9-]+)\.([a-z0-9.-]+)/{REPOSITORY}:([\w.-]+)")


def image_version(image_uri: str) -> str | None:
    """The version of SageMaker's built-in XGBoost that an image is (`3.2-0`); None for any other image."""
    found = _IMAGE.fullmatch(image_uri)
    if found is None:
        return None
    account, region, domain, tag = found.groups()
    table = image_table()
    if table.accounts.get(region) != account or table.domains.get(region) != domain:
        return None
    # An unknown tag is shown as it is: the caller refuses it by name.
    return next((version for version, known in table.versions.items() if known == tag), tag)


def adoption_problems(job: JobDescription, accepted: Mapping[str, str] | None = None) -> list[Problem]:
    """All that keeps a job from becoming a release; empty where nothing does.

    accepted: known faults of the image that the environment accepts, each with its reason (`[known_faults]`).
    """
    found = _problems(job, accepted or {})
    return [Problem(problem.message, problem.where or job.name, problem.fix) for problem in found]


def _problems(job: JobDescription, accepted: Mapping[str, str]) -> Iterator[Problem]:
    if job.status != "Completed":
        reason = f": {job.failure_reason}" if job.failure_reason else ""
        fix = "" if job.status in ("Failed", "Stopped") else "Wait until it has completed."
        yield Problem(f"The training job is {job.status}, not Completed{reason}.", fix=fix)
    elif not job.artifact_uri:
        yield Problem("The training job has no model artifact.")
    version = image_version(job.image_uri)
    if version is None:
        yield Problem(
            f"Its image is {job.image_uri or 'not named'}, not SageMaker's built-in XGBoost.",
            fix="Kickstand serves models of the built-in XGBoost only.",
        )
    else:
        yield from unsupported(job.hyperparameters, version, accepted=accepted)
    names = [channel.name for channel in job.channels]
    if "train" not in names or not set(names) <= {"train", "validation"}:
        found = ", ".join(names) or "none"
        yield Problem(f"XGBoost's channels are train and, if wanted, validation; the job's are: {found}.")
    known = version if version and version in XGBOOST else OWN_IMAGE
    for channel in job.channels:
        yield from _channel_problems(channel, known)


def _channel_problems(channel: ChannelSource, version: str) -> Iterator[Problem]:
    if channel.data_type != "S3Prefix":
        kind = channel.data_type or "no S3 data source"
        yield Problem(f"Channel {channel.name} is read through {kind}; only S3Prefix can be proven.")
    if channel.compression != "None":
        yield Problem(f"Channel {channel.name} has compression {channel.compression}, which is not supported yet.")
    for problem in unsupported({}, version, content_type=channel.content_type):
        yield Problem(f"Channel {channel.name}: {problem.message}", fix=problem.fix)


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
