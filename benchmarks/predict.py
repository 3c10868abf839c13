"""`kickstand predict` of a million rows against one thread that sends the same batches in a loop.

Both are whole processes, start to end.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figure import BIN, REPOSITORY, Figure, wall_seconds

ROWS = 1_000_000
COLUMNS = 12
RUNS = 5
ENDPOINT = "bench"


def write_rows(file: Path) -> None:
    """A million rows of 12 features with the digits of the bike data."""
    draw = np.random.default_rng(7)
    table = np.column_stack(
        [draw.integers(0, 24, ROWS)] + [draw.normal(20, 8, ROWS).round(2) for _ in range(COLUMNS - 1)]
    )
    with file.open("w") as stream:
        for start in range(0, ROWS, 100_000):
            np.savetxt(stream, table[start : start + 100_000], fmt="%g", delimiter=",")


def model_archive() -> bytes:
    """A model of 150 trees of depth 5 on such rows, as model.tar.gz."""
    import tarfile

    import xgboost

    draw = np.random.default_rng(11)
    features = draw.normal(20, 8, (20_000, COLUMNS)).astype(np.float32)
    matrix = xgboost.DMatrix(features, label=np.log1p(np.abs(features.sum(axis=1))))
    booster = xgboost.train({"max_depth": 5, "eta": 0.1}, matrix, 150)
    payload = bytes(booster.save_raw("ubj"))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("xgboost-model")
        entry.size = len(payload)
        archive.addfile(entry, io.BytesIO(payload))
    return packed.getvalue()


@contextlib.contextmanager
def endpoint(folder: Path) -> Iterator[dict[str, str]]:
    """A local cloud with one endpoint that serves the model; yields the client's environment."""
    import boto3

    from kickstand.images import image_uri
    from localcloud.cloud import LocalCloud

    cloud = LocalCloud(folder / "state")
    cloud.start()
    try:
        client = cloud.environment("111122223333", "us-east-1")
        os.environ.update(client)
        session = boto3.Session(region_name="us-east-1")
        make_endpoint(session, image_uri("us-east-1", "3.2-0"))
        yield client
    finally:
        cloud.stop()


def make_endpoint(session: Any, image: str) -> None:
    """Bucket, role, Model, EndpointConfig and Endpoint, and wait until it is in service."""
    s3, iam, sagemaker = session.client("s3"), session.client("iam"), session.client("sagemaker")
    s3.create_bucket(Bucket="bench-models")
    s3.put_object(Bucket="bench-models", Key="models/model.tar.gz", Body=model_archive())
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    grant = {"Effect": "Allow", "Action": ["s3:GetObject", "logs:*"], "Resource": "*"}
    role = iam.create_role(RoleName="bench", AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="bench", PolicyName="bench", PolicyDocument=document(grant))
    container = {"Image": image, "ModelDataUrl": "s3://bench-models/models/model.tar.gz"}
    sagemaker.create_model(ModelName=ENDPOINT, ExecutionRoleArn=role, PrimaryContainer=container)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": ENDPOINT,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=ENDPOINT, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=ENDPOINT)
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=ENDPOINT, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def run() -> list[Figure]:
    """Rows a second of ours over the peer's; limit at least 1.5."""
    with tempfile.TemporaryDirectory() as name, endpoint(Path(name)) as client:
        rows = Path(name) / "rows.csv"
        write_rows(rows)
        answers = rows.with_suffix(".ours")
        command: list[str | Path] = [BIN / "kickstand", "predict", "--endpoint", ENDPOINT, rows, "-o", answers]

        loop = rows.with_suffix(".peer")
        peer: list[str | Path] = [BIN / "python", "-m", "benchmarks.predict_loop", ENDPOINT, rows, loop]

        def seconds(words: list[str | Path]) -> float:
            return wall_seconds(words, cwd=REPOSITORY, environment=client)

        taken = [(seconds(command), seconds(peer)) for _ in range(RUNS)]
        if answers.read_bytes() != loop.read_bytes():
            raise SystemExit("error: the two ways gave different answers")
    speed = [(ROWS / mine, ROWS / other) for mine, other in taken]
    return [
        Figure(
            "predict 1,000,000 rows, rows a second, against one thread",
            statistics.median(a for a, _ in speed),
            statistics.median(b for _, b in speed),
            statistics.median(a / b for a, b in speed),
            "x",
            1.5,
            at_most=False,
        )
    ]
