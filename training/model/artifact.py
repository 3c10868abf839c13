"""The model artifact: fetched from the job's output, kept under its own digest, checked before deployment, registered.

`models/<sha256>/model.tar.gz` is what endpoints serve. The key is the content, so an object there is never written
over: what is served cannot change, and the same model has the same key everywhere. Whoever may write to the bucket
still can, and SageMaker would serve whatever is there; so its digest is compared with the release's, and the image that
is to serve it must be able to read it: an older xgboost opens the model of a newer one without complaint and predicts
from wrong numbers. In the model registry it is a model package, pending approval, with its metrics
(https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-version.html).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kickstand.aws.errors import AWS_FAILURES, aws_error, error_code, explained
from kickstand.aws.s3 import (
    ArtifactBucket,
    ReadObject,
    S3Location,
    StoredObject,
    changed_sentence,
    keep_copy,
    parse_location,
    read_object,
    stored_object,
    write_once,
)
from kickstand.bucket import metrics_key, model_key
from kickstand.config.model import Environment
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.release.model import Artifact, Release
from kickstand.xgboost_container import XGBOOST, model_count, newer_than
from training.model.inspection.archive import ArchiveError, extract_model, require_readable
from training.model.inspection.model_run import find_models

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient


@dataclass(frozen=True, slots=True)
class FetchedArtifact:
    """A job's output on this machine, and the object that the very same bytes came from."""

    file: Path
    read: ReadObject


def fetch_artifact(
    s3: S3Client, uri: str, file: Path, *, on_bytes: Callable[[int], None] = lambda count: None
) -> FetchedArtifact:
    """Download a job's output to a file, hashing it as it passes.

    on_bytes: told of each piece, for a progress bar.
    Raises KickstandError where it is gone, may not be read, or breaks off.
    """
    try:
        with file.open("wb") as out:
            read = read_object(
                s3, parse_location(uri), out, doing="fetching the job's model artifact", on_bytes=on_bytes
            )
    except OSError as error:
        raise aws_error(error, "fetching the job's model artifact", uri) from error
    return FetchedArtifact(file, read)


def keep_artifact(s3: S3Client, fetched: FetchedArtifact, bucket: ArtifactBucket) -> Artifact:
    """Keep a fetched artifact as `models/<sha256>/model.tar.gz`. Raises KickstandError as `keep_copy` does."""
    read = fetched.read
    key = model_key(read.sha256)
    keep_copy(s3, read, bucket, key)
    return Artifact(s3_uri=S3Location(bucket.name, key).uri, sha256=read.sha256, size=read.size)


def require_artifact(s3: S3Client, release: Release, *, adopt_command: str) -> None:
    """Raise KickstandError where the release's artifact is gone, or holds other bytes.

    s3: a client that may read `models/`. adopt_command: what makes the same job's release again.
    An object whose whole SHA-256 S3 knows is not read; any other is.
    """
    artifact = release.artifact
    problem = artifact_problem(artifact, stored_object(s3, parse_location(artifact.s3_uri)), adopt_command)
    if problem is not None:
        raise KickstandError(problem)


def artifact_problem(artifact: Artifact, found: StoredObject | None, adopt_command: str) -> Problem | None:
    """What is wrong with what was found at the artifact's key; None where it is the release's."""
    if found is None:
        return Problem(
            "The model artifact of the release is not there, or these credentials may not see it "
            "(s3:GetObject, and kms:Decrypt of its key). Nothing was deployed.",
            artifact.s3_uri,
            f"Take the object version back in S3, or make the release of its job again: {adopt_command}",
        )
    if (found.sha256, found.size) == (artifact.sha256, artifact.size):
        return None
    changed = changed_sentence("model artifact", artifact.sha256, found.sha256, (artifact.size, found.size))
    return Problem(
        f"{changed} Nothing was deployed.",
        artifact.s3_uri,
        "Find out who wrote it. Then delete that object version, so that the former one is the current one again, "
        f"or delete the object and make the release of its job again: {adopt_command}",
    )


def require_model(s3: S3Client, release: Release) -> None:
    """Fetch the release's artifact and look at the model, which is never loaded.

    s3: a client that may read `models/`.
    Raises KickstandError where the release's image cannot read it, and where the artifact holds other models than
    the training made.
    """
    where = release.artifact.s3_uri
    with tempfile.TemporaryDirectory(prefix="kickstand-") as folder:
        fetched = fetch_artifact(s3, where, Path(folder, "model.tar.gz"))
        try:
            files = extract_model(fetched.file, Path(folder, "model"))
        except ArchiveError as error:
            raise ArchiveError(*(dataclasses.replace(problem, where=where) for problem in error.problems)) from error
        except OSError as error:
            raise aws_error(error, "opening the model artifact", where) from error
        count = model_count(release.hyperparameters)
        for model in find_models(files, count, folder=Path(folder, "model"), where=where):
            require_readable(model, release.algorithm.version, where=where)


def require_image(release: Release, environment: Environment, *, training_command: str, fit_command: str) -> None:
    """Raise InputError where the release's model is of a newer xgboost than the configured image has.

    A model is served by the image that trained it, so a release of an older image is served as before. One of a newer
    image is refused: `[algorithm] version` says that the environment is to run an image which cannot read it.

    training_command, fit_command: what a user types to deploy the training stack alone, and to train.
    """
    trained, chosen = release.algorithm.version, environment.algorithm.version
    if trained not in XGBOOST or chosen not in XGBOOST:
        return  # refused elsewhere, by their names
    if not newer_than(tuple(map(int, XGBOOST[trained].split("."))), chosen):
        return
    raise InputError(
        Problem(
            f"The release of {release.environment} is a model of xgboost {XGBOOST[trained]} (image {trained}); image "
            f"{chosen} is chosen, and its xgboost {XGBOOST[chosen]} cannot read it. Nothing was deployed.",
            environment.where("algorithm.version"),
            f"Choose {trained} again; or train with {chosen}: {training_command}, then {fit_command}.",
        )
    )


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


def write_metrics(s3: S3Client, quality: Mapping[str, Any], bucket: ArtifactBucket) -> str:
    """Put a model's quality under `metrics/<its own sha256>.json`; return its URI. Writing it again is nothing."""
    body = (json.dumps(quality, sort_keys=True, indent=2) + "\n").encode()
    key = metrics_key(hashlib.sha256(body).hexdigest())
    with explained("writing the model's metrics", f"s3://{bucket.name}/{key}"):
        write_once(
            lambda: s3.put_object(**bucket.writes, Key=key, Body=body, ContentType="application/json", IfNoneMatch="*")
        )
    return f"s3://{bucket.name}/{key}"


def register(sagemaker: SageMakerClient, registration: Registration, *, deploy_command: str) -> str:
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


def _registered(sagemaker: SageMakerClient, registration: Registration) -> str | None:
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
