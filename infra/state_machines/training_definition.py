"""What the training trigger does, as an Amazon States Language definition, and what its jobs have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from infra.state_machines.job_states import (
    FAILED,
    JOB_TAGS,
    attempts,
    begin,
    caught,
    check_end,
    choice,
    event,
    job_name,
    retry,
)
from kickstand.aws.instance_types import takes_volume_key

_NOUN = "TrainingJob"
_STOPPED = "'The job was stopped (' & $ended.SecondaryStatus & ').'"


def training_definition(
    *,
    partition: str,
    project: str,
    environment: str,
    bucket: str,
    job_prefix: str,
    job: Mapping[str, Any],
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """The definition of a state machine that trains once.

    partition:  `aws`, `aws-cn`, …
    project, environment: for the event at the end.
    bucket:     where manifests are.
    job_prefix: how a job is named that was started with a manifest: `PREFIX-YYYYMMDD-HHMMSS-xxxx`.
    job:        the part of CreateTrainingJob's request that the stack rules: all but name, channels,
                hyperparameters and tags.
    tags:       tags of every job; the input may add others, not change these.

    Input: `{"TrainingJobName"?, "InputDataConfig", "HyperParameters", "Tags"?}`, or `{"Manifest": KEY}` for an
    object of the bucket that holds such an input. Output: the finished job, as DescribeTrainingJob shows it.
    Fails with the job's own FailureReason as its cause.
    """
    detail = {"project": project, "environment": environment, "trainingJobName": "{% $jobName %}"}
    return {
        "Comment": "Trains once: see docs/infrastructure.md",
        "QueryLanguage": "JSONata",
        "StartAt": "Begin",
        "States": {
            "Begin": begin(job_name(_NOUN, job_prefix), tags, next_state="Which request"),
            "Which request": choice({"$exists($states.input.Manifest)": "Read manifest"}, default="Check request"),
            "Read manifest": {
                "Type": "Task",
                "Resource": f"arn:{partition}:states:::aws-sdk:s3:getObject",
                "Arguments": {"Bucket": bucket, "Key": "{% $states.input.Manifest %}"},
                "Assign": {"request": "{% $parse($states.result.Body) %}"},
                "Retry": [retry("States.TaskFailed")],
                "Catch": [
                    caught(
                        _NOUN,
                        _STOPPED,
                        "'Cannot read manifest ' & $string($states.input.Manifest) & ' (nothing uploaded yet?): ' & ",
                    )
                ],
                "Next": "Check request",
            },
            "Check request": choice(
                {
                    "$type($request.InputDataConfig) = 'array' and $type($request.HyperParameters) = 'object'": "Train",
                },
                default="Refuse request",
            ),
            "Refuse request": {
                "Type": "Pass",
                "Assign": {
                    "failure": {
                        "Error": "InvalidRequest",
                        "Reason": "The input must hold InputDataConfig (a list) and HyperParameters (an object), "
                        "or Manifest, the key of an object that holds them.",
                    }
                },
                "Next": "Notify failure",
            },
            "Train": {
                "Type": "Task",
                "Resource": f"arn:{partition}:states:::sagemaker:createTrainingJob.sync",
                "Arguments": {
                    **job,
                    "TrainingJobName": "{% $jobName %}",
                    "InputDataConfig": "{% $request.InputDataConfig %}",
                    "HyperParameters": "{% $request.HyperParameters %}",
                    "Tags": JOB_TAGS,
                },
                "Assign": {"job": "{% $states.result %}"},
                "Catch": [caught(_NOUN, _STOPPED, "", next_state="Classify failure")],
                "Next": "Check end",
            },
            "Check end": check_end(_NOUN, _STOPPED),
            **attempts("Train"),
            "Notify success": event(
                partition,
                "Training Job Completed",
                {
                    **detail,
                    "status": "Completed",
                    "next": f"{{% 'kickstand adopt ' & $jobName & ' {environment}' %}}",
                },
                output="{% $job %}",
                next_state="Trained",
            ),
            "Trained": {"Type": "Succeed"},
            "Notify failure": event(
                partition,
                "Training Job Failed",
                {
                    **detail,
                    "status": "{% $exists($failure.Status) ? $failure.Status : 'Failed' %}",
                    "failureReason": "{% $failure.Reason %}",
                    # Without a status no job is known of: only the execution says what happened.
                    "next": "{% $exists($failure.Status) ? "
                    f"'kickstand fit {environment} --follow ' & $jobName : "
                    "'aws stepfunctions describe-execution --execution-arn ' & $states.context.Execution.Id %}",
                },
                output="{% $failure %}",
                next_state="Failed",
            ),
            "Failed": FAILED,
        },
    }


def training_job(
    *,
    image_uri: str,
    role_arn: str,
    output_uri: str,
    instance_type: str,
    instance_count: int,
    volume_size_gb: int,
    max_runtime_seconds: int,
    spot: bool,
    max_wait_seconds: int | None,
    kms_key_arn: str | None,
    encrypt_inter_container_traffic: bool,
    subnets: Sequence[str],
    security_group_ids: Sequence[str],
) -> dict[str, Any]:
    """The part of CreateTrainingJob's request that a stack rules.

    No metric definitions: SageMaker has those of its built-in algorithms, and the request is for algorithms of
    one's own (https://docs.aws.amazon.com/sagemaker/latest/dg/define-train-metrics.html).

    Always isolated from the network: the platform brings data and takes the model away, the hosts of one job still
    reach each other, and the algorithm has nothing to ask of anyone else.

    encrypt_inter_container_traffic: between the instances of one job; only where it is chosen does the request say so.
    """
    resources: dict[str, Any] = {
        "InstanceType": instance_type,
        "InstanceCount": instance_count,
        "VolumeSizeInGB": volume_size_gb,
    }
    output = {"S3OutputPath": output_uri}
    stopping = {"MaxRuntimeInSeconds": max_runtime_seconds}
    if kms_key_arn is not None:
        output["KmsKeyId"] = kms_key_arn
        if takes_volume_key(instance_type):
            resources["VolumeKmsKeyId"] = kms_key_arn
    if max_wait_seconds is not None:
        stopping["MaxWaitTimeInSeconds"] = max_wait_seconds
    request: dict[str, Any] = {
        "AlgorithmSpecification": {"TrainingImage": image_uri, "TrainingInputMode": "File"},
        "RoleArn": role_arn,
        "OutputDataConfig": output,
        "ResourceConfig": resources,
        "StoppingCondition": stopping,
        "EnableNetworkIsolation": True,
        "EnableManagedSpotTraining": spot,
    }
    if encrypt_inter_container_traffic:
        request["EnableInterContainerTrafficEncryption"] = True
    if subnets:
        request["VpcConfig"] = {"Subnets": list(subnets), "SecurityGroupIds": list(security_group_ids)}
    return request
