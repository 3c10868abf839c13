"""What an environment leaves in its account, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kickstand.names import Names

if TYPE_CHECKING:
    import boto3

S3_DOLLARS_PER_GB_MONTH = 0.023
"""S3 Standard, first 50 TB, us-east-1, as of 2026-11 (other regions differ a little).

https://aws.amazon.com/s3/pricing/
"""

LOGS_DOLLARS_PER_GB_MONTH = 0.03
"""CloudWatch Logs archive, us-east-1, as of 2026-11: https://aws.amazon.com/cloudwatch/pricing/."""

GB = 10**9


@dataclass(frozen=True, slots=True)
class Remainder:
    """One thing that is still there: what, its name, how much, and dollars a month (0: nothing is charged)."""

    what: str
    name: str
    amount: str
    dollars_a_month: float


def remains(session: boto3.Session, names: Names) -> list[Remainder]:
    """Ask AWS what is left of an environment: endpoint, artifact bucket, logs, model packages."""
    found = [*_endpoint(session, names), *_bucket(session, names), *_logs(session, names), *_packages(session, names)]
    return sorted(found, key=lambda left: -left.dollars_a_month)


def _endpoint(session: boto3.Session, names: Names) -> list[Remainder]:
    page = session.client("sagemaker").list_endpoints(NameContains=names.endpoint)
    return [
        Remainder("endpoint", one["EndpointName"], f"{one['EndpointStatus']}, charged by the hour", float("inf"))
        for one in page["Endpoints"]
        if one["EndpointName"] == names.endpoint
    ]


def _bucket(session: boto3.Session, names: Names) -> list[Remainder]:
    from botocore.exceptions import ClientError

    pages = session.client("s3").get_paginator("list_object_versions").paginate(Bucket=names.bucket)
    size = count = 0
    try:
        for page in pages:
            for version in page.get("Versions", []):
                size, count = size + version["Size"], count + 1
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucket":
            return []
        raise
    amount = f"{count} object versions, {size / 10**6:,.1f} MB"
    return [Remainder("artifact bucket", names.bucket, amount, size / GB * S3_DOLLARS_PER_GB_MONTH)]


def _logs(session: boto3.Session, names: Names) -> list[Remainder]:
    logs = session.client("logs")
    wanted = (names.endpoint_log_group, names.state_machine_log_group)
    found = {
        group["logGroupName"]: group.get("storedBytes", 0)
        for name in wanted
        for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
        for group in page["logGroups"]
        if group["logGroupName"] == name
    }
    return [
        Remainder("log group", name, f"{size / 10**6:,.1f} MB", size / GB * LOGS_DOLLARS_PER_GB_MONTH)
        for name, size in sorted(found.items())
    ]


def _packages(session: boto3.Session, names: Names) -> list[Remainder]:
    from botocore.exceptions import ClientError

    pages = session.client("sagemaker").get_paginator("list_model_packages")
    try:
        count = sum(
            len(page["ModelPackageSummaryList"])
            for page in pages.paginate(ModelPackageGroupName=names.model_package_group)
        )
    except ClientError:
        return []
    if not count:
        return []
    return [Remainder("model packages", names.model_package_group, f"{count} versions", 0.0)]
