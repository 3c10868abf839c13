"""States around one SageMaker job in a state machine: choices, retries, what a failure was, the event at the end.

Values of Amazon States Language with JSONata. The states share these variables: `jobName` (of the attempt), `baseName`
(of the first), `attempt`, `throttles`, `failure`.
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


def choice(rules: Mapping[str, str], *, default: str) -> dict[str, Any]:
    """rules: the next state by the condition that leads to it."""
    choices = [{"Condition": f"{{% {condition} %}}", "Next": state} for condition, state in rules.items()]
    return {"Type": "Choice", "Choices": choices, "Default": default}


def retry(error: str) -> dict[str, Any]:
    """Three more attempts at a call, after 1, 2 and 4 seconds."""
    return {"ErrorEquals": [error], "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 2}


def job_name(noun: str, prefix: str) -> str:
    """JSONata: the request's name, or one of the execution's start and name, `PREFIX-YYYYMMDD-HHMMSS-xxxx`.

    noun: `TrainingJob` or `TransformJob`.
    """
    return (
        f"$exists($states.input.{noun}Name) ? $states.input.{noun}Name : "
        f"'{prefix}-' & $replace($replace($substring($states.context.Execution.StartTime, 0, 19), /[-:]/, ''), "
        "'T', '-') & '-' & $substring($hash($states.context.Execution.Name, 'SHA-256'), 0, 4)"
    )


def begin(name: str, tags: Mapping[str, str], *, next_state: str) -> dict[str, Any]:
    """The state that sets the variables. name: JSONata. tags: of every job."""
    return {
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
        "Next": next_state,
    }


JOB_TAGS = "{% [$append($ownTags, $request.Tags[$not(Key in $ownTags.Key)])] %}"
"""The stack's tags, then those of the request that bear other keys: SageMaker refuses a key twice."""


def caught(noun: str, stopped: str, introduction: str, *, next_state: str = "Notify failure") -> dict[str, Any]:
    """Whatever went wrong, kept in `$failure`: Error and Reason, and Status where it was a job that ended.

    noun: `TrainingJob` or `TransformJob`. stopped: JSONata, what to say of a job without a FailureReason, which a
    stopped one has not. introduction: JSONata that stands before the cause of anything else.

    A job's end comes as a cause that holds the job, as describing it shows it.
    """
    failure = (
        "( $cause := $string($states.errorOutput.Cause); "
        rf'$ended := $contains($cause, /^\{{[\s\S]*"{noun}Status"[\s\S]*\}}$/) ? $parse($cause) : {{}}; '
        f"$exists($ended.{noun}Status) ? {_job_failure(noun, stopped)} "
        f": {{'Error': $states.errorOutput.Error, 'Reason': {introduction}$cause}} )"
    )
    return {"ErrorEquals": ["States.ALL"], "Assign": {"failure": f"{{% {failure} %}}"}, "Next": next_state}


def check_end(noun: str, stopped: str) -> dict[str, Any]:
    """Whether the job in `$job` completed: what else it is counts as a failure, in `$failure` as from `caught`.

    AWS does not say whether a job that ends as `Stopped` (a time limit, a spot wait, StopTrainingJob) fails the task
    that awaits it or completes it; this state gives both the same end.
    """
    failure = f"( $ended := $job; {_job_failure(noun, stopped)} )"
    not_completed = {
        "Condition": f"{{% $not($job.{noun}Status = 'Completed') %}}",
        "Assign": {"failure": f"{{% {failure} %}}"},
        "Next": "Classify failure",
    }
    return {"Type": "Choice", "Choices": [not_completed], "Default": "Notify success"}


def _job_failure(noun: str, stopped: str) -> str:
    """JSONata: the failure that the job in `$ended` is."""
    return (
        f"{{'Error': '{noun}' & $ended.{noun}Status, 'Status': $ended.{noun}Status, "
        f"'Reason': $exists($ended.FailureReason) ? $ended.FailureReason : {stopped}}}"
    )


def attempts(again: str) -> dict[str, Any]:
    """What is made of a failure in `$failure`: the state `again` another time, or the end.

    A throttled call made no job: its name is free. A job that failed keeps its name for good, and another under it
    would be ResourceInUse.
    """
    return {
        "Classify failure": {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": "{% $not($exists($failure.Status)) and "
                    f"$contains($failure.Error & ' ' & $failure.Reason, {_THROTTLED}) "
                    f"and $throttles < {_PATIENCE} %}}",
                    "Assign": {"throttles": "{% $throttles + 1 %}"},
                    "Next": "Back off",
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
            "Default": "Notify failure",
        },
        "Back off": {"Type": "Wait", "Seconds": "{% $power(2, $throttles) %}", "Next": again},
        "Wait for capacity": {"Type": "Wait", "Seconds": "{% 30 * $attempt %}", "Next": "Rename attempt"},
        "Rename attempt": {
            "Type": "Pass",
            "Assign": {"jobName": "{% $baseName & '-r' & $string($attempt) %}"},
            "Next": again,
        },
    }


def event(
    partition: str, detail_type: str, detail: Mapping[str, str], *, output: str, next_state: str
) -> dict[str, Any]:
    """Put an event on the default bus. Whether that succeeds does not change how the execution ends."""
    return {
        "Type": "Task",
        "Resource": f"arn:{partition}:states:::events:putEvents",
        "Arguments": {"Entries": [{"Source": "kickstand", "DetailType": detail_type, "Detail": dict(detail)}]},
        "Output": output,
        "Retry": [retry("States.ALL")],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Output": output, "Next": next_state}],
        "Next": next_state,
    }


FAILED = {"Type": "Fail", "Error": "{% $failure.Error %}", "Cause": "{% $failure.Reason %}"}
