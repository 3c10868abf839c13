"""The states in which an endpoint is stopped: notices, the wait for what is in progress, the deletion of its stack.

Values of Amazon States Language with JSONata; their variables are those of stop_definition.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.state_machines.job_states import choice, event, retry
from kickstand.config.operation import WARNING_SECONDS
from kickstand.names import Names

BUSY_SECONDS, BUSY_LOOKS = 300, 288
"""An update or a transform is waited for a day."""
_DELETION_SECONDS, _DELETION_LOOKS = 30, 240
NOT_THERE = "$contains($failure.Reason, /does not exist|Could not find/)"
"""After a failed call: whether it was for the want of what it is about."""
STACK = {
    "stack": "{% ( $it := $states.result.Stacks[0]; {'Id': $it.StackId, 'Status': $it.StackStatus, "
    "'Mark': $it.StackId & ' ' & ($exists($it.LastUpdatedTime) ? $it.LastUpdatedTime : $it.CreationTime) & "
    "($contains($it.StackStatus, /_IN_PROGRESS$/) ? ' in progress' : ''), "
    "'Reason': $exists($it.StackStatusReason) ? $it.StackStatusReason : 'No reason is given.'} ) %}"
}
"""Which stack it is, by which deployment and whether that has come to its end, and how it is."""


def task(
    resource: str,
    arguments: Mapping[str, Any],
    assign: Mapping[str, Any],
    *,
    next_state: str,
    otherwise: str = "Failed",
    retried: bool = True,
) -> dict[str, Any]:
    """One call. otherwise: where a call leads that fails, with Error and Reason in `$failure`."""
    failure = {"Error": "{% $states.errorOutput.Error %}", "Reason": "{% $string($states.errorOutput.Cause) %}"}
    return {
        "Type": "Task",
        "Resource": resource,
        "Arguments": dict(arguments),
        "Assign": dict(assign),
        "Output": "{% $states.input %}",
        **({"Retry": [retry("States.TaskFailed")]} if retried else {}),
        "Catch": [{"ErrorEquals": ["States.ALL"], "Assign": {"failure": failure}, "Next": otherwise}],
        "Next": next_state,
    }


def failed_with(error: str, reason: str) -> dict[str, Any]:
    """reason: JSONata."""
    return {
        "Type": "Pass",
        "Assign": {"failure": {"Error": error, "Reason": f"{{% {reason} %}}"}},
        "Next": "Failed",
    }


@dataclass(frozen=True, slots=True)
class Stopped:
    """What is stopped.

    stack: the hosting stack. machine_arn: this state machine's own. transform_machine_arn: whose executions are waited
    for. idle_alarm: in ALARM while nothing is asked of the endpoint. topic_arn: who is notified; None: nobody.
    """

    project: str
    environment: str
    endpoint: str
    stack: str
    machine_arn: str
    transform_machine_arn: str
    idle_alarm: str
    topic_arn: str | None


def stop_reasons(names: Names) -> dict[str, str]:
    """What is said of each reason that an environment chose, after `The endpoint stops: `."""
    environment = names.environment
    said = {
        "expires": (environment.expires_after, "{} after its last deployment (expires_after)."),
        "idle": (environment.idle_after, "after {} without an invocation (idle_after)."),
        "awake": (environment.awake, "at the end of its working hours, {} (awake)."),
    }
    return {reason: text.format(setting) for reason, (setting, text) in said.items() if setting is not None}


def busy_states(sdk: str, what: Stopped) -> dict[str, Any]:
    """Whether something is in progress that a deletion would break, and the wait for its end."""
    busy = (
        "$contains($stack.Status, /_IN_PROGRESS$/) or $transforms > 0 or "
        "$status in ['Creating', 'Updating', 'SystemUpdating', 'RollingBack']"
    )
    return {
        "Read endpoint": task(
            f"{sdk}:sagemaker:describeEndpoint",
            {"EndpointName": what.endpoint},
            {"status": "{% $states.result.EndpointStatus %}"},
            next_state="List transforms",
            otherwise="Is there an endpoint",
        ),
        "Is there an endpoint": choice({NOT_THERE: "No endpoint"}, default="Failed"),
        "No endpoint": {"Type": "Pass", "Assign": {"status": "None"}, "Next": "List transforms"},
        "List transforms": task(
            f"{sdk}:sfn:listExecutions",
            {"StateMachineArn": what.transform_machine_arn, "StatusFilter": "RUNNING", "MaxResults": 1},
            {"transforms": "{% $count($states.result.Executions) %}"},
            next_state="Is it busy",
            otherwise="Is there a transform trigger",
        ),
        "Is there a transform trigger": choice(
            {"$contains($failure.Error, 'DoesNotExist')": "No transform trigger"}, default="Failed"
        ),
        "No transform trigger": {"Type": "Pass", "Assign": {"transforms": 0}, "Next": "Is it busy"},
        "Is it busy": choice({busy: "Busy"}, default="Delete stack"),
        "Busy": choice({f"$busy < {BUSY_LOOKS}": "Count busy"}, default="Busy too long"),
        "Count busy": {
            "Type": "Pass",
            "Assign": {"busy": "{% $busy + 1 %}", "looks": "{% $looks + 1 %}"},
            "Next": "Wait for others",
        },
        "Wait for others": {"Type": "Wait", "Seconds": BUSY_SECONDS, "Next": "Read stack"},
        "Busy too long": failed_with(
            "StillInProgress",
            "'The endpoint could not be stopped for a day: the stack is ' & $stack.Status & ', the endpoint ' & "
            "$status & ', and ' & $string($transforms) & ' transforms run.'",
        ),
    }


def deletion_states(sdk: str) -> dict[str, Any]:
    """Delete the very stack that was looked at, by its id, and wait until it is gone."""
    return {
        "Delete stack": task(
            f"{sdk}:cloudformation:deleteStack",
            {"StackName": "{% $stack.Id %}"},
            {"deletions": 0},
            next_state="Count deletion",
            otherwise="Did an operation begin",
        ),
        "Did an operation begin": choice({"$contains($failure.Reason, /_IN_PROGRESS/)": "Busy"}, default="Failed"),
        "Count deletion": {
            "Type": "Pass",
            "Assign": {"deletions": "{% $deletions + 1 %}"},
            "Next": "Await deletion",
        },
        "Await deletion": {"Type": "Wait", "Seconds": _DELETION_SECONDS, "Next": "Read deletion"},
        "Read deletion": task(
            f"{sdk}:cloudformation:describeStacks",
            {"StackName": "{% $stack.Id %}"},
            STACK,
            next_state="Is it gone",
            otherwise="Is it forgotten",
        ),
        "Is it forgotten": choice({NOT_THERE: "Notify stopped"}, default="Failed"),
        "Is it gone": choice(
            {
                "$stack.Status = 'DELETE_COMPLETE'": "Notify stopped",
                f"$stack.Status = 'DELETE_IN_PROGRESS' and $deletions < {_DELETION_LOOKS}": "Count deletion",
            },
            default="Not deleted",
        ),
        "Not deleted": failed_with("StackNotDeleted", "'The stack is ' & $stack.Status & '. ' & $stack.Reason"),
    }


@dataclass(frozen=True, slots=True)
class Notices:
    """Events on the default bus, and messages to the topic of alerts where there is one.

    A notice that cannot be sent stops nothing: the endpoint would be paid for.
    """

    partition: str
    detail: Mapping[str, str]
    what: Stopped
    reasons: Mapping[str, str]

    def before(self) -> dict[str, Any]:
        """Half an hour before the end."""
        minutes = WARNING_SECONDS // 60
        message = f"The endpoint {self.what.endpoint} stops in {minutes} minutes, "
        return {
            **self._states("Announce", "Endpoint Stops Soon", message, ": stops soon", next_state="Count notice"),
            "Count notice": {
                "Type": "Pass",
                "Assign": {"announced": True, "elapsed": f"{{% $elapsed + {WARNING_SECONDS} %}}"},
                "Next": "Last wait",
            },
            "Last wait": {"Type": "Wait", "Seconds": WARNING_SECONDS, "Next": "Read stack"},
        }

    def after(self) -> dict[str, Any]:
        """Once the stack is gone."""
        message = f"The endpoint {self.what.endpoint} was stopped "
        return self._states("Notify stopped", "Endpoint Stopped", message, ": stopped", next_state="Stopped")

    def _states(self, name: str, kind: str, message: str, subject: str, *, next_state: str) -> dict[str, Any]:
        publish = f"{name} by message"
        after = publish if self.what.topic_arn else next_state
        states = {name: event(self.partition, kind, self.detail, output="{% $states.input %}", next_state=after)}
        if self.what.topic_arn is None:
            return states
        sentences = json.dumps({reason: message + text for reason, text in self.reasons.items()})
        tail = f" Data, models and the release stay. It comes back by: kickstand deploy {self.what.environment}"
        states[publish] = {
            "Type": "Task",
            "Resource": f"arn:{self.partition}:states:::sns:publish",
            "Arguments": {
                "TopicArn": self.what.topic_arn,
                "Subject": f"{self.what.endpoint}{subject}",
                "Message": f"{{% $lookup({sentences}, $reason) & '{tail}' %}}",
            },
            "Retry": [retry("States.ALL")],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": next_state}],
            "Next": next_state,
        }
        return states
