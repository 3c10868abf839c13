"""What the training trigger does, as an Amazon States Language definition.

A value of values: no construct, no token, so that tests run it as it is. Its expressions are JSONata
(https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_THROTTLED = "/Throttl|Rate exceeded|TooManyRequests|RequestLimitExceeded/"
_SERVICE_FAULT = "/InternalFailure|InternalServer|ServiceUnavailable|Status Code: 5[0-9][0-9]/"
_PLATFORM_FAULT = "/^(CapacityError|InternalServerError)/"
"""How SageMaker begins the FailureReason of a job that failed through no fault of its own."""

_PATIENCE = 6
"""How often a throttled call is repeated: after 2, 4, … 64 seconds."""
_RETRIES = 2
"""How many further jobs are made where capacity or SageMaker itself failed: after 30 and 60 seconds."""


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
    name = (
        "$exists($states.input.TrainingJobName) ? $states.input.TrainingJobName : "
        f"'{job_prefix}-' & $replace($replace($substring($states.context.Execution.StartTime, 0, 19), /[-:]/, ''), "
        "'T', '-') & '-' & $substring($hash($states.context.Execution.Name, 'SHA-256'), 0, 4)"
    )
    detail = {"project": project, "environment": environment, "trainingJobName": "{% $jobName %}"}
    return {
        "Comment": "Trains once: see docs/infrastructure.md",
        "QueryLanguage": "JSONata",
        "StartAt": "Begin",
        "States": {
            "Begin": {
                "Type": "Pass",
                "Assign": {
                    "request": "{% $states.input %}",
                    "baseName": f"{{% {name} %}}",
                    "jobName": f"{{% {name} %}}",
                    "attempt": 0,
                    "throttles": 0,
                    "ownTags": [{"Key": key, "Value": tags[key]} for key in sorted(tags)],
                    "failure": {},
                },
                "Next": "Which request",
            },
            "Which request": _choice({"$exists($states.input.Manifest)": "Read manifest"}, default="Check request"),
            "Read manifest": {
                "Type": "Task",
                "Resource": f"arn:{partition}:states:::aws-sdk:s3:getObject",
                "Arguments": {"Bucket": bucket, "Key": "{% $states.input.Manifest %}"},
                "Assign": {"request": "{% $parse($states.result.Body) %}"},
                "Retry": [_retry("States.TaskFailed")],
                "Catch": [
                    _caught(
                        "'Cannot read manifest ' & $string($states.input.Manifest) & ' (nothing uploaded yet?): ' & "
                    )
                ],
                "Next": "Check request",
            },
            "Check request": _choice(
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
                "Next": "Tell of failure",
            },
            "Train": {
                "Type": "Task",
                "Resource": f"arn:{partition}:states:::sagemaker:createTrainingJob.sync",
                "Arguments": {
                    **job,
                    "TrainingJobName": "{% $jobName %}",
                    "InputDataConfig": "{% $request.InputDataConfig %}",
                    "HyperParameters": "{% $request.HyperParameters %}",
                    # The stack's tags, then those of the request that bear other keys: SageMaker refuses a key twice.
                    "Tags": "{% [$append($ownTags, $request.Tags[$not(Key in $ownTags.Key)])] %}",
                },
                "Assign": {"job": "{% $states.result %}"},
                "Catch": [_caught("", next_state="What failed")],
                "Next": "Tell of success",
            },
            # A throttled call made no job: its name is free. A job that failed keeps its name for good, and
            # another under it would be ResourceInUse.
            "What failed": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Condition": "{% $not($exists($failure.Status)) and "
                        f"$contains($failure.Error & ' ' & $failure.Reason, {_THROTTLED}) "
                        f"and $throttles < {_PATIENCE} %}}",
                        "Assign": {"throttles": "{% $throttles + 1 %}"},
                        "Next": "Wait out throttling",
                    },
                    {
                        "Condition": "{% ($exists($failure.Status) ? $failure.Status = 'Failed' and "
                        f"$contains($failure.Reason, {_PLATFORM_FAULT}) : "
                        f"$contains($failure.Error & ' ' & $failure.Reason, {_SERVICE_FAULT})) "
                        f"and $attempt < {_RETRIES} %}}",
                        "Assign": {"attempt": "{% $attempt + 1 %}", "throttles": 0},
                        "Next": "Wait for capacity",
                    },
                ],
                "Default": "Tell of failure",
            },
            "Wait out throttling": {"Type": "Wait", "Seconds": "{% $power(2, $throttles) %}", "Next": "Train"},
            "Wait for capacity": {"Type": "Wait", "Seconds": "{% 30 * $attempt %}", "Next": "Take another name"},
            "Take another name": {
                "Type": "Pass",
                "Assign": {"jobName": "{% $baseName & '-r' & $string($attempt) %}"},
                "Next": "Train",
            },
            "Tell of success": _event(
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
            "Tell of failure": _event(
                partition,
                "Training Job Failed",
                {
                    **detail,
                    "status": "{% $exists($failure.Status) ? $failure.Status : 'Failed' %}",
                    "failureReason": "{% $failure.Reason %}",
                    # Without a status no job is known of: what happened is told by the execution alone.
                    "next": "{% $exists($failure.Status) ? "
                    f"'kickstand fit {environment} --follow ' & $jobName : "
                    "'aws stepfunctions describe-execution --execution-arn ' & $states.context.Execution.Id %}",
                },
                output="{% $failure %}",
                next_state="Failed",
            ),
            "Failed": {"Type": "Fail", "Error": "{% $failure.Error %}", "Cause": "{% $failure.Reason %}"},
        },
    }


def _choice(rules: Mapping[str, str], *, default: str) -> dict[str, Any]:
    choices = [{"Condition": f"{{% {condition} %}}", "Next": state} for condition, state in rules.items()]
    return {"Type": "Choice", "Choices": choices, "Default": default}


def _retry(error: str) -> dict[str, Any]:
    return {"ErrorEquals": [error], "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 2}


def _caught(introduction: str, *, next_state: str = "Tell of failure") -> dict[str, Any]:
    """Whatever went wrong, kept in `$failure`: Error and Reason, and Status where it was a job that ended.

    A job's end comes as a cause that holds the job, as DescribeTrainingJob shows it. A stopped job has no
    FailureReason.
    """
    failure = (
        "( $cause := $string($states.errorOutput.Cause); "
        r'$ended := $contains($cause, /^\{[\s\S]*"TrainingJobStatus"[\s\S]*\}$/) ? $parse($cause) : {}; '
        "$status := $ended.TrainingJobStatus; "
        "$exists($status) ? {'Error': 'TrainingJob' & $status, 'Status': $status, "
        "'Reason': $exists($ended.FailureReason) ? $ended.FailureReason : "
        "'The job was stopped (' & $ended.SecondaryStatus & ').'} "
        f": {{'Error': $states.errorOutput.Error, 'Reason': {introduction}$cause}} )"
    )
    return {"ErrorEquals": ["States.ALL"], "Assign": {"failure": f"{{% {failure} %}}"}, "Next": next_state}


def _event(
    partition: str, detail_type: str, detail: Mapping[str, str], *, output: str, next_state: str
) -> dict[str, Any]:
    """Tell the default event bus. Whether that succeeds changes nothing of what is told."""
    return {
        "Type": "Task",
        "Resource": f"arn:{partition}:states:::events:putEvents",
        "Arguments": {"Entries": [{"Source": "kickstand", "DetailType": detail_type, "Detail": dict(detail)}]},
        "Output": output,
        "Retry": [_retry("States.ALL")],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Output": output, "Next": next_state}],
        "Next": next_state,
    }
