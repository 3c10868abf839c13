"""What is left of a destroyed environment in its account, what it costs, and what of it is left on purpose.

AWS is asked, not a template: what nobody deployed is found too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from kickstand.bucket import PREFIXES
from kickstand.config.model import Environment
from kickstand.errors import Problem
from kickstand.names import Names

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectVersionTypeDef


What = Literal[
    "endpoint",
    "training job",
    "transform job",
    "schedule",
    "artifact bucket",
    "endpoint log",
    "trigger log",
    "transform log",
    "stop log",
    "training logs",
    "transform logs",
    "packages",
]

HOURLY = math.inf
"""Dollars a month of what is charged by the time that it runs."""

_OF_TRAINING = ("training job", "schedule", "artifact bucket", "trigger log", "stop log", "training logs", "packages")
_RETAINED = ("artifact bucket", "endpoint log", "trigger log", "transform log", "packages")
_SHARED: dict[What, str] = {"training logs": "training", "transform logs": "transform"}
"""Logs in SageMaker's one group for jobs of a kind."""

_HOW_TO_DELETE: dict[What, str] = {
    "endpoint": "aws sagemaker delete-endpoint --endpoint-name {name}",
    "training job": "aws sagemaker stop-training-job --training-job-name {name}",
    "transform job": "aws sagemaker stop-transform-job --transform-job-name {name}",
    "schedule": "aws scheduler delete-schedule --name {name}",
    "artifact bucket": "Empty it with all its versions, then delete it, in the S3 console.",
    "endpoint log": "aws logs delete-log-group --log-group-name {name}",
    "trigger log": "aws logs delete-log-group --log-group-name {name}",
    "transform log": "aws logs delete-log-group --log-group-name {name}",
    "stop log": "aws logs delete-log-group --log-group-name {name}",
}


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that is still there.

    amount:          how much of it, in words.
    dollars_a_month: 0: nothing is charged. HOURLY: by the time that it runs.
    """

    what: What
    name: str
    amount: str
    dollars_a_month: float

    @property
    def billable(self) -> bool:
        return self.dollars_a_month > 0


def retained_because(left: Leftover, environment: Environment, *, hosting_only: bool) -> str:
    """Why it is right that it is still there; empty where nothing says so.

    hosting_only: `--hosting`, which leaves everything of training as it is.
    """
    if hosting_only and left.what in _OF_TRAINING:
        return "--hosting leaves training as it is"
    if left.what in _SHARED:
        return f"the group is shared by all {_SHARED[left.what]} jobs of the account"
    if left.what == "artifact bucket" and environment.storage.existing_bucket:
        return "the organisation's own: [storage] existing_bucket"
    if environment.retain and left.what in _RETAINED:
        return "prod keeps its evidence"
    return ""


def surplus(found: Iterable[Leftover], environment: Environment, *, hosting_only: bool) -> list[Problem]:
    """What costs and is not to be kept, each with how to get rid of it."""
    return [
        Problem(
            f"The {left.what} {left.name} is still there and is charged for: {left.amount}.",
            f"account {environment.account}, {environment.region}",
            _HOW_TO_DELETE[left.what].format(name=left.name),
        )
        for left in found
        if left.billable and not retained_because(left, environment, hosting_only=hosting_only)
    ]


S3_DOLLARS_PER_GB_MONTH = 0.023
"""S3 Standard, first 50 TB, us-east-1, as of 2026-11 (other regions differ a little).

https://aws.amazon.com/s3/pricing/
"""

LOGS_DOLLARS_PER_GB_MONTH = 0.03
"""CloudWatch Logs archive, us-east-1, as of 2026-11: https://aws.amazon.com/cloudwatch/pricing/."""

GB = 10**9
_JOB_LOGS: tuple[tuple[What, str], ...] = (
    ("training logs", "/aws/sagemaker/TrainingJobs"),
    ("transform logs", "/aws/sagemaker/TransformJobs"),
)


def find_leftovers(session: boto3.Session, names: Names) -> list[Leftover]:
    """Everything of an environment that is still there, the dearest first."""
    found = [
        *_endpoint(session, names),
        *_jobs(session, names),
        *_schedule(session, names),
        *_bucket(session, names),
        *_logs(session, names),
        *_job_logs(session, names),
        *_packages(session, names),
    ]
    return sorted(found, key=lambda left: -left.dollars_a_month)


def _endpoint(session: boto3.Session, names: Names) -> Iterator[Leftover]:
    pages = session.client("sagemaker").get_paginator("list_endpoints").paginate(NameContains=names.endpoint)
    for one in (one for page in pages for one in page["Endpoints"]):
        if one["EndpointName"] == names.endpoint:
            yield Leftover("endpoint", names.endpoint, f"{one['EndpointStatus']}, charged by the hour", HOURLY)


def _jobs(session: boto3.Session, names: Names) -> Iterator[Leftover]:
    """Jobs that still run: a stack's deletion stops none."""
    sagemaker = session.client("sagemaker")
    kinds: tuple[tuple[What, Any, str, str], ...] = (
        ("training job", sagemaker.get_paginator("list_training_jobs"), "TrainingJobSummaries", "TrainingJobName"),
        ("transform job", sagemaker.get_paginator("list_transform_jobs"), "TransformJobSummaries", "TransformJobName"),
    )
    for what, pages, summaries, name_member in kinds:
        for status in ("InProgress", "Stopping"):
            for page in pages.paginate(NameContains=f"{names.prefix}-", StatusEquals=status):
                for name in (one[name_member] for one in page[summaries]):
                    if name.startswith(f"{names.prefix}-"):
                        yield Leftover(what, name, f"{status}, charged by the second", HOURLY)


def _schedule(session: boto3.Session, names: Names) -> Iterator[Leftover]:
    scheduler = session.client("scheduler")
    starts = {names.schedule: "training"} | {names.stop_schedule(one): "executions" for one in ("watch", "awake")}
    for name, what in starts.items():
        try:
            found = scheduler.get_schedule(Name=name)
        except scheduler.exceptions.ResourceNotFoundException:
            continue
        if found.get("State") != "DISABLED":
            yield Leftover("schedule", name, f"starts {what} at {found['ScheduleExpression']}", HOURLY)


def _bucket(session: boto3.Session, names: Names) -> Iterator[Leftover]:
    from botocore.exceptions import ClientError

    size = count = 0
    try:
        for version in _versions(session.client("s3"), names):
            size, count = size + version["Size"], count + 1
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucket":
            return
        raise
    amount = f"{count} object versions, {size / 10**6:,.1f} MB"
    yield Leftover("artifact bucket", names.bucket, amount, size / GB * S3_DOLLARS_PER_GB_MONTH)


def _versions(s3: S3Client, names: Names) -> Iterator[ObjectVersionTypeDef]:
    """Every object version; in an organisation's own bucket, which has other things too, of our prefixes alone."""
    own = names.environment.storage.existing_bucket is None
    for prefix in [""] if own else [prefix.key for prefix in PREFIXES]:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=names.bucket, Prefix=prefix):
            yield from page.get("Versions", [])


def _logs(session: boto3.Session, names: Names) -> Iterator[Leftover]:
    pages = session.client("logs").get_paginator("describe_log_groups")
    groups: tuple[tuple[What, str], ...] = (
        ("endpoint log", names.endpoint_log_group),
        ("trigger log", names.state_machine_log_group),
        ("transform log", names.transform_machine_log_group),
        ("stop log", names.stop_machine_log_group),
    )
    for what, name in groups:
        for group in (one for page in pages.paginate(logGroupNamePrefix=name) for one in page["logGroups"]):
            if group["logGroupName"] == name:
                size = group.get("storedBytes", 0)
                dollars = size / GB * LOGS_DOLLARS_PER_GB_MONTH
                yield Leftover(what, name, f"{size / 10**6:,.1f} MB", dollars)


def _job_logs(session: boto3.Session, names: Names) -> Iterator[Leftover]:
    """Streams of the environment's jobs in SageMaker's groups; how many bytes each has, AWS no longer tells.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogStream.html
    """
    logs = session.client("logs")
    for what, group in _JOB_LOGS:
        pages = logs.get_paginator("describe_log_streams")
        try:
            found = pages.paginate(logGroupName=group, logStreamNamePrefix=f"{names.prefix}-")
            count = sum(len(page["logStreams"]) for page in found)
        except logs.exceptions.ResourceNotFoundException:
            continue
        if count:
            yield Leftover(what, group, f"{count} streams of its jobs", 0.0)


def _packages(session: boto3.Session, names: Names) -> Iterator[Leftover]:
    from botocore.exceptions import ClientError

    pages = session.client("sagemaker").get_paginator("list_model_packages")
    try:
        count = sum(
            len(page["ModelPackageSummaryList"])
            for page in pages.paginate(ModelPackageGroupName=names.model_package_group)
        )
    except ClientError:
        return
    if count:
        yield Leftover("packages", names.model_package_group, f"{count} model packages", 0.0)
