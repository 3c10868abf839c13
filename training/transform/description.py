"""One transform job as DescribeTransformJob tells it, parsed once into typed values.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTransformJob.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

ENDED = frozenset({"Completed", "Failed", "Stopped"})
"""The values of TransformJobStatus after which nothing changes any more."""


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
