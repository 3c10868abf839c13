"""When an answer is sent: after its save, or as a refusal where nothing can be saved."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.ministack.application import Acknowledgement
from localcloud.server.object_files import failed_writes

FULL = "No space left on device"


def scope(service: str = "ssm", target: str = "", method: str = "POST", path: str = "/", query: bytes = b"") -> Any:
    credential = f"AWS4-HMAC-SHA256 Credential=AK/20261129/us-east-1/{service}/aws4_request, SignedHeaders=host"
    headers = [(b"Authorization", credential.encode()), (b"x-amz-target", target.encode())]
    return {"method": method, "path": path, "query_string": query, "headers": headers}


def answered(request: Any, reason: str = "", *, body: bytes = b"", status: int = 200, unwritten: str = "") -> list[Any]:
    """What the client gets of an answer to a request; the save says `reason`."""
    sent: list[Any] = []
    order: list[str] = []

    async def send(message: Any) -> None:
        order.append("sent")
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    def when_saved(saved: Callable[[str], None]) -> None:
        order.append("saved")
        saved(reason)

    async def serve() -> None:
        held = Acknowledgement(request, receive, send, when_saved)
        await held.receive()
        if unwritten:
            failed = failed_writes.get()
            assert failed is not None
            failed.append(unwritten)
        await held.send({"type": "http.response.start", "status": status, "headers": []})
        await held.send({"type": "http.response.body", "body": b"as it was"})

    asyncio.run(serve())
    assert order[0] == "saved"
    return sent


def test_an_answer_is_sent_as_it_is_after_its_save() -> None:
    start, body = answered(scope(target="AmazonSSM.PutParameter"))
    assert (start["status"], body["body"]) == (200, b"as it was")


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (scope(target="AmazonSSM.PutParameter"), b""),
        (scope("sagemaker", "SageMaker.CreateModel"), b""),
        (scope("iam"), b"Action=CreateRole&RoleName=DescribeMe"),
        (scope("s3", method="PUT", path="/bucket/DescribeX"), b""),
        (scope("monitoring", path="/service/GraniteServiceVersion20100801/operation/PutMetricData"), b""),
    ],
)
def test_a_change_that_cannot_be_saved_is_not_acknowledged(request_: Any, body: bytes) -> None:
    start, told = answered(request_, FULL, body=body)
    assert start["status"] == 507
    assert b"InsufficientStorage" in told["body"]
    assert FULL.encode() in told["body"]
    assert dict(start["headers"])[b"content-length"] == str(len(told["body"])).encode()


def test_the_refusal_is_in_the_services_protocol() -> None:
    _, told = answered(scope("ssm", "AmazonSSM.PutParameter"), FULL)
    assert json.loads(told["body"])["__type"] == "InsufficientStorage"
    _, told = answered(scope("s3", method="PUT", path="/b/k"), FULL)
    assert b"<Code>InsufficientStorage</Code>" in told["body"]


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (scope(target="AmazonSSM.DescribeParameters"), b""),
        (scope("iam"), b"Version=2010-05-08&Action=ListRoles"),
        (scope("iam", query=b"Action=GetRole"), b""),
        (scope("monitoring", path="/service/GraniteServiceVersion20100801/operation/GetMetricData"), b""),
    ],
)
def test_who_looks_is_answered_although_nothing_can_be_saved(request_: Any, body: bytes) -> None:
    start, told = answered(request_, FULL, body=body)
    assert (start["status"], told["body"]) == (200, b"as it was")


def test_a_refusal_of_the_service_stays_what_it_is() -> None:
    start, told = answered(scope(target="AmazonSSM.PutParameter"), FULL, status=400)
    assert (start["status"], told["body"]) == (400, b"as it was")


def test_the_bytes_of_an_object_that_were_not_written_are_not_acknowledged() -> None:
    start, told = answered(scope("s3", method="PUT", path="/b/k"), unwritten=FULL)
    assert (start["status"], FULL.encode() in told["body"]) == (507, True)


def test_which_requests_wait() -> None:
    assert Acknowledgement.is_needed(scope(method="PUT"))
    assert Acknowledgement.is_needed(scope(method="DELETE"))
    assert Acknowledgement.is_needed(scope(target="AmazonSSM.GetParameter"))
    assert not Acknowledgement.is_needed(scope(method="GET"))
    assert not Acknowledgement.is_needed(scope(method="HEAD"))
    assert not Acknowledgement.is_needed(scope(path="/endpoints/e/invocations"))
