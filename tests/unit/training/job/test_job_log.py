"""A training job's log: the rounds in it, and reading on where one stopped."""

# ruff: noqa: N803  boto3's parameters

from __future__ import annotations

from typing import Any

import pytest
from memory_s3 import refusal

from training.job.log import JobLog, LogLine, Round, parse_round


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "[0]#011train-rmse:2.88379#011validation-rmse:2.90972",
            Round(0, {"train-rmse": 2.88379, "validation-rmse": 2.90972}),
        ),
        ("[149]\ttrain-rmse:0.20001", Round(149, {"train-rmse": 0.20001})),
        (
            "[2026-01-01:10:00:00:INFO] [7]#011train-error@0.7:1e-05#011train-mape:inf",
            Round(7, {"train-error@0.7": 1e-05, "train-mape": float("inf")}),
        ),
        ("[2026-01-01:10:00:00:INFO] Train matrix has 7620 rows and 13 columns", None),
        ("[12] no metrics", None),
        ("[3]#011train-rmse:lots", None),
        ("", None),
    ],
)
def test_a_round_is_read_from_its_line(line: str, expected: Round | None) -> None:
    assert parse_round(line) == expected


class Logs:
    """CloudWatch Logs with pages of two events; the token is the place to read on from."""

    def __init__(self) -> None:
        self.streams: dict[str, list[tuple[int, str]]] = {}
        self.fail: str | None = None

    def describe_log_streams(self, *, logGroupName: str, logStreamNamePrefix: str) -> dict[str, Any]:
        assert logGroupName == "/aws/sagemaker/TrainingJobs"
        if not self.streams:
            raise refusal("ResourceNotFoundException", "DescribeLogStreams")
        names = [name for name in self.streams if name.startswith(logStreamNamePrefix)]
        return {"logStreams": [{"logStreamName": name} for name in names]}

    def get_log_events(
        self,
        *,
        logGroupName: str,
        logStreamName: str,
        startFromHead: bool,
        nextToken: str = "f/0",
    ) -> dict[str, Any]:
        assert startFromHead
        if self.fail:
            raise refusal(self.fail, "GetLogEvents")
        start = int(nextToken.removeprefix("f/"))
        events = self.streams[logStreamName][start : start + 2]
        return {
            "events": [{"timestamp": time, "message": text} for time, text in events],
            "nextForwardToken": f"f/{start + len(events)}",
        }


def test_no_log_yet_is_no_lines() -> None:
    assert JobLog(Logs(), "job").read() == []  # type: ignore[arg-type]


def test_each_line_comes_once_across_pages_and_reads() -> None:
    logs = Logs()
    logs.streams["job/algo-1-1767225600"] = [(1, "a"), (2, "b"), (3, "c")]
    log = JobLog(logs, "job")  # type: ignore[arg-type]
    assert log.read() == [LogLine(1, "algo-1", "a"), LogLine(2, "algo-1", "b"), LogLine(3, "algo-1", "c")]
    assert log.read() == []
    logs.streams["job/algo-1-1767225600"].append((4, "d"))
    assert log.read() == [LogLine(4, "algo-1", "d")]


def test_a_retried_job_s_log_is_another_one() -> None:
    logs = Logs()
    logs.streams["job-r1/algo-1-1767225600"] = [(1, "of the retry")]
    assert JobLog(logs, "job").read() == []  # type: ignore[arg-type]


def test_the_streams_of_a_job_that_started_over_are_found() -> None:
    logs = Logs()
    logs.streams["job/algo-1-100"] = [(1, "first run")]
    log = JobLog(logs, "job")  # type: ignore[arg-type]
    assert log.read() == [LogLine(1, "algo-1", "first run")]
    logs.streams["job/algo-1-200"] = [(2, "second run")]
    assert log.read() == []  # nobody asks for streams as long as all are known
    log.started_over(1)
    assert log.read() == [LogLine(2, "algo-1", "second run")]


def test_several_hosts_are_read_in_time_order() -> None:
    logs = Logs()
    logs.streams = {"job/algo-1-17": [(1, "a"), (4, "d")], "job/algo-2-17": [(2, "b"), (3, "c")]}
    assert [line.text for line in JobLog(logs, "job", instances=2).read()] == ["a", "b", "c", "d"]  # type: ignore[arg-type]


def test_throttling_is_told_and_costs_no_line() -> None:
    logs = Logs()
    logs.streams["job/algo-1-17"] = [(1, "a")]
    logs.fail = "ThrottlingException"
    log = JobLog(logs, "job")  # type: ignore[arg-type]
    with pytest.raises(Exception, match="ThrottlingException"):
        log.read()
    logs.fail = None
    assert [line.text for line in log.read()] == ["a"]
