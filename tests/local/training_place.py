"""Where the agent of a training job is tried: data in a bucket, a role that reads them, the request of a job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import numpy as np
from platform_role import LOGS, bucket, reading, role_environment, writing

from localcloud.cloud import LocalCloud

Place = tuple[str, dict[str, str]]
"""A bucket, and the environment of a role."""
Client = Callable[..., Any]

TABLE = np.random.default_rng(11).normal(size=(200, 4)).round(4)


def csv(table: Any) -> bytes:
    return "".join(",".join(map(str, row)) + "\n" for row in table.tolist()).encode()


def training_place(cloud: LocalCloud, client: Client) -> Place:
    """A bucket with data, and the environment of a role that may read `data/` and write `training/`."""
    name = bucket(client)
    s3 = client("s3")
    s3.put_object(Bucket=name, Key="data/train/part-1.csv", Body=csv(TABLE[:100]))
    s3.put_object(Bucket=name, Key="data/train/nested/part-2.csv", Body=csv(TABLE[100:150]))
    s3.put_object(Bucket=name, Key="data/train/", Body=b"")
    s3.put_object(Bucket=name, Key="data/validation/v.csv", Body=csv(TABLE[150:]))
    s3.put_object(Bucket=name, Key="other/train/secret.csv", Body=csv(TABLE))
    return name, role_environment(cloud, client, reading(name, "data/"), writing(name, "training/"), LOGS)


def training_request(name: str, **changes: Any) -> dict[str, Any]:
    channels = changes.pop("channels", {"train": "data/train/", "validation": "data/validation/"})
    hyperparameters = changes.pop("hyperparameters", {"num_round": "5", "objective": "reg:squarederror"})
    return {
        "TrainingJobName": f"job-{uuid4().hex[:8]}",
        "RoleArn": "arn:aws:iam::111122223333:role/execution",
        "AlgorithmSpecification": {
            "TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
            "TrainingInputMode": "File",
        },
        "HyperParameters": hyperparameters,
        "InputDataConfig": [
            {
                "ChannelName": channel,
                "ContentType": "text/csv",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": key if "://" in key else f"s3://{name}/{key}",
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
            }
            for channel, key in channels.items()
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{name}/training"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        **changes,
    }
