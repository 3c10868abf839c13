"""One input file through a model that the test plays."""

from __future__ import annotations

import io
import threading
import time
from typing import Any

import pytest

from localcloud.jobs.events import JobStopped
from localcloud.jobs.hosting.model_process import Answer, HostingError
from localcloud.jobs.transform.records import DataProcessing
from localcloud.jobs.transform.transform_file import (
    BadFile,
    TransformSettings,
    container_variables,
    execution_parameters,
    transform_file,
    transform_settings,
)

REQUEST = {
    "TransformInput": {"ContentType": "text/csv", "SplitType": "Line"},
    "TransformOutput": {"AssembleWith": "Line", "Accept": "text/csv"},
}


class Model:
    """Answers each line with its first cell doubled; the failures that it is given come first."""

    def __init__(self, *failures: Answer | HostingError) -> None:
        self.failures = list(failures)
        self.bodies: list[bytes] = []
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def __call__(self, body: bytes) -> Answer:
        with self._lock:
            self.bodies.append(body)
            failure = self.failures.pop(0) if self.failures else None
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        if isinstance(failure, HostingError):
            raise failure
        time.sleep(0.002 * (len(self.bodies) % 3))  # later requests may be answered sooner
        with self._lock:
            self.at_once -= 1
        told = "".join(f"{2 * int(line.split(b',')[0])}\n" for line in body.split(b"\n"))
        return failure or Answer(200, {}, told.encode())


def settings(**changes: object) -> TransformSettings:
    return transform_settings({**REQUEST, **changes}, {})


def transformed(content: bytes, model: Model, processing: dict[str, str] | None = None, **changes: object) -> bytes:
    out = io.BytesIO()
    request = {**REQUEST, "DataProcessing": processing or {}}
    transform_file(io.BytesIO(content), out, model, settings(**changes), DataProcessing.of(request))
    return out.getvalue()


@pytest.mark.contract("B02")
def test_many_records_go_in_one_request() -> None:
    model = Model()
    assert transformed(b"1,a\n2,b\n", model) == b"2\n4\n"
    assert model.bodies == [b"1,a\n2,b"]


@pytest.mark.contract("B04")
def test_order_is_kept_with_requests_in_flight() -> None:
    model = Model()
    content = "".join(f"{number},x\n" for number in range(60)).encode()
    given: dict[str, Any] = {"BatchStrategy": "SingleRecord", "MaxConcurrentTransforms": 4}
    assert transformed(content, model, **given) == "".join(f"{2 * n}\n" for n in range(60)).encode()
    assert len(model.bodies) == 60
    assert 1 < model.most_at_once <= 4


@pytest.mark.contract("B05")
def test_filters_and_join() -> None:
    model = Model()
    told = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    assert transformed(b"a,1\nb,2\n", model, told) == b"a,2\nb,4\n"
    assert model.bodies == [b"1\n2"]


@pytest.mark.contract("B06")
def test_a_refusal_is_told_as_the_data_log_tells_it() -> None:
    model = Model(Answer(415, {}, b"Loading csv data failed\nfeature 3"))
    with pytest.raises(BadFile) as caught:
        transformed(b"1\n", model)
    assert caught.value.side == "ClientError"
    assert caught.value.lines == ("ClientError: 415", "", "Message:", "Loading csv data failed", "feature 3")
    assert len(model.bodies) == 1


@pytest.mark.parametrize("failure", [Answer(500, {}, b"oops"), HostingError("gone")])
def test_a_failure_of_the_container_is_tried_again(failure: Answer | HostingError) -> None:
    model = Model(failure, failure)
    assert transformed(b"1\n", model) == b"2\n"
    assert len(model.bodies) == 3


def test_retries_end() -> None:
    client = {"InvocationsMaxRetries": 1}
    with pytest.raises(BadFile) as caught:
        transformed(b"1\n", Model(*[Answer(503, {}, b"")] * 9), ModelClientConfig=client)
    assert (caught.value.side, caught.value.lines) == ("AlgorithmError", ("AlgorithmError: 503", "", "Message:", ""))
    model = Model(*[HostingError("gone")] * 9)
    with pytest.raises(BadFile) as caught:
        transformed(b"1\n", model, ModelClientConfig=client)
    assert caught.value.lines == ("Unable to get response from algorithm",)
    assert len(model.bodies) == 2


def test_a_record_over_the_payload_limit_and_one_that_no_filter_fits() -> None:
    with pytest.raises(BadFile) as caught:
        transformed(b"1" * (1024**2 + 1), Model(), MaxPayloadInMB=1)
    assert (caught.value.side, caught.value.lines) == ("ClientError", ("Too much data for max payload size",))
    with pytest.raises(BadFile, match="selects index 5, and the record has 1 members"):
        transformed(b"1\n", Model(), {"InputFilter": "$[5]"})


def test_a_stop_ends_the_file() -> None:
    with pytest.raises(JobStopped):
        transform_file(
            io.BytesIO(b"1\n"), io.BytesIO(), Model(), settings(), DataProcessing.of(REQUEST), stopped=lambda: True
        )


@pytest.mark.contract("B03")
def test_settings_are_the_requests_then_the_containers_then_the_defaults() -> None:
    asked = {"MaxConcurrentTransforms": 8, "MaxPayloadInMB": 3, "BatchStrategy": "SINGLE_RECORD"}
    assert transform_settings(REQUEST, {}).line() == (
        "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"
    )
    assert transform_settings(REQUEST, asked).line() == (
        "MaxConcurrentTransforms=8, MaxPayloadInMB=3, BatchStrategy=SINGLE_RECORD"
    )
    given = {**REQUEST, "MaxConcurrentTransforms": 0, "MaxPayloadInMB": 2, "BatchStrategy": "MultiRecord"}
    assert transform_settings(given, asked).line() == (
        "MaxConcurrentTransforms=8, MaxPayloadInMB=2, BatchStrategy=MULTI_RECORD"
    )
    assert (transform_settings(REQUEST, {}).timeout, transform_settings(REQUEST, {}).retries) == (600.0, 3)


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (200, b'{"MaxPayloadInMB": 6}', {"MaxPayloadInMB": 6}),
        (404, b'{"MaxPayloadInMB": 6}', {}),
        (200, b"[]", {}),
        (200, b"oops", {}),
    ],
)
def test_a_containers_execution_parameters(status: int, body: bytes, found: dict[str, int]) -> None:
    assert execution_parameters(status, body) == found


@pytest.mark.contract("B08")
def test_the_containers_environment() -> None:
    request = {**REQUEST, "MaxPayloadInMB": 5, "BatchStrategy": "SingleRecord", "Environment": {"A": "job", "B": "2"}}
    assert container_variables({"A": "model", "C": "3"}, request) == {
        "A": "job",
        "B": "2",
        "C": "3",
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "5",
    }
