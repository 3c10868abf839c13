"""Ask the local cloud to take the instances of a managed spot training job away, as AWS does at will."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kickstand.aws_errors import explained
from kickstand.errors import InputError, Problem
from localcloud.root_keys import root_client
from localcloud.sagemaker.training_job import INTERRUPT_TAG

if TYPE_CHECKING:
    from localcloud.cloud import LocalCloud


@dataclass(frozen=True, slots=True)
class SpotJob:
    """A training job of any account and region, as far as an interruption needs to know it."""

    name: str
    arn: str
    spot: bool
    status: str
    created: float

    @property
    def interruptible(self) -> bool:
        return self.spot and self.status == "InProgress"


def interrupt(cloud: LocalCloud, name: str | None) -> str:
    """Take a job's instances away; the name of the job. None: the spot job that was started last.

    Raises InputError where there is no such job, or none that can be interrupted; KickstandError where the local
    cloud does not run.
    """
    url = cloud.url
    clients = [root_client(cloud.folder, url, "sagemaker", *place) for place in _places(cloud)]
    jobs = [(job, client) for client in clients for job in _jobs(client)]
    job = chosen([job for job, _ in jobs], name)
    client = next(client for found, client in jobs if found.arn == job.arn)
    with explained(f"interrupting {job.name}"):
        client.add_tags(ResourceArn=job.arn, Tags=[{"Key": INTERRUPT_TAG, "Value": "asked"}])
    return job.name


def chosen(jobs: Sequence[SpotJob], name: str | None) -> SpotJob:
    """The job to interrupt, of those of every account and region. Raises InputError."""
    running = sorted((job for job in jobs if job.interruptible), key=lambda job: job.created)
    names = ", ".join(job.name for job in running)
    fix = (
        f"Spot jobs that run: {names}." if running else "No spot job runs: [training] spot = true makes fit start one."
    )
    if name is None:
        if not running:
            raise InputError(Problem("There is no spot training job to interrupt.", "--latest", fix))
        return running[-1]
    named = [job for job in jobs if job.name == name]
    if not named:
        raise InputError(Problem("There is no training job of this name in the local cloud.", name, fix))
    # The same name may stand in several accounts: the one that can be interrupted is meant.
    job = next((job for job in named if job.interruptible), named[0])
    if not job.spot:
        message = "It is not a managed spot training job: nothing interrupts it."
        raise InputError(Problem(message, name, fix))
    if job.status != "InProgress":
        raise InputError(Problem(f"It does not run: it is {job.status}.", name, fix))
    return job


def _jobs(sagemaker: Any) -> list[SpotJob]:
    found = []
    for page in sagemaker.get_paginator("list_training_jobs").paginate():
        for one in page["TrainingJobSummaries"]:
            job = sagemaker.describe_training_job(TrainingJobName=one["TrainingJobName"])
            found.append(
                SpotJob(
                    name=job["TrainingJobName"],
                    arn=job["TrainingJobArn"],
                    spot=bool(job.get("EnableManagedSpotTraining")),
                    status=job["TrainingJobStatus"],
                    created=job["CreationTime"].timestamp(),
                )
            )
    return found


def _places(cloud: LocalCloud) -> list[tuple[str, str]]:
    return [(account, region) for account, regions in cloud.status().accounts for region in regions]
