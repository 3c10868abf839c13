"""What is sent, signed as botocore's own client signs it, and what answers mean."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from kickstand.errors import InputError
from kickstand.release.model import GoldenRows
from training.traffic.connections import HttpAnswer
from training.traffic.requests import Body, Invocation, make_bodies, outcome_of
from training.traffic.sender import Outcome

GOLDEN = GoldenRows(sha256="0" * 64, rows=("1,2", "3,4"), predictions=(0.5, (0.25, 0.75)))
NONE = GoldenRows(sha256="0" * 64)


def test_one_request_in_ten_is_a_golden_row() -> None:
    rows = [f"{number},0" for number in range(45)]
    bodies = make_bodies(rows, GOLDEN, rows_per_request=1)
    assert len(bodies) == 45
    assert {place: body.golden for place, body in enumerate(bodies) if body.golden} == {
        0: (0.5,),
        10: (0.25, 0.75),
        20: (0.5,),
        30: (0.25, 0.75),
        40: (0.5,),
    }
    assert [body.content for body in bodies[:3]] == [b"1,2\n", b"1,0\n", b"2,0\n"]


def test_few_rows_are_sent_again_until_each_golden_row_was() -> None:
    bodies = make_bodies(["7,7", "3,4"], GOLDEN, rows_per_request=3)
    assert len(bodies) == 20
    assert bodies[0] == Body(b"1,2\n3,4\n7,7\n", 3, (0.5,))
    assert bodies[10].content.startswith(b"3,4\n")
    assert bodies[1] == Body(b"3,4\n7,7\n3,4\n", 3, (0.25, 0.75))


def test_without_golden_rows_and_over_the_payload_limit() -> None:
    assert make_bodies(["7,7", "3,4"], NONE, rows_per_request=2) == [Body(b"7,7\n3,4\n", 2)]
    with pytest.raises(InputError, match="--rows-per-request: 700 rows are 7,000,700 bytes; an endpoint takes 6,291,4"):
        make_bodies(["1" * 10_000], NONE, rows_per_request=700)


def answer(body: bytes, status: int = 200, **headers: str) -> HttpAnswer:
    return HttpAnswer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("body", "found", "expected"),
    [
        (Body(b"1\n", 1), b"0.5", Outcome("", "all")),
        (Body(b"1\n", 1, (0.5,)), b"0.5000001", Outcome("", "all", "released")),
        (Body(b"1\n", 1, (0.5,)), b"0.51", Outcome("", "all", "another")),
        (Body(b"1\n", 1, (0.5, 0.25)), b"0.5,0.25\n", Outcome("", "all", "released")),
        (Body(b"1\n2\n", 2, (0.5,)), b"0.5\n7\n", Outcome("", "all", "released")),
        (Body(b"1\n2\n", 2, (0.5,)), b"0.5,7\n", Outcome("", "all", "released")),  # images 1.0-1 and 1.2-1
        (Body(b"1\n", 1), b"nan\n", Outcome("answer not finite", "all")),
        (Body(b"1\n", 1), b"1,inf\n", Outcome("answer not finite", "all")),
        (Body(b"1\n", 1), b"busy\n", Outcome("answer without numbers", "all")),
        (Body(b"1\n2\n", 2), b"1\n", Outcome("answer of another length", "all")),
        (Body(b"1\n", 1), b"", Outcome("answer of another length", "all")),
    ],
)
def test_answers(body: Body, found: bytes, expected: Outcome) -> None:
    assert outcome_of(answer(found, x_amzn_invoked_production_variant="all"), body) == expected


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (answer(b'{"OriginalStatusCode": 500}', 424, x_amzn_errortype="ModelError"), "ModelError 500"),
        (answer(b'{"message": "Rate exceeded"}', 400, x_amzn_errortype="ThrottlingException:http://x/"),
         "ThrottlingException"),
        (answer(b'{"__type": "com.amazon#ServiceUnavailable"}', 503), "ServiceUnavailable"),
        (answer(b'{"code": "InternalFailure"}', 500), "InternalFailure"),
        (answer(b"<html>Bad gateway</html>", 502), "HTTP 502"),
        (answer(b"[]", 500), "HTTP 500"),
        (answer(b"", 403, x_amzn_errortype="A" * 500), "A" * 60),
    ],
)  # fmt: skip
def test_errors_have_awss_codes(found: HttpAnswer, kind: str) -> None:
    assert outcome_of(found, Body(b"1\n", 1, (0.5,))) == Outcome(kind)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    for name in ("AWS_ENDPOINT_URL", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return boto3.Session("AKIDEXAMPLE", "secret", "token", region_name="eu-west-1")


def test_the_bytes_are_those_of_boto3(session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside botocore's own request of the same second: address, date, token and scope."""
    import datetime

    import botocore.auth

    now = datetime.datetime(2026, 11, 29, 12, tzinfo=datetime.UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda **_: now)
    theirs: list[Any] = []

    def keep(request: Any, **more: Any) -> None:
        theirs.append(request)
        raise ConnectionAbortedError

    client = session.client("sagemaker-runtime")
    client.meta.events.register("before-send.sagemaker-runtime.InvokeEndpoint", keep)
    with pytest.raises(ConnectionAbortedError):
        client.invoke_endpoint(EndpointName="bikes-dev", ContentType="text/csv", Accept="text/csv", Body=b"1,2\n")
    head, _, body = Invocation(session, "bikes-dev").signed(Body(b"1,2\n", 1)).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert theirs[0].url == f"https://{headers['Host']}{lines[0].split()[1]}"
    assert (lines[0].split()[0], body, headers["Content-Length"]) == ("POST", b"1,2\n", "4")
    for name in ("X-Amz-Date", "X-Amz-Security-Token"):
        assert headers[name] == theirs[0].headers[name].decode()
    scope = "Credential=AKIDEXAMPLE/20261129/eu-west-1/sagemaker/aws4_request, "
    assert scope in headers["Authorization"]
    assert scope in theirs[0].headers["Authorization"].decode()


def test_a_proxy_is_refused(session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert Invocation(session, "bikes-dev").address.port == 443
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with pytest.raises(InputError, match="HTTPS_PROXY names a proxy"):
        Invocation(session, "bikes-dev")
    monkeypatch.setenv("NO_PROXY", "amazonaws.com")
    address = Invocation(session, "bikes-dev").address
    assert (address.host, address.port) == ("runtime.sagemaker.eu-west-1.amazonaws.com", 443)
    assert address.tls is not None
