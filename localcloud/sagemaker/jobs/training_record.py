"""A training job's record: what a request must be to make one, and how it changes as the job goes on.

The rules go beyond the shape of the request: SageMaker's own, and what is not imitated yet. Changes are pure: a record
and a fact in, a record out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from kickstand.aws.instance_types import is_arm, takes_volume_key
from localcloud.jobs.training.artifacts import local_path
from localcloud.jobs.training.request import built_in_metric_definitions
from localcloud.sagemaker.api.call import Scope, ServiceError, resource_limit_exceeded, unsupported, validation_error
from localcloud.sagemaker.image import Images, check_environment
from localcloud.sagemaker.store import Record

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


ENDED = ("Completed", "Failed", "Stopped")
_REASON_LENGTH = 1024
_LAST_MESSAGES = {
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job wait time exceeded MaxWaitTimeInSeconds provided",
}


def new_job(scope: Scope, request: Mapping[str, Any], now: float) -> Record:
    """The record of a job that was just accepted."""
    name = request["TrainingJobName"]
    kept = {member: value for member, value in request.items() if member != "Tags"}
    algorithm = {**kept["AlgorithmSpecification"], "MetricDefinitions": built_in_metric_definitions()}
    record: Record = {
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        **kept,
        "AlgorithmSpecification": algorithm,
        # Both are answered to a request without them, and SageMaker's SDK v2 indexes both.
        "OutputDataConfig": {"KmsKeyId": "", **kept["OutputDataConfig"]},
        "StoppingCondition": {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME, **kept["StoppingCondition"]},
        "TrainingJobArn": scope.arn("training-job", name),
        "TrainingJobStatus": "InProgress",
        "CreationTime": now,
        "LastModifiedTime": now,
        "SecondaryStatusTransitions": [],
    }
    return with_status(record, "Starting", "Starting the training job", now)


def with_status(record: Record, status: str, message: str, now: float) -> Record:
    """The record in another secondary status; the previous transition ends where this one starts."""
    transitions = [dict(transition) for transition in record["SecondaryStatusTransitions"]]
    if transitions and transitions[-1]["Status"] == status:
        transitions[-1]["StatusMessage"] = message
    else:
        if transitions:
            transitions[-1]["EndTime"] = now
        transitions.append({"Status": status, "StartTime": now, "StatusMessage": message})
    changed = {
        **record,
        "SecondaryStatus": status,
        "SecondaryStatusTransitions": transitions,
        "LastModifiedTime": now,
    }
    if status == "Downloading" and "TrainingStartTime" not in record:
        changed["TrainingStartTime"] = now
    return changed


def with_metric(record: Record, name: str, value: float, now: float) -> Record:
    """The record with the last value of a metric, in the order in which metrics first appeared."""
    metrics = [dict(metric) for metric in record.get("FinalMetricDataList", ())]
    latest = {"MetricName": name, "Value": value, "Timestamp": now}
    for place, metric in enumerate(metrics):
        if metric["MetricName"] == name:
            metrics[place] = latest
            break
    else:
        metrics.append(latest)
    return {**record, "FinalMetricDataList": metrics}


def stopping(record: Record, final: str, now: float) -> Record:
    """The record of a job that was told to stop; `final` is the secondary status that it will end in."""
    changed = {**record, "TrainingJobStatus": "Stopping", "_stopped_as": final}
    return with_status(changed, "Stopping", "Stopping the training job", now)


def finished(
    record: Record, outcome: str, now: float, *, reason: str = "", artifact: str = "", seconds: int = 0
) -> Record:
    """The record of a job that has ended.

    A job that was told to stop ends Stopped however its program ended, as on AWS.
    seconds: the billable time where the platform measured it; else it is taken from the record's own times.
    """
    if record["TrainingJobStatus"] == "Stopping":
        outcome = "Stopped"
    last = record.get("_stopped_as", "Stopped") if outcome == "Stopped" else outcome
    changed = with_status(record, last, _LAST_MESSAGES[last], now)
    changed["SecondaryStatusTransitions"][-1]["EndTime"] = now
    changed["TrainingJobStatus"] = outcome
    changed["TrainingEndTime"] = now
    if "TrainingStartTime" in changed:
        spent = seconds or max(1, math.ceil(now - changed["TrainingStartTime"]))
        changed["TrainingTimeInSeconds"] = changed["BillableTimeInSeconds"] = spent
    if outcome == "Failed":
        changed["FailureReason"] = reason[:_REASON_LENGTH]
    if artifact:
        changed["ModelArtifacts"] = {"S3ModelArtifacts": artifact}
    return changed
