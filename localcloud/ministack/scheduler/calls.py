"""The calls of EventBridge Scheduler: who is called with what, tried again, and written to the dead-letter queue.

Every call is made with the schedule's role, the one to the dead-letter queue too: without the role, it is lost.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
"""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from localcloud.clock import Clock
from localcloud.ministack.door.names import entries
from localcloud.ministack.door.services import cloudwatch, scheduler
from localcloud.ministack.iam.acting import acting_as
from localcloud.ministack.iam.sts import RoleNotAssumable
from localcloud.ministack.registry import request_scope
from localcloud.ministack.scheduler.schedules import (
    FIRST,
    NEXT,
    RUNS,
    SERVICE,
    Schedules,
    group_arn,
    timetable,
    whole_target,
)
from localcloud.ministack.stepfunctions import sdk
from localcloud.ministack.stepfunctions.sdk_names import UnknownFieldError

Record = dict[str, Any]

_LONGEST_DELAY = 600.0
"""AWS seconds between two tries. The first is after one; AWS says "exponential backoff" and no more."""
_LOOK_SECONDS = 30.0
"""How often the time of day is looked at: a machine that slept has a later one than its timers."""
_LOG = logging.getLogger("scheduler")


class CallFailedError(Exception):
    """A call that the target, or IAM, refused: AWS's error code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


class Calls:
    """Calls the targets of all schedules when they are due."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._woken = threading.Event()

    def install(self) -> None:
        """Once, before the start."""
        Schedules(self._clock, self._woken.set).install()

    def start(self) -> None:
        """Call from now on: the state is loaded, and requests are answered. What was due meanwhile is called once."""
        for record in entries(scheduler.schedules).values():
            if NEXT not in record:  # of an earlier version, whose one-time schedules of the past were called
                record.update({FIRST: record["CreationDate"], NEXT: None, "Target": whole_target(record["Target"])})
                record[NEXT] = timetable(record).following(self._clock, self._clock.now())
        threading.Thread(target=self._work, name="scheduler", daemon=True).start()

    def _work(self) -> None:
        while True:
            self._woken.clear()
            try:
                soonest = self._turn()
            except Exception:
                _LOG.exception("the scheduler goes on after an error")
                soonest = self._clock.now() + 1
            self._woken.wait(min(max(soonest - self._clock.now(), 0.01), _LOOK_SECONDS))

    def _turn(self) -> float:
        """Call what is due; the moment at which the next call is."""
        soonest = self._clock.now() + _LOOK_SECONDS
        for (account, place, key), record in list(entries(scheduler.schedules).items()):
            with request_scope(account, place):
                self._begin(record)
                for run in [each for each in record.get(RUNS, ()) if each["due"] <= self._clock.now()]:
                    self._try(record, run)
                due = [each["due"] for each in record.get(RUNS, ())]
                if record.get("State") == "ENABLED" and record.get(NEXT) is not None:
                    due.append(record[NEXT])
                elif not due and record.get("ActionAfterCompletion") == "DELETE" and record.get(NEXT) is None:
                    group, _, name = key.partition("/")
                    scheduler.delete_schedule(name, {"groupName": group})
                soonest = min([soonest, *due])
        return soonest

    def _begin(self, record: Record) -> None:
        now, due = self._clock.now(), record.get(NEXT)
        if record.get("State") != "ENABLED" or due is None or due > now:
            return
        record[NEXT] = (
            None if record["ScheduleExpression"].startswith("at(") else timetable(record).following(self._clock, now)
        )
        run = {"id": str(uuid.uuid4()), "scheduled": due, "began": now, "due": now, "retries": 0}
        record[RUNS] = [*record.get(RUNS, ()), run]

    def _try(self, record: Record, run: Record) -> None:
        _count(record, "InvocationAttemptCount")
        request: Record = {}
        try:
            package, action, request = request_of(record, run)
            self._call(record, run, package, action, request)
        except CallFailedError as error:
            _count(record, "TargetErrorCount")
            _LOG.warning("%s was not called: %s", record["Target"]["Arn"], error)
            condition = self._exhausted(record, run)
            if condition is None:
                return
            _count(record, "InvocationDroppedCount")
            self._bury(record, run, request, error, condition)
        record[RUNS] = [each for each in record[RUNS] if each["id"] != run["id"]]

    def _exhausted(self, record: Record, run: Record) -> str | None:
        """Why a call that failed is not tried again; None where it is, after a while."""
        policy, now = record["Target"]["RetryPolicy"], self._clock.now()
        if run["retries"] >= policy["MaximumRetryAttempts"]:
            return "MaximumRetryAttempts"
        due = now + self._clock.real(min(2.0 ** run["retries"], _LONGEST_DELAY))
        if due > run["began"] + self._clock.real(policy["MaximumEventAgeInSeconds"]):
            return "MaximumEventAgeInSeconds"
        run["retries"] += 1
        run["due"] = due
        return None

    @staticmethod
    def _call(record: Record, run: Record, package: str, action: str, request: Record) -> Record:
        """The target's answer. Raises CallFailedError."""
        import botocore.exceptions

        try:
            with acting_as(record["Target"]["RoleArn"], SERVICE, run["id"], group_arn(record["GroupName"])):
                answer = sdk.answer(package, action, request)
        except RoleNotAssumable as error:
            raise CallFailedError("AccessDeniedException", str(error)) from error
        except botocore.exceptions.ClientError as error:
            answered = error.response["Error"]
            raise CallFailedError(answered["Code"], answered.get("Message", "")) from error
        except (sdk.UnknownIntegrationError, UnknownFieldError, botocore.exceptions.BotoCoreError) as error:
            raise CallFailedError("ValidationException", str(error)) from error
        if answer.get("FailedEntryCount"):
            failed = answer["Entries"][0]
            raise CallFailedError(failed.get("ErrorCode", ""), failed.get("ErrorMessage", ""))
        return answer

    def _bury(self, record: Record, run: Record, request: Record, error: CallFailedError, condition: str) -> None:
        """Send a call that is given up to the dead-letter queue, where there is one."""
        queue = (record["Target"].get("DeadLetterConfig") or {}).get("Arn")
        if not queue:
            return
        attributes = {
            "ERROR_CODE": error.code,
            "ERROR_MESSAGE": error.message,
            "EXECUTION_ID": run["id"],
            "EXHAUSTED_RETRY_CONDITION": condition,
            "IS_PAYLOAD_TRUNCATED": "false",
            "RETRY_ATTEMPTS": str(run["retries"]),
            "SCHEDULED_TIME": _text(run["scheduled"]),
            "SCHEDULE_ARN": record["Arn"],
            "TARGET_ARN": record["Target"]["Arn"],
        }
        letter = {
            "QueueUrl": _url(queue),
            "MessageBody": json.dumps(request),
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value or "-"} for name, value in attributes.items()
            },
        }
        try:
            self._call(record, run, "sqs", "sendMessage", letter)
            _count(record, "InvocationsSentToDeadLetterCount")
        except CallFailedError as lost:
            _count(record, "InvocationsFailedToBeSentToDeadLetterCount")
            _LOG.warning("%s did not reach its dead-letter queue: %s", record["Arn"], lost)


def request_of(record: Mapping[str, Any], run: Mapping[str, Any]) -> tuple[str, str, Record]:
    """Service, operation and arguments of a schedule's call. Raises CallFailedError for an Input that is no JSON.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html
    """
    target, arn = record["Target"], str(record["Target"]["Arn"])
    given = _with_attributes(target.get("Input") or "", record, run)
    service, name = arn.split(":")[2], arn.rpartition(":")[2]
    if service == "scheduler":
        try:
            return arn.split(":")[-2], name, json.loads(given or "{}")
        except ValueError as error:
            raise CallFailedError("ValidationException", f"Input is no JSON: {error}") from error
    given = given or json.dumps(_default_event(record, run))
    if service == "states":
        return "sfn", "startExecution", {"StateMachineArn": arn, "Input": given}
    if service == "sqs":
        return (
            "sqs",
            "sendMessage",
            {"QueueUrl": _url(arn), "MessageBody": given, **(target.get("SqsParameters") or {})},
        )
    if service == "sns":
        return "sns", "publish", {"TopicArn": arn, "Message": given}
    event = {"EventBusName": arn, "Detail": given, **(target.get("EventBridgeParameters") or {})}
    return "eventbridge", "putEvents", {"Entries": [event]}


def _with_attributes(text: str, record: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """An Input with Scheduler's context attributes.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    """
    attributes = {
        "schedule-arn": record["Arn"],
        "scheduled-time": _text(run["scheduled"]),
        "execution-id": run["id"],
        "attempt-number": str(run["retries"] + 1),
    }
    for name, value in attributes.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def _default_event(record: Mapping[str, Any], run: Mapping[str, Any]) -> Record:
    _, _, _, region, account, _ = record["Arn"].split(":", 5)
    return {
        "version": "0",
        "id": run["id"],
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": account,
        "time": _text(run["scheduled"]),
        "region": region,
        "resources": [record["Arn"]],
        "detail": "{}",
    }


def _url(queue: str) -> str:
    region, account, name = queue.split(":")[3:6]
    return f"https://sqs.{region}.amazonaws.com/{account}/{name}"


def _text(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _count(record: Mapping[str, Any], metric: str) -> None:
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html"""
    cloudwatch.record_metric("AWS/Scheduler", metric, 1, "Count", {"ScheduleGroup": record["GroupName"]})
