"""What a CreateTrainingJob request must be beyond its shape: SageMaker's own rules, and what is not imitated yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from kickstand.instance_types import is_arm, takes_volume_key
from localcloud.platform.checkpoints import local_path
from localcloud.sagemaker.errors import ServiceError, resource_limit_exceeded, unsupported, validation_error
from localcloud.sagemaker.image import Images, check_environment

DEFAULT_MAX_RUNTIME = 86_400
"""Seconds; the API reference of StoppingCondition."""
MOST_INSTANCES = 20
"""What AWS's quota `Number of instances for a training job` is unless it was raised; here each is a process."""


def check_training_request(request: Mapping[str, Any], images: Images, region: str) -> None:
    """Refuse what SageMaker refuses, and by name what the local cloud cannot do. Raises ServiceError."""
    algorithm = request["AlgorithmSpecification"]
    if not algorithm.get("TrainingImage"):
        raise _algorithm(algorithm)
    images.check(algorithm["TrainingImage"], region)
    for refused in _refusals(request):
        raise unsupported(refused)
    check_environment(request)
    if algorithm.get("MetricDefinitions"):
        raise validation_error(
            "You can't override the metric definitions for Amazon SageMaker algorithms. Please retry the request "
            "without specifying metric definitions."
        )
    for name in ("ResourceConfig", "StoppingCondition"):
        if not request.get(name):
            raise validation_error(f"{name} must be specified for a training job of this algorithm.")
    _check_resources(request["ResourceConfig"])
    _check_stopping(request)
    names = [channel["ChannelName"] for channel in request.get("InputDataConfig", ())]
    if len(names) != len(set(names)):
        raise validation_error("Channel names must be unique within a training job.")


def _algorithm(algorithm: Mapping[str, Any]) -> ServiceError:
    if algorithm.get("AlgorithmName"):
        return unsupported("AlgorithmName (an algorithm of one's own)")
    return validation_error("You must specify either TrainingImage or AlgorithmName in the AlgorithmSpecification.")


def _refusals(request: Mapping[str, Any]) -> Iterator[str]:
    algorithm, output = request["AlgorithmSpecification"], request["OutputDataConfig"]
    if algorithm["TrainingInputMode"] != "File":
        yield f"TrainingInputMode {algorithm['TrainingInputMode']}"
    if (checkpoints := request.get("CheckpointConfig")) and not _below_opt_ml(local_path(checkpoints)):
        yield f"CheckpointConfig.LocalPath {local_path(checkpoints)} (outside /opt/ml)"
    if output.get("CompressionType", "GZIP") != "GZIP":
        yield f"OutputDataConfig.CompressionType {output['CompressionType']}"
    if request.get("DebugHookConfig") and algorithm["TrainingImage"].endswith(":1.7-1"):
        yield "DebugHookConfig with image 1.7-1, which writes tensors,"
    for channel in request.get("InputDataConfig", ()):
        yield from _channel_refusals(channel)


def _below_opt_ml(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return parts[:3] == ("/", "opt", "ml") and len(parts) > 3 and ".." not in parts


def _channel_refusals(channel: Mapping[str, Any]) -> Iterator[str]:
    place = f"Channel {channel['ChannelName']}: "
    source = channel["DataSource"].get("S3DataSource") or {}
    if source.get("S3DataType", "S3Prefix") != "S3Prefix":
        yield f"{place}S3DataType {source['S3DataType']}"
    if channel.get("InputMode", "File") != "File":
        yield f"{place}InputMode {channel['InputMode']}"
    for name in ("CompressionType", "RecordWrapperType"):
        if channel.get(name, "None") != "None":
            yield f"{place}{name} {channel[name]}"


def _check_resources(resources: Mapping[str, Any]) -> None:
    for name in ("InstanceType", "InstanceCount", "VolumeSizeInGB"):
        if not resources.get(name):
            raise validation_error(f"{name} must be specified in ResourceConfig and must be greater than 0.")
    kind = resources["InstanceType"]
    if resources.get("VolumeKmsKeyId") and not takes_volume_key(kind):
        raise validation_error(
            f"VolumeKmsKeyId cannot be specified with instance type {kind}: its local storage is encrypted by the "
            "instance."
        )
    if is_arm(kind):
        raise unsupported(f"InstanceType {kind} (an ARM processor, which the image is not built for)")
    if (asked := resources["InstanceCount"]) > MOST_INSTANCES:
        raise resource_limit_exceeded("Number of instances for a training job", MOST_INSTANCES, asked)


def _check_stopping(request: Mapping[str, Any]) -> None:
    stopping = request["StoppingCondition"]
    longest = stopping.get("MaxWaitTimeInSeconds")
    if request.get("EnableManagedSpotTraining"):
        if longest is None or longest < stopping.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME):
            raise validation_error(
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
            )
    elif longest is not None:
        raise validation_error(
            "MaxWaitTimeInSeconds above 0 is only allowed when EnableManagedSpotTraining is set to true."
        )
