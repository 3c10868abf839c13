"""How a training job's record changes as the job goes on. Pure: a record and a fact in, a record out.

Statuses, secondary statuses and their messages: API reference, DescribeTrainingJob and SecondaryStatusTransition.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from localcloud.platform.metric_definitions import built_in_metric_definitions
from localcloud.sagemaker.scope import Scope
from localcloud.sagemaker.store import Record
from localcloud.sagemaker.training_request import DEFAULT_MAX_RUNTIME

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
