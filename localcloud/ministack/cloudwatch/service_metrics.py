"""The metrics that SQS and Step Functions publish about themselves, namespaces AWS/SQS and AWS/States.

SQS publishes each minute how many messages a queue holds, Step Functions publishes as executions begin and end.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from localcloud.clock import Clock
from localcloud.cloudwatch.metric_store import MINUTE, Metric, MetricStore
from localcloud.cloudwatch.statistic_set import StatisticSet
from localcloud.ministack.door.names import correct, entries
from localcloud.ministack.door.services import cloudwatch, sqs, stepfunctions
from localcloud.sagemaker.api.call import Scope

_OF_STATUS = {
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "ABORTED": "ExecutionsAborted",
    "TIMED_OUT": "ExecutionsTimedOut",
}


def install() -> None:
    """Count executions, by state machine. Once, before the start."""
    correct(stepfunctions.emit_execution_status_event, _counted)


def _counted(original: Callable[..., Any], record: dict[str, Any]) -> Any:
    if not record.get("sync"):
        machine = {"StateMachineArn": record["stateMachineArn"]}
        cloudwatch.record_metric("AWS/States", _OF_STATUS[record["status"]], 1, "Count", machine)
        if record.get("stopDate"):
            began, ended = (datetime.fromisoformat(record[name]) for name in ("startDate", "stopDate"))
            milliseconds = (ended - began).total_seconds() * 1000
            cloudwatch.record_metric("AWS/States", "ExecutionTime", milliseconds, "Milliseconds", machine)
    return original(record)


def publish_queues(clock: Clock, store: MetricStore) -> None:
    """Put the points of the minute just over: what each queue holds now."""
    now = clock.now()
    moment = clock.beginning(now, MINUTE) - clock.real(MINUTE / 2)
    for (account, region, _), queue in list(entries(sqs.queues).items()):
        for name, (value, unit) in _depths(list(queue["messages"]), now).items():
            metric = Metric.of("AWS/SQS", name, {"QueueName": queue["name"]})
            store.put(Scope(account, region), metric, unit, moment, StatisticSet.of({value: 1.0}))


def _depths(messages: list[dict[str, Any]], now: float) -> dict[str, tuple[float, str]]:
    hidden = [each for each in messages if each["visible_at"] > now]
    delayed = [each for each in hidden if each["receive_count"] == 0]
    oldest = min((each.get("sent_at", now) for each in messages), default=now)
    return {
        "ApproximateNumberOfMessagesVisible": (float(len(messages) - len(hidden)), "Count"),
        "ApproximateNumberOfMessagesNotVisible": (float(len(hidden) - len(delayed)), "Count"),
        "ApproximateNumberOfMessagesDelayed": (float(len(delayed)), "Count"),
        "ApproximateAgeOfOldestMessage": (max(0.0, now - oldest), "Seconds"),
    }
