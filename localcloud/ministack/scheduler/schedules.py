"""Schedules of EventBridge Scheduler: CreateSchedule, UpdateSchedule and AWS::Scheduler::Schedule as on AWS.

ministack knows no time zones, keeps half of a template's properties, and asks nothing of the role.
https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localcloud.clock import Clock
from localcloud.ministack.door.cloudformation import correct_handler, provisioners
from localcloud.ministack.door.names import correct
from localcloud.ministack.door.services import scheduler, sts
from localcloud.ministack.iam.acting import check_pass_role
from localcloud.ministack.iam.sts import AccessDenied, RoleNotAssumable, issue_role_credentials
from localcloud.ministack.registry import account_id, region
from localcloud.timetable import Timetable, expression_fault, time_zone

SERVICE = "scheduler.amazonaws.com"
TYPE = "AWS::Scheduler::Schedule"
NEXT, FIRST, RUNS = "kickstandNext", "kickstandFirst", "kickstandRuns"
"""In the record of a schedule: when it is due, when a rate began, and the calls that are not done yet."""
RETRIES, AGE_SECONDS = 185, 86400
"""Of a retry policy that says nothing else: https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html"""

Record = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]

_TIMING = ("ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "EndDate", "State")
_QUEUE = re.compile(r"arn:aws[a-z-]*:sqs:[a-z0-9\-]+:\d{12}:[a-zA-Z0-9\-_]+")
_UNIVERSAL = re.compile(r"arn:aws[a-z-]*:scheduler:::aws-sdk:[a-z0-9]+:[a-zA-Z0-9]+")
_READS = re.compile(r"(get|describe|list|poll|receive|search|scan|query|select|read|lookup|discover|validate|batchGet)")
_TEMPLATED = ("states", "sqs", "sns", "events")


def group_arn(group: str) -> str:
    """The ARN of a group: EventBridge Scheduler acts for the group of a schedule, never for the schedule itself."""
    return f"arn:aws:scheduler:{region()}:{account_id()}:schedule-group/{group}"


def timetable(record: Mapping[str, Any]) -> Timetable:
    """When a schedule is due. A one-time schedule knows no bounds, as on AWS."""
    expression, zone = record["ScheduleExpression"], time_zone(record.get("ScheduleExpressionTimezone"))
    assert zone is not None, "a schedule is stored with a zone that there is"
    if expression.startswith("at("):
        return Timetable(expression, zone, 0.0)
    return Timetable(expression, zone, record[FIRST], record.get("StartDate"), record.get("EndDate"))


@dataclass(frozen=True, slots=True)
class Schedules:
    """Takes the place of ministack's. changed: called when a schedule may be due at another moment."""

    clock: Clock
    changed: Callable[[], None]

    def install(self) -> None:
        """Once, before the start."""
        correct(scheduler.create_schedule, self._put)
        correct(scheduler.update_schedule, self._put)
        correct(scheduler.get_schedule, _shown)
        correct_handler(TYPE, "create", self._created)
        correct_handler(TYPE, "update", self._updated)

    def _put(self, original: Callable[..., Answer], name: str, body: Record) -> Answer:
        if problem := _problem(body):
            refused: Answer = scheduler.error(*problem)
            return refused
        key = f"{body.get('GroupName', 'default')}/{name}"
        before = scheduler.schedules.get(key)
        answer = original(name, _complete(body) if body.get("Target") else body)
        if answer[0] == 200:
            self._time(scheduler.schedules[key], before)
            self.changed()
        return answer

    def _time(self, record: Record, before: Record | None) -> None:
        """When it is due: as before, where nothing of it changed. A rate without a beginning is due at once."""
        record[RUNS] = (before or {}).get(RUNS, [])
        if before and all(before.get(name) == record.get(name) for name in _TIMING):
            record.update({name: before[name] for name in (NEXT, FIRST) if name in before})
            return
        now, begin = self.clock.now(), record.get("StartDate")
        record[FIRST] = now if begin is None else begin
        # What is due now is behind the moment before; a one-time schedule of the past is due too.
        after = -1.0 if record["ScheduleExpression"].startswith("at(") else now - 0.001
        record[NEXT] = timetable(record).following(self.clock, after)

    def _created(self, _: Callable[..., Any], logical_id: str, props: Record, stack_name: str) -> Any:
        name = props.get("Name") or provisioners.physical_name.original()(stack_name, logical_id, max_len=64)
        return _made(scheduler.create_schedule(name, _body(props)), name)

    def _updated(
        self, _: Callable[..., Any], physical_id: str, old: Record, new: Record, *more: Any, **named: Any
    ) -> Any:
        name, body = new.get("Name") or physical_id, _body(new)
        moved = (name, new.get("GroupName", "default")) != (physical_id, old.get("GroupName", "default"))
        made = _made((scheduler.create_schedule if moved else scheduler.update_schedule)(name, body), name)
        if moved and name == physical_id:
            scheduler.delete_schedule(physical_id, {"groupName": old.get("GroupName", "default")})
        return made


def _shown(original: Callable[..., Answer], name: str, query: Record) -> Answer:
    status, headers, body = original(name, query)
    members = {key: value for key, value in json.loads(body).items() if key not in (NEXT, FIRST, RUNS)}
    return status, headers, json.dumps(members).encode()


def whole_target(target: Record) -> Record:
    """A target with all of its retry policy, as GetSchedule shows it."""
    policy = {"MaximumEventAgeInSeconds": AGE_SECONDS, "MaximumRetryAttempts": RETRIES}
    return {**target, "RetryPolicy": {**policy, **(target.get("RetryPolicy") or {})}}


def _complete(body: Record) -> Record:
    bounds = {name: _epoch(body[name]) for name in ("StartDate", "EndDate") if body.get(name) is not None}
    return {**body, **bounds, "Target": whole_target(body["Target"])}


def _epoch(value: Any) -> float:
    """A moment: a number in the API, ISO text in a template."""
    return float(value) if isinstance(value, int | float) else datetime.fromisoformat(str(value)).timestamp()


def _problem(body: Record) -> tuple[int, str, str] | None:
    """Status, code and message of a request that EventBridge Scheduler refuses; what is missing ministack says."""
    target, expression = body.get("Target") or {}, body.get("ScheduleExpression")
    if not (expression and target.get("Arn") and target.get("RoleArn")):
        return None
    zone = body.get("ScheduleExpressionTimezone")
    message = ""
    if expression_fault(expression):
        message = f"Invalid Schedule Expression {expression}."
    elif time_zone(zone) is None:
        message = f"Invalid Schedule Expression Timezone {zone}."
    else:
        message = _bounds_fault(body) or _target_fault(target)
    if message:
        return 400, "ValidationException", message
    try:
        check_pass_role(target["RoleArn"], SERVICE)
        credentials = issue_role_credentials(
            target["RoleArn"], "check", 60, service=SERVICE, source_arn=group_arn(body.get("GroupName", "default"))
        )
        sts.sessions.pop(credentials.access_key_id, None)
    except AccessDenied as error:
        return 403, "AccessDeniedException", str(error)
    except RoleNotAssumable:
        message = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
        return 400, "ValidationException", message
    return None


def _bounds_fault(body: Record) -> str:
    try:
        begin, end = (None if body.get(name) is None else _epoch(body[name]) for name in ("StartDate", "EndDate"))
    except ValueError:
        return "StartDate and EndDate must be ISO 8601 date-times."
    return "EndDate must be after StartDate." if begin is not None and end is not None and end <= begin else ""


def _target_fault(target: Record) -> str:
    arn, policy = str(target["Arn"]), target.get("RetryPolicy") or {}
    if arn.split(":")[2:3] == ["scheduler"]:
        if not _UNIVERSAL.fullmatch(arn) or _READS.match(arn.rpartition(":")[2]):
            return f"Provided Arn is not in correct format, or its operation only reads: {arn}"
    elif arn.split(":")[2:3] not in [[service] for service in _TEMPLATED]:
        return f"Target {arn} is not supported by the local cloud yet."
    dead = (target.get("DeadLetterConfig") or {}).get("Arn")
    if dead is not None and not _QUEUE.fullmatch(dead):
        return f"The dead-letter queue must be a standard SQS queue, found {dead}."
    for name, low, high in (("MaximumRetryAttempts", 0, RETRIES), ("MaximumEventAgeInSeconds", 60, AGE_SECONDS)):
        if not low <= policy.get(name, high) <= high:
            member = f"target.retryPolicy.{name[0].lower()}{name[1:]}"
            side, limit = ("greater", low) if policy[name] < low else ("less", high)
            return (
                f"1 validation error detected: Value '{policy[name]}' at '{member}' failed to satisfy constraint: "
                f"Member must have value {side} than or equal to {limit}"
            )
    return ""


def _body(props: Record) -> Record:
    """The request that a template's properties are; CloudFormation gives their numbers as text or as fractions."""
    body = {name: value for name, value in props.items() if name != "Name" and value is not None}
    target = dict(body.get("Target") or {})
    if "RetryPolicy" in target:
        target["RetryPolicy"] = {name: int(float(value)) for name, value in target["RetryPolicy"].items()}
    return {**body, "Target": target, "GroupName": body.get("GroupName", "default")}


def _made(answer: Answer, name: str) -> tuple[str, dict[str, str]]:
    status, _, body = answer
    found = json.loads(body)
    if status != 200:
        message = found.get("Message", found.get("message", ""))
        raise ValueError(f"Resource handler returned message: {message} (Service: Scheduler, Status Code: {status})")
    return name, {"Arn": found["ScheduleArn"]}
