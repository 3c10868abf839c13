"""What stops an environment's endpoint by itself, as an Amazon States Language definition.

An execution follows the hosting stack from a deployment to its end, or, started for the end of working hours, gives
notice and stops it. It measures time by its waits alone. Variables: `reason` (`watch` until an end is near), `elapsed`
(seconds since the deployment), `seen` (which deployment), `announced`, `stack`, and counters of its loops.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.state_machines.job_states import FAILED, choice
from infra.state_machines.stop_states import (
    NOT_THERE,
    STACK,
    Notices,
    Stopped,
    busy_states,
    deletion_states,
    failed_with,
    task,
)
from kickstand.config.operation import WARNING_SECONDS, Lifetime

_SETTLE_SECONDS = 60
"""Before executions are listed: ListExecutions is eventually consistent.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html"""
_HOUR, _QUARTER = 3600, 900
"""Between two looks at the stack, and where an idle endpoint is looked for."""
_FAILURE_SECONDS, _FAILURES = 30, 20
"""Between two attempts to read the stack, and how many of them one execution makes."""
COMMENT = "Stops the endpoint by itself:"
"""How the definition's comment begins; the reasons follow, by which a review says when it stops."""
LOOKS = 500
"""Of one execution; then it starts another that goes on. A look is of 25 events at most, and an execution takes 25,000:
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


def stop_definition(what: Stopped, lifetime: Lifetime, *, partition: str, reasons: Mapping[str, str]) -> dict[str, Any]:
    """The definition of a state machine that stops an endpoint by deleting its stack.

    reasons: a sentence for each of `expires`, `idle`, `awake` that the environment chose.

    Input: `{"Reason": "watch"}`, which ends at once where an older execution runs or there is no stack, or
    `{"Reason": "awake"}`, which gives notice at once. Fails where something is in progress for a day, or the stack
    cannot be deleted, with the reason as its cause.
    """
    sdk, detail = f"arn:{partition}:states:::aws-sdk", {"project": what.project, "environment": what.environment}
    detail |= {"endpoint": what.endpoint, "reason": "{% $reason %}"}
    notices = Notices(partition, detail, what, reasons)
    return {
        "Comment": f"{COMMENT} {' Or '.join(reasons.values())}",
        "QueryLanguage": "JSONata",
        "StartAt": "Begin",
        "States": {
            **_begin_states(sdk, what),
            **_watch_states(sdk, what, lifetime),
            **notices.before(),
            **busy_states(sdk, what),
            **deletion_states(sdk),
            **notices.after(),
            "Stopped": {"Type": "Succeed"},
            "Failed": FAILED,
        },
    }


def _begin_states(sdk: str, what: Stopped) -> dict[str, Any]:
    """Whether this execution is the one that watches. What another handed on goes on where that ended."""
    given = "$states.input"
    older = (
        "( $own := $running[ExecutionArn = $states.context.Execution.Id]; $count($running[ExecutionArn != "
        "$states.context.Execution.Id and ($not($exists($own)) or StartDate < $own.StartDate or "
        "(StartDate = $own.StartDate and ExecutionArn < $own.ExecutionArn))]) > 0 )"
    )
    return {
        "Begin": {
            "Type": "Pass",
            "Assign": {
                "reason": f"{{% $exists({given}.Reason) ? $string({given}.Reason) : '' %}}",
                "elapsed": f"{{% $exists({given}.Elapsed) ? {given}.Elapsed : {_SETTLE_SECONDS} %}}",
                "seen": f"{{% $exists({given}.Seen) ? {given}.Seen : '' %}}",
                **{"looks": 0, "busy": 0, "deletions": 0, "failures": 0, "announced": False, "failure": {}},
                **{"status": "not looked at", "transforms": 0},
            },
            "Next": "Which request",
        },
        "Which request": choice(
            {"$reason = 'awake' or ($reason = 'watch' and $seen != '')": "Read stack", "$reason = 'watch'": "Settle"},
            default="Refuse request",
        ),
        "Refuse request": failed_with("InvalidRequest", "'The input must hold Reason: watch or awake.'"),
        "Settle": {"Type": "Wait", "Seconds": _SETTLE_SECONDS, "Next": "List executions"},
        "List executions": task(
            f"{sdk}:sfn:listExecutions",
            {"StateMachineArn": what.machine_arn, "StatusFilter": "RUNNING"},
            {"running": "{% $states.result.Executions %}"},
            next_state="Does another watch",
        ),
        "Does another watch": choice({older: "Watched already"}, default="Read stack"),
        "Watched already": {"Type": "Succeed"},
    }


def _watch_states(sdk: str, what: Stopped, lifetime: Lifetime) -> dict[str, Any]:
    """The loop of looks until an end is near."""
    points = [seconds - WARNING_SECONDS for seconds in (lifetime.expires, lifetime.idle) if seconds is not None]
    longest = _HOUR if lifetime.idle is None else _QUARTER
    until = [f"$elapsed < {point} ? {point} - $elapsed : {longest}" for point in points]
    pause = f"$min([{', '.join([str(longest), *until])}])"
    due = {"Condition": f"{{% $elapsed >= {points[0] if points else 0} %}}", "Next": "Announce"}
    expires = [due | {"Assign": {"reason": "expires"}}] if lifetime.expires is not None else []
    idle = (
        [{"Condition": f"{{% $elapsed >= {points[-1]} %}}", "Next": "Read alarm"}] if lifetime.idle is not None else []
    )
    kept = "{% $reason = 'awake' ? 'awake' : 'watch' %}"
    return {
        "Read stack": task(
            f"{sdk}:cloudformation:describeStacks",
            {"StackName": what.stack},
            STACK,
            next_state="What is due",
            otherwise="Is there a stack",
            # A stack that is not there has no error of its own, and is no reason to ask again.
            retried=False,
        ),
        "Is there a stack": choice(
            {NOT_THERE: "Nothing to stop", f"$failures < {_FAILURES}": "Count failure"}, default="Failed"
        ),
        "Count failure": {"Type": "Pass", "Assign": {"failures": "{% $failures + 1 %}"}, "Next": "Wait to read again"},
        "Wait to read again": {"Type": "Wait", "Seconds": _FAILURE_SECONDS, "Next": "Read stack"},
        "Nothing to stop": {"Type": "Succeed"},
        "What is due": {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": "{% $stack.Status in "
                    "['DELETE_IN_PROGRESS', 'DELETE_COMPLETE', 'REVIEW_IN_PROGRESS'] %}",
                    "Next": "Nothing to stop",
                },
                {
                    # A deployment, or its end: the time starts anew, but where this is the first look.
                    "Condition": "{% $stack.Mark != $seen %}",
                    "Assign": {
                        "elapsed": "{% $seen = '' ? $elapsed : 0 %}",
                        **{"seen": "{% $stack.Mark %}", "announced": False, "reason": kept, "busy": 0},
                    },
                    "Next": "What is due",
                },
                {"Condition": "{% $contains($stack.Status, /_IN_PROGRESS$/) %}", "Next": "Busy"},
                {"Condition": "{% $announced and $reason = 'idle' %}", "Next": "Read alarm"},
                {"Condition": "{% $announced %}", "Next": "Read endpoint"},
                {"Condition": "{% $reason = 'awake' %}", "Next": "Announce"},
                *expires,
                {"Condition": f"{{% $looks >= {LOOKS} %}}", "Next": "Hand on"},
                *idle,
            ],
            "Default": "Next look",
        },
        "Next look": {
            "Type": "Pass",
            "Assign": {
                "pause": f"{{% {pause} %}}",
                "elapsed": f"{{% $elapsed + {pause} %}}",
                "looks": "{% $looks + 1 %}",
            },
            "Next": "Wait",
        },
        "Wait": {"Type": "Wait", "Seconds": "{% $pause %}", "Next": "Read stack"},
        "Read alarm": task(
            f"{sdk}:cloudwatch:describeAlarms",
            {"AlarmNames": [what.idle_alarm]},
            {"idle": "{% $count($states.result.MetricAlarms[StateValue = 'ALARM']) > 0 %}"},
            next_state="Is it idle",
        ),
        "Is it idle": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $idle and $announced %}", "Next": "Read endpoint"},
                {"Condition": "{% $idle %}", "Assign": {"reason": "idle"}, "Next": "Announce"},
                {
                    "Condition": "{% $announced %}",
                    "Assign": {"reason": "watch", "announced": False},
                    "Next": "Next look",
                },
            ],
            "Default": "Next look",
        },
        # https://docs.aws.amazon.com/step-functions/latest/dg/tutorial-continue-new.html
        "Hand on": task(
            f"{sdk}:sfn:startExecution",
            {
                "StateMachineArn": what.machine_arn,
                "Input": "{% $string({'Reason': 'watch', 'Elapsed': $elapsed, 'Seen': $seen}) %}",
            },
            {"next": "{% $states.result.ExecutionArn %}"},
            next_state="Handed on",
        ),
        "Handed on": {"Type": "Succeed"},
    }
