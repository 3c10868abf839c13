"""What an account holds in a region, asked of the local cloud as any client would ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from localcloud.root_keys import root_client

if TYPE_CHECKING:
    from localcloud.cloud import LocalCloud

Resource = tuple[str, str, str]
"""Kind, name, state."""


def list_resources(cloud: LocalCloud, account: str, region: str) -> list[Resource]:
    """Endpoints, training jobs, transform jobs, stacks and buckets, in this order, each with its status.

    Raises KickstandError where the local cloud does not run. A service that fails to answer has no lines.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    session = boto3.session.Session()

    def client(service: str) -> Any:
        return root_client(cloud.folder, cloud.url, service, account, region, session)

    found: list[Resource] = []
    for each in (_endpoints, _training_jobs, _transform_jobs, _stacks, _buckets):
        try:
            found += each(client)
        except (ClientError, BotoCoreError):
            continue
    return found


def _endpoints(client: Callable[[str], Any]) -> Iterator[Resource]:
    for page in client("sagemaker").get_paginator("list_endpoints").paginate():
        for each in page["Endpoints"]:
            yield "endpoint", each["EndpointName"], each["EndpointStatus"]


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
