"""The model registry's record of an artifact: a model package, pending approval, with its metrics.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-version.html
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from kickstand.aws_errors import AWS_FAILURES, aws_error, error_code, explained
from kickstand.errors import KickstandError, Problem
from kickstand.release import Artifact
from training.conditional_write import write_once
from training.model.artifact_bucket import ArtifactBucket

_NO_GROUP = re.compile(r"does not exist|not found|could not find", re.IGNORECASE)
_MAX_PROPERTIES = 50
"""Entries that CustomerMetadataProperties takes."""


class FinishedJob(Protocol):
    """What a package tells of the job that made its artifact."""

    @property
    def name(self) -> str: ...

    @property
    def metrics(self) -> Mapping[str, float]: ...


@dataclass(frozen=True, slots=True)
class Registration:
    """One artifact of one job, to be registered in one group."""

    group: str
    image_uri: str
    artifact: Artifact
    job: FinishedJob
    metrics_uri: str

    @property
    def description(self) -> str:
        """What the package says of itself; the same for the same artifact and job, and told in listings."""
        return f"Training job {self.job.name}, artifact sha256 {self.artifact.sha256}"

    def request(self) -> dict[str, Any]:
        """The CreateModelPackage request. Without tags: a package of a group has the group's, and takes no others.

        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html, Tags
        """
        properties = {
            "artifact-sha256": self.artifact.sha256,
            "training-job": self.job.name,
            **{f"metric:{name}": repr(value) for name, value in sorted(self.job.metrics.items())},
        }
        return {
            "ModelPackageGroupName": self.group,
            "ModelPackageDescription": self.description,
            "ModelApprovalStatus": "PendingManualApproval",
            "InferenceSpecification": {
                "Containers": [{"Image": self.image_uri, "ModelDataUrl": self.artifact.s3_uri}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv", "application/json"],
            },
            "ModelMetrics": {
                "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": self.metrics_uri}}
            },
            "CustomerMetadataProperties": dict(list(properties.items())[:_MAX_PROPERTIES]),
        }


def model_quality(metrics: Mapping[str, float], objective: str) -> dict[str, Any]:
    """A job's metrics in SageMaker's model-quality form, validation's where there are any.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
    """
    channel = "validation:" if any(name.startswith("validation:") for name in metrics) else "train:"
    values = {
        name.removeprefix(channel): {"value": value, "standard_deviation": "NaN"}
        for name, value in sorted(metrics.items())
        if name.startswith(channel)
    }
    kind = {"binary": "binary_classification_metrics", "multi": "multiclass_classification_metrics"}
    return {kind.get(objective.partition(":")[0], "regression_metrics"): values}


def write_metrics(s3: Any, quality: Mapping[str, Any], bucket: ArtifactBucket) -> str:
    """Put a model's quality under `metrics/<its own sha256>.json`; return its URI. Writing it again is nothing."""
    body = (json.dumps(quality, sort_keys=True, indent=2) + "\n").encode()
    key = f"metrics/{hashlib.sha256(body).hexdigest()}.json"
    request = {**bucket.writes, "Key": key, "Body": body, "ContentType": "application/json", "IfNoneMatch": "*"}
    with explained("writing the model's metrics", f"s3://{bucket.name}/{key}"):
        write_once(lambda: s3.put_object(**request))
    return f"s3://{bucket.name}/{key}"


def register(sagemaker: Any, registration: Registration, *, deploy_command: str) -> str:
    """The ARN of the artifact's model package; registered now, unless this artifact of this job is already.

    deploy_command: what makes the group, for the error where it is missing.
    """
    try:
        return _registered(sagemaker, registration) or str(
            sagemaker.create_model_package(**registration.request())["ModelPackageArn"]
        )
    except AWS_FAILURES as error:
        if error_code(error) in ("ValidationException", "ResourceNotFound") and _NO_GROUP.search(str(error)):
            raise KickstandError(
                Problem(f"There is no model package group {registration.group}.", fix=f"Deploy it: {deploy_command}")
            ) from error
        raise aws_error(error, "registering the model package", registration.group) from error


def _registered(sagemaker: Any, registration: Registration) -> str | None:
    request: dict[str, Any] = {"ModelPackageGroupName": registration.group, "SortBy": "CreationTime"}
    while True:
        answer = sagemaker.list_model_packages(**request, SortOrder="Descending", MaxResults=100)
        for summary in answer["ModelPackageSummaryList"]:
            same = summary.get("ModelPackageDescription") == registration.description
            if same and summary["ModelPackageStatus"] != "Failed":
                return str(summary["ModelPackageArn"])
        if not answer.get("NextToken"):
            return None
        request["NextToken"] = answer["NextToken"]
