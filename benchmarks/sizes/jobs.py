"""Listing training jobs beside the description of one: what grows with their number."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cloud import ACCOUNT, BUCKET, REGION, World, make_role, running_cloud
from benchmarks.figure import Figure
from benchmarks.measure import Use, tree_mebibytes, tree_processor
from benchmarks.sizes.growth import PEER, Subject, over_sizes
from kickstand.images import image_uri
from localcloud.cloud import LocalCloud
from localcloud.server.persistence import Moment, StateFiles

JOBS = (10, 100, 1_000)
_PAGES = 40
"""In one measurement."""
LISTING = Subject(
    "list of training jobs",
    "DescribeTrainingJob, once a page of 100",
    "jobs",
    processor=3.5,
    goal=2,
    pace=2,
    held=1.8,
)


def job_figures(_: World, sizes: Sequence[int] = JOBS) -> list[Figure]:
    """Listing all training jobs of an account, page by page, where there are few and where there are many.

    Making a job takes a second of a core, so one is made, and copies of the saved state of its cloud get its copies.
    The memory is the server's.
    """
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        one = Path(name) / "one"
        with running_cloud(one) as cloud:
            _make_job(cloud)
        clouds = {}
        for jobs in sizes:
            state = Path(name) / str(jobs)
            shutil.copytree(one, state, symlinks=True)
            _copy_job(LocalCloud(state), jobs)
            clouds[jobs] = stack.enter_context(running_cloud(state))
        clients = {jobs: cloud.client("sagemaker", ACCOUNT, REGION) for jobs, cloud in clouds.items()}
        pids = {jobs: cloud.status().pid or 0 for jobs, cloud in clouds.items()}
        fewest = min(sizes)

        def measure(subject: str, jobs: int) -> Use:
            pages = -(-jobs // 100)
            cloud = fewest if subject == PEER else jobs
            before, began = tree_processor(pids[cloud]), time.perf_counter()
            for _ in range(_PAGES // pages):
                if subject == PEER:
                    for _ in range(pages):
                        clients[cloud].describe_training_job(TrainingJobName=_job_name(0))
                else:
                    answers = clients[cloud].get_paginator("list_training_jobs").paginate(MaxResults=100)
                    listed = sum(len(page["TrainingJobSummaries"]) for page in answers)
                    if listed != jobs:
                        raise SystemExit(f"error: {jobs} jobs were made, {listed} are listed")
            seconds, processor = time.perf_counter() - began, tree_processor(pids[cloud]) - before
            listings = _PAGES // pages
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
