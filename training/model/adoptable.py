"""Whether a training job can become a release, told from its description alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from infra.images import REPOSITORY, image_table
from kickstand.errors import Problem
from training.hyperparameters.support import unsupported
from training.image.versions import OWN_IMAGE, XGBOOST
from training.job.description import ChannelSource, JobDescription

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
