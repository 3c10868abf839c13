"""FilterLogEvents: the streams of a prefix, pages without gap or repetition, errors."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[..., Any]


@pytest.fixture(scope="module")
def logs(client: Client) -> Any:
    return client("logs")


@pytest.fixture(scope="module")
def group(logs: Any) -> str:
    """Two streams of seven events each, of which three and three are of one and the same millisecond."""
    name, now = f"/filter/{uuid.uuid4().hex[:8]}", int(time.time() * 1000) - 1000
    logs.create_log_group(logGroupName=name)
    for stream in ("job-1/algo-1", "job-2/algo-1"):
        logs.create_log_stream(logGroupName=name, logStreamName=stream)
        events = [{"timestamp": now + max(0, number - 2), "message": f"{stream} {number}"} for number in range(7)]
        logs.put_log_events(logGroupName=name, logStreamName=stream, logEvents=events)
    return name


def test_a_prefix_chooses_streams(logs: Any, group: str) -> None:
    found = logs.filter_log_events(logGroupName=group, logStreamNamePrefix="job-2/")["events"]
    assert [event["message"] for event in found] == [f"job-2/algo-1 {number}" for number in range(7)]
    assert logs.filter_log_events(logGroupName=group, logStreamNamePrefix="job-3")["events"] == []
    assert len(logs.filter_log_events(logGroupName=group)["events"]) == 14


@pytest.mark.parametrize("size", [1, 4, 7, 14])
def test_pages_neither_repeat_nor_skip(logs: Any, group: str, size: int) -> None:
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, PaginationConfig={"PageSize": size})
    sizes, messages = [], []
    for page in pages:
        sizes.append(len(page["events"]))
        messages += [event["message"] for event in page["events"]]
    assert max(sizes) == size
    assert sorted(messages) == sorted(f"{stream} {n}" for stream in ("job-1/algo-1", "job-2/algo-1") for n in range(7))


def test_what_is_wrong_is_refused(logs: Any, group: str) -> None:
    for wrong in (
        {"logStreamNamePrefix": "job-1", "logStreamNames": ["job-1/algo-1"]},
        {"nextToken": "mine"},
    ):
        with pytest.raises(ClientError) as caught:
            logs.filter_log_events(logGroupName=group, **wrong)
        assert caught.value.response["Error"]["Code"] == "InvalidParameterException"
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.filter_log_events(logGroupName="/none", logStreamNamePrefix="job")
