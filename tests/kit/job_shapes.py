"""DescribeTrainingJob answers for tests, in boto3's shape."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def phase(status: str, begin: float, end: float | None = None) -> dict[str, Any]:
    told = {"Status": status, "StartTime": at(begin), "StatusMessage": f"{status} the job"}
    return told if end is None else {**told, "EndTime": at(end)}


def channel(name: str, uri: str, **more: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {
        "ChannelName": name,
        "DataSource": {"S3DataSource": source},
        "ContentType": "text/csv",
        "CompressionType": "None",
        **more,
    }


def described(name: str = "bikes-dev-1", status: str = "Completed", **more: Any) -> dict[str, Any]:
    """A job that ran for a minute; fields to change as keywords."""
    return {
        "TrainingJobName": name,
        "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:111122223333:training-job/{name}",
        "TrainingJobStatus": status,
        "SecondaryStatus": status,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": {"num_round": "10", "objective": "reg:squarederror"},
        "InputDataConfig": [],
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "CreationTime": START,
        "TrainingStartTime": at(10),
        "TrainingEndTime": at(60),
        "BillableTimeInSeconds": 50,
        **more,
    }
