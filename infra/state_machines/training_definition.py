"""What the training trigger does, as an Amazon States Language definition, and what its jobs have in common."""

from __future__ import annotations

from collections.abc import Mapping
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
from kickstand.bucket import TRAINING
from kickstand.images import image_uri
from kickstand.names import Names

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


def training_job(names: Names, *, role_arn: str) -> dict[str, Any]:
    """The part of CreateTrainingJob's request that a stack rules.

    No metric definitions: SageMaker has those of its built-in algorithms, and the request is for algorithms of
    one's own (https://docs.aws.amazon.com/sagemaker/latest/dg/define-train-metrics.html).

    Always isolated from the network: the platform brings data and takes the model away, the hosts of one job still
    reach each other, and the algorithm has nothing to ask of anyone else.

    Encryption of the traffic between the instances of one job: only where it is chosen does the request say so.
    """
    environment = names.environment
    training, kms_key_arn = environment.training, environment.storage.kms_key_arn
    resources: dict[str, Any] = {
        "InstanceType": training.instance_type,
        "InstanceCount": training.instance_count,
        "VolumeSizeInGB": training.volume_size_gb,
    }
    output = {"S3OutputPath": f"s3://{names.bucket}/{TRAINING.name}"}
    stopping = {"MaxRuntimeInSeconds": training.max_runtime_seconds}
    if kms_key_arn is not None:
        output["KmsKeyId"] = kms_key_arn
        if takes_volume_key(training.instance_type):
            resources["VolumeKmsKeyId"] = kms_key_arn
    if training.max_wait_seconds is not None:
        stopping["MaxWaitTimeInSeconds"] = training.max_wait_seconds
    request: dict[str, Any] = {
        "AlgorithmSpecification": {
            "TrainingImage": image_uri(environment.region, environment.algorithm.version),
            "TrainingInputMode": "File",
        },
        "RoleArn": role_arn,
        "OutputDataConfig": output,
        "ResourceConfig": resources,
        "StoppingCondition": stopping,
        "EnableNetworkIsolation": True,
        "EnableManagedSpotTraining": training.spot,
    }
    if training.encrypt_inter_container_traffic:
        request["EnableInterContainerTrafficEncryption"] = True
    if training.subnets:
        request["VpcConfig"] = {
            "Subnets": list(training.subnets),
            "SecurityGroupIds": list(training.security_group_ids),
        }
    return request
