"""The local cloud under load: InvokeEndpoint beside an empty TLS answer, lists of jobs beside one job's description."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure
from benchmarks.growth import PEER, Subject, over_sizes
from benchmarks.measure import Use, tree_mebibytes, tree_processor, until_clear
from benchmarks.programs.empty_tls import empty_tls
from benchmarks.serving import servers
from benchmarks.serving.load import Load, alternate
from kickstand.images import image_uri
from localcloud.cloud import LocalCloud
from localcloud.server.persistence import Moment, StateFiles

ACCOUNT, REGION = "111122223333", "us-east-1"
BUCKET = "bench-models"
ENDPOINT = "bench"
_REQUESTS = 8
"""Of each thread in a turn."""
JOBS = (10, 100, 1_000)
_PAGES = 40
"""In one measurement: the system counts processor time in hundredths of a second."""
LISTING = Subject(
    "list of training jobs",
    "DescribeTrainingJob, once a page of 100, where one job is",
    "jobs",
    processor=3.5,
    goal=2,
    pace=2,
    held=1.8,
)


def invoke_figures() -> list[Figure]:
    """InvokeEndpoint of one row with boto3, TLS and IAM, from one thread and from eight, over an empty TLS answer."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "empty").mkdir()
        with running_cloud(folder / "state") as cloud, empty_tls(folder / "empty") as elsewhere:
            make_endpoint(cloud)
            client = cloud.environment(ACCOUNT, REGION)
            return [*_invoked(1, client, elsewhere), *_invoked(8, client, elsewhere)]


def _invoked(threads: int, client: Mapping[str, str], elsewhere: Mapping[str, str]) -> list[Figure]:
    targets = {"ours": _Invoked(threads, client), "peer": _Invoked(threads, {**client, **elsewhere})}
    name, eight = f"InvokeEndpoint, {threads} thread{'s' if threads > 1 else ''}", threads > 1

    def made(rounds: Sequence[Mapping[str, Load]]) -> list[Figure]:
        pairs = tuple((1e3 / each["ours"].rate, 1e3 / each["peer"].rate) for each in rounds)
        limit, goal = (5.0, 1.3) if eight else (4.0, None)
        return [Figure(name, pairs, "ms", "an empty TLS answer of the same server", limit, goal=goal)]

    try:
        return until_clear(lambda _: alternate(targets), made)
    finally:
        for target in targets.values():
            target.close()


class _Invoked:
    """An endpoint that so many threads of this process invoke."""

    def __init__(self, threads: int, environment: Mapping[str, str]) -> None:
        from botocore.config import Config

        self._threads = ThreadPoolExecutor(threads)
        self._count = threads
        config = Config(max_pool_connections=threads, retries={"total_max_attempts": 1})
        self._client = client("sagemaker-runtime", environment, config=config)

    def turn(self, load: Load) -> None:
        began = time.perf_counter()
        list(self._threads.map(self._several, range(self._count)))
        load.seconds += time.perf_counter() - began
        load.answers += _REQUESTS * self._count

    def _several(self, _: int) -> None:
        for _ in range(_REQUESTS):
            answer = self._client.invoke_endpoint(EndpointName=ENDPOINT, ContentType="text/csv", Body=servers.ROW)
            answer["Body"].read()

    def close(self) -> None:
        """End its threads."""
        self._threads.shutdown()


def job_figures(sizes: Sequence[int] = JOBS) -> list[Figure]:
    """Listing all training jobs of an account, page by page, where there are few and where there are many.

    Making a job takes a second of a core, so one is made, and the saved state of a cloud that does not run gets its
    copies. The memory is the server's.
    """
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        clouds = {}
        for jobs in (1, *sizes):
            state = Path(name) / str(jobs)
            with running_cloud(state) as cloud:
                _make_job(cloud)
            _copy_job(cloud, jobs)
            clouds[jobs] = stack.enter_context(running_cloud(state))
        clients = {jobs: cloud.client("sagemaker", ACCOUNT, REGION) for jobs, cloud in clouds.items()}
        pids = {jobs: cloud.status().pid or 0 for jobs, cloud in clouds.items()}

        def measure(subject: str, jobs: int) -> Use:
            cloud = 1 if subject == PEER else jobs
            listings = _PAGES // -(-jobs // 100)
            before, began = tree_processor(pids[cloud]), time.perf_counter()
            for _ in range(listings):
                if subject == PEER:
                    for _ in range(-(-jobs // 100)):
                        clients[1].describe_training_job(TrainingJobName=_job_name(0))
                else:
                    pages = clients[jobs].get_paginator("list_training_jobs").paginate(MaxResults=100)
                    listed = sum(len(page["TrainingJobSummaries"]) for page in pages)
                    if listed != jobs:
                        raise SystemExit(f"error: {jobs} jobs were made, {listed} are listed")
            seconds, processor = time.perf_counter() - began, tree_processor(pids[cloud]) - before
            return Use(seconds / listings, processor / listings, tree_mebibytes(pids[cloud]))

        return over_sizes({"list": LISTING}, sizes, measure, warm_up=True)


def _copy_job(cloud: LocalCloud, jobs: int) -> None:
    """Put copies of the one job into the saved state, until there are so many."""
    files = StateFiles(cloud.folder.services)
    ((name, document),) = [each for each in files.load().items() if b'"TrainingJobName"' in each[1]]
    one = _job_name(0)
    made = {name.replace(one, _job_name(number)): number for number in range(1, jobs)}
    files.save(Moment({each: document.replace(one.encode(), _job_name(made[each]).encode()) for each in made}))


def _job_name(number: int) -> str:
    return f"bench-{number:05}"


def _make_job(cloud: LocalCloud) -> None:
    """One training job, which fails before it trains: its role may not read its data."""
    s3, sagemaker = (cloud.client(service, ACCOUNT, REGION) for service in ("s3", "sagemaker"))
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="none/train.csv", Body=b"1,2\n")
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/none/", "S3DataDistributionType": "FullyReplicated"}
    sagemaker.create_training_job(
        TrainingJobName=_job_name(0),
        RoleArn=make_role(cloud, "s3:ListBucket", "logs:*"),
        AlgorithmSpecification={"TrainingImage": image_uri(REGION, "3.2-0"), "TrainingInputMode": "File"},
        InputDataConfig=[{"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}],
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/out/"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
        HyperParameters={"num_round": "1"},
    )
    while sagemaker.describe_training_job(TrainingJobName=_job_name(0))["TrainingJobStatus"] == "InProgress":
        time.sleep(0.1)


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


def make_endpoint(cloud: LocalCloud) -> None:
    """Bucket, role, Model, EndpointConfig and Endpoint, and wait until it is in service."""
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
    sagemaker.create_endpoint_config(EndpointConfigName=ENDPOINT, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=ENDPOINT)
    waiter = sagemaker.get_waiter("endpoint_in_service")
    waiter.wait(EndpointName=ENDPOINT, WaiterConfig={"Delay": 1, "MaxAttempts": 120})


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
