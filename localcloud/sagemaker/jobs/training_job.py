"""Training jobs: what a request must be to make one, and how its record changes as the job goes on.

The rules go beyond the shape of the request: SageMaker's own, and what is not imitated.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from kickstand.aws.instance_types import is_arm, takes_volume_key
from localcloud.jobs.events import JobEvent
from localcloud.jobs.training.artifacts import local_path
from localcloud.jobs.training.request import built_in_metric_definitions
from localcloud.sagemaker.api.call import (
    Call,
    Scope,
    ServiceError,
    resource_limit_exceeded,
    unsupported,
    validation_error,
)
from localcloud.sagemaker.image import Images, Roles, check_environment, check_input_data, pass_role
from localcloud.sagemaker.jobs.kind import REASON_LENGTH, TRAINING, JobRules
from localcloud.sagemaker.processes import JobOrder
from localcloud.sagemaker.store import Record

DEFAULT_MAX_RUNTIME = 86_400
"""Seconds; the API reference of StoppingCondition."""
MOST_INSTANCES = 20
"""What AWS's quota `Number of instances for a training job` is unless it was raised; here each is a process."""
_MARGIN = 3600
"""Seconds that a job's credentials outlive its longest run: for the stop, the upload and the last of the log."""
_LAST_MESSAGES = {
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job wait time exceeded MaxWaitTimeInSeconds provided",
}


class TrainingJob(JobRules):
    """The rules of training jobs."""

    kind = TRAINING

    def __init__(self, roles: Roles, images: Images) -> None:
        self._roles, self._images = roles, images

    def admit(self, call: Call) -> None:
        pass_role(call.caller, call.scope, call.request["RoleArn"])

    def role(self, scope: Scope, request: Mapping[str, Any]) -> str:
        return str(request["RoleArn"])

    def order(self, call: Call) -> JobOrder:
        request, region, role = call.request, call.scope.region, call.request["RoleArn"]
        check_training_request(request, self._images, region)
        reading = self._roles.reading(call.scope, role)
        for channel in request.get("InputDataConfig", ()):
            source = channel["DataSource"].get("S3DataSource")
            if not source:
                raise validation_error(f"Channel {channel['ChannelName']} must have a data source.")
            check_input_data(reading, source["S3Uri"], role, region)
        stopping = request["StoppingCondition"]
        longest = stopping.get("MaxWaitTimeInSeconds") or stopping.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME)
        return JobOrder(request, role, longest + _MARGIN)

    def taken(self, arn: str) -> str:
        return (
            "Training job names must be unique within an AWS account and region, and a training job with this "
            f"name already exists ({arn})"
        )

    def absent(self, name: str) -> str:
        return "Requested resource not found."

    def new(self, scope: Scope, request: Mapping[str, Any], now: float) -> Record:
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

    def stopping(self, record: Record, final: str, now: float) -> Record:
        changed = {**record, "TrainingJobStatus": "Stopping", "_stopped_as": final}
        return with_status(changed, "Stopping", "Stopping the training job", now)

    def after(self, record: Record, event: JobEvent) -> Record | None:
        if event.kind == "metric" and event.metric is not None:
            return with_metric(record, *event.metric, event.time)
        # The last status is written with the end itself, so that nobody sees one without the other.
        if event.kind != "status" or event.secondary_status in _LAST_MESSAGES:
            return None
        if record["TrainingJobStatus"] == "Stopping":  # what the job was still at when it was told to stop
            return None
        return with_status(record, event.secondary_status, event.message, event.time)

    def finished(self, record: Record, event: JobEvent) -> Record:
        """A job that was told to stop ends Stopped however its program ended, as on AWS.

        The billable time is the platform's where it measured it; else it is taken from the record's own times.
        """
        outcome = "Stopped" if record["TrainingJobStatus"] == "Stopping" else event.outcome or "Failed"
        last = record.get("_stopped_as", "Stopped") if outcome == "Stopped" else outcome
        changed = with_status(record, last, _LAST_MESSAGES[last], event.time)
        changed["SecondaryStatusTransitions"][-1]["EndTime"] = event.time
        changed["TrainingJobStatus"] = outcome
        changed["TrainingEndTime"] = event.time
        if "TrainingStartTime" in changed:
            spent = event.training_seconds or max(1, math.ceil(event.time - changed["TrainingStartTime"]))
            changed["TrainingTimeInSeconds"] = changed["BillableTimeInSeconds"] = spent
        if outcome == "Failed":
            changed["FailureReason"] = event.failure_reason[:REASON_LENGTH]
        if event.artifact:
            changed["ModelArtifacts"] = {"S3ModelArtifacts": event.artifact}
        return changed

    def limits(self, record: Record, event: JobEvent | None) -> Iterable[tuple[float, str]]:
        stopping = record.get("StoppingCondition") or {}
        if event is None and "MaxWaitTimeInSeconds" in stopping:
            yield stopping["MaxWaitTimeInSeconds"], "MaxWaitTimeExceeded"
        if event is not None and event.secondary_status == "Downloading" and "TrainingStartTime" not in record:
            yield stopping.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME), "MaxRuntimeExceeded"


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
    if (count := resources["InstanceCount"]) > MOST_INSTANCES:
        raise resource_limit_exceeded("Number of instances for a training job", MOST_INSTANCES, count)


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
