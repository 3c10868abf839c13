"""`kickstand predict` and batch transform at three sizes, each beside one thread that invokes in a loop."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.cloud import ACCOUNT, BUCKET, ENDPOINT, REGION, World
from benchmarks.figure import Figure
from benchmarks.measure import BIN, Use, peak_memory, run, tree_processor
from benchmarks.serving import servers
from benchmarks.sizes.growth import PEER, Subject, over_sizes

SIZES = {"ordinary": (20_000, 60_000, 200_000), "large": (100_000, 1_000_000, 10_000_000)}
_LOOP = "one thread, the same batches"
SUBJECTS = {
    "predict": Subject("predict", _LOOP, processor=1.8, memory=2, pace=1.3, held=1.4),
    "transform": Subject("transform job", _LOOP, processor=3, pace=1.3, held=1.4),
}
_ONE_THREAD = """
import sys
import boto3
from training.prediction.batches import batches
runtime = boto3.client("sagemaker-runtime")
with open(sys.argv[2], "rb") as source, open(sys.argv[3], "wb") as sink:
    for batch in batches(source, "rows.csv"):
        answer = runtime.invoke_endpoint(EndpointName=sys.argv[1], ContentType="text/csv", Body=batch.body)
        sink.write(answer["Body"].read())
"""


def prediction_figures(world: World, sizes: Sequence[int] = SIZES["ordinary"]) -> list[Figure]:
    """Time and memory of both; the memory of a transform job is that of the local cloud with all of its processes.

    Raises SystemExit where `predict` and the loop give different answers: a fast wrong answer is no figure.
    """
    cloud = world.cloud_with_endpoint()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        s3, sagemaker = (cloud.client(service, ACCOUNT, REGION) for service in ("s3", "sagemaker"))
        environment = cloud.environment(ACCOUNT, REGION)
        pid = cloud.status().pid or 0
        for rows in sizes:
            write_rows(folder / f"{rows}.csv", rows)
            s3.upload_file(str(folder / f"{rows}.csv"), BUCKET, f"rows/{rows}/rows.csv")

        def measure(subject: str, rows: int) -> Use:
            source, answers = folder / f"{rows}.csv", folder / f"{rows}.{subject}"
            commands: dict[str, list[str | Path]] = {
                "predict": [BIN / "kickstand", "predict", "--endpoint", ENDPOINT, source, "-o", answers],
                PEER: [BIN / "python", "-c", _ONE_THREAD, ENDPOINT, source, answers],
            }
            if subject in commands:
                return run(commands[subject], environment=environment, server=pid)
            before = tree_processor(pid)
            with peak_memory(pid) as peak:
                seconds = transform(sagemaker, f"rows/{rows}/")
            return Use(seconds, tree_processor(pid) - before, peak.mebibytes)

        found = over_sizes(SUBJECTS, sizes, measure)
        for rows in sizes:
            ours, peer = (folder / f"{rows}.{ending}" for ending in ("predict", PEER))
            if ours.read_bytes() != peer.read_bytes():
                raise SystemExit("error: predict and a loop over InvokeEndpoint gave different answers")
    return found


def transform(sagemaker: Any, prefix: str) -> float:
    """Seconds from the start of a transform job over the files below a prefix to its end."""
    name = f"bench-{time.time_ns()}"
    began = time.perf_counter()
    sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=ENDPOINT,
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{prefix}"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        BatchStrategy="MultiRecord",
        TransformOutput={"S3OutputPath": f"s3://{BUCKET}/answers/{name}/", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    while (job := sagemaker.describe_transform_job(TransformJobName=name))["TransformJobStatus"] == "InProgress":
        time.sleep(0.05)
    if job["TransformJobStatus"] != "Completed":
        raise SystemExit(f"error: the transform job ended {job['TransformJobStatus']}: {job.get('FailureReason')}")
    return time.perf_counter() - began


def write_rows(file: Path, rows: int) -> None:
    """So many rows of 12 features with the digits of the bike data."""
    import numpy as np

    draw = np.random.default_rng(7)
    with file.open("w") as stream:
        for start in range(0, rows, 100_000):
            count = min(100_000, rows - start)
            columns = [draw.normal(20, 8, count).round(2) for _ in range(servers.COLUMNS - 1)]
            np.savetxt(stream, np.column_stack([draw.integers(0, 24, count), *columns]), fmt="%g", delimiter=",")
