"""What an account holds in a region, as any client lists it, and the interruption of a managed spot training job.

AWS takes the instances of a spot job away at will; here a person asks for it, with a tag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kickstand.aws.errors import explained
from kickstand.errors import InputError, Problem
from localcloud.root_keys import root_client
from localcloud.sagemaker.jobs.kind import INTERRUPT_TAG

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from localcloud.cloud import LocalCloud


Resource = tuple[str, str, str]
"""Kind, name, state."""


def list_resources(cloud: LocalCloud, account: str, region: str) -> list[Resource]:
    """Endpoints, alarms, training jobs, transform jobs, stacks and buckets, in this order, each with its status.

    Raises KickstandError where the local cloud does not run. A service that fails to answer has no lines.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    session = boto3.session.Session()

    def client(service: str) -> Any:
        return root_client(cloud.folder, cloud.url, service, account, region, session)

    found: list[Resource] = []
    for each in (_endpoints, _alarms, _training_jobs, _transform_jobs, _stacks, _buckets):
        try:
            found += each(client)
        except (ClientError, BotoCoreError):
            continue
    return found


def _endpoints(client: Callable[[str], Any]) -> Iterator[Resource]:
    for page in client("sagemaker").get_paginator("list_endpoints").paginate():
        for each in page["Endpoints"]:
            yield "endpoint", each["EndpointName"], each["EndpointStatus"]


def _alarms(client: Callable[[str], Any]) -> Iterator[Resource]:
    kinds = ["MetricAlarm", "CompositeAlarm"]
    for page in client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmTypes=kinds):
        for each in [*page["MetricAlarms"], *page["CompositeAlarms"]]:
            yield "alarm", each["AlarmName"], each["StateValue"]


def _training_jobs(client: Callable[[str], Any]) -> Iterator[Resource]:
    for page in client("sagemaker").get_paginator("list_training_jobs").paginate():
        for each in page["TrainingJobSummaries"]:
            yield "training job", each["TrainingJobName"], each["TrainingJobStatus"]


def _transform_jobs(client: Callable[[str], Any]) -> Iterator[Resource]:
    for page in client("sagemaker").get_paginator("list_transform_jobs").paginate():
        for each in page["TransformJobSummaries"]:
            yield "transform job", each["TransformJobName"], each["TransformJobStatus"]


def _stacks(client: Callable[[str], Any]) -> Iterator[Resource]:
    for page in client("cloudformation").get_paginator("describe_stacks").paginate():
        for each in page["Stacks"]:
            yield "stack", each["StackName"], each["StackStatus"]


def _buckets(client: Callable[[str], Any]) -> Iterator[Resource]:
    s3 = client("s3")
    for each in s3.list_buckets(BucketRegion=s3.meta.region_name)["Buckets"]:
        yield "bucket", each["Name"], ""


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


def _jobs(sagemaker: SageMakerClient) -> list[SpotJob]:
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
