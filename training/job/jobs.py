"""Training and transform jobs as SageMaker describes them, parsed once into typed values.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTransformJob.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kickstand.xgboost_container import model_count

ENDED = frozenset({"Completed", "Failed", "Stopped"})
"""The values of TrainingJobStatus and TransformJobStatus after which nothing changes any more."""

DEFAULT_CONTENT_TYPE = "text/libsvm"
"""What the XGBoost container takes a channel for when the job names no content type."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One secondary status of a job. `ended` is None while it lasts."""

    status: str
    message: str
    started: datetime
    ended: datetime | None

    def seconds(self, now: datetime) -> float:
        """How long it took, or has taken so far."""
        return max(0.0, ((self.ended or now) - self.started).total_seconds())


@dataclass(frozen=True, slots=True)
class ChannelSource:
    """One input channel of a job: where its data are and how they are to be read."""

    name: str
    s3_uri: str
    content_type: str
    data_type: str
    """`S3Prefix`, `ManifestFile`, `AugmentedManifestFile`, or empty where the data are not in S3."""
    compression: str


@dataclass(frozen=True, slots=True)
class JobDescription:
    """A training job. Times are aware; absent ones are None; metrics by SageMaker's names (`validation:rmse`)."""

    name: str
    arn: str
    status: str
    secondary_status: str
    phases: tuple[Phase, ...]
    failure_reason: str
    image_uri: str
    hyperparameters: Mapping[str, str]
    channels: tuple[ChannelSource, ...]
    artifact_uri: str
    metrics: Mapping[str, float]
    created: datetime
    started: datetime | None
    ended: datetime | None
    billable_seconds: int
    instance_type: str
    instance_count: int

    @property
    def rounds(self) -> int | None:
        """How many boosting rounds it was asked for; None where the hyperparameter is missing or no number."""
        text = self.hyperparameters.get("num_round", "").strip('"')
        return int(text) if text.isdecimal() else None

    @property
    def models(self) -> int:
        """How many models it makes, one after another: one, or one a fold (hyperparameter `_kfold`)."""
        return model_count(self.hyperparameters)


def parse_job(description: Mapping[str, Any]) -> JobDescription:
    """A JobDescription from boto3's answer to DescribeTrainingJob."""
    resources = description.get("ResourceConfig", {})
    groups = resources.get("InstanceGroups", ())
    return JobDescription(
        name=description["TrainingJobName"],
        arn=description["TrainingJobArn"],
        status=description["TrainingJobStatus"],
        secondary_status=description.get("SecondaryStatus", ""),
        phases=tuple(_phase(transition) for transition in description.get("SecondaryStatusTransitions", ())),
        failure_reason=description.get("FailureReason", ""),
        image_uri=description.get("AlgorithmSpecification", {}).get("TrainingImage", ""),
        hyperparameters=dict(description.get("HyperParameters", {})),
        channels=tuple(_channel(channel) for channel in description.get("InputDataConfig", ())),
        artifact_uri=description.get("ModelArtifacts", {}).get("S3ModelArtifacts", ""),
        metrics={metric["MetricName"]: float(metric["Value"]) for metric in description.get("FinalMetricDataList", ())},
        created=description["CreationTime"],
        started=description.get("TrainingStartTime"),
        ended=description.get("TrainingEndTime"),
        billable_seconds=int(description.get("BillableTimeInSeconds", 0)),
        instance_type=resources.get("InstanceType") or ", ".join(group["InstanceType"] for group in groups),
        instance_count=int(resources.get("InstanceCount") or sum(group["InstanceCount"] for group in groups)),
    )


def _phase(transition: Mapping[str, Any]) -> Phase:
    return Phase(
        status=transition["Status"],
        message=transition.get("StatusMessage", ""),
        started=transition["StartTime"],
        ended=transition.get("EndTime"),
    )


def _channel(channel: Mapping[str, Any]) -> ChannelSource:
    source = channel.get("DataSource", {}).get("S3DataSource", {})
    return ChannelSource(
        name=channel["ChannelName"],
        s3_uri=source.get("S3Uri", ""),
        content_type=channel.get("ContentType") or DEFAULT_CONTENT_TYPE,
        data_type=source.get("S3DataType", ""),
        compression=channel.get("CompressionType") or "None",
    )


def utc_text(time: datetime | None) -> str:
    """`YYYY-MM-DDTHH:MM:SSZ` in UTC; empty for None."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time else ""


@dataclass(frozen=True, slots=True)
class TransformDescription:
    """A transform job. Times are aware; absent ones are None."""

    name: str
    status: str
    failure_reason: str
    input_uri: str
    output_uri: str
    instance_type: str
    instance_count: int
    created: datetime
    ended: datetime | None

    @property
    def seconds(self) -> float:
        """From its creation to its end; 0 while it runs."""
        return (self.ended - self.created).total_seconds() if self.ended else 0.0


def parse_transform(description: Mapping[str, Any]) -> TransformDescription:
    """A TransformDescription from boto3's answer to DescribeTransformJob."""
    resources, output = description["TransformResources"], description["TransformOutput"]
    return TransformDescription(
        name=description["TransformJobName"],
        status=description["TransformJobStatus"],
        failure_reason=description.get("FailureReason", ""),
        input_uri=description["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"],
        output_uri=output["S3OutputPath"],
        instance_type=resources["InstanceType"],
        instance_count=int(resources["InstanceCount"]),
        created=description["CreationTime"],
        ended=description.get("TransformEndTime"),
    )
