"""The local cloud that rows share, with an endpoint in it, and clouds and clients for those that need their own."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.serving import servers
from kickstand.images import image_uri
from localcloud.cloud import LocalCloud

ACCOUNT, REGION = "111122223333", "us-east-1"
BUCKET = "bench-models"
ENDPOINT = "bench"


class World:
    """What the rows of one run share: a local cloud, and an endpoint of one trained model; each from its first use."""

    def __init__(self, folder: Path, until_end: contextlib.ExitStack) -> None:
        self._folder, self._until_end, self._serves = folder, until_end, False

    def cloud(self) -> LocalCloud:
        """The cloud without an endpoint: its memory is that of its server and of what a row makes it start."""
        if self._serves:
            self._cloud.client("sagemaker", ACCOUNT, REGION).delete_endpoint(EndpointName=ENDPOINT)
            self._serves = False
        return self._cloud

    def cloud_with_endpoint(self) -> LocalCloud:
        """The cloud with the endpoint in service."""
        if not self._serves:
            start_endpoint(self._cloud_with_model)
            self._serves = True
        return self._cloud

    @cached_property
    def _cloud(self) -> LocalCloud:
        return self._until_end.enter_context(running_cloud(self._folder / "state"))

    @cached_property
    def _cloud_with_model(self) -> LocalCloud:
        make_model(self._cloud)
        return self._cloud


@contextlib.contextmanager
def opened_world() -> Iterator[World]:
    """A world until the block ends."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        yield World(Path(name), stack)


@contextlib.contextmanager
def running_cloud(state: Path, time_factor: float | None = None) -> Iterator[LocalCloud]:
    """The local cloud of a state folder, on a free port, until the block ends."""
    cloud = LocalCloud(state)
    cloud.start(0, time_factor=time_factor)
    try:
        yield cloud
    finally:
        cloud.stop()


def client(service: str, environment: Mapping[str, str], **options: Any) -> Any:
    """A client of boto3 with the endpoint, the certificate authority and the keys of an environment."""
    import boto3

    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        verify=environment["AWS_CA_BUNDLE"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        **options,
    )


def make_role(cloud: LocalCloud, *actions: str) -> str:
    """A role of SageMaker's that may do this to everything; its ARN."""
    iam = cloud.client("iam", ACCOUNT, REGION)
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="bench", AssumeRolePolicyDocument=_document(trust))["Role"]["Arn"]
    grant = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    iam.put_role_policy(RoleName="bench", PolicyName="bench", PolicyDocument=_document(grant))
    return str(role)


def make_model(cloud: LocalCloud, *, capture: Mapping[str, Any] | None = None) -> None:
    """Bucket, role, Model and EndpointConfig. capture: its DataCaptureConfig, where it has one."""
    s3, sagemaker = (cloud.client(service, ACCOUNT, REGION) for service in ("s3", "sagemaker"))
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="models/model.tar.gz", Body=servers.model_archive())
    container = {"Image": image_uri(REGION, "3.2-0"), "ModelDataUrl": f"s3://{BUCKET}/models/model.tar.gz"}
    role = make_role(cloud, "s3:GetObject", "s3:ListBucket", "s3:PutObject", "logs:*")
    sagemaker.create_model(ModelName=ENDPOINT, ExecutionRoleArn=role, PrimaryContainer=container)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": ENDPOINT,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    captured = {"DataCaptureConfig": capture} if capture else {}
    sagemaker.create_endpoint_config(EndpointConfigName=ENDPOINT, ProductionVariants=[variant], **captured)


def start_endpoint(cloud: LocalCloud) -> None:
    """The endpoint of that configuration, in service."""
    sagemaker = cloud.client("sagemaker", ACCOUNT, REGION)
    sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=ENDPOINT)
    waiter = sagemaker.get_waiter("endpoint_in_service")
    waiter.wait(EndpointName=ENDPOINT, WaiterConfig={"Delay": 1, "MaxAttempts": 120})


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
