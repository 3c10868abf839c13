"""Values that many tests start from: one environment and one release of it, whole and valid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kickstand.config.model import Algorithm, Bootstrap, Data, Environment, Hosting, Logs, Roles, Storage, Training
from kickstand.release.model import AlgorithmUsed, Artifact, Channel, DataFile, GoldenRows, Release, TrainingJob

ACCOUNT = "111122223333"
BUCKET = f"bikes-dev-{ACCOUNT}-us-east-1"
DIGEST = "ab" * 32
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"


def environment(**changes: Any) -> Environment:
    """dev of the project bikes in us-east-1; `changes` replace whole settings."""
    settings: dict[str, Any] = {
        "project": "bikes",
        "name": "dev",
        "account": ACCOUNT,
        "region": "us-east-1",
        "data": Data(
            train=Path("/data/train.csv"), validation=Path("/data/validation.csv"), test=Path("/data/test.csv")
        ),
        "algorithm": Algorithm(),
        "training": Training(),
        "hosting": Hosting(),
        "hyperparameters": {"num_round": "150", "objective": "reg:squarederror"},
        "storage": Storage(),
        "roles": Roles(),
        "logs": Logs(),
        "bootstrap": Bootstrap(),
        "tags": {},
        "lines": {"": "kickstand.toml"},
    }
    return Environment(**{**settings, **changes})


def channel(name: str, rows: int) -> Channel:
    digest = name.encode().hex().ljust(64, "0")
    return Channel(
        name=name,
        s3_uri=f"s3://{BUCKET}/data/{digest}/{name}/",
        content_type="text/csv",
        sha256=digest,
        rows=rows,
        columns=14,
        files=(DataFile(name=f"{name}.csv", sha256="cd" * 32, size=rows * 60, rows=rows),),
    )


def release(**changes: Any) -> Release:
    """What `fit` would have written for `environment()`, without its own digest."""
    fields: dict[str, Any] = {
        "project": "bikes",
        "environment": "dev",
        "account": ACCOUNT,
        "region": "us-east-1",
        "bucket": BUCKET,
        "algorithm": AlgorithmUsed(name="xgboost", version="3.2-0", image_uri=IMAGE),
        "hyperparameters": {"num_round": "150", "objective": "reg:squarederror"},
        "target_transform": "log1p",
        "channels": (channel("train", 7620), channel("validation", 3266), channel("test", 6493)),
        "training_job": TrainingJob(
            name="bikes-dev-20261123-101112-abcd",
            arn=f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/bikes-dev-20261123-101112-abcd",
            created="2026-11-23T10:11:12Z",
            started="2026-11-23T10:11:20Z",
            ended="2026-11-23T10:12:20Z",
            billable_seconds=60,
            instance_type="ml.m5.xlarge",
            instance_count=1,
        ),
        "metrics": {"train:rmse": 0.21, "validation:rmse": 0.29},
        "artifact": Artifact(s3_uri=f"s3://{BUCKET}/models/{DIGEST}/model.tar.gz", sha256=DIGEST, size=300_000),
        "golden_rows": GoldenRows(sha256="ef" * 32, rows=("1,2", "3,4"), predictions=(2.5, 3.5)),
        "model_package_arn": f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/bikes-dev/1",
        "source_commit": "0123456789abcdef0123456789abcdef01234567",
    }
    return Release(**{**fields, **changes})
